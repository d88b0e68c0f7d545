// Everything a run needs to go on with the same bits. Randomness is a function of (seed, step), so the step stands for
// all generators.
#pragma once

#include <torch/torch.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace rivulet::training {

struct Checkpoint {
  std::string objective;  // its name, to refuse another's checkpoint
  std::string config;     // the network's configuration, to refuse another network's checkpoint
  std::uint64_t seed = 0;
  int64_t step = 0;    // steps done
  double seconds = 0;  // training time so far
  at::Tensor parameters, average, adamMean, adamSquare, styleMean, styleStd;
  std::vector<std::pair<std::string, at::Tensor>> state;  // the objective's
};

// A safetensors file, written atomically. Throw Error naming the file.
void writeCheckpoint(const std::filesystem::path& path, const Checkpoint& checkpoint);
Checkpoint readCheckpoint(const std::filesystem::path& path);

}  // namespace rivulet::training
