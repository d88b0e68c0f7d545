#include "schedules/discrete_vp.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "core/error.h"

namespace rivulet {

DiscreteVp::DiscreteVp(const std::vector<double>& betas) {
  if (betas.empty()) throw Error(ErrorCode::InvalidArgument, "a variance-preserving schedule needs at least one beta");
  double product = 1.0;
  for (std::size_t k = 0; k < betas.size(); ++k) {
    if (!(betas[k] > 0.0 && betas[k] <= 1.0)) {
      throw Error(ErrorCode::InvalidArgument, "beta " + std::to_string(k) + " of the schedule is " +
                                                  std::to_string(betas[k]) + ", expected (0, 1]");
    }
    const float alpha = 1.0f - static_cast<float>(betas[k]);
    product *= static_cast<double>(alpha);
    alphaBar_.push_back(static_cast<double>(static_cast<float>(product)));
  }
}

double DiscreteVp::alphaBar(int k) const {
  if (k < -1 || k >= size()) {
    throw Error(ErrorCode::InvalidArgument, "timestep " + std::to_string(k) + " is outside the schedule's 0.." +
                                                std::to_string(size() - 1) +
                                                ": fewer steps or a smaller steps_offset are needed");
  }
  return k < 0 ? 1.0 : alphaBar_[static_cast<std::size_t>(k)];
}

NoiseLevel DiscreteVp::at(int k) const {
  const double abar = alphaBar(k);
  return {static_cast<double>(k + 1) / size(), std::sqrt(abar), std::sqrt(1.0 - abar), static_cast<double>(k)};
}

double DiscreteVp::ratio(int k) const {
  const double abar = alphaBar(k);
  return std::sqrt((1.0 - abar) / abar);
}

double DiscreteVp::ratioAt(double k) const {
  const double low = std::floor(std::clamp(k, 0.0, static_cast<double>(size() - 1)));
  const int i = static_cast<int>(low);
  if (i + 1 >= size()) return ratio(size() - 1);
  return ratio(i) + (k - low) * (ratio(i + 1) - ratio(i));
}

double DiscreteVp::timeOfRatio(double value) const {
  // abar falls with k, so the ratio rises: find the last k whose ratio is not above the value.
  int low = 0, high = size() - 1;
  while (low < high) {
    const int middle = (low + high + 1) / 2;
    if (ratio(middle) <= value) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  low = std::min(low, std::max(size() - 2, 0));
  if (size() == 1) return 0.0;
  const double from = std::log(ratio(low)), to = std::log(ratio(low + 1));
  const double weight = std::clamp((std::log(std::max(value, 1e-10)) - from) / (to - from), 0.0, 1.0);
  return low + weight;
}

NoiseLevel DiscreteVp::fromRatio(double value, double k) const {
  const double alpha = 1.0 / std::sqrt(1.0 + value * value);
  return {value == 0.0 ? 0.0 : (k + 1.0) / size(), alpha, value * alpha, k};
}

}  // namespace rivulet
