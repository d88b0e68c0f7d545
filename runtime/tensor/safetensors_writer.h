#pragma once
// Makes safetensors files (tensor/safetensors.h reads them).

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace rivulet {

/// Not thread-safe.
class SafetensorsWriter {
 public:
  /// `bytes` are copied. Errors: Internal for a name that is there already.
  void add(const std::string& name, const std::string& dtype, std::vector<std::uint64_t> shape,
           std::span<const std::byte> bytes);
  /// A key of the metadata.
  void note(const std::string& key, const std::string& value) { metadata_[key] = value; }

  std::uint64_t tensorBytes() const;
  /// The file. Tensors with larger elements come first, and the data begin at a multiple of 8 bytes, so that all are
  /// aligned.
  std::vector<std::byte> bytes() const;

 private:
  struct Tensor {
    std::string dtype;
    std::vector<std::uint64_t> shape;
    std::vector<std::byte> bytes;
  };
  std::map<std::string, Tensor> tensors_;
  std::map<std::string, std::string> metadata_;
};

}  // namespace rivulet
