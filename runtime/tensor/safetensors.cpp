#include "tensor/safetensors.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "core/error.h"
#include "core/half.h"
#include "tensor/mapped_file.h"

namespace rivulet {
namespace {

using Json = nlohmann::json;

constexpr std::uint64_t kLengthBytes = 8;
constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;  // the format's own limit
constexpr std::size_t kMaxRank = 8;

struct DtypeSize {
  std::string_view name;
  std::uint64_t bytes;
};
constexpr std::array<DtypeSize, 16> kDtypes{{{"BOOL", 1},
                                             {"U8", 1},
                                             {"I8", 1},
                                             {"F8_E5M2", 1},
                                             {"F8_E4M3", 1},
                                             {"F8_E8M0", 1},
                                             {"I16", 2},
                                             {"U16", 2},
                                             {"F16", 2},
                                             {"BF16", 2},
                                             {"I32", 4},
                                             {"U32", 4},
                                             {"F32", 4},
                                             {"F64", 8},
                                             {"I64", 8},
                                             {"U64", 8}}};

[[noreturn]] void corrupt(const std::string& file, const std::string& what) {
  throw Error(ErrorCode::CorruptFile, file + ": " + what);
}

[[noreturn]] void corruptTensor(const std::string& file, const std::string& tensor, const std::string& what) {
  corrupt(file, "tensor '" + tensor + "': " + what);
}

template <typename Shape>
std::string shapeText(const Shape& shape) {
  std::string text = "[";
  for (const auto extent : shape) text += (text.size() > 1 ? "," : "") + std::to_string(extent);
  return text + "]";
}

std::uint64_t littleEndian(std::span<const std::byte> bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) value = value << 8 | std::to_integer<std::uint64_t>(bytes[i]);
  return value;
}

/// Parses the header and refuses what nlohmann would let pass: names that occur twice (the last would win), and nesting
/// deeper than the format has (header object, tensor object, its arrays).
Json parseHeader(const std::string& file, std::span<const std::byte> bytes) {
  constexpr int kMaxDepth = 3;
  const char* text = reinterpret_cast<const char*>(bytes.data());
  std::array<std::set<std::string>, kMaxDepth + 1> names;
  const Json::parser_callback_t check = [&](int depth, Json::parse_event_t event, Json& parsed) {
    const bool opens = event == Json::parse_event_t::object_start || event == Json::parse_event_t::array_start;
    if (opens && depth >= kMaxDepth) {
      corrupt(file, "the header is nested more than " + std::to_string(kMaxDepth) + " levels deep: not safetensors");
    }
    if (event == Json::parse_event_t::object_start) names[static_cast<std::size_t>(depth)].clear();
    if (event == Json::parse_event_t::key) {
      // A key is reported one level below the start of its object.
      const auto& name = parsed.get_ref<const std::string&>();
      if (!names[static_cast<std::size_t>(depth) - 1].insert(name).second) {
        corrupt(file, (depth == 1 ? "tensor '" : "header key '") + name + "' occurs twice in the header");
      }
    }
    return true;
  };
  try {
    return Json::parse(text, text + bytes.size(), check);
  } catch (const Json::exception& e) {
    corrupt(file, std::string("the header is not valid JSON: ") + e.what());
  }
}

std::vector<std::uint64_t> unsignedArray(const std::string& file, const std::string& tensor, const Json& object,
                                         const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_array()) {
    corruptTensor(file, tensor, std::string("expected '") + key + "' to be an array of non-negative integers");
  }
  std::vector<std::uint64_t> values;
  for (const Json& value : *found) {
    if (!value.is_number_unsigned()) {
      corruptTensor(file, tensor,
                    std::string("expected '") + key + "' to hold non-negative integers, found " + value.dump());
    }
    values.push_back(value.get<std::uint64_t>());
  }
  return values;
}

