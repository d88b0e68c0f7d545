#pragma once
// rivulet bench model: how fast a whole evaluation is, against what the device can do.

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
