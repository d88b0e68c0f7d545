// A wide network that starts from a narrow one: the same function, and one that learns with all it has.
#include "training/growth.h"

#include "scratch.h"
#include "training/export.h"

namespace rivulet::training {
namespace {

TextureUnetConfig configOf(const std::string& model) {
  TextureUnetConfig config = TextureUnetConfig::named(model);
  config.classes = {"a", "b"};
  return config;
}

// A narrow network's file, of weights that all count.
void writeNarrow(const std::filesystem::path& file, TextureUnet& network) {
  network.initialise(1, {}, Style{1, 2, 1, 1, 1, 1, 1, 1, 1, 1});
  const torch::NoGradGuard guard;
  torch::manual_seed(1);
  at::Tensor flat = network.parameters().flat();
  flat.add_(at::randn_like(flat), 0.05);
  exportWeights(file, network, nullptr, nullptr, at::kFloat);
}

TextureUnetInput inputFor(const TextureUnet& network) {
  TextureUnetInput input;
  input.x = at::randn({2, 3, 16, 24});
  input.t = at::rand({2});
  input.classWeights = network.oneHot(at::randint(0, 3, {2}, at::TensorOptions().dtype(at::kLong)));
  input.style = at::randn({2, kStyleSize});
  if (network.config().targetTime) input.targetTime = input.t * 0.5;
  if (network.config().guidance) input.guidance = at::full({2}, 2.0);
  return input;
}

TEST(Growth, StartsAsTheSameFunction) {
  const Scratch scratch;
  for (const auto& [narrowName, wideName] : {std::pair{"texture_unet-xs", "texture_unet-s"},
                                             {"texture_unet-s", "texture_unet-m"},
                                             {"texture_unet-xs", "texture_unet-m"}}) {
    TextureUnet narrow(configOf(narrowName), at::kCPU, false);
    writeNarrow(scratch.path() / "narrow.safetensors", narrow);
    for (const bool map : {false, true}) {  // with and without inputs of its own
      TextureUnetConfig config = configOf(wideName);
      config.targetTime = config.guidance = map;
      TextureUnet wide(config, at::kCPU, false);
      importWeights(scratch.path() / "narrow.safetensors", wide);
      const TextureUnetInput input = inputFor(wide);
      const at::Tensor expected = narrow.forward(input), y = wide.forward(input);
      EXPECT_GT(expected.abs().max().item<double>(), 0.1);
      EXPECT_LT((y - expected).abs().max().item<double>(), 1e-4 * expected.abs().max().item<double>())
          << narrowName << " to " << wideName;
    }
  }
}

TEST(Growth, LeavesNoChannelWithoutAGradient) {
  const Scratch scratch;
  TextureUnet narrow(configOf("texture_unet-xs"), at::kCPU, false);
  writeNarrow(scratch.path() / "narrow.safetensors", narrow);
  TextureUnet wide(configOf("texture_unet-s"), at::kCPU, true);
  importWeights(scratch.path() / "narrow.safetensors", wide);
  wide.forward(inputFor(wide)).square().sum().backward();
  const at::Tensor grad = wide.parameters().grad();
  for (const auto& entry : wide.parameters().entries()) {
    if (entry.name.find("conv") == std::string::npos || entry.name.find(".weight") == std::string::npos) continue;
    const at::Tensor rows = grad.narrow(0, entry.offset, wide.parameters()[entry.name].numel())
                                .view(wide.parameters()[entry.name].sizes())
                                .abs()
                                .amax({1, 2, 3});
    EXPECT_GT(rows.min().item<double>(), 0) << entry.name;  // of every output channel, the silent ones too
    // No two alike: twins would stay twins.
    const at::Tensor silent = rows.slice(0, rows.size(0) / 2);
    EXPECT_GT((silent - silent[0]).abs().max().item<double>(), 0) << entry.name;
  }
}

TEST(Growth, RefusesToShrink) {
  const Scratch scratch;
  TextureUnet network(configOf("texture_unet-s"), at::kCPU, false);
  writeNarrow(scratch.path() / "s.safetensors", network);
  TextureUnet narrower(configOf("texture_unet-xs"), at::kCPU, false);
  EXPECT_THROW(importWeights(scratch.path() / "s.safetensors", narrower), Error);
  EXPECT_FALSE(grows(configOf("texture_unet-s"), configOf("texture_unet-s")));
  EXPECT_THROW(grownParameter("stem.weight", at::zeros({4, 4, 3, 3}), {2, 4, 3, 3}, 1), Error);
  EXPECT_THROW(grownParameter("stem.weight", at::zeros({4, 4}), {8, 4, 3, 3}, 1), Error);
}

}  // namespace
}  // namespace rivulet::training
