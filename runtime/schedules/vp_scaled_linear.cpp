#include "schedules/vp_scaled_linear.h"

#include <cmath>

#include "schedules/vp_linear.h"

namespace rivulet {

std::vector<double> vpScaledLinearBetas(int steps, double start, double end) {
  std::vector<double> betas = vpLinearBetas(steps, std::sqrt(start), std::sqrt(end));
  for (double& beta : betas) beta *= beta;
  return betas;
}

}  // namespace rivulet
