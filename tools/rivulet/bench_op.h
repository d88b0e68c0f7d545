#pragma once
// rivulet bench op: each kind of op of a network by itself, against what bounds it on the device.

#include <cstdint>
#include <string>

#include "bench_network.h"
#include "cli.h"

namespace rivulet::cli {

struct BenchOpOptions {
  BenchNetworkOptions network;
  std::string filter;  // only ops whose name has this in it
  std::uint32_t repeats = 5;
  bool json = false;
};

/// Prints a table, or JSON rows. Returns the exit status. Errors: as BenchNetwork; InvalidArgument for a filter that
/// leaves nothing.
int runBenchOp(const Globals& globals, const BenchOpOptions& options);

}  // namespace rivulet::cli