/// Bytes that `shape` of `dtype` takes. Errors: CorruptFile for an unknown type or a product that does not fit 64 bits.
std::uint64_t byteSize(const std::string& file, const std::string& tensor, const SafetensorsEntry& entry) {
  const auto dtype =
      std::find_if(kDtypes.begin(), kDtypes.end(), [&](const DtypeSize& d) { return d.name == entry.dtype; });
  if (dtype == kDtypes.end()) {
    std::string known;
    for (const DtypeSize& d : kDtypes) known += (known.empty() ? "" : ", ") + std::string(d.name);
    corruptTensor(file, tensor, "unknown dtype '" + entry.dtype + "', expected one of " + known);
  }
  std::uint64_t size = dtype->bytes;
  for (const std::uint64_t extent : entry.shape) {
    if (extent != 0 && size > std::numeric_limits<std::uint64_t>::max() / extent) {
      corruptTensor(file, tensor, "shape " + shapeText(entry.shape) + " has more elements than 64 bits can count");
    }
    size *= extent;
  }
  return size;
}

struct Range {
  std::uint64_t begin, end;
  const std::string* tensor;
};

/// The ranges must follow one another from 0 to `size`: no byte is used twice, none is unused.
void checkCoverage(const std::string& file, std::vector<Range> ranges, std::uint64_t size) {
  std::sort(ranges.begin(), ranges.end(),
            [](const Range& a, const Range& b) { return a.begin != b.begin ? a.begin < b.begin : a.end < b.end; });
  std::uint64_t expected = 0;
  const std::string* before = nullptr;
  for (const Range& range : ranges) {
    if (range.begin < expected) {
      corruptTensor(file, *range.tensor,
                    "its bytes [" + std::to_string(range.begin) + "," + std::to_string(range.end) +
                        ") overlap those of '" + *before + "', which end at " + std::to_string(expected));
    }
    if (range.begin > expected) {
      corruptTensor(file, *range.tensor,
                    "its bytes start at " + std::to_string(range.begin) + ", expected " + std::to_string(expected) +
                        ": the gap before belongs to no tensor");
    }
    expected = range.end;
    before = range.tensor;
  }
  if (expected != size) {
    corrupt(file, "the data is " + std::to_string(size) + " bytes, expected " + std::to_string(expected) +
                      ": the last bytes belong to no tensor");
  }
}

SafetensorsEntry parseEntry(const std::string& file, const std::string& tensor, const Json& value,
                            std::span<const std::byte> data) {
  if (!value.is_object()) {
    corruptTensor(file, tensor, "expected an object with dtype, shape and data_offsets");
  }
  for (const auto& [key, unused] : value.items()) {
    if (key != "dtype" && key != "shape" && key != "data_offsets") {
      corruptTensor(file, tensor, "unknown header key '" + key + "', expected dtype, shape and data_offsets");
    }
  }
  SafetensorsEntry entry;
  const auto dtype = value.find("dtype");
  if (dtype == value.end() || !dtype->is_string()) corruptTensor(file, tensor, "expected 'dtype' to be a string");
  entry.dtype = dtype->get<std::string>();
  entry.shape = unsignedArray(file, tensor, value, "shape");
  if (entry.shape.size() > kMaxRank) {
    corruptTensor(file, tensor,
                  std::to_string(entry.shape.size()) + " dimensions, expected at most " + std::to_string(kMaxRank));
  }
  const std::vector<std::uint64_t> offsets = unsignedArray(file, tensor, value, "data_offsets");
  if (offsets.size() != 2 || offsets[0] > offsets[1]) {
    corruptTensor(file, tensor,
                  "expected data_offsets to be [begin, end] with begin <= end, found " + shapeText(offsets));
  }
  if (offsets[1] > data.size()) {
    corruptTensor(file, tensor,
                  "its bytes end at " + std::to_string(offsets[1]) + " of " + std::to_string(data.size()) +
                      " bytes of data: the file is truncated or its header is wrong");
  }
  const std::uint64_t expected = byteSize(file, tensor, entry);
  if (offsets[1] - offsets[0] != expected) {
    corruptTensor(file, tensor,
                  "data_offsets span " + std::to_string(offsets[1] - offsets[0]) + " bytes, expected " +
                      std::to_string(expected) + " for " + entry.dtype + " " + shapeText(entry.shape));
  }
  entry.bytes = data.subspan(static_cast<std::size_t>(offsets[0]), static_cast<std::size_t>(expected));
  return entry;
}

