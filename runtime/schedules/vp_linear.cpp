#include "schedules/vp_linear.h"

#include <cstddef>

namespace rivulet {

std::vector<double> vpLinearBetas(int steps, double start, double end) {
  std::vector<double> betas;
  betas.reserve(static_cast<std::size_t>(steps));
  for (int k = 0; k < steps; ++k) {
    betas.push_back(steps == 1 ? start : start + (end - start) * static_cast<double>(k) / (steps - 1));
  }
  return betas;
}

}  // namespace rivulet
