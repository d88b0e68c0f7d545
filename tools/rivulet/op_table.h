#pragma once
// Dispatches of an executable summed up by what they are: the rows `rivulet inspect` and `rivulet bench model` print.

#include <span>
#include <string>
#include <vector>

#include "graph/graph.h"

namespace rivulet::cli {

struct OpRow {
  std::string op;  // "conv2d 3x3 32->32 32x32", or only "conv2d"
  std::size_t count = 0;
  std::uint64_t multiplyAdds = 0;
  std::uint64_t bytes = 0;
  double microseconds = 0.0;
};

/// Of all of them.
std::uint64_t multiplyAdds(std::span<const graph::Dispatch> dispatches);

/// One row per distinct Dispatch::op, or with `byKind` per first word of it; the most work first (time if there are
/// times, then multiply-adds, then bytes). `microseconds`: per dispatch, or empty.
std::vector<OpRow> opTable(std::span<const graph::Dispatch> dispatches, std::span<const double> microseconds,
                           bool byKind);

}  // namespace rivulet::cli
