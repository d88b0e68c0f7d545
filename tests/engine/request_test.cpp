// What a request becomes before any device is involved, and what is said when it cannot be served.
#include "engine/request.h"

#include <gtest/gtest.h>

#include <set>

#include "support/expect_error.h"

namespace rivulet::engine {
namespace {

class FakeNetwork : public models::Network {
 public:
  models::NetworkInfo& edit() { return info_; }
  graph::Tensor embed(graph::Graph&, graph::Tensor conditioning) const override { return conditioning; }
  graph::Tensor build(graph::Graph&, const models::NetworkInputs& inputs) const override { return inputs.x; }
};

FakeNetwork materials() {
  FakeNetwork network;
  models::NetworkInfo& info = network.edit();
  info.name = "materials";
  info.classes = {"brick", "moss", "rust"};
  info.nullClass = true;
  info.styleDim = 2;
  info.styles = {{{1, 2}, {3, 4}, {5, 6}}, {{10, 20}}, {}};
  info.scheduler.sampler = "flow_euler";
  info.scheduler.process.kind = ProcessKind::Flow;
  info.scheduler.prediction = Prediction::Flow;
  return network;
}

Request brick(std::uint64_t seed = 7) {
  Request request;
  request.classes = {{0, 1.0f}};
  request.seed = seed;
  return request;
}

TEST(ParseClasses, NamesIndicesAndBlends) {
  const FakeNetwork network = materials();
  EXPECT_EQ(parseClasses(network.info(), "moss").at(0).index, 1u);
  EXPECT_EQ(parseClasses(network.info(), "2").at(0).index, 2u);
  const std::vector<ClassWeight> blend = parseClasses(network.info(), "brick:3, moss:1");
  ASSERT_EQ(blend.size(), 2u);
  EXPECT_FLOAT_EQ(blend[0].weight, 0.75f);
  EXPECT_FLOAT_EQ(blend[1].weight, 0.25f);
  EXPECT_TRUE(parseClasses(network.info(), "none").empty());
  EXPECT_EQ(classText(network.info(), blend), "brick 0.75 + moss 0.25");
}

TEST(ParseClasses, SaysWhatThereIs) {
  FakeNetwork network = materials();
  const auto parse = [&](const char* text) { return [&network, text] { parseClasses(network.info(), text); }; };
  test::expectError(ErrorCode::InvalidArgument, parse("wood"), "no class 'wood'", "brick, moss, rust");
  test::expectError(ErrorCode::InvalidArgument, parse("3"), "no class '3'");
  test::expectError(ErrorCode::InvalidArgument, parse("brick:x"), "'x'", "not a weight");
  test::expectError(ErrorCode::InvalidArgument, parse("brick:-1"), "not a weight");
  test::expectError(ErrorCode::InvalidArgument, parse("brick:0,moss:0"), "must not all be 0");
  test::expectError(ErrorCode::InvalidArgument, parse(""), "no class ''");
  network.edit().classes.clear();
  test::expectError(ErrorCode::InvalidArgument, parse("brick"), "has no classes");
}

TEST(Resolve, FillsInSizeAndStyle) {
  const FakeNetwork network = materials();
  const Request resolved = resolve(network.info(), brick());
  EXPECT_EQ(resolved.width, 64u);
  EXPECT_EQ(resolved.height, 64u);
  EXPECT_EQ(resolve(network.info(), brick()).style, resolved.style);  // the same seed, the same style
  std::set<std::vector<float>> drawn;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const std::vector<float> style = resolve(network.info(), brick(seed)).style;
    EXPECT_TRUE(style == std::vector<float>({1, 2}) || style == std::vector<float>({3, 4}) ||
                style == std::vector<float>({5, 6}));
    drawn.insert(style);
  }
  EXPECT_EQ(drawn.size(), 3u);
}

TEST(Resolve, ABlendMixesStylesAndAClassWithoutStylesTakesAny) {
  const FakeNetwork network = materials();
  Request request = brick();
  request.classes = {{0, 1.0f}, {1, 1.0f}};
  const std::vector<float> mixed = resolve(network.info(), request).style;
  const std::vector<float> one = resolve(network.info(), brick()).style;
  EXPECT_FLOAT_EQ(mixed[0], 0.5f * one[0] + 5.0f);
  request.classes = {{2, 1.0f}};
  EXPECT_EQ(resolve(network.info(), request).style.size(), 2u);
  request.classes.clear();
  EXPECT_EQ(resolve(network.info(), request).style.size(), 2u);
}

TEST(Resolve, BetweenTwoSeedsAStyleChangesEvenly) {
  const FakeNetwork network = materials();
  Request request = brick(1);
  const std::vector<float> first = resolve(network.info(), request).style;
  request.seedB = 1;
  while (resolve(network.info(), brick(request.seedB)).style == first) ++request.seedB;
  const std::vector<float> second = resolve(network.info(), brick(request.seedB)).style;
  request.seedBlend = 1;
  EXPECT_EQ(resolve(network.info(), request).style, second);
  request.seedBlend = 0.25f;
  EXPECT_FLOAT_EQ(resolve(network.info(), request).style[0], 0.75f * first[0] + 0.25f * second[0]);
}

TEST(Resolve, RefusesWhatCannotBe) {
  FakeNetwork network = materials();
  const auto refused = [&](const Request& request, const auto&... parts) {
    test::expectError(
        ErrorCode::InvalidArgument, [&] { resolve(network.info(), request); }, parts...);
  };
  Request request = brick();
  request.width = 60;
  request.height = 64;
  refused(request, "60x64", "multiples of 8", "64x64 is the next");
  request.width = 0;
  refused(request, "0x64", "at least 8");
  request.width = 65536;
  refused(request, "65536x64", "at most 16384x16384");
  request = brick();
  request.classes = {{3, 1.0f}};
  refused(request, "class index 3", "has 3 classes");
  request = brick();
  request.style = {1, 2, 3};
  refused(request, "has 2 numbers, not 3");
  request.style = {1, std::numeric_limits<float>::quiet_NaN()};
  refused(request, "finite");
  request = brick();
  request.guidance = -1;
  refused(request, "guidance must be from 0 to 100");
  request = brick();
  request.seedBlend = 1.5f;
  refused(request, "seed_blend must be from 0 to 1");
  request = brick();
  network.edit().nullClass = false;
  request.guidance = 2;
  refused(request, "without a null class");
  request = {};
  refused(request, "needs a class", "brick, moss, rust");
  network.edit().styles.clear();
  refused(brick(), "no style vectors to draw from");
  network.edit().styleDim = 0;
  request = brick();
  request.style = {1};
  refused(request, "takes no style vector");
}

TEST(MakePlan, SaysWhatThereIs) {
  const FakeNetwork network = materials();
  Request request = brick();
  EXPECT_EQ(makePlan(network.info(), request).calls.size(), kDefaultSteps);
  request.steps = 4;
  EXPECT_EQ(makePlan(network.info(), request).calls.size(), 4u);
  request.sampler = "magic";
  test::expectError(
      ErrorCode::InvalidArgument, [&] { makePlan(network.info(), request); }, "magic", "flow_euler", "ddim");
  request.sampler = "";
  request.steps = 1001;
  test::expectError(
      ErrorCode::InvalidArgument, [&] { makePlan(network.info(), request); }, "1001 steps", "at most 1000");
}

TEST(MakePlan, RefusesANetworkThatIsNoDenoiser) {
  FakeNetwork network = materials();
  network.edit().outChannels = 4;
  test::expectError(
      ErrorCode::InvalidArgument, [&] { makePlan(network.info(), brick()); }, "materials",
      "takes 3 channels and gives 4");
  network.edit().outChannels = 6;
  EXPECT_NO_THROW(makePlan(network.info(), brick()));
}

TEST(FillConditioning, PutsEverythingWhereTheLayoutSays) {
  const FakeNetwork network = materials();
  Request request = brick();
  request.guidance = 3;
  request.style = {8, 9};
  request.classes = {{0, 0.25f}, {2, 0.75f}};
  ModelCall call;
  call.timestep = 0.5;
  call.nextT = 0.25;
  std::vector<float> row(network.conditioning().channels);
  fillConditioning(network, request, call, false, row);
  EXPECT_EQ(row, (std::vector<float>{0.5f, 0.25f, 3, 8, 9, 0.25f, 0, 0.75f, 0}));
  fillConditioning(network, request, call, true, row);
  EXPECT_EQ(row, (std::vector<float>{0.5f, 0.25f, 3, 8, 9, 0, 0, 0, 1}));
}

}  // namespace
}  // namespace rivulet::engine
