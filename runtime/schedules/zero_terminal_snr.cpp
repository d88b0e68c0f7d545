#include "schedules/zero_terminal_snr.h"

#include <cmath>

namespace rivulet {

std::vector<double> rescaleToZeroTerminalSnr(const std::vector<double>& betas) {
  std::vector<double> root;
  double product = 1.0;
  for (const double beta : betas) {
    product *= 1.0 - beta;
    root.push_back(std::sqrt(product));
  }
  const double first = root.front(), last = root.back();
  std::vector<double> rescaled;
  double previous = 1.0;
  for (double& r : root) {
    r = (r - last) * first / (first - last);
    rescaled.push_back(1.0 - r * r / previous);
    previous = r * r;
  }
  return rescaled;
}

}  // namespace rivulet
