#include "training/safetensors.h"

#include <cstdint>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "training/error.h"

namespace rivulet::training {
namespace {

struct TypeName {
  at::ScalarType type;
  const char* name;
};
constexpr TypeName kTypes[] = {
    {at::kFloat, "F32"}, {at::kHalf, "F16"}, {at::kInt, "I32"}, {at::kLong, "I64"}, {at::kChar, "I8"}};

const char* nameOf(at::ScalarType type) {
  for (const TypeName& known : kTypes) {
    if (known.type == type) return known.name;
  }
  throw Error("safetensors: a tensor type this writer does not know");
}

at::ScalarType typeOf(const std::string& name, const std::filesystem::path& path) {
  for (const TypeName& known : kTypes) {
    if (name == known.name) return known.type;
  }
  throw Error(path.string() + ": tensor type " + name + " is not read here");
}

std::uint64_t bytesOf(const at::Tensor& tensor) {
  return static_cast<std::uint64_t>(tensor.numel()) * static_cast<std::uint64_t>(tensor.element_size());
}

}  // namespace

const at::Tensor& Safetensors::at(const std::string& name) const {
  for (const auto& [key, tensor] : tensors) {
    if (key == name) return tensor;
  }
  throw Error("no tensor named " + name + " in the file");
}

const std::string& Safetensors::note(const std::string& key) const {
  const auto found = metadata.find(key);
  if (found == metadata.end()) throw Error("no key " + key + " in the file's metadata");
  return found->second;
}

void writeSafetensors(const std::filesystem::path& path, const Safetensors& file) {
  nlohmann::ordered_json header;
  header["__metadata__"] = file.metadata;
  std::vector<at::Tensor> data;
  std::uint64_t offset = 0;
  for (const auto& [name, tensor] : file.tensors) {
    data.push_back(tensor.detach().to(at::kCPU).contiguous());
    const std::uint64_t bytes = bytesOf(tensor);
    header[name] = {{"dtype", nameOf(tensor.scalar_type())},
                    {"shape", tensor.sizes().vec()},
                    {"data_offsets", {offset, offset + bytes}}};
    offset += bytes;
  }
  std::string text = header.dump();
  text.append((8 - text.size() % 8) % 8, ' ');

  std::filesystem::path temporary = path;
  temporary += ".tmp";
  std::ofstream out(temporary, std::ios::binary);
  const std::uint64_t length = text.size();  // little endian, as every machine this runs on
  out.write(reinterpret_cast<const char*>(&length), 8);
  out << text;
  for (const at::Tensor& tensor : data) {
    out.write(static_cast<const char*>(tensor.data_ptr()), static_cast<std::streamsize>(bytesOf(tensor)));
  }
  out.close();
  if (!out) throw Error("cannot write " + temporary.string() + " (disk full, or no such folder?)");
  std::filesystem::rename(temporary, path);
}

Safetensors readSafetensors(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw Error("cannot open " + path.string());
  const std::string bytes((std::istreambuf_iterator<char>(in)), {});
  std::uint64_t length = 0;
  if (bytes.size() >= 8) std::memcpy(&length, bytes.data(), 8);
  if (bytes.size() < 8 || length > bytes.size() - 8) throw Error(path.string() + " is cut short");
  const auto header =
      nlohmann::json::parse(bytes.begin() + 8, bytes.begin() + 8 + static_cast<std::ptrdiff_t>(length), nullptr, false);
  if (!header.is_object()) throw Error(path.string() + " has no readable header");
  const std::size_t start = 8 + static_cast<std::size_t>(length);
  Safetensors file;
  try {
    for (const auto& [name, entry] : header.items()) {
      if (name == "__metadata__") {
        file.metadata = entry.get<std::map<std::string, std::string>>();
        continue;
      }
      const auto shape = entry.at("shape").get<std::vector<int64_t>>();
      at::Tensor tensor = at::empty(shape, at::TensorOptions().dtype(typeOf(entry.at("dtype"), path)));
      const std::size_t begin = entry.at("data_offsets").at(0), end = entry.at("data_offsets").at(1);
      const std::uint64_t size = bytesOf(tensor);
      if (end < begin || end - begin != size || end > bytes.size() - start) {
        throw Error(path.string() + ": tensor " + name + " does not fit the file");
      }
      std::memcpy(tensor.data_ptr(), bytes.data() + start + begin, size);
      file.tensors.emplace_back(name, tensor);
    }
  } catch (const nlohmann::json::exception& error) {
    throw Error(path.string() + " has a broken header: " + error.what());
  }
  return file;
}

}  // namespace rivulet::training
