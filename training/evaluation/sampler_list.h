// Which samplers and numbers of steps to measure, as written on the command line.
#pragma once

#include <string>
#include <vector>

namespace rivulet::training {

struct SamplerSteps {
  std::string sampler;
  int steps = 0;
};

// "flow_euler:1,2,4;flow_heun:8", in that order; without a name ("1,2,4") `own` is taken. Names are not checked here.
// Throws Error showing what is wrong and what it should look like.
std::vector<SamplerSteps> parseSamplers(const std::string& text, const std::string& own);

}  // namespace rivulet::training
