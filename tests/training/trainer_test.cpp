// A run that is stopped and resumed ends with the bits of one that was not; the average and the optimiser are their
// formulas.
#include "training/trainer.h"

#include <cmath>
#include <numeric>

#include "scratch.h"
#include "training/adam.h"
#include "training/ema.h"
#include "training/export.h"
#include "training/flow_map_objective.h"
#include "training/flow_objective.h"
#include "training/loss_curve.h"
#include "training/reference_dump.h"
#include "training/safetensors.h"

namespace rivulet::training {
namespace {

TrainerOptions tinyRun(const Scratch& scratch, const std::string& name) {
  TrainerOptions options;
  options.data = smallData(scratch);
  options.augment.crop = options.data.crop;
  options.augment.rotateClasses = defaultRotateClasses();
  options.out = scratch.path() / (name + ".safetensors");
  options.checkpoint = scratch.path() / (name + ".ckpt");
  options.log = scratch.path() / (name + ".jsonl");
  options.steps = 6;
  options.batch = 2;
  options.warmup = 2;
  options.logEvery = 1;
  options.sampleEvery = 0;
  options.quiet = true;
  return options;
}

Trainer flowTrainer(const TrainerOptions& options, const FlowOptions& flow = {}) {
  return Trainer(options, std::make_unique<FlowObjective>(flow));
}

std::string bytesOf(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(Trainer, ResumesToTheSameBits) {
  const Scratch scratch;
  const std::atomic<bool> go{false};
  for (const bool bf16 : {false, true}) {
    const std::string suffix = bf16 ? "-bf16" : "";
    TrainerOptions whole = tinyRun(scratch, "whole" + suffix), parts = tinyRun(scratch, "parts" + suffix);
    whole.bf16 = parts.bf16 = bf16;
    EXPECT_TRUE(flowTrainer(whole).run(go));
    parts.sessionSteps = 2;
    EXPECT_FALSE(flowTrainer(parts).run(go));
    EXPECT_FALSE(flowTrainer(parts).run(go));
    parts.sessionSteps = -1;
    EXPECT_TRUE(flowTrainer(parts).run(go));
    const Safetensors a = readSafetensors(whole.checkpoint), b = readSafetensors(parts.checkpoint);
    EXPECT_EQ(a.note("step"), "6");
    EXPECT_EQ(b.note("step"), "6");
    for (const auto& [name, tensor] : a.tensors) EXPECT_TRUE(at::equal(tensor, b.at(name))) << name;
    const Safetensors weights = readSafetensors(whole.out), again = readSafetensors(parts.out);
    for (const auto& [name, tensor] : weights.tensors) EXPECT_TRUE(at::equal(tensor, again.at(name))) << name;
  }
}

TEST(Trainer, ResumesAFlowMapToTheSameBits) {
  const Scratch scratch;
  const std::atomic<bool> go{false};
  TrainerOptions teacher = tinyRun(scratch, "teacher");
  teacher.steps = 1;
  EXPECT_TRUE(flowTrainer(teacher).run(go));
  FlowMapOptions options;
  options.trajectories.segments = 2;  // cheap
  options.trajectories.perRound = 2;
  options.trajectories.rounds = 2;
  const auto flowMapTrainer = [&](TrainerOptions run) {
    run.init = teacher.out;
    run.batch = 4;
    auto frozen = std::make_shared<Teacher>(teacher.out, at::kCPU, false);
    return Trainer(run, std::make_unique<FlowMapObjective>(options, std::move(frozen)));
  };
  TrainerOptions whole = tinyRun(scratch, "whole"), parts = tinyRun(scratch, "parts");
  EXPECT_TRUE(flowMapTrainer(whole).run(go));
  parts.sessionSteps = 5;  // in the middle of a round
  EXPECT_FALSE(flowMapTrainer(parts).run(go));
  EXPECT_TRUE(flowMapTrainer(parts).run(go));
  const Safetensors a = readSafetensors(whole.checkpoint), b = readSafetensors(parts.checkpoint);
  for (const auto& [name, tensor] : a.tensors) EXPECT_TRUE(at::equal(tensor, b.at(name))) << name;
  const auto config = nlohmann::json::parse(readSafetensors(whole.out).note("config"));
  EXPECT_TRUE(config["target_time"].get<bool>() && config["guidance"].get<bool>());
  // Another objective's checkpoint is not taken up.
  EXPECT_NE(errorOf([&] { flowTrainer(whole); }).find("another objective"), std::string::npos);
}

TEST(Trainer, StopsOnASignalWithACheckpoint) {
  const Scratch scratch;
  const TrainerOptions options = tinyRun(scratch, "stopped");
  const std::atomic<bool> stop{true};
  EXPECT_FALSE(flowTrainer(options).run(stop));
  EXPECT_TRUE(std::filesystem::exists(options.checkpoint));
  EXPECT_TRUE(std::filesystem::exists(options.out));
}

TEST(Trainer, RefusesAnotherRunsCheckpoint) {
  const Scratch scratch;
  TrainerOptions options = tinyRun(scratch, "other");
  const std::atomic<bool> stop{true};
  flowTrainer(options).run(stop);
  options.seed = 2;
  EXPECT_NE(errorOf([&] { flowTrainer(options); }).find("another objective, model, class list or seed"),
            std::string::npos);
  std::ofstream(options.checkpoint) << "rubbish";
  EXPECT_NE(errorOf([&] { flowTrainer(options); }).find(options.checkpoint.string()), std::string::npos);
}

TEST(Trainer, StartsFromGivenWeights) {
  const Scratch scratch;
  const std::atomic<bool> go{false};
  TrainerOptions first = tinyRun(scratch, "first"), second = tinyRun(scratch, "second");
  EXPECT_TRUE(flowTrainer(first).run(go));
  second.init = first.out;
  second.seed = 99;  // would draw other weights
  const Trainer trainer = flowTrainer(second);
  EXPECT_EQ(trainer.step(), 0);
  const Safetensors given = readSafetensors(first.out);
  for (const auto& entry : trainer.network().parameters().entries()) {
    EXPECT_TRUE(at::equal(trainer.network().parameters()[entry.name], given.at(entry.name))) << entry.name;
    EXPECT_TRUE(at::equal(trainer.average().parameters()[entry.name], given.at(entry.name))) << entry.name;
  }

  Safetensors other = given;
  other.metadata["config"] = R"({"architecture":"texture_unet","size":"xxl"})";
  second.init = scratch.path() / "other.safetensors";
  writeSafetensors(second.init, other);
  const std::string message = errorOf([&] { flowTrainer(second); });
  EXPECT_NE(message.find("other.safetensors is of another configuration"), std::string::npos) << message;
}

TEST(Trainer, LearnsAndLogs) {
  const Scratch scratch;
  TrainerOptions options = tinyRun(scratch, "learns");
  options.steps = 60;
  options.batch = 4;
  options.learningRate = 4e-3;
  FlowOptions flow;
  flow.timeUniform = 0;
  flow.timeDeviation = 0.1;  // losses of like weight, so that ten of them compare
  const std::atomic<bool> go{false};
  flowTrainer(options, flow).run(go);
  std::ifstream log(options.log);
  std::vector<double> losses;
  for (std::string line; std::getline(log, line);) {
    const auto entry = nlohmann::json::parse(line);
    if (!entry.contains("loss")) continue;
    losses.push_back(entry["raw_loss"]);
    EXPECT_TRUE(entry.contains("lr") && entry.contains("grad_norm") && entry.contains("images_per_second"));
  }
  ASSERT_EQ(losses.size(), 60u);
  const auto sum = [](auto begin, auto end) { return std::accumulate(begin, end, 0.0); };
  EXPECT_LT(sum(losses.end() - 10, losses.end()), 0.8 * sum(losses.begin(), losses.begin() + 10));
  const std::string curve = bytesOf(scratch.path() / "learns.loss.svg");
  EXPECT_NE(curve.find("<polyline"), std::string::npos);
}

TEST(Trainer, TheTimeLimitEndsTheRun) {
  const Scratch scratch;
  TrainerOptions options = tinyRun(scratch, "timed");
  options.steps = 1000000;
  options.timeLimitMinutes = 1.0 / 60;
  const std::atomic<bool> go{false};
  Trainer trainer = flowTrainer(options);
  EXPECT_TRUE(trainer.run(go));
  EXPECT_LT(trainer.step(), 1000000);
}

TEST(ReferenceDump, HoldsWhatTheNetworkReturns) {
  const Scratch scratch;
  TextureUnetConfig config = TextureUnetConfig::named("texture_unet-s");
  config.classes = {"a", "b"};
  config.targetTime = config.guidance = true;
  TextureUnet network(config, at::kCPU, false);
  network.initialise(1, {}, Style{1, 1, 1, 1, 1, 1, 1, 1, 1, 1});
  dumpReference(scratch.path() / "reference", network, {}, 1);
  const Safetensors io = readSafetensors(scratch.path() / "reference" / "io.safetensors");
  EXPECT_EQ(io.at("2.x").sizes(), (std::vector<int64_t>{2, 3, 96, 64}));
  EXPECT_EQ(io.at("1.class").scalar_type(), at::kInt);
  EXPECT_EQ(io.at("1.class")[1].item<int>(), 2);  // the null class
  TextureUnetInput input;
  input.x = io.at("1.x");
  input.t = io.at("1.t");
  input.classWeights = network.oneHot(io.at("1.class").to(at::kLong));
  input.style = io.at("1.style");
  input.targetTime = io.at("1.s");
  input.guidance = io.at("1.guidance");
  EXPECT_TRUE(at::allclose(network.forward(input), io.at("1.y"), 1e-4, 1e-5));
  EXPECT_EQ(readSafetensors(scratch.path() / "reference" / "model.safetensors").note("format"), "rivulet-1");
}

TEST(Ema, IsItsFormula) {
  at::Tensor average = at::full({3}, 2.0);
  emaUpdate(average, at::full({3}, 5.0), 0.999, 0);  // decay (1 + 0) / (10 + 0)
  EXPECT_NEAR(average[0].item<double>(), 0.1 * 2 + 0.9 * 5, 1e-6);
  average.fill_(2.0);
  emaUpdate(average, at::full({3}, 5.0), 0.999, 1000000);
  EXPECT_NEAR(average[0].item<double>(), 0.999 * 2 + 0.001 * 5, 1e-6);
  EXPECT_DOUBLE_EQ(emaDecay(0.999, 90), 0.91);
}

TEST(Adam, MovesAsLibtorchs) {
  torch::manual_seed(1);
  at::Tensor mine = at::randn({20});
  at::Tensor theirs = mine.clone().requires_grad_(true);
  Adam adam(mine, {});
  torch::optim::Adam reference({theirs}, torch::optim::AdamOptions(1e-2).betas({0.9, 0.99}).eps(1e-8));
  for (int64_t step = 0; step < 5; ++step) {
    at::Tensor grad = at::randn({20}) * 0.1;  // a norm below the clip
    theirs.mutable_grad() = grad.clone();
    reference.step();
    adam.update(mine, grad, 1e-2, step);
  }
  EXPECT_TRUE(at::allclose(mine, theirs, 1e-5, 1e-6));
}

TEST(Adam, ClipsByTheGlobalNorm) {
  at::Tensor parameters = at::zeros({4}), grad = at::full({4}, 3.0);
  Adam adam(parameters, {});
  EXPECT_NEAR(adam.update(parameters, grad, 1e-3, 0), 6.0, 1e-6);
  EXPECT_NEAR(grad.norm().item<double>(), 1.0, 1e-5);
}

}  // namespace
}  // namespace rivulet::training
