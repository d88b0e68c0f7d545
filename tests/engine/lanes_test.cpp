// Lanes whose embeddings are made for several evaluations at once, against the same requests with an embedding made in
// every evaluation: the same bits, whoever else begins, ends or is given up meanwhile.
#include "engine/lanes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <tuple>

#include "support/expect_error.h"
#include "support/gpu_fixture.h"
#include "support/tiny_texture_unet.h"

namespace rivulet::engine {
namespace {

using NetworkPtr = std::shared_ptr<const models::Network>;

struct Job {
  std::shared_ptr<const Request> request;
  std::shared_ptr<const StepPlan> plan;
};

class LanesTest : public test::GpuTest {
 protected:
  static const NetworkPtr& tiny() {
    static const NetworkPtr network = test::TinyTextureUNet().load();
    return network;
  }
  static Job job(const NetworkPtr& network, std::uint64_t seed, std::uint32_t steps, float guidance = 1) {
    Request request;
    request.classes = {{static_cast<std::uint32_t>(seed % 3), 1.0f}};
    request.seed = seed;
    request.steps = steps;
    request.guidance = guidance;
    request.width = request.height = 16;
    request = resolve(network->info(), request);
    auto plan = std::make_shared<const StepPlan>(makePlan(network->info(), request));
    return {std::make_shared<const Request>(std::move(request)), std::move(plan)};
  }
  static LaneShape shapeOf(std::uint32_t lanes, const LaneNeeds& needs, bool guided = false,
                           DataType type = DataType::F32) {
    LaneShape shape;
    shape.lanes = lanes;
    shape.height = shape.width = 16;
    shape.precision = type == DataType::F16 ? Precision::Fp16 : Precision::Fp32;
    shape.guided = guided;
    shape.needs = needs;
    return shape;
  }
  Lanes lanesOf(const NetworkPtr& network, const LaneShape& shape) const {
    return Lanes(network, pipelines(), stream(), shape, nullptr, {});
  }

  /// One evaluation of all lanes; where the embeddings' dispatches begin or end is where it is cut.
  void evaluate(Lanes& lanes) const {
    const VkCommandBuffer commands = stream().begin("evaluation");
    lanes.recordParameters(commands);
    lanes.record(commands, lanes.firstDispatch(), 5);
    lanes.record(commands, lanes.firstDispatch() + 5, lanes.executable().size() - lanes.firstDispatch() - 5);
    stream().wait(stream().submit());
    lanes.advance();
  }
  std::vector<float> state(const Lanes& lanes, std::uint32_t lane) const {
    const vk::Buffer readback(device(), vk::BufferUse::Readback, lanes.stateBytes(), "states read back");
    const VkCommandBuffer commands = stream().begin("read back");
    lanes.recordReadback(commands, readback);
    stream().wait(stream().submit());
    readback.invalidate();
    return lanes.state(readback.mapped(), lane);
  }
  std::vector<float> finish(Lanes& lanes, std::uint32_t lane) const {
    while (!lanes.finished(lane)) evaluate(lanes);
    return state(lanes, lane);
  }

