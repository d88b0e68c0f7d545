#include "op_table.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <tuple>

namespace rivulet::cli {

std::uint64_t multiplyAdds(std::span<const graph::Dispatch> dispatches) {
  return std::accumulate(dispatches.begin(), dispatches.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const graph::Dispatch& one) { return sum + one.multiplyAdds; });
}

std::vector<OpRow> opTable(std::span<const graph::Dispatch> dispatches, std::span<const double> microseconds,
                           bool byKind) {
  std::map<std::string, OpRow> rows;
  for (std::size_t i = 0; i < dispatches.size(); ++i) {
    const graph::Dispatch& dispatch = dispatches[i];
    const std::string key = byKind ? dispatch.op.substr(0, dispatch.op.find(' ')) : dispatch.op;
    OpRow& row = rows[key];
    row.op = key;
    ++row.count;
    row.multiplyAdds += dispatch.multiplyAdds;
    row.bytes += dispatch.bytes;
    if (i < microseconds.size()) row.microseconds += microseconds[i];
  }
  std::vector<OpRow> result;
  result.reserve(rows.size());
  for (auto& [key, row] : rows) result.push_back(std::move(row));
  std::stable_sort(result.begin(), result.end(), [](const OpRow& a, const OpRow& b) {
    return std::tie(a.microseconds, a.multiplyAdds, a.bytes) > std::tie(b.microseconds, b.multiplyAdds, b.bytes);
  });
  return result;
}

}  // namespace rivulet::cli
