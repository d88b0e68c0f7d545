// Lists of samplers and steps as they are written, and as they should not be.
#include "training/evaluation/sampler_list.h"

#include "../scratch.h"

namespace rivulet::training {
namespace {

std::string text(const std::vector<SamplerSteps>& list) {
  std::string result;
  for (const SamplerSteps& s : list) result += s.sampler + " " + std::to_string(s.steps) + ", ";
  return result;
}

TEST(SamplerList, KeepsTheOrder) {
  EXPECT_EQ(text(parseSamplers("flow_euler:1,50,2;flow_heun:8", "own")),
            "flow_euler 1, flow_euler 50, flow_euler 2, flow_heun 8, ");
  EXPECT_EQ(text(parseSamplers("4,2", "own")), "own 4, own 2, ");
}

TEST(SamplerList, ShowsWhatIsWrong) {
  for (const char* wrong : {"", "flow_euler", "flow_euler:", "flow_euler:0", "flow_euler:1,,2", "flow_euler:1;", ":4",
                            "a:1.5", "a:99999999999"}) {
    const std::string message = errorOf([&] { parseSamplers(wrong, "own"); });
    EXPECT_NE(message.find("flow_euler:1,2,4,8,50;flow_heun:4,8"), std::string::npos) << wrong << ": " << message;
  }
}

}  // namespace
}  // namespace rivulet::training
