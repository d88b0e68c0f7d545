#pragma once
// Which of T training times an n-step sampler visits. Lin et al., "Common diffusion noise schedules and sample steps
// are flawed", WACV 2024, table 2, with the roundings of diffusers (numpy's: halves to even).

#include <string_view>
#include <vector>

namespace rivulet {

enum class TimestepSpacing { Leading, Trailing, Linspace };

/// "leading", "trailing", "linspace"; throws InvalidArgument naming the three for anything else.
TimestepSpacing parseTimestepSpacing(std::string_view name);
std::string_view toString(TimestepSpacing spacing);

struct SpacingOptions {
  TimestepSpacing spacing = TimestepSpacing::Leading;
  int trainTimesteps = 1000;  // T
  int lastTimestep = 1000;    // T, or less where the noisiest times are cut off (lambda_min_clipped)
  int offset = 0;             // added to leading times (steps_offset)
  bool dropCleanest = false;  // multistep solvers space n + 1 times and leave out the cleanest
  bool round = true;          // false: linspace keeps fractions (Euler, Heun)
};

/// n times from noisy to clean. Throws InvalidArgument when n is not in 1..T or a time falls outside 0..T-1.
/// One step with linspace is the noisiest time; numpy would give time 0, from which noise cannot be removed.
std::vector<double> spaceTimesteps(int n, const SpacingOptions& options);

}  // namespace rivulet
