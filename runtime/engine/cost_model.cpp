#include "engine/cost_model.h"

#include <algorithm>
#include <cmath>

namespace rivulet::engine {
namespace {

constexpr double kCostWeight = 0.2;   // of a new measurement
constexpr double kRatioWeight = 0.1;  // of a unit's error in the error of all guesses
constexpr double kMargin = 0.5;       // mean deviations
// How far a measurement may be from the mean and count in full. One that was preempted is ten times as long as it
// should be, and would otherwise keep a unit out of budgets for as many measurements.
constexpr double kOutlierMeans = 0.5, kOutlierDeviations = 2;
constexpr double kLaunchMicroseconds = 5;

}  // namespace

double guessMicroseconds(const vk::DeviceCaps& caps, std::uint64_t multiplyAdds, std::uint64_t bytes) {
  // Per microsecond: a slow processor, a slow graphics card.
  const double rate = caps.isSoftware() ? 5e3 : 1e5, bandwidth = caps.isSoftware() ? 1e3 : 1e4;
  return kLaunchMicroseconds + static_cast<double>(multiplyAdds) / rate + static_cast<double>(bytes) / bandwidth;
}

CostModel::CostModel(std::vector<double> guesses) : units_(guesses.size()) {
  for (std::size_t i = 0; i < guesses.size(); ++i) units_[i].guess = guesses[i];
}

double CostModel::cost(std::size_t unit) const {
  return cost(unit, ratio_);
}

double CostModel::cost(std::size_t unit, double ratio) const {
  const Unit& u = units_[unit];
  return u.samples == 0 ? u.guess * ratio : u.mean + kMargin * u.deviation;
}

double CostModel::total() const {
  double sum = 0;
  for (std::size_t i = 0; i < units_.size(); ++i) sum += cost(i);
  return sum;
}

void CostModel::measured(std::size_t unit, double partMicroseconds, double part) {
  const double microseconds = partMicroseconds / part;  // of the whole
  if (!(microseconds >= 0) || !std::isfinite(microseconds)) return;
  const double weight = kCostWeight * part;
  Unit& u = units_[unit];
  if (u.samples <= 1) {
    u.mean = u.samples == 0 ? microseconds : std::min(u.mean, microseconds);
    u.deviation = 0;
    // A guess that was too low warns at once; one that was too high is believed only slowly.
    const double ratio = std::max(microseconds / u.guess, 1e-3);
    ratio_ += (ratio > ratio_ ? 2 * kRatioWeight : kRatioWeight) * (ratio - ratio_);
  } else {
    const double most = kOutlierMeans * u.mean + kOutlierDeviations * u.deviation;
    const double error = std::min(microseconds - u.mean, most);
    u.mean += weight * error;
    u.deviation += weight * (std::abs(error) - u.deviation);
  }
  ++u.samples;
}

void CostModel::measuredTogether(std::span<const CostShare> shares, double microseconds) {
  double expected = 0;
  for (const CostShare& share : shares) expected += cost(share.unit) * share.part;
  if (!(expected > 0)) return;
  const double scale = microseconds / expected;
  const double ratio = ratio_;  // the first measurements change it for the others
  for (const CostShare& share : shares) measured(share.unit, cost(share.unit, ratio) * share.part * scale, share.part);
}

}  // namespace rivulet::engine