  /// The request by itself, with noise, embedding, network and step in every evaluation.
  std::vector<float> alone(const NetworkPtr& network, const Job& job, DataType type = DataType::F32) const {
    graph::Graph graph(caps(), type);
    const bool guided = needsGuidance(network->info(), *job.request);
    const std::uint32_t rows = guided ? 2 : 1, channels = network->conditioning().channels;
    SamplerShape shape;
    shape.height = shape.width = 16;
    shape.channels = network->info().inChannels;
    shape.guided = guided;
    shape.saved = job.plan->usesSaved();
    shape.history = job.plan->historyDepth() > 0;
    const SamplerState sampler = samplerState(graph, shape);
    const graph::Tensor conditioning = graph.persistent({rows, 1, 1, channels, DataType::F32}, "conditioning");
    initialNoise(graph, sampler);
    sampleStep(graph, sampler,
               network->build(graph, {sampler.modelInput, network->embed(graph, conditioning), models::Wrap::Repeat}));
    const auto weights = graph::WeightBuffer::create(graph, stream(), device(), "step by step");
    const graph::Executable executable(std::move(graph), pipelines(), weights, {});

    StepSlot slot;
    slot.seed = job.request->seed;
    slot.guided = guided;
    slot.guidance = job.request->guidance;
    const std::size_t stride = executable.desc(conditioning).stride();
    for (std::size_t i = 0; i < job.plan->calls.size(); ++i) {
      std::vector<float> row(rows * stride);
      fillConditioning(*network, *job.request, job.plan->calls[i], false, std::span(row).first(channels));
      if (guided) {
        fillConditioning(*network, *job.request, job.plan->calls[i], true, std::span(row).subspan(stride, channels));
      }
      std::vector<StepParams> initial(2);
      if (i == 0) std::tie(initial[0], initial[1]) = initialNoiseParams(*job.plan, slot, walkOf(*job.request));
      const StepParams step = toStepParams(*job.plan, i, slot);
      const VkCommandBuffer commands = stream().begin("step by step");
      executable.write(commands, conditioning, std::as_bytes(std::span(row)));
      executable.write(commands, sampler.initialParams, std::as_bytes(std::span(initial)));
      executable.write(commands, sampler.stepParams, std::as_bytes(std::span(&step, 1)));
      executable.record(commands, 0, executable.size());
      stream().wait(stream().submit());
    }
    std::vector<std::byte> bytes(executable.desc(sampler.x).bytes());
    stream().download(executable.arena(), executable.offset(sampler.x), bytes);
    return graph::unpackNchw(bytes, executable.desc(sampler.x));
  }
};

TEST_F(LanesTest, PlansOfAnyLength) {
  Lanes lanes = lanesOf(tiny(), shapeOf(1, {}));
  for (const std::uint32_t steps : {1u, 4u, 8u, 9u, 50u}) {
    const Job one = job(tiny(), steps, steps);
    lanes.assign(0, one.request, one.plan);
    EXPECT_EQ(finish(lanes, 0), alone(tiny(), one)) << steps << " steps";
    lanes.release(0);
  }
}

TEST_F(LanesTest, PlansOfAnyLengthInHalfPrecision) {
  if (!caps().storage16) GTEST_SKIP() << "this device does not store fp16";
  const Job one = job(tiny(), 3, 9);
  Lanes lanes = lanesOf(tiny(), shapeOf(1, {}, false, DataType::F16));
  lanes.assign(0, one.request, one.plan);
  EXPECT_EQ(finish(lanes, 0), alone(tiny(), one, DataType::F16));
}

TEST_F(LanesTest, ADiffusersNetworkToo) {
  const auto network = models::Network::load(std::string(RIVULET_TEST_DATA) + "/reference/unet_class_cond");
  Lanes lanes = lanesOf(network, shapeOf(2, {}));
  const Job first = job(network, 5, 11), second = job(network, 6, 10);
  lanes.assign(0, first.request, first.plan);
  for (int i = 0; i < 4; ++i) evaluate(lanes);
  lanes.assign(1, second.request, second.plan);
  EXPECT_EQ(finish(lanes, 0), alone(network, first));
  EXPECT_EQ(finish(lanes, 1), alone(network, second));
}

/// What an evaluation costs: the dispatches of a lane's beginning only where one begins.
TEST_F(LanesTest, EmbeddingsAreMadeOnceForEightEvaluations) {
  const Job one = job(tiny(), 3, 20), other = job(tiny(), 4, 20);
  Lanes lanes = lanesOf(tiny(), shapeOf(2, {}));
  const auto name = [&](std::uint32_t dispatch) { return lanes.executable().dispatch(dispatch).name; };
  ASSERT_EQ(name(0), "sampler.noise");
  ASSERT_EQ(name(1), "emb.features");
  ASSERT_EQ(name(4), "mod");
  ASSERT_EQ(name(5), "unshuffle");
  lanes.assign(0, one.request, one.plan);
  std::vector<std::uint32_t> firsts;
  for (int i = 0; i < 20; ++i) {
    if (i == 10) lanes.assign(1, other.request, other.plan);
    evaluate(lanes);
    firsts.push_back(lanes.firstDispatch());
  }
  const std::vector<std::uint32_t> expected{0, 5, 5, 5, 5, 5, 5, 5, 1, 5, 0, 5, 5, 5, 5, 5, 5, 5, 1, 5};
  EXPECT_EQ(firsts, expected);
  EXPECT_EQ(lanes.runs(0, 9), 1u);
  EXPECT_EQ(lanes.runs(1, 8), 1u);
  EXPECT_EQ(lanes.runs(4, 9), 2u);
  EXPECT_EQ(lanes.runs(5, 9), 9u);
}

/// A plan of few steps does not pay for eight.
TEST_F(LanesTest, EmbeddingsAreMadeOnlyAsFarAsALaneGoes) {
  Lanes lanes = lanesOf(tiny(), shapeOf(2, {}));
  const std::uint64_t all = lanes.executable().dispatch(4).multiplyAdds;
  const Job brief = job(tiny(), 3, 2), longer = job(tiny(), 4, 11);
  lanes.assign(0, brief.request, brief.plan);
  evaluate(lanes);
  EXPECT_EQ(lanes.multiplyAdds(4), all * 2 / 8);
  lanes.assign(1, longer.request, longer.plan);
  evaluate(lanes);
  EXPECT_EQ(lanes.multiplyAdds(4), all);
  EXPECT_EQ(lanes.multiplyAdds(5), lanes.executable().dispatch(5).multiplyAdds);
  EXPECT_EQ(state(lanes, 0), alone(tiny(), brief));
  EXPECT_EQ(finish(lanes, 1), alone(tiny(), longer));
}

TEST_F(LanesTest, WhoeverBeginsOrIsCancelledLeavesTheOthersAlone) {
  const std::uint32_t steps[] = {13, 3, 9, 1, 17, 2, 8, 6};
  std::vector<Job> jobs;
  for (const std::uint32_t count : steps) jobs.push_back(job(tiny(), 20 + jobs.size(), count));
  Lanes lanes = lanesOf(tiny(), shapeOf(3, {}));
  std::size_t at[3] = {}, next = 0, done = 0;
  for (int evaluation = 0; done < jobs.size(); ++evaluation) {
    for (std::uint32_t lane = 0; lane < 3; ++lane) {
      // One begins at a time, in lanes that are free, so that all are at different places.
      if (lanes.active(lane) || next == jobs.size() || evaluation % 2 != 0) continue;
      at[lane] = next++;
      lanes.assign(lane, jobs[at[lane]].request, jobs[at[lane]].plan);
      break;
    }
    evaluate(lanes);
    for (std::uint32_t lane = 0; lane < 3; ++lane) {
      if (!lanes.active(lane)) continue;
      const bool cancelled = at[lane] == 2 && lanes.evaluation(lane) == 4;
      if (!lanes.finished(lane) && !cancelled) continue;
      if (!cancelled) {
        EXPECT_EQ(state(lanes, lane), alone(tiny(), jobs[at[lane]])) << "request " << at[lane];
      }
      lanes.release(lane);
      ++done;
    }
  }
}

TEST_F(LanesTest, GuidedOnesHaveTwoRows) {
  const Job guided = job(tiny(), 3, 10, 3.0f), plain = job(tiny(), 4, 9), later = job(tiny(), 5, 9, 2.0f);
  Lanes lanes = lanesOf(tiny(), shapeOf(2, {}, true));
  lanes.assign(1, guided.request, guided.plan);
  for (int i = 0; i < 3; ++i) evaluate(lanes);
  lanes.assign(0, plain.request, plain.plan);
  EXPECT_EQ(finish(lanes, 1), alone(tiny(), guided));
  lanes.assign(1, later.request, later.plan);
  EXPECT_EQ(finish(lanes, 0), alone(tiny(), plain));
  EXPECT_EQ(finish(lanes, 1), alone(tiny(), later));
}

TEST_F(LanesTest, WhatNeverRanIsDoneAgain) {
  const Job first = job(tiny(), 3, 12), second = job(tiny(), 4, 10);
  // The end of an evaluation recorded in slices is dropped: after one evaluation, and at a new run of embeddings.
  for (const int before : {0, 1, 4, 8}) {
    Lanes lanes = lanesOf(tiny(), shapeOf(2, {}));
    lanes.assign(0, first.request, first.plan);
    for (int i = 0; i < before; ++i) evaluate(lanes);
    lanes.assign(1, second.request, second.plan);
    lanes.recordParameters(stream().begin("dropped"));
    stream().abandon();
    for (const std::uint32_t lane : {0u, 1u}) lanes.restart(lane);
    EXPECT_EQ(finish(lanes, 0), alone(tiny(), first)) << before;
    EXPECT_EQ(finish(lanes, 1), alone(tiny(), second)) << before;
  }
}

TEST_F(LanesTest, AnEvaluationMayBeRecordedAgain) {
  const Job one = job(tiny(), 3, 18);
  Lanes lanes = lanesOf(tiny(), shapeOf(1, {}));
  lanes.assign(0, one.request, one.plan);
  while (!lanes.finished(0)) {
    lanes.recordParameters(stream().begin("dropped"));
    stream().abandon();
    evaluate(lanes);
  }
  EXPECT_EQ(state(lanes, 0), alone(tiny(), one));
}

TEST_F(LanesTest, ThereAreAsManyViewsAsEvaluations) {
  const Lanes lanes = lanesOf(tiny(), shapeOf(1, {}));
  test::expectError(
      ErrorCode::InvalidArgument,
      [&] { lanes.executable().record(stream().begin("too far"), 0, 1, nullptr, {kEmbeddedSteps}); }, "view 8",
      "the executable has 8");
  stream().abandon();
}

/// What the table takes: for each row of conditioning, its embedding; 8 rows a lane, twice as many with guidance.
TEST_F(LanesTest, TheTableIsSmall) {
  const auto network = models::Network::load(std::string(RIVULET_SOURCE_DIR) + "/models/materials-s.safetensors");
  graph::Graph graph(caps(), DataType::F32);
  const std::uint32_t rows = kEmbeddedSteps;
  const graph::Tensor embeddings = network->embed(
      graph, graph.persistent({rows, 1, 1, network->conditioning().channels, DataType::F32}, "conditioning"));
  const std::uint64_t bytes = graph.desc(embeddings).bytes();
  RecordProperty("bytes", std::to_string(bytes));
  EXPECT_LE(bytes, 64u << 10) << "a lane's";
}

}  // namespace
}  // namespace rivulet::engine
