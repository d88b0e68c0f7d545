#include "engine/batch_curve.h"

#include <algorithm>
#include <cmath>

namespace rivulet::engine {
namespace {

constexpr double kCurveWeight = 0.25;  // of a new measurement
constexpr double kWorthwhile = 0.05;   // of the time: less is no reason for a larger batch
// What an evaluation costs whatever its lanes, in lanes, before anything is measured. Half a lane makes two lanes a
// sixth cheaper a texture than one, and four a quarter.
constexpr double kFixedLanes = 0.5;
constexpr std::uint32_t kUntried = 4;  // lanes, before anything is measured

}  // namespace

bool BatchCurve::measured(std::uint32_t lanes, double microseconds) {
  if (lanes == 0 || lanes > kMostLanes || !(microseconds > 0) || !std::isfinite(microseconds)) return false;
  double& known = microseconds_[lanes];
  const bool news = std::abs(microseconds - known) > kWorthwhile * known;
  known += (known > 0 ? kCurveWeight : 1) * (microseconds - known);
  return news;
}

std::uint32_t BatchCurve::most() const {
  std::uint32_t lanes = kMostLanes;
  while (lanes > 0 && !has(lanes)) --lanes;
  return lanes;
}

/// Of the least squares; of a single measurement, with the usual share of what does not depend on the lanes.
double BatchCurve::slope() const {
  double n = 0, sumX = 0, sumY = 0, sumXX = 0, sumXY = 0;
  for (std::uint32_t lanes = 1; lanes <= kMostLanes; ++lanes) {
    if (!has(lanes)) continue;
    const double x = lanes, y = microseconds_[lanes];
    n += 1;
    sumX += x;
    sumY += y;
    sumXX += x * x;
    sumXY += x * y;
  }
  if (n == 0) return 1;
  if (n == 1) return sumY / (kFixedLanes + sumX);
  return std::max(0.0, (n * sumXY - sumX * sumY) / (n * sumXX - sumX * sumX));
}

double BatchCurve::microseconds(std::uint32_t lanes) const {
  if (has(lanes)) return microseconds_[lanes];
  std::uint32_t below = lanes, above = lanes;
  while (below > 0 && !has(below)) --below;
  while (above <= kMostLanes && !has(above)) ++above;
  if (below == 0 && above > kMostLanes) return kFixedLanes + lanes;
  if (above > kMostLanes) return microseconds_[below] + slope() * (lanes - below);
  const double upper = microseconds_[above];
  // No lane is cheaper where there are fewer of them, as far as is known: a line through a curve that bends upwards
  // would say so, and even below zero.
  if (below == 0) return std::max(upper - slope() * (above - lanes), upper * lanes / above);
  const double part = static_cast<double>(lanes - below) / (above - below);
  return microseconds_[below] + part * (upper - microseconds_[below]);
}

std::uint32_t BatchCurve::best(std::size_t requests, std::span<const std::uint32_t> sizes, std::uint32_t have) const {
  const std::uint32_t furthest = std::clamp(2 * most(), kUntried, kMostLanes);
  const auto end = std::max(sizes.begin() + 1, std::upper_bound(sizes.begin(), sizes.end(), furthest));
  const auto cost = [&](std::uint32_t lanes) {
    return static_cast<double>((requests + lanes - 1) / lanes) * microseconds(lanes);
  };
  double least = HUGE_VAL;
  for (auto size = sizes.begin(); size != end; ++size) least = std::min(least, cost(*size));
  const double enough = (1 + kWorthwhile) * least, known = have != 0 ? cost(have) : HUGE_VAL;
  if (known <= enough) return have;
  return *std::find_if(sizes.begin(), end, [&](std::uint32_t lanes) {
    const double mine = cost(lanes);
    return mine <= enough && (1 + kWorthwhile) * mine <= known;
  });
}

}  // namespace rivulet::engine
