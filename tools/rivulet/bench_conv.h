#pragma once
// rivulet bench conv: convolutions of typical shapes against the device's ceiling.

#include <string>

namespace rivulet::cli {

struct BenchConvOptions {
  bool json = false;
  std::string device;              // as vk::CreateDeviceInfo::select
  int repeats = 9;                 // measurements; the median counts
  std::string precision = "fp32";  // or "fp16"
};

/// Prints a table, or JSON rows of name, gflops, ceiling_gflops, ratio, ms. Returns the exit status. Errors: those of
/// vk::Device::create; MissingFeature for fp16 on a device that does not store it.
int runBenchConv(const BenchConvOptions& options);

}  // namespace rivulet::cli
