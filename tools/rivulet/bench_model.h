#pragma once
// rivulet bench model: how fast a whole evaluation is, against what the device can do.

#include <cstdint>
#include <string>

#include "cli.h"

namespace rivulet::cli {

struct BenchModelOptions {
  std::string model, size, precision;
  std::uint32_t batch = 1;
  std::uint32_t repeats = 9;
  bool json = false;
};

int runBenchModel(const Globals& globals, const BenchModelOptions& options);

}  // namespace rivulet::cli
