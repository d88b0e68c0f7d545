#include "training/evaluation/bootstrap.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "training/random.h"

namespace rivulet::training {
namespace {

// Linear interpolation between order statistics.
double quantile(const std::vector<double>& sorted, double q) {
  const double position = q * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (position - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

}  // namespace

Bootstrap::Bootstrap(const std::vector<int>& units, const std::vector<int>& strata, int repeats, std::uint64_t seed) {
  std::map<int, std::map<int, int>> times;  // stratum -> unit -> how often it was drawn
  for (std::size_t i = 0; i < units.size(); ++i) times[strata[i]][units[i]] = 0;
  for (const auto& [stratum, members] : times) fixed_ = fixed_ && members.size() < 2;
  weights_ = at::zeros({repeats, static_cast<int64_t>(units.size())}, at::kDouble);
  auto* weight = weights_.data_ptr<double>();
  for (int r = 0; r < repeats; ++r) {
    Random random{seed, 0xb007, static_cast<std::uint64_t>(r)};
    for (auto& [stratum, members] : times) {
      std::vector<int*> counts;
      for (auto& [unit, count] : members) {
        count = 0;
        counts.push_back(&count);
      }
      for (std::size_t draw = 0; draw < counts.size(); ++draw) {
        ++*counts[static_cast<std::size_t>(random.below(static_cast<int>(counts.size())))];
      }
    }
    for (std::size_t i = 0; i < units.size(); ++i) *weight++ = times[strata[i]][units[i]];
  }
}

Estimate Bootstrap::around(double value, const at::Tensor& drawn) const {
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  const at::Tensor values = drawn.to(at::kCPU, at::kDouble).contiguous();
  std::vector<double> sorted;
  double sum = 0;
  for (int64_t i = 0; i < values.numel(); ++i) {
    const double v = values.data_ptr<double>()[i];
    if (!std::isfinite(v)) continue;
    sorted.push_back(v);
    sum += v;
  }
  if (fixed_ || sorted.size() < 2) return {value, kNone, kNone};
  std::sort(sorted.begin(), sorted.end());
  const double mean = sum / static_cast<double>(sorted.size());
  return {value, value + quantile(sorted, 0.025) - mean, value + quantile(sorted, 0.975) - mean};
}

}  // namespace rivulet::training
