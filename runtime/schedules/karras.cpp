#include "schedules/karras.h"

#include <cmath>

namespace rivulet {

std::vector<double> karrasSpacing(double low, double high, int n, double rho) {
  const double from = std::pow(high, 1.0 / rho), to = std::pow(low, 1.0 / rho);
  std::vector<double> values;
  for (int i = 0; i < n; ++i) {
    const double place = n == 1 ? 0.0 : static_cast<double>(i) / (n - 1);
    values.push_back(std::pow(from + place * (to - from), rho));
  }
  return values;
}

}  // namespace rivulet
