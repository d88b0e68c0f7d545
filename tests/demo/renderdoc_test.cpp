// scripts/renderdoc_frame: labels nest from the frame down to the op, and the times RenderDoc measures by replaying the
// frame agree with what Rivulet measured in it. Skipped where RenderDoc is not installed.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <sstream>
#include <vector>

#include "demo/demo_fixture.h"

namespace rivulet::test {
namespace {

constexpr double kAgreement = 0.2;
constexpr int kAttempts = 4;  // two runs of the same work are compared: a busy machine disturbs one or the other

struct Line {
  std::size_t depth = 0;
  double microseconds = 0;
  std::string name;
};

std::vector<Line> parseTree(const std::string& text) {
  std::vector<Line> lines;
  std::istringstream stream(text);
  // "   15       9316.3 us    rivulet": an event, its time, and two spaces more for each label around it.
  for (std::string line; std::getline(stream, line);) {
    const std::size_t unit = line.find(" us  ");
    unsigned long long event = 0;
    double microseconds = 0;
    if (unit == std::string::npos || std::sscanf(line.c_str(), "%llu %lf us", &event, &microseconds) != 2) continue;
    const std::string rest = line.substr(unit + 5);
    const std::size_t name = std::min(rest.find_first_not_of(' '), rest.size());
    lines.push_back({name / 2, microseconds, rest.substr(name)});
  }
  return lines;
}

/// "conv2d 3x3 32->32 64x64": an x between digits.
bool namesAShape(const std::string& text) {
  const auto digit = [&](std::size_t i) { return i < text.size() && text[i] >= '0' && text[i] <= '9'; };
  for (std::size_t x = text.find('x'); x != std::string::npos; x = text.find('x', x + 1))
    if (x > 0 && digit(x - 1) && digit(x + 1)) return true;
  return false;
}

TEST_F(Demo, AFrameInRenderDoc) {
  if (std::system("{ /usr/bin/python3 -c 'import renderdoc' || python3 -c 'import renderdoc'; } >/dev/null 2>&1") != 0)
    GTEST_SKIP() << "RenderDoc's Python module is not installed (Debian: librenderdoc, python3-renderdoc)";
  double best = 1e9;
  for (int attempt = 0; attempt < kAttempts && best > kAgreement; ++attempt) {
    const std::string command = "RIVULET_MODELS='" RIVULET_SOURCE_DIR "/models' RIVULET_BUILD='" RIVULET_BUILD_DIR
                                "' '" RIVULET_SOURCE_DIR "/scripts/renderdoc_frame' '" +
                                folder_.path().string() + "' >'" + (folder_ / "log").string() + "' 2>&1";
    ASSERT_EQ(std::system(command.c_str()), 0) << read(folder_ / "log");
    const std::string said = read(folder_ / "demo.log");
    double ours = 0;
    unsigned long long dispatched = 0;
    const std::size_t at = said.find("ops took ");
    ASSERT_NE(at, std::string::npos) << said;
    ASSERT_EQ(std::sscanf(said.c_str() + at, "ops took %lf us in %llu dispatches", &ours, &dispatched), 2) << said;
    ASSERT_GT(dispatched, 0u) << said;

    // frame > rivulet > batch > step > op > dispatch
    const std::vector<Line> tree = parseTree(read(folder_ / "tree.txt"));
    std::vector<std::string> path(16);
    double theirs = 0;
    unsigned long long ops = 0;
    for (const Line& line : tree) {
      ASSERT_LT(line.depth, path.size());
      path[line.depth] = line.name;
      const bool dispatch = line.name.rfind("vkCmdDispatch", 0) == 0;
      const bool copy = line.depth >= 3 && line.name.rfind("vkCmdCopy", 0) == 0;
      if (!dispatch && !copy) continue;
      ++ops;
      theirs += line.microseconds;
      EXPECT_EQ(path[0].rfind("frame ", 0), 0u) << path[0];
      EXPECT_EQ(path[1], "rivulet");
      EXPECT_EQ(path[2].rfind("materials-s 64x64 x", 0), 0u) << path[2];
      ASSERT_EQ(line.depth, 5u) << line.name;
      const bool image = path[3].rfind("preview of lane", 0) == 0 || path[3].rfind("texture of lane", 0) == 0;
      if (!image) {
        // "step 3/4 - 1/4"
        EXPECT_EQ(path[3].rfind("step ", 0), 0u) << path[3];
        EXPECT_EQ(path[3].find_first_not_of("0123456789/- ", 5), std::string::npos) << path[3];
        EXPECT_TRUE(namesAShape(path[4]) || path[4].find(": ") != std::string::npos) << "a shape: " << path[4];
      }
    }
    EXPECT_EQ(ops, dispatched) << "what was recorded is what was counted";
    best = std::min(best, std::abs(theirs - ours) / ours);
    std::printf("ours %.0f us, RenderDoc's replay %.0f us\n", ours, theirs);
  }
  double load[1] = {0};
  if (best > kAgreement && getloadavg(load, 1) == 1 && load[0] > 1.5)
    GTEST_SKIP() << "needs a machine that does nothing else: with a load of " << load[0] << " times differ by "
                 << 100 * best << " %";
  EXPECT_LE(best, kAgreement);
}

}  // namespace
}  // namespace rivulet::test
