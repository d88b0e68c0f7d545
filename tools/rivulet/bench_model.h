#pragma once
// rivulet bench model: how fast an evaluation is, against what the device can do, and its embedding beside it.

#include <cstdint>

#include "bench_network.h"
#include "cli.h"

namespace rivulet::cli {

struct BenchModelOptions {
  BenchNetworkOptions network;
  std::uint32_t repeats = 9;
  bool json = false;
};

int runBenchModel(const Globals& globals, const BenchModelOptions& options);

}  // namespace rivulet::cli
