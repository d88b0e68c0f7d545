#pragma once
#include <vector>

namespace rivulet {

/// Rescales betas so that the last level is pure noise: Lin, Liu, Li, Yang, "Common diffusion noise schedules and
/// sample steps are flawed", WACV 2024, algorithm 1. sqrt(abar) is shifted so that its last value is 0 and stretched so
/// that its first value stays. At least two betas.
std::vector<double> rescaleToZeroTerminalSnr(const std::vector<double>& betas);

}  // namespace rivulet
