#pragma once
// Reads safetensors files: an 8-byte little-endian header length, a JSON header, then raw tensor bytes. The file is
// memory- mapped; every length, offset, shape and type is checked before anything is believed, so no file can make it
// read out of bounds. No pickles.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tensor/tensor_desc.h"

namespace rivulet {

/// One tensor of a file. The bytes live as long as the Safetensors they came from.
struct SafetensorsEntry {
  std::string dtype;                 // as in the file: "F32", "F16", "BF16", "I32", "I64", ...
  std::vector<std::uint64_t> shape;  // row-major
  std::span<const std::byte> bytes;
};

/// Thread-safety: immutable after opening.
class Safetensors {
 public:
  /// Errors: Io (cannot be opened); CorruptFile naming the file, the tensor and what was expected: truncated, header
  /// too large or not JSON, unknown dtype, byte range outside the file, overlapping or leaving gaps, size not matching
  /// shape and dtype, shape product overflow; Unsupported for a pickle (.bin, .pt, .ckpt), saying how to convert it.
  static Safetensors open(const std::filesystem::path& path);
  /// The same from memory; copies nothing, so `bytes` must outlive it.
  static Safetensors parse(std::span<const std::byte> bytes, const std::string& name);

  const std::string& name() const { return name_; }
  const std::map<std::string, SafetensorsEntry>& tensors() const { return tensors_; }
  const std::map<std::string, std::string>& metadata() const { return metadata_; }

  bool contains(const std::string& tensor) const { return tensors_.contains(tensor); }
  /// Errors: CorruptFile naming the file and the missing tensor.
  const SafetensorsEntry& at(const std::string& tensor) const;
  /// F32, F16 or BF16 widened to float. With `shape`, any other shape is Error(CorruptFile) with both shapes. Values
  /// that are not finite are refused.
  HostTensor floats(const std::string& tensor, std::span<const std::uint32_t> shape = {}) const;
  /// I8, widened to float as well: weights without their scales.
  HostTensor signedBytes(const std::string& tensor, std::span<const std::uint32_t> shape = {}) const;
  /// I32 or I64.
  std::vector<std::int64_t> integers(const std::string& tensor) const;

 private:
  HostTensor shaped(const std::string& tensor, std::span<const std::uint32_t> shape) const;

  std::string name_;
  std::shared_ptr<const void> mapping_;
  std::map<std::string, SafetensorsEntry> tensors_;
  std::map<std::string, std::string> metadata_;
};

}  // namespace rivulet
