// The demo in a window, on an X server without a screen: resized, minimised, clicked and closed while textures are in
// the making, with the validation layer watching.
#include <chrono>
#include <thread>

#include "demo/demo_fixture.h"
#include "demo/x_window.h"

namespace rivulet::test {
namespace {

using testing::HasSubstr;
using testing::Not;

class DemoWindow : public Demo {
 protected:
  void SetUp() override { ASSERT_TRUE(server_.running()) << "Xvfb does not start"; }
  /// Runs it while `user` does something to its window; without a result of the user's in time it is ended.
  template <class User>
  Outcome runWindow(const std::string& arguments, User&& user) {
    Outcome result;
    std::thread demo([&] {
      result = run(" --width 640 --height 400 --settings '" + (folder_ / "settings.json").string() + "' --out '" +
                       folder_.path().string() + "' " + arguments,
                   "WAYLAND_DISPLAY= DISPLAY=" + server_.display() + " timeout 300");
    });
    XWindow window(server_);
    if (window.find("Rivulet", std::chrono::seconds(60))) {
      user(window);
    } else {
      ADD_FAILURE() << "no window";
    }
    demo.join();
    return result;
  }
  /// Until the demo has made a file; gives up where the demo would have been ended.
  void waitFor(const std::string& file) const {
    for (int i = 0; i < 3000 && !std::filesystem::exists(folder_ / file); ++i) wait(100);
  }
  /// To a script that does `wait-for word`. What was done to the window before is in the demo's queue by then.
  void say(const std::string& word) const { std::ofstream{folder_ / word}; }
  static void wait(int milliseconds) { std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds)); }

  XServer server_;
};

TEST_F(DemoWindow, ResizedMinimisedAndClosedInTheMiddleOfTextures) {
  const Outcome result = runWindow(validation() + "--set budget=20000", [](XWindow& window) {
    wait(3000);
    for (const unsigned width : {900u, 333u, 640u, 64u, 1200u}) {
      window.resize(width, width * 2 / 3);
      wait(400);
    }
    window.setMinimised(true);
    wait(1500);
    window.setMinimised(false);
    wait(1500);
    window.close();
  });
  EXPECT_EQ(result.status, 0) << result.log;
  EXPECT_THAT(result.log, Not(HasSubstr("validation")));
  EXPECT_THAT(result.log, HasSubstr("frames;")) << "its last line: it ended by itself";
  EXPECT_TRUE(std::filesystem::exists(folder_ / "settings.json")) << "settings are kept";
}

TEST_F(DemoWindow, IsAsLargeAsItWasMade) {
  const Outcome result =
      runWindow(script("wait 3\nreport before.json\nwait-for resized\nwait generating\nreport after.json\nquit\n"),
                [this](XWindow& window) {
                  waitFor("before.json");
                  window.resize(800, 500);
                  say("resized");
                });
  EXPECT_EQ(result.status, 0) << result.log;
  EXPECT_EQ(report("after.json").at("window"), nlohmann::json({800, 500}));
  const auto picture = report("after.json").at("picture").get<std::vector<int>>();
  EXPECT_GE(picture[0], 800 * 3 / 10) << "a share of the window's, by how fast frames come";
  EXPECT_LE(picture[0], 800);
}

TEST_F(DemoWindow, AClickGivesASurfaceItsNextSeed) {
  const Outcome result = runWindow(script("wait 3\nreport before.json\nwait-for clicked\nwait 10\nreport after.json\n"
                                          "quit\n") +
                                       "--set sidebar=off --set texture-size=64",
                                   [this](XWindow& window) {
                                     waitFor("before.json");
                                     window.click(330, 370);  // the paving
                                     say("clicked");
                                   });
  EXPECT_EQ(result.status, 0) << result.log;
  const nlohmann::json before = report("before.json"), after = report("after.json");
  ASSERT_EQ(before.at("surfaces").at(0).at("name"), "paving");
  EXPECT_EQ(after.at("selected"), 0);
  EXPECT_EQ(after.at("surfaces").at(0).at("seed").get<int>(), before.at("surfaces").at(0).at("seed").get<int>() + 1);
}

TEST_F(DemoWindow, QuitsByItsScript) {
  const Outcome result =
      runWindow(validation() + script("wait 2\nscreenshot shot.png\nwait 2\nquit\n"), [](XWindow& /*window*/) {});
  EXPECT_EQ(result.status, 0) << result.log;
  EXPECT_THAT(result.log, Not(HasSubstr("validation")));
  EXPECT_TRUE(std::filesystem::exists(folder_ / "shot.png"));
}

}  // namespace
}  // namespace rivulet::test
