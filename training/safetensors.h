// The safetensors format: 8 bytes of header length, a JSON header, the tensors' bytes. Written for the weights, the
// checkpoints and the reference outputs; read back for the checkpoints.
#pragma once

#include <torch/torch.h>

#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace rivulet::training {

struct Safetensors {
  std::vector<std::pair<std::string, at::Tensor>> tensors;  // float32, float16, int8, int32 or int64; any device
  std::map<std::string, std::string> metadata;

  // The tensor called `name`; throws Error without it.
  const at::Tensor& at(const std::string& name) const;
  const std::string& note(const std::string& key) const;
};

// Writes beside `path` and renames, so that a reader never sees half a file. The header is padded with spaces so that
// the data start at a multiple of 8 bytes. Throws Error naming the file.
void writeSafetensors(const std::filesystem::path& path, const Safetensors& file);

// Throws Error naming the file and what is wrong with it.
Safetensors readSafetensors(const std::filesystem::path& path);

}  // namespace rivulet::training
