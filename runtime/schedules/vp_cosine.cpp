#include "schedules/vp_cosine.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>

namespace rivulet {

std::vector<double> vpCosineBetas(int steps) {
  const auto alphaBar = [steps](int k) {
    const double u = static_cast<double>(k) / steps;
    const double c = std::cos((u + 0.008) / 1.008 * std::numbers::pi / 2.0);
    return c * c;
  };
  std::vector<double> betas;
  betas.reserve(static_cast<std::size_t>(steps));
  for (int k = 0; k < steps; ++k) betas.push_back(std::min(1.0 - alphaBar(k + 1) / alphaBar(k), 0.999));
  return betas;
}

}  // namespace rivulet
