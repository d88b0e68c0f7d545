// Every control does what its name says: a script moves each one, and its reports and pictures show the effect.
#include <set>

#include "demo/demo_fixture.h"
#include "image/image_io.h"

namespace rivulet::test {
namespace {

using testing::HasSubstr;
using testing::Not;

class DemoControls : public Demo {
 protected:
  /// Runs a script that begins with small textures of one step, all of them there.
  void play(const std::string& text, const std::string& arguments = "") {
    const Outcome result = run(out() + validation() + arguments +
                               script("set texture-size 64\nset steps 1\nset budget 100000\nwait textures\n"
                                      "report start.json\n" +
                                      text));
    ASSERT_EQ(result.status, 0) << result.log;
    EXPECT_THAT(result.log, Not(HasSubstr("validation")));
  }
  Image picture(const std::string& name) const { return readImage(folder_ / name); }
  static const nlohmann::json& surface(const nlohmann::json& report, const std::string& name) {
    for (const nlohmann::json& one : report.at("surfaces"))
      if (one.at("name") == name) return one;
    ADD_FAILURE() << "no surface " << name;
    return report;
  }
};

TEST_F(DemoControls, WhatIsShown) {
  play(
      "screenshot start.png\n"
      "set exposure 1.5\nwait 1\nscreenshot exposure.png\nset exposure 0.9\n"
      "set sunlight 0.1\nwait 1\nscreenshot sunlight.png\nset sunlight 1\n"
      "set texture-scale 3\nwait 1\nscreenshot texture-scale.png\nset texture-scale 1\n"
      "set relief 0\nwait 1\nscreenshot relief.png\nset relief 1\n"
      "set render-scale 0.25\nwait 1\nreport render-scale.json\nset render-scale 0\n"
      "set tour on\nwait 30\nreport tour.json\nset tour off\nwait 1\nreport tour-off.json\n"
      "camera 1 2 3 90 -10\nwait 1\nreport camera.json\n",
      " --no-interface ");
  const Image start = picture("start.png");
  for (const char* const changed : {"exposure", "sunlight", "texture-scale", "relief"})
    EXPECT_NE(picture(std::string(changed) + ".png").pixels, start.pixels) << changed;
  const auto brightness = [](const Image& image) {
    double sum = 0;
    for (const std::uint8_t v : image.pixels) sum += v;
    return sum;
  };
  EXPECT_GT(brightness(picture("exposure.png")), brightness(start));
  EXPECT_LT(brightness(picture("sunlight.png")), brightness(start));
  EXPECT_EQ(report("render-scale.json").at("picture"), nlohmann::json({80, 50}));
  EXPECT_NE(report("tour.json").at("camera"), report("start.json").at("camera"));
  EXPECT_EQ(report("tour-off.json").at("camera"), report("start.json").at("camera"));
  EXPECT_EQ(report("camera.json").at("camera").at(1), 2.0);
}

TEST_F(DemoControls, WhatIsGenerated) {
  play(
      "select ball\nset steps 3\nset sampler flow_heun\nset guidance 2\nregenerate ball\nwait textures\n"
      "report quality.json\n"
      "class ball grass\nwait textures\nreport class.json\n"
      "blend ball rock 0.5\nwait textures\nreport blend.json\n"
      "seed ball 77\nwait textures\nreport seed.json\n"
      "save ball\n"
      "set texture-size 96\nwait textures\nreport size.json\n"
      "set animate on\nset animate-speed 5\nwait 40\nreport animate.json\nset animate off\n"
      "wait textures\nreport animated.json\n"
      "set animate-all on\nwait 80\nreport animate-all.json\nset animate-all off\n"
      "set model materials-s-teacher\nwait 5\nwait textures\nregenerate ball\nwait textures\nreport model.json\n");
  const nlohmann::json start = report("start.json"), quality = report("quality.json");
  EXPECT_EQ(start.at("model"), "materials-s");
  EXPECT_EQ(surface(start, "ball").at("steps-made"), 1);
  EXPECT_EQ(quality.at("selected"), start.at("surfaces").size() - 1) << "the ball is the last";
  EXPECT_EQ(surface(quality, "ball").at("steps-made"), 5) << "two evaluations a step, but for the last";
  EXPECT_EQ(surface(quality, "ball").at("error"), "");
  EXPECT_EQ(surface(report("class.json"), "ball").at("class"), "grass");
  EXPECT_NE(surface(report("class.json"), "ball").at("style"), surface(quality, "ball").at("style"));
  EXPECT_EQ(surface(report("blend.json"), "ball").at("share"), 0.5);
  EXPECT_NE(surface(report("blend.json"), "ball").at("style"), surface(report("class.json"), "ball").at("style"));
  EXPECT_EQ(surface(report("seed.json"), "ball").at("seed-shown"), 77);
  EXPECT_EQ(readImage(folder_ / "grass-77.png").width, 64u) << "saved";
  EXPECT_EQ(report("size.json").at("texture-size"), 96);
  const nlohmann::json animated = report("animate.json");
  EXPECT_GT(surface(animated, "ball").at("seed").get<int>(), 77);
  EXPECT_EQ(surface(animated, "lawn").at("seed"), surface(start, "lawn").at("seed")) << "only the selected one";
  EXPECT_GT(report("animated.json").at("ready"), report("size.json").at("ready")) << "and they came";
  EXPECT_GT(surface(report("animate-all.json"), "lawn").at("seed"), surface(start, "lawn").at("seed"));
  EXPECT_EQ(report("model.json").at("model"), "materials-s-teacher");
}

TEST_F(DemoControls, TheBudgetAndTheQueue) {
  play(
      "set budget 500\nregenerate all\nwait 3\nreport small.json\n"
      "set paused on\nwait 3\nreport paused.json\nwait 5\nreport still.json\nset paused off\n"
      "priority pillars 9\ncancel lawn\nwait 2\nreport queue.json\n"
      "set budget 100000\nset async on\nwait textures\nreport async.json\nset async off\n"
      "set precision float\nwait 2\nreport float.json\nset precision auto\n"
      "set model materials-s-int8\nset precision mixed\nset steps 3\nregenerate ball\nwait textures\nreport "
      "mixed.json\n"
      "set steps 0\nset precision auto\nset model materials-s\n"
      "set plain-kernels on\nwait 2\nreport plain.json\n");
  EXPECT_EQ(report("start.json").at("budget-us"), 100000);
  EXPECT_EQ(report("small.json").at("budget-us"), 500);
  EXPECT_GT(report("small.json").at("busy"), 10);
  EXPECT_EQ(report("still.json").at("dispatches"), report("paused.json").at("dispatches"));
  EXPECT_EQ(surface(report("queue.json"), "pillars").at("priority"), 9);
  EXPECT_FALSE(surface(report("queue.json"), "lawn").at("busy"));
  EXPECT_TRUE(surface(report("queue.json"), "gravel").at("busy"));
  EXPECT_EQ(report("start.json").at("mode"), "record");
  EXPECT_EQ(report("async.json").at("mode"), "async");
  EXPECT_EQ(report("async.json").at("busy"), 0) << "made in that mode";
  EXPECT_EQ(report("float.json").at("precision"), "float");
  EXPECT_EQ(report("mixed.json").at("precision"), "mixed");
  EXPECT_EQ(report("mixed.json").at("model"), "materials-s-int8");
  EXPECT_EQ(report("mixed.json").at("busy"), 0);
  EXPECT_EQ(report("mixed.json").at("ready"), 1) << "made in it";
  EXPECT_EQ(surface(report("mixed.json"), "ball").at("steps-made"), 3);
  EXPECT_TRUE(report("plain.json").at("plain-kernels"));
}

TEST_F(DemoControls, AStyleFromAPicture) {
  // A blue picture.
  Image blue{32, 32, 3, std::vector<std::uint8_t>(32 * 32 * 3)};
  for (std::size_t i = 0; i < blue.pixels.size(); ++i) {
    blue.pixels[i] = static_cast<std::uint8_t>(i % 3 == 2 ? 200 + i % 40 : 20 + i % 17);
  }
  writePng(folder_ / "blue.png", blue);
  play("style ball " + (folder_ / "blue.png").string() +
       "\nwait textures\nsave ball\nreport style.json\nstyle ball none\nwait textures\nreport none.json\n");
  const nlohmann::json ball = surface(report("style.json"), "ball");
  EXPECT_TRUE(ball.at("own-style"));
  const std::vector<float> style = ball.at("style");
  EXPECT_GT(style[2], style[0] + 0.5f) << "blue, more than red";
  const Image made = picture("plastic-" + std::to_string(ball.at("seed").get<int>()) + ".png");
  double red = 0, blueness = 0;
  for (std::size_t i = 0; i + 2 < made.pixels.size(); i += made.channels) {
    red += made.pixels[i];
    blueness += made.pixels[i + 2];
  }
  EXPECT_GT(blueness, 1.5 * red);
  EXPECT_EQ(surface(report("none.json"), "ball").at("style"), surface(report("start.json"), "ball").at("style"));
}

TEST_F(DemoControls, TheWallsTilesShareAStyleAndNoTwoAreAlike) {
  play("set scene wall\nset texture-size 32\nwait textures\nsave brick-1\nsave brick-2\nreport wall.json\n");
  const nlohmann::json wall = report("wall.json");
  EXPECT_EQ(wall.at("surfaces").size(), 102u);
  const nlohmann::json& style = surface(wall, "brick 1").at("style");
  std::set<int> seeds;
  for (const nlohmann::json& one : wall.at("surfaces")) {
    if (one.at("class") != "brick") continue;
    EXPECT_EQ(one.at("style"), style) << one.at("name");
    seeds.insert(one.at("seed").get<int>());
  }
  EXPECT_EQ(seeds.size(), 100u);
  EXPECT_NE(picture("brick-29.png").pixels, picture("brick-30.png").pixels);
}

TEST_F(DemoControls, SettingsComeBack) {
  const std::string settings = " --settings '" + (folder_ / "settings.json").string() + "' ";
  play("set exposure 1.25\nset sidebar off\nset panel Textures\nset interface-scale 2\nset help on\nwait 1\n",
       settings);
  const Outcome again = run(out() + settings + script("report again.json\n"));
  ASSERT_EQ(again.status, 0) << again.log;
  const nlohmann::json controls = report("again.json").at("controls");
  EXPECT_EQ(controls.at("exposure"), 1.25);
  EXPECT_EQ(controls.at("panel"), "Textures");
  EXPECT_FALSE(controls.at("sidebar"));
  EXPECT_TRUE(controls.at("help"));
  EXPECT_EQ(report("again.json").at("interface-scale"), 2.0);
}

/// A precision that was remembered of another model or device does not keep the demo from starting.
TEST_F(DemoControls, SettingsThatCannotBeAreNotKept) {
  const std::filesystem::path file = folder_ / "settings.json";
  const std::string settings = " --settings '" + file.string() + "' ";
  const std::string mixed = R"({"model":"materials-s-int8","precision":"mixed"})";
  const auto precision = [&](const std::string& kept, const std::string& arguments) {
    std::ofstream(file) << kept;
    const Outcome outcome = run(out() + settings + arguments + script("wait 2\nreport now.json\n"));
    EXPECT_EQ(outcome.status, 0) << outcome.log;
    return report("now.json").at("precision");
  };
  EXPECT_EQ(precision(mixed, "--model materials-s"), "auto");
  EXPECT_EQ(precision(R"({"precision":"exact"})", ""), "auto");
  EXPECT_EQ(precision(R"({"precision":"mixed","plain-kernels":true})", ""), "auto");

  std::ofstream(file) << mixed;
  const Outcome refused =
      run(out() + settings + "--set precision=mixed --model materials-s" + script("wait textures\n"));
  EXPECT_NE(refused.status, 0);
  EXPECT_NE(refused.log.find("rivulet quantize"), std::string::npos) << refused.log;
  EXPECT_EQ(read(file), mixed) << "what ended it is not remembered";
  const Outcome unknown = run(out() + settings + "--set precision=exact" + script("wait 1\n"));
  EXPECT_NE(unknown.status, 0);
  EXPECT_NE(unknown.log.find("auto, float, half"), std::string::npos) << unknown.log;
}

}  // namespace
}  // namespace rivulet::test
