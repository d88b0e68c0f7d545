#pragma once
// Writes safetensors for tests: well-formed ones from tensors, and any bytes from a header of one's own.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/half.h"

namespace rivulet::test {

/// The header's length, the header as it is given, and the data.
inline std::vector<std::byte> safetensorsBytes(std::string_view header, std::span<const std::byte> data = {}) {
  std::vector<std::byte> bytes(8 + header.size() + data.size());
  const std::uint64_t length = header.size();
  std::memcpy(bytes.data(), &length, 8);
  std::memcpy(bytes.data() + 8, header.data(), header.size());
  if (!data.empty()) std::memcpy(bytes.data() + 8 + header.size(), data.data(), data.size());
  return bytes;
}

class SafetensorsWriter {
 public:
  using Shape = std::vector<std::uint32_t>;

  /// `dtype` is F32, F16 or BF16 (truncated).
  void add(const std::string& name, const Shape& shape, std::span<const float> values,
           const std::string& dtype = "F32") {
    std::vector<std::byte> bytes;
    const auto append = [&](const auto value) {
      const auto* first = reinterpret_cast<const std::byte*>(&value);
      bytes.insert(bytes.end(), first, first + sizeof(value));
    };
    for (const float value : values) {
      if (dtype == "F32") append(value);
      if (dtype == "F16") append(floatToHalf(value));
      if (dtype == "BF16") append(static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(value) >> 16));
    }
    addBytes(name, shape, dtype, bytes);
  }
  void addBytes(const std::string& name, const Shape& shape, const std::string& dtype,
                std::span<const std::byte> bytes) {
    tensors_[name] = {shape, dtype, {bytes.begin(), bytes.end()}};
  }
  void remove(const std::string& name) { tensors_.erase(name); }
  void metadata(const std::string& key, const std::string& value) { metadata_[key] = value; }

  std::vector<std::byte> bytes() const {
    nlohmann::json header = nlohmann::json::object();
    if (!metadata_.empty()) header["__metadata__"] = metadata_;
    std::vector<std::byte> data;
    for (const auto& [name, tensor] : tensors_) {
      const std::size_t end = data.size() + tensor.bytes.size();
      header[name] = {{"dtype", tensor.dtype}, {"shape", tensor.shape}, {"data_offsets", {data.size(), end}}};
      data.insert(data.end(), tensor.bytes.begin(), tensor.bytes.end());
    }
    return safetensorsBytes(header.dump(), data);
  }

 private:
  struct Tensor {
    Shape shape;
    std::string dtype;
    std::vector<std::byte> bytes;
  };
  std::map<std::string, Tensor> tensors_;
  std::map<std::string, std::string> metadata_;
};

}  // namespace rivulet::test
