// Progressive distillation against a point mass and against its teacher's own samples.
#include "training/progressive_objective.h"

#include "point_mass.h"
#include "training/flow_objective.h"

namespace rivulet::training {
namespace {

TEST(ProgressiveObjective, OfAPointMassIsItsClosedForm) {
  const Scratch scratch;
  const auto teacher = teacherOf(scratch, constantNetwork(false, kMass));
  ProgressiveOptions options;
  ProgressiveObjective objective(options, teacher);
  EXPECT_NEAR(objective.loss(Step(constantNetwork(false, kMass)).step).item<double>(), 0, 1e-9);
  options.steps = 1;  // t = 1 is the only time: the loss is (c - mass)^2
  ProgressiveObjective last(options, teacher);
  EXPECT_NEAR(last.loss(Step(constantNetwork(false, 0.9)).step).item<double>(), 0.25, 1e-5);
}

TEST(ProgressiveObjective, AimsAtTwoOfTheTeachersSteps) {
  const Scratch scratch;
  const auto teacher = teacherOf(scratch, randomNetwork(false));
  ProgressiveOptions options;
  options.steps = 1;
  options.classDropout = 0;
  ProgressiveObjective objective(options, teacher);
  const TextureUnet student = constantNetwork(false, 0.25);
  const Step step(student, 0, 4);
  FlowOptions flow;
  flow.classDropout = 0;
  FlowExample example = makeFlowExample(student, step.batch, flow, 1, 0);
  example.input.x = example.noise;
  const double expected = (sampleEuler(teacher->network(), example.input, 2) - 0.25).square().mean().item<double>();
  EXPECT_NEAR(objective.loss(step.step).item<double>(), expected, 1e-4 * expected);
}

}  // namespace
}  // namespace rivulet::training
