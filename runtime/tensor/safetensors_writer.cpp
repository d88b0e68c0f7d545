#include "tensor/safetensors_writer.h"

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>

#include "core/error.h"

namespace rivulet {

void SafetensorsWriter::add(const std::string& name, const std::string& dtype, std::vector<std::uint64_t> shape,
                            std::span<const std::byte> bytes) {
  if (!tensors_.try_emplace(name, Tensor{dtype, std::move(shape), {bytes.begin(), bytes.end()}}).second) {
    throw Error(ErrorCode::Internal, "tensor '" + name + "' is written twice");
  }
}

std::uint64_t SafetensorsWriter::tensorBytes() const {
  std::uint64_t sum = 0;
  for (const auto& [name, tensor] : tensors_) sum += tensor.bytes.size();
  return sum;
}

std::vector<std::byte> SafetensorsWriter::bytes() const {
  using Entry = const std::pair<const std::string, Tensor>*;
  const auto elementBytes = [](Entry entry) {
    std::uint64_t elements = 1;
    for (const std::uint64_t extent : entry->second.shape) elements *= extent;
    return elements == 0 ? 0 : entry->second.bytes.size() / elements;
  };
  std::vector<Entry> order;
  for (const auto& entry : tensors_) order.push_back(&entry);
  std::stable_sort(order.begin(), order.end(), [&](Entry a, Entry b) { return elementBytes(a) > elementBytes(b); });

  nlohmann::ordered_json header;
  if (!metadata_.empty()) header["__metadata__"] = metadata_;
  std::uint64_t offset = 0;
  for (const Entry entry : order) {
    const Tensor& tensor = entry->second;
    header[entry->first] = {
        {"dtype", tensor.dtype}, {"shape", tensor.shape}, {"data_offsets", {offset, offset + tensor.bytes.size()}}};
    offset += tensor.bytes.size();
  }
  std::string text = header.dump();
  text.append((8 - text.size() % 8) % 8, ' ');

  std::vector<std::byte> file(8 + text.size() + offset);
  for (std::size_t i = 0; i < 8; ++i) file[i] = static_cast<std::byte>(std::uint64_t{text.size()} >> (8 * i));
  std::memcpy(file.data() + 8, text.data(), text.size());
  auto at = file.begin() + static_cast<std::ptrdiff_t>(8 + text.size());
  for (const Entry entry : order) at = std::copy(entry->second.bytes.begin(), entry->second.bytes.end(), at);
  return file;
}

}  // namespace rivulet