bool startsWith(std::span<const std::byte> bytes, std::initializer_list<unsigned> prefix) {
  return bytes.size() >= prefix.size() &&
         std::equal(prefix.begin(), prefix.end(), bytes.begin(), [](unsigned expected, std::byte found) {
           return std::byte{static_cast<unsigned char>(expected)} == found;
         });
}

/// Refuses PyTorch's pickles, which run code when they are read, by name and by content.
void refusePickle(const std::filesystem::path& path, std::span<const std::byte> bytes) {
  const std::string extension = path.extension().string();
  const bool byName = extension == ".bin" || extension == ".pt" || extension == ".pth" || extension == ".ckpt" ||
                      extension == ".pkl" || extension == ".pickle";
  const bool byContent =
      startsWith(bytes, {'P', 'K', 3, 4}) || startsWith(bytes, {0x80, 2}) || startsWith(bytes, {0x80, 4});
  // A safetensors header of 640 or 1152 bytes starts with 0x80 2 or 0x80 4 too: there a '{' follows the length.
  if (!byName && (!byContent || (bytes.size() > kLengthBytes && bytes[kLengthBytes] == std::byte{'{'}))) return;
  std::filesystem::path target = path;
  target.replace_extension(".safetensors");
  throw Error(
      ErrorCode::Unsupported,
      path.string() +
          ": a PyTorch pickle; reading one can run any code it contains, so only safetensors are read. Convert it "
          "where you trust it:\n  python3 -c \"import torch, safetensors.torch as s; d = torch.load('" +
          path.filename().string() +
          "', map_location='cpu', weights_only=True); s.save_file({k: v.contiguous() for k, v in d.items()}, '" +
          target.filename().string() + "')\"");
}

template <typename T>
T readAt(const std::byte* bytes, std::size_t index) {
  T value;  // the file aligns nothing
  std::memcpy(&value, bytes + index * sizeof(T), sizeof(T));
  return value;
}

}  // namespace

Safetensors Safetensors::open(const std::filesystem::path& path) {
  static_assert(std::endian::native == std::endian::little, "safetensors are little-endian");
  const auto file = std::make_shared<const MappedFile>(path);
  refusePickle(path, file->bytes());
  Safetensors result = parse(file->bytes(), path.string());
  result.mapping_ = file;
  return result;
}

Safetensors Safetensors::parse(std::span<const std::byte> bytes, const std::string& name) {
  Safetensors result;
  result.name_ = name;
  if (bytes.size() < kLengthBytes) {
    corrupt(name,
            "truncated: " + std::to_string(bytes.size()) + " bytes, expected a header length of 8 bytes and a header");
  }
  const std::uint64_t length = littleEndian(bytes.first(kLengthBytes));
  if (length > kMaxHeaderBytes) {
    corrupt(name, "the header claims " + std::to_string(length) + " bytes, expected at most " +
                      std::to_string(kMaxHeaderBytes) + ": not a safetensors file");
  }
  if (length > bytes.size() - kLengthBytes) {
    corrupt(name, "truncated: the header claims " + std::to_string(length) + " bytes, the file has " +
                      std::to_string(bytes.size() - kLengthBytes) + " after its length");
  }
  const auto headerBytes = bytes.subspan(kLengthBytes, static_cast<std::size_t>(length));
  if (headerBytes.empty() || headerBytes[0] != std::byte{'{'}) {
    corrupt(name, "the header does not start with '{': not a safetensors file");
  }
  const auto data = bytes.subspan(kLengthBytes + static_cast<std::size_t>(length));
  const Json header = parseHeader(name, headerBytes);

  for (const auto& [tensor, value] : header.items()) {
    if (tensor == "__metadata__") {
      if (!value.is_object()) corrupt(name, "expected __metadata__ to be an object of strings");
      for (const auto& [key, text] : value.items()) {
        if (!text.is_string()) corrupt(name, "expected __metadata__ key '" + key + "' to be a string");
        result.metadata_.emplace(key, text.get<std::string>());
      }
      continue;
    }
    result.tensors_.emplace(tensor, parseEntry(name, tensor, value, data));
  }
  std::vector<Range> ranges;
  for (const auto& [tensor, entry] : result.tensors_) {
    const auto begin = static_cast<std::uint64_t>(entry.bytes.data() - data.data());
    ranges.push_back({begin, begin + entry.bytes.size(), &tensor});
  }
  checkCoverage(name, std::move(ranges), data.size());
  return result;
}

