// The courtyard and the wall as they are to look, compared with pictures kept beside the tests. What differs too much
// is written out, with a picture of the differences.
#include <algorithm>
#include <cmath>

#include "demo/demo_fixture.h"
#include "image/image_io.h"

namespace rivulet::test {
namespace {

// Other drivers sample, blend and round in their own ways, and light follows the texture's relief: textures are
// compared by the runtime's own tests, to the bit. Here it is the picture as a whole.
constexpr double kMeanDifference = 4;  // levels of 255
constexpr int kLargeDifference = 48;   // a level
constexpr double kLargeShare = 0.02;   // of the picture

class DemoGolden : public Demo {
 protected:
  /// Writes GOLDEN-got.png and GOLDEN-difference.png where they differ; RIVULET_UPDATE_GOLDEN=1 replaces what is kept.
  void compare(const std::string& name) {
    const std::filesystem::path kept = std::filesystem::path(RIVULET_TEST_DATA) / "demo" / (name + ".png");
    const Image got = readImage(folder_ / (name + ".png"));
    if (std::getenv("RIVULET_UPDATE_GOLDEN")) {
      std::filesystem::create_directories(kept.parent_path());
      writePng(kept, got);
      GTEST_SKIP() << kept << " was replaced";
    }
    const Image want = readImage(kept);
    ASSERT_EQ(got.width, want.width);
    ASSERT_EQ(got.height, want.height);
    Image difference = got;
    double sum = 0;
    std::size_t large = 0;
    for (std::size_t i = 0; i < got.pixels.size(); ++i) {
      const int d = std::abs(got.pixels[i] - want.pixels[i]);
      sum += d;
      if (d > kLargeDifference) ++large;
      difference.pixels[i] = static_cast<std::uint8_t>(std::min(255, 4 * d));
    }
    const auto count = static_cast<double>(got.pixels.size());
    const bool same = sum / count <= kMeanDifference && static_cast<double>(large) / count <= kLargeShare;
    if (same) return;
    writePng(name + "-got.png", got);
    writePng(name + "-difference.png", difference);
    ADD_FAILURE() << name << ": a mean difference of " << sum / count << " levels, "
                  << 100 * static_cast<double>(large) / count << " % of values by more than " << kLargeDifference
                  << ". See " << std::filesystem::absolute(name + "-difference.png") << " and -got.png; "
                  << "RIVULET_UPDATE_GOLDEN=1 keeps the new one.";
  }
  void play(const std::string& quality, const std::string& text) {
    const Outcome result =
        run(out() + " --no-interface --set budget=100000 --set precision=float --set render-scale=1 " + quality +
            script(text));
    ASSERT_EQ(result.status, 0) << result.log;
  }
};

TEST_F(DemoGolden, Courtyard) {
  play("--set texture-size=64 --set steps=4", "wait textures\nscreenshot courtyard.png\n");
  compare("courtyard");
}

TEST_F(DemoGolden, Wall) {
  play("--set scene=wall --set texture-size=32 --set steps=1", "wait textures\nscreenshot wall.png\n");
  compare("wall");
}

}  // namespace
}  // namespace rivulet::test
