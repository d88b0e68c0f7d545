#pragma once
#include <vector>

namespace rivulet {

/// n noise-to-data ratios from `high` down to `low`, equally spaced in their logarithms, hence in log SNR: Lu et al.,
/// "DPM-Solver", NeurIPS 2022, section 3.4 ("uniform logSNR").
std::vector<double> exponentialSpacing(double low, double high, int n);

}  // namespace rivulet