const SafetensorsEntry& Safetensors::at(const std::string& tensor) const {
  const auto found = tensors_.find(tensor);
  if (found == tensors_.end()) corrupt(name_, "tensor '" + tensor + "' is missing");
  return found->second;
}

/// Its shape, which must be `shape` where that is given; no values yet.
HostTensor Safetensors::shaped(const std::string& tensor, std::span<const std::uint32_t> shape) const {
  const SafetensorsEntry& entry = at(tensor);
  if (!shape.empty() && !std::equal(shape.begin(), shape.end(), entry.shape.begin(), entry.shape.end())) {
    corruptTensor(name_, tensor, "shape " + shapeText(entry.shape) + ", expected " + shapeText(shape));
  }
  HostTensor result;
  for (const std::uint64_t extent : entry.shape) {
    if (extent > std::numeric_limits<std::uint32_t>::max()) {
      corruptTensor(name_, tensor, "shape " + shapeText(entry.shape) + " has an extent beyond 32 bits");
    }
    result.shape.push_back(static_cast<std::uint32_t>(extent));
  }
  return result;
}

HostTensor Safetensors::floats(const std::string& tensor, std::span<const std::uint32_t> shape) const {
  HostTensor result = shaped(tensor, shape);
  const SafetensorsEntry& entry = at(tensor);
  const bool f32 = entry.dtype == "F32", f16 = entry.dtype == "F16", bf16 = entry.dtype == "BF16";
  if (!f32 && !f16 && !bf16) {
    corruptTensor(name_, tensor, "dtype " + entry.dtype + ", expected F32, F16 or BF16");
  }
  const std::byte* bytes = entry.bytes.data();
  result.values.resize(entry.bytes.size() / (f32 ? 4 : 2));
  for (std::size_t i = 0; i < result.values.size(); ++i) {
    float& value = result.values[i];
    if (f32) value = readAt<float>(bytes, i);
    if (f16) value = halfToFloat(readAt<std::uint16_t>(bytes, i));
    if (bf16) value = std::bit_cast<float>(std::uint32_t{readAt<std::uint16_t>(bytes, i)} << 16);
    if (!std::isfinite(value)) {
      corruptTensor(name_, tensor,
                    "value " + std::to_string(i) + " is " + std::to_string(value) + ", expected finite numbers");
    }
  }
  return result;
}

HostTensor Safetensors::signedBytes(const std::string& tensor, std::span<const std::uint32_t> shape) const {
  HostTensor result = shaped(tensor, shape);
  const SafetensorsEntry& entry = at(tensor);
  if (entry.dtype != "I8") corruptTensor(name_, tensor, "dtype " + entry.dtype + ", expected I8");
  for (const std::byte byte : entry.bytes) result.values.push_back(static_cast<float>(static_cast<std::int8_t>(byte)));
  return result;
}

std::vector<std::int64_t> Safetensors::integers(const std::string& tensor) const {
  const SafetensorsEntry& entry = at(tensor);
  const bool i32 = entry.dtype == "I32";
  if (!i32 && entry.dtype != "I64") corruptTensor(name_, tensor, "dtype " + entry.dtype + ", expected I32 or I64");
  std::vector<std::int64_t> values(entry.bytes.size() / (i32 ? 4 : 8));
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = i32 ? readAt<std::int32_t>(entry.bytes.data(), i) : readAt<std::int64_t>(entry.bytes.data(), i);
  }
  return values;
}

}  // namespace rivulet
