// Examples from IDX files, and runs on them: a diffusion that is stopped and resumed, and its variance added later.
#include "training/idx_source.h"

#include <gtest/gtest.h>

#include "evaluation/idx_files.h"
#include "scratch.h"
#include "training/ddpm_objective.h"
#include "training/export.h"
#include "training/safetensors.h"

namespace rivulet::training {
namespace {

// Twenty training and ten held-out pictures of ten classes.
std::filesystem::path smallSet(const Scratch& scratch, const std::string& name = "digits", int size = 12) {
  std::filesystem::create_directories(scratch.path() / name);
  writeIdxSet(scratch.path() / name, size, 20, 10, 10);
  return scratch.path() / name;
}

TEST(IdxSource, PadsWithBlackToAMultipleOfEight) {
  const Scratch scratch;
  const IdxSource source(smallSet(scratch));
  EXPECT_EQ(source.size(), 16);
  const Batch one = source.heldOut(3);
  ASSERT_EQ(one.x0.sizes(), (std::vector<int64_t>{1, 1, 16, 16}));
  EXPECT_EQ(one.label.item<int64_t>(), 3);
  EXPECT_FALSE(one.style.defined());
  EXPECT_EQ(one.x0.slice(2, 0, 2).max().item<double>(), -1) << "the border";
  EXPECT_GT(one.x0.slice(2, 2, 14).slice(3, 2, 14).min().item<double>(), -1) << "the picture has no 0";
  TextureUnetConfig config;
  source.configure(config);
  EXPECT_EQ(config.channels, 1);
  EXPECT_EQ(config.styleDim, 0);
  EXPECT_FALSE(config.whitened);
  EXPECT_EQ(config.classes[9], "9");
  EXPECT_EQ(idxClassNames(scratch.path() / "my-fashion-set/")[9], "ankle boot");
}

TEST(IdxSource, ABatchIsAFunctionOfSeedAndStep) {
  const Scratch scratch;
  const IdxSource source(smallSet(scratch));
  const Batch a = source.batch(40, 1, 2), b = source.batch(40, 1, 2), c = source.batch(40, 1, 3);
  EXPECT_TRUE(at::equal(a.x0, b.x0));
  EXPECT_TRUE(at::equal(a.label, b.label));
  EXPECT_FALSE(at::equal(a.x0, c.x0));
  EXPECT_EQ(std::get<0>(at::_unique(source.batch(400, 1, 1).label)).numel(), 10) << "every class is drawn";
}

TEST(IdxSource, SaysWhatIsMissing) {
  const Scratch scratch;
  const std::filesystem::path folder = smallSet(scratch);
  EXPECT_TRUE(IdxSource::isIdx(folder));
  EXPECT_FALSE(IdxSource::isIdx(scratch.path()));
  std::filesystem::remove(folder / "t10k-labels-idx1-ubyte");
  EXPECT_NE(errorOf([&] { IdxSource{folder}; }).find("no file t10k-labels-idx1-ubyte"), std::string::npos);
  writeIdxSet(folder, 12, 20, 10, 2);
  EXPECT_NE(errorOf([&] { IdxSource{folder}; }).find("class 2"), std::string::npos);
}

TrainerOptions tinyRun(const Scratch& scratch, const std::filesystem::path& data, const std::string& name) {
  TrainerOptions options;
  options.data.root = data;
  options.model = "texture_unet-xs";
  options.out = scratch.path() / (name + ".safetensors");
  options.checkpoint = scratch.path() / (name + ".ckpt");
  options.steps = 6;
  options.batch = 8;
  options.warmup = 2;
  options.sampleEvery = 0;
  options.quiet = true;
  return options;
}

// The history that importance sampling draws from is part of the run: with two steps it fills after a few batches.
TEST(IdxSource, ADiffusionResumesToTheSameBits) {
  const Scratch scratch;
  const std::atomic<bool> go{false};
  const std::filesystem::path data = smallSet(scratch);
  DdpmOptions ddpm;
  ddpm.diffusion.steps = 2;
  ddpm.learnedVariance = ddpm.importance = true;
  const auto trainer = [&](const TrainerOptions& run) { return Trainer(run, std::make_unique<DdpmObjective>(ddpm)); };
  TrainerOptions whole = tinyRun(scratch, data, "whole"), parts = tinyRun(scratch, data, "parts");
  EXPECT_TRUE(trainer(whole).run(go));
  parts.sessionSteps = 4;
  EXPECT_FALSE(trainer(parts).run(go));
  EXPECT_TRUE(trainer(parts).run(go));
  const Safetensors a = readSafetensors(whole.checkpoint), b = readSafetensors(parts.checkpoint);
  EXPECT_GE(a.at("objective.timesteps").select(1, 10).min().item<float>(), 10) << "the test draws by importance";
  for (const auto& [name, tensor] : a.tensors) EXPECT_TRUE(at::equal(tensor, b.at(name))) << name;
}

// A variance is added to a network without: what it says of the mean stays, its variance starts halfway.
TEST(IdxSource, AVarianceCanBeAddedToATrainedNetwork) {
  const Scratch scratch;
  const std::atomic<bool> go{false};
  const std::filesystem::path data = smallSet(scratch);
  TrainerOptions plain = tinyRun(scratch, data, "plain");
  DdpmOptions fixed, learned;
  EXPECT_TRUE(Trainer(plain, std::make_unique<DdpmObjective>(fixed)).run(go));
  learned.learnedVariance = true;
  TrainerOptions more = tinyRun(scratch, data, "learned");
  more.init = plain.out;
  const Trainer trainer(more, std::make_unique<DdpmObjective>(learned));
  TextureUnet before(readConfig(plain.out), at::kCPU, false);
  importWeights(plain.out, before);
  TextureUnetInput input;
  input.x = at::ones({1, 1, 16, 16});
  input.t = at::full({1}, 0.5);
  input.classWeights = before.oneHot(at::zeros({1}, at::TensorOptions().dtype(at::kLong)));
  const torch::NoGradGuard guard;
  const at::Tensor mean = before.forward(input), both = trainer.average().forward(input);
  ASSERT_EQ(both.size(1), 2);
  EXPECT_LT((both.narrow(1, 0, 1) - mean).abs().max().item<double>(), 1e-6);
  EXPECT_EQ(both.narrow(1, 1, 1).abs().max().item<double>(), 0);
  const auto config = nlohmann::json::parse(readSafetensors(plain.out).note("config"));
  EXPECT_EQ(config["schedule"]["clip"], 1.0) << "pictures that are not whitened lie in [-1, 1]";
}

}  // namespace
}  // namespace rivulet::training
