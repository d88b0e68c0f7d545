#pragma once
// rivulet bench generate: whole textures, over sizes, steps and batches.

#include <cstdint>
#include <string>
#include <vector>

#include "cli.h"

namespace rivulet::cli {

struct BenchGenerateOptions {
  std::string model, precision;
  std::vector<std::string> sizes = {"64", "128", "256"};
  std::vector<std::uint32_t> steps = {1, 2, 4, 8}, batches = {1, 4, 16};
  std::uint32_t repeats = 5;
  bool json = false;
};

/// Prints a table, or JSON rows. Returns the exit status. Errors: those of files, devices and shapes.
int runBenchGenerate(const Globals& globals, const BenchGenerateOptions& options);

}  // namespace rivulet::cli
