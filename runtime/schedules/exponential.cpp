#include "schedules/exponential.h"

#include <cmath>

namespace rivulet {

std::vector<double> exponentialSpacing(double low, double high, int n) {
  const double from = std::log(high), to = std::log(low);
  std::vector<double> values;
  for (int i = 0; i < n; ++i) {
    const double place = n == 1 ? 0.0 : static_cast<double>(i) / (n - 1);
    values.push_back(std::exp(from + place * (to - from)));
  }
  return values;
}

}  // namespace rivulet
