// The demo without a window, as a script drives it: what its frames show, and what it says when something is missing.
#include <algorithm>

#include "demo/demo_fixture.h"
#include "image/image_io.h"

namespace rivulet::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

/// The spread of a picture's values: 0 for one colour.
int spread(const Image& image) {
  const auto [low, high] = std::minmax_element(image.pixels.begin(), image.pixels.end());
  return *high - *low;
}

TEST_F(Demo, WritesFramesAndTimes) {
  const Outcome result = run(out() + validation() + "--frames 4");
  EXPECT_EQ(result.status, 0) << result.log;
  EXPECT_THAT(result.log, Not(HasSubstr("validation")));
  for (int frame = 0; frame < 4; ++frame) {
    const Image image = readImage(folder_ / ("frame-0000" + std::to_string(frame) + ".png"));
    EXPECT_EQ(image.width, 320u);
    EXPECT_EQ(image.height, 200u);
    EXPECT_GT(spread(image), 100);
  }
  EXPECT_TRUE(fs::exists(folder_ / "timing.csv"));
}

TEST_F(Demo, ScriptChangesWhatIsShown) {
  const Outcome result = run(out() + validation() + "--no-interface" +
                             script("set texture-size 64\n"
                                    "set steps 1\n"
                                    "set budget 100000\n"
                                    "screenshot before.png\n"
                                    "wait textures\n"
                                    "screenshot after.png\n"
                                    "class paving grass\n"
                                    "wait textures\n"
                                    "screenshot grass.png\n"));
  EXPECT_EQ(result.status, 0) << result.log;
  EXPECT_THAT(result.log, Not(HasSubstr("validation")));
  const Image before = readImage(folder_ / "before.png"), after = readImage(folder_ / "after.png"),
              grass = readImage(folder_ / "grass.png");
  EXPECT_NE(before.pixels, after.pixels);
  EXPECT_NE(after.pixels, grass.pixels);
  // The paving is at the lower edge of the picture, and grass is green.
  const std::size_t at = 3 * (std::size_t{190} * grass.width + 180);
  EXPECT_GT(grass.pixels[at + 1], grass.pixels[at] + 5);
  EXPECT_GT(grass.pixels[at + 1], grass.pixels[at + 2] + 5);
}

TEST_F(Demo, EveryPanelAndBothScenes) {
  const Outcome result =
      run(out() + validation() +
          script("panel Budget\nset paused on\nwait 1\npanel Timing\nwait 1\npanel Textures\nwait 1\n"
                 "panel Compare\nwait 1\nset help on\nset scene wall\nwait 2\nset async on\nwait 2\n"
                 "set plain-kernels on\nset render-scale 0.25\nwait 2\n"));
  EXPECT_EQ(result.status, 0) << result.log;
  EXPECT_THAT(result.log, Not(HasSubstr("validation")));
}

TEST_F(Demo, EndsInTheMiddleOfTextures) {
  const Outcome result = run(out() + validation() + "--every 0 --frames 30 --set budget=3000 --set texture-size=64");
  EXPECT_EQ(result.status, 0) << result.log;
  EXPECT_THAT(result.log, Not(HasSubstr("validation")));
}

TEST_F(Demo, SaysWhatIsMissing) {
  const auto fails = [&](int status, const std::string& arguments, const char* words,
                         const std::string& environment = "") {
    const Outcome result = run(arguments, environment);
    EXPECT_EQ(result.status, status) << result.log;
    EXPECT_THAT(result.log, HasSubstr(words));
  };
  fails(1, out() + "--frames 1 --model nothing", "there is no model nothing");
  fails(1, out() + "--frames 1 --plugin /nowhere/plugin.so", "plugin cannot be opened");
  fails(1, out() + "--frames 1 --script /nowhere/script", "/nowhere/script cannot be read");
  fails(1, out() + "--frames 1 --set step=3", "there is no control step. There are: scene,");
  fails(1, out() + "--frames 1 --set steps=many", "steps wants a whole number, not \"many\"");
  fails(1, out() + script("panel Timing\nfly 3\n"), "script.txt:2: there is no command fly");
  fails(1, out() + "--frames 1", "no Vulkan driver", "VK_DRIVER_FILES=/nowhere.json VK_ICD_FILENAMES=/nowhere.json");
  fails(1, "--frames 1", "no display", "DISPLAY= WAYLAND_DISPLAY=");
  fails(2, "--headless --frames 1", "--out");
  fails(2, "--frams 1", "--frams");
  std::ofstream(folder_ / "broken.safetensors") << "this is no model";
  fails(1, out() + "--frames 500 --every 0 --model '" + (folder_ / "broken.safetensors").string() + "'", "broken");
}

}  // namespace
}  // namespace rivulet::test
