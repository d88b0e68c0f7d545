// Tensors for the tests of metrics.
#pragma once

#include <ATen/CPUGeneratorImpl.h>
#include <torch/torch.h>

#include <numeric>
#include <vector>

#include "training/evaluation/bootstrap.h"

namespace rivulet::training {

inline at::Tensor normal(at::IntArrayRef shape, std::uint64_t seed) {
  return at::randn(shape, at::make_generator<at::CPUGeneratorImpl>(seed), at::TensorOptions());
}

// Every sample a unit, all in one stratum.
inline Bootstrap plainBootstrap(int64_t samples, int repeats = 100) {
  std::vector<int> units(static_cast<std::size_t>(samples));
  std::iota(units.begin(), units.end(), 0);
  return Bootstrap(units, std::vector<int>(units.size()), repeats, 7);
}

}  // namespace rivulet::training
