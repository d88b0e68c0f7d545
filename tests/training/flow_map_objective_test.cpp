// Flow maps against a point mass, where the map and the loss are known; the jumps that are drawn against those that the
// runtime makes; the teacher, its trajectories and the student it starts.
#include "training/flow_map_objective.h"

#include <set>

#include "point_mass.h"
#include "training/export.h"

namespace rivulet::training {
namespace {

FlowMapOptions ofAll() {
  FlowMapOptions options;
  options.trajectories.rounds = 2;
  return options;
}

TEST(FlowMapObjective, OfAPointMassHasNoLossAtItsMap) {
  // Data and teacher are one point: X(t to s) = (s/t) x + (1 - s/t) mass, so f is the mass for every jump.
  const Scratch scratch;
  FlowMapObjective objective(ofAll(), teacherOf(scratch, constantNetwork(false, kMass)));
  const TextureUnet student = constantNetwork(true, kMass);
  EXPECT_NEAR(objective.loss(Step(student).step).item<double>(), 0, 1e-6);
  const Figures figures = objective.heldOut(student, massBatch(1), 0);
  EXPECT_EQ(figures[0].first, "heldout_loss");
  EXPECT_NEAR(figures[0].second, 0, 1e-9);
}

TEST(FlowMapObjective, ItsLossIsThePseudoHuberOfTheVelocity) {
  // A student that says c is off by c - mass in f and by (c - mass) / t in velocity; its half-jumps say c too, so long
  // jumps are its own.
  const Scratch scratch;
  const auto teacher = teacherOf(scratch, constantNetwork(false, kMass));
  FlowMapOptions options = ofAll();
  const TextureUnet student = constantNetwork(true, 0.9);
  const Step step(student);
  TrajectoryPool pool(options.trajectories, teacher);
  pool.advance(step.step);
  const FlowMapExample example = makeFlowMapExample(student, step.batch, options, pool, 1, 0, 1.0);
  ASSERT_EQ(example.known.size(0), 10);  // 4 anchors, 6 on trajectories
  ASSERT_EQ(example.shortCount, 2);
  const at::Tensor error = 0.5 / example.input.t.clamp_min(0.05).narrow(0, 0, 12);
  const double expected = ((error.square() + 0.01).sqrt() - 0.1).sum().item<double>() / 16;
  FlowMapObjective objective(options, teacher);
  EXPECT_NEAR(objective.loss(step.step).item<double>(), expected, 1e-4 * expected);
}

TEST(FlowMapObjective, TheAnchorsAreTheDataAndTheJumpsTheTeachers) {
  const Scratch scratch;
  const auto teacher = teacherOf(scratch, constantNetwork(false, -0.2));  // not where the data are
  const TextureUnet student = constantNetwork(true, 0);
  const Step step(student);
  const FlowMapOptions options = ofAll();
  TrajectoryPool pool(options.trajectories, teacher);
  pool.advance(step.step);
  const FlowMapExample example = makeFlowMapExample(student, step.batch, options, pool, 1, 0, 1.0);
  EXPECT_TRUE(at::allclose(example.known.narrow(0, 0, 4), at::full({4, 3, 8, 8}, kMass)));
  EXPECT_TRUE(at::allclose(example.known.narrow(0, 4, 6), at::full({6, 3, 8, 8}, -0.2), 1e-4, 1e-5));
  const at::Tensor length = example.input.t - example.input.targetTime;
  EXPECT_TRUE((length.narrow(0, 0, 4) == 0).all().item<bool>());
  EXPECT_TRUE((length.narrow(0, 4, 12) > 0).all().item<bool>());
  EXPECT_TRUE((example.input.guidance.narrow(0, 0, 4) == 1).all().item<bool>());
  EXPECT_TRUE((example.input.guidance >= 1).all().item<bool>() && (example.input.guidance <= 3).all().item<bool>());
}

TEST(FlowMapObjective, LeavesTheEdgesOfAnchorsOutAndOfNothingElse) {
  FlowMapExample example;
  example.anchorCount = 1;
  example.border = 8;
  example.input.t = at::ones({2});
  const at::Tensor target = at::zeros({2, 3, 32, 32});
  at::Tensor prediction = target.clone();
  prediction[0].slice(1, 0, 8).fill_(9);
  EXPECT_NEAR(flowMapLoss(prediction, target, example, {}).item<double>(), 0, 1e-7);
  prediction[1].slice(1, 0, 8).fill_(9);
  EXPECT_GT(flowMapLoss(prediction, target, example, {}).item<double>(), 0.1);
}

TEST(FlowMapObjective, DrawsTheStepsTheRuntimeMakes) {
  // tests/samplers/flow_euler_test.cpp holds the runtime to the same: n equal steps from 1 to 0, the last one's s is 0.
  FlowMapOptions options;
  options.gridPart = 1;
  std::set<std::pair<int, int>> drawn, deployed;
  Random random{1};
  for (int i = 0; i < 2000; ++i) drawn.insert(drawStates(random, options));
  for (const int n : {1, 2, 4, 8}) {
    for (int i = 0; i < n; ++i) deployed.insert({8 * i / n, 8 * (i + 1) / n});
  }
  EXPECT_EQ(drawn, deployed);
  options.gridPart = 0;
  drawn.clear();
  for (int i = 0; i < 5000; ++i) drawn.insert(drawStates(random, options));
  EXPECT_EQ(drawn.size(), 36u);  // every i < j
}

TEST(FlowMapObjective, LongJumpsGrowWithTheRun) {
  const FlowMapOptions options;
  Random random{1};
  double longest = 0;
  int fromNoise = 0;
  for (int i = 0; i < 2000; ++i) {
    const Jump shortJump = drawShortJump(random, options), early = drawLongJump(random, options, 0),
               late = drawLongJump(random, options, options.curriculum);
    EXPECT_LE(shortJump.t - shortJump.s, options.teacherSpan + 1e-9);
    EXPECT_GT(shortJump.t - shortJump.s, 0);
    EXPECT_GE(early.t - early.s, options.teacherSpan - 1e-9);
    EXPECT_LE(early.t - early.s, 2 * options.teacherSpan + 1e-9);
    for (const Jump& jump : {shortJump, early, late}) {
      EXPECT_TRUE(jump.s >= 0 && jump.t <= 1 && jump.w >= 1 && jump.w <= 3);
    }
    longest = std::max(longest, late.t - late.s);
    fromNoise += late.t == 1;
  }
  EXPECT_GT(longest, 0.99);
  EXPECT_NEAR(fromNoise / 2000.0, options.noisePart, 0.04);
}

TEST(TrajectoryPool, IsAFunctionOfSeedAndStep) {
  const Scratch scratch;
  const auto teacher = teacherOf(scratch, randomNetwork(false));
  TrajectoryOptions options;
  options.segments = 2;
  options.perRound = 2;
  options.rounds = 2;
  TrajectoryPool walked(options, teacher), resumed(options, teacher);
  const TextureUnet& student = teacher->network();
  for (std::uint64_t step = 0; step < 7; ++step) walked.advance(Step(student, step, 2).step);
  resumed.advance(Step(student, 6, 2).step);
  for (std::uint64_t i = 0; i < 8; ++i) {
    Random one{i}, other{i};
    const auto a = walked.pick(one), b = resumed.pick(other);
    EXPECT_TRUE(at::equal(a.states, b.states));
    EXPECT_EQ(a.guidance, b.guidance);
  }
}

TEST(TrajectoryPool, WalksFromNoiseToWhereTheTeacherPoints) {
  const Scratch scratch;
  TrajectoryPool pool({}, teacherOf(scratch, constantNetwork(false, kMass)));
  pool.advance(Step(constantNetwork(true, 0)).step);
  Random random{1};
  const at::Tensor states = pool.pick(random).states;
  ASSERT_EQ(states.size(0), 9);
  for (int i = 0; i <= 8; ++i) {
    const double t = 1 - i / 8.0;
    EXPECT_TRUE(at::allclose(states[i], t * states[0] + (1 - t) * kMass, 1e-5, 1e-5));
  }
}

TEST(Teacher, GuidesByItsUnconditionalAnswer) {
  const Scratch scratch;
  const auto teacher = teacherOf(scratch, randomNetwork(false));
  const TextureUnet& network = teacher->network();
  TextureUnetInput input;
  input.x = at::randn({2, 3, 8, 8});
  input.t = at::tensor({0.9f, 0.3f});
  input.style = at::randn({2, kStyleSize});
  const auto answer = [&](int64_t label) {
    input.classWeights = network.oneHot(at::full({2}, label, at::TensorOptions().dtype(at::kLong)));
    return network.forward(input);
  };
  const at::Tensor null = answer(2), conditional = answer(1);
  const at::Tensor w = at::tensor({1.0f, 2.5f});
  const at::Tensor expected = null + w.view({2, 1, 1, 1}) * (conditional - null);
  EXPECT_GT((conditional - null).abs().max().item<double>(), 1e-4);
  EXPECT_TRUE(at::allclose(teacher->guided(input, w), expected, 1e-4, 1e-5));
  EXPECT_TRUE(at::equal(teacher->guided(input, at::ones({2})), conditional));
}

TEST(Teacher, RefusesFlowMapsAndOtherClasses) {
  const Scratch scratch;
  EXPECT_NE(errorOf([&] { teacherOf(scratch, constantNetwork(true, 0)); }).find("is a flow map itself"),
            std::string::npos);
  const auto teacher = teacherOf(scratch, constantNetwork(false, 0));
  TextureUnetConfig config = smallConfig(false);
  teacher->configure(config);
  config.classes = {"a", "c"};
  EXPECT_NE(errorOf([&] { teacher->configure(config); }).find("the data have a, c"), std::string::npos);
}

TEST(FlowMapObjective, TheStudentStartsAsItsTeacher) {
  const Scratch scratch;
  const TextureUnet plain = randomNetwork(false);
  const auto teacher = teacherOf(scratch, plain);
  TextureUnet student = randomNetwork(true);
  importWeights(scratch.path() / "teacher.safetensors", student);
  TextureUnetInput input;
  input.x = at::randn({3, 3, 16, 16});
  input.t = at::tensor({1.0f, 0.5f, 0.1f});
  input.style = at::randn({3, kStyleSize});
  input.classWeights = plain.oneHot(at::tensor({0, 1, 2}, at::kLong));
  const at::Tensor expected = plain.forward(input);
  input.targetTime = at::tensor({0.0f, 0.5f, 0.05f});
  input.guidance = at::tensor({1.0f, 3.0f, 2.0f});
  EXPECT_TRUE(at::equal(student.forward(input), expected));
}

TEST(FlowMapObjective, SamplesAreToldWhereEachStepGoes) {
  const TextureUnet network = randomNetwork(true);
  TextureUnetInput input;
  input.x = at::randn({1, 3, 8, 8});
  input.style = at::zeros({1, kStyleSize});
  input.classWeights = network.oneHot(at::tensor({1}, at::kLong));
  input.guidance = at::full({1}, 1.5);
  const at::Tensor sample = sampleEuler(network, input, 2);
  at::Tensor x = input.x;
  for (const auto& [t, s] : {std::pair(1.0, 0.5), std::pair(0.5, 0.0)}) {
    input.x = x;
    input.t = at::full({1}, t);
    input.targetTime = at::full({1}, s);
    x = s / t * x + (1 - s / t) * network.forward(input);
  }
  EXPECT_TRUE(at::equal(sample, x));
  input.targetTime = at::full({1}, 0.5);
  EXPECT_FALSE(at::equal(sampleEuler(network, input, 1), network.forward(input)));
}

}  // namespace
}  // namespace rivulet::training
