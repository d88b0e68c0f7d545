// The network: shapes, tiling, and the fused activation against ordinary ops.
#include "training/texture_unet.h"

#include "scratch.h"
#include "training/norm_silu_pad.h"

namespace rivulet::training {
namespace {

TextureUnetConfig smallConfig(const std::string& model = "texture_unet-s") {
  TextureUnetConfig config = TextureUnetConfig::named(model);
  config.classes = {"a", "b"};
  return config;
}

// A network whose every weight counts: the identity blocks of a fresh one would hide most of it.
void disturb(const TextureUnet& network) {
  const torch::NoGradGuard guard;
  at::Tensor flat = network.parameters().flat();
  flat.add_(at::randn_like(flat), 0.05);
}

TextureUnetInput inputFor(const TextureUnet& network, int64_t count, int64_t height, int64_t width) {
  TextureUnetInput input;
  input.x = at::randn({count, 3, height, width});
  input.t = at::rand({count});
  input.classWeights = network.oneHot(at::randint(0, 3, {count}, at::TensorOptions().dtype(at::kLong)));
  input.style = at::randn({count, kStyleSize});
  if (network.config().targetTime) input.targetTime = input.t * 0.5;
  if (network.config().guidance) input.guidance = at::full({count}, 2.0);
  return input;
}

TEST(TextureUnet, ReturnsAnImageOfTheSameSize) {
  torch::manual_seed(1);
  for (const char* model : {"texture_unet-s", "texture_unet-m"}) {
    TextureUnet network(smallConfig(model), at::kCPU, false);
    network.initialise(1, {}, Style{1, 1, 1, 1, 1, 1, 1, 1, 1, 1});
    for (const auto& [height, width] : {std::pair<int64_t, int64_t>{16, 16}, {8, 8}, {24, 40}}) {
      const at::Tensor y = network.forward(inputFor(network, 2, height, width));
      EXPECT_EQ(y.sizes(), (std::vector<int64_t>{2, 3, height, width}));
      EXPECT_EQ(y.scalar_type(), at::kFloat);
    }
  }
}

TEST(TextureUnet, HasTheContractsTensors) {
  const TextureUnet network(smallConfig(), at::kCPU, false);
  const auto shape = [&](const char* name) { return network.parameters()[name].sizes().vec(); };
  EXPECT_EQ(shape("emb.in.weight"), (std::vector<int64_t>{128, 74}));
  EXPECT_EQ(shape("emb.class"), (std::vector<int64_t>{3, 128}));
  EXPECT_EQ(shape("stem.weight"), (std::vector<int64_t>{32, 12, 3, 3}));
  EXPECT_EQ(shape("down.0.1.conv2.weight"), (std::vector<int64_t>{32, 32, 3, 3}));
  EXPECT_EQ(shape("down.1.down.weight"), (std::vector<int64_t>{96, 64, 3, 3}));
  EXPECT_EQ(shape("mid.1.mod.weight"), (std::vector<int64_t>{192, 128}));
  EXPECT_EQ(shape("up.1.proj.weight"), (std::vector<int64_t>{64, 96, 1, 1}));
  EXPECT_EQ(shape("up.1.0.norm1"), (std::vector<int64_t>{128}));
  EXPECT_EQ(shape("up.0.1.shortcut.weight"), (std::vector<int64_t>{32, 64, 1, 1}));
  EXPECT_EQ(shape("head.expand.weight"), (std::vector<int64_t>{32, 32, 3, 3}));
  EXPECT_EQ(shape("head.full.weight"), (std::vector<int64_t>{16, 11, 3, 3}));
  EXPECT_EQ(shape("head.out.bias"), (std::vector<int64_t>{3}));
  EXPECT_THROW(network.parameters()["mid.0.shortcut.weight"], Error);
  EXPECT_THROW(TextureUnetConfig::named("texture_unet-xl"), Error);
}

TEST(TextureUnet, TakesATargetTimeAndAGuidanceWeight) {
  torch::manual_seed(2);
  TextureUnetConfig config = smallConfig();
  config.targetTime = config.guidance = true;
  TextureUnet network(config, at::kCPU, false);
  network.initialise(1, {}, Style{1, 1, 1, 1, 1, 1, 1, 1, 1, 1});
  disturb(network);
  EXPECT_EQ(network.parameters()["emb.in.weight"].size(1), 3 * 64 + 10);
  TextureUnetInput input = inputFor(network, 2, 16, 16);
  const at::Tensor y = network.forward(input);
  EXPECT_EQ(y.sizes(), input.x.sizes());
  TextureUnetInput other = input;
  other.targetTime = input.targetTime * 0.5;
  EXPECT_FALSE(at::allclose(y, network.forward(other)));
  other = input;
  other.guidance = input.guidance + 1;
  EXPECT_FALSE(at::allclose(y, network.forward(other)));
}

TEST(TextureUnet, ShiftsWithItsInput) {
  // Circular everywhere: rolling the input by a multiple of the stride rolls the output, so tiles have no seam.
  torch::manual_seed(3);
  TextureUnet network(smallConfig(), at::kCPU, false);
  network.initialise(1, {}, Style{1, 1, 1, 1, 1, 1, 1, 1, 1, 1});
  disturb(network);
  TextureUnetInput input = inputFor(network, 2, 32, 48);
  const at::Tensor y = network.forward(input);
  input.x = at::roll(input.x, {8, 24}, {2, 3});
  EXPECT_TRUE(at::allclose(at::roll(y, {8, 24}, {2, 3}), network.forward(input), 1e-3, 1e-4));
}

// With a circular border the same value everywhere gives the same value everywhere; zeros show where the edges are.
TEST(TextureUnet, WholePicturesHaveEdges) {
  torch::manual_seed(6);
  for (const bool whole : {false, true}) {
    TextureUnetConfig config = smallConfig("texture_unet-xs");
    config.whitened = !whole;
    EXPECT_EQ(config.json().value("padding", "circular"), whole ? "zero" : "circular");
    EXPECT_EQ(TextureUnetConfig::fromJson(config.json()).whitened, !whole);
    TextureUnet network(config, at::kCPU, false);
    network.initialise(1, {}, Style{1, 1, 1, 1, 1, 1, 1, 1, 1, 1});
    disturb(network);
    TextureUnetInput input = inputFor(network, 1, 32, 32);
    input.x = at::zeros_like(input.x);
    const at::Tensor y = network.forward(input);
    // By its stride, a circular network may tell apart places within eight pixels.
    const double difference = (y.slice(3, 0, 8) - y.slice(3, 8, 16)).abs().max().item<double>();
    if (whole) {
      EXPECT_GT(difference, 1e-2);
    } else {
      EXPECT_LT(difference, 1e-4);
    }
  }
}

TEST(TextureUnet, SamplesOfABatchDoNotMeet) {
  torch::manual_seed(4);
  TextureUnet network(smallConfig(), at::kCPU, false);
  network.initialise(1, {}, Style{1, 1, 1, 1, 1, 1, 1, 1, 1, 1});
  disturb(network);
  const TextureUnetInput input = inputFor(network, 3, 16, 16);
  TextureUnetInput one{input.x.slice(0, 1, 2),
                       input.t.slice(0, 1, 2),
                       input.classWeights.slice(0, 1, 2),
                       input.style.slice(0, 1, 2),
                       {},
                       {}};
  EXPECT_TRUE(at::allclose(network.forward(input).slice(0, 1, 2), network.forward(one), 1e-3, 1e-4));
}

TEST(TextureUnet, GradientsReachEveryParameter) {
  torch::manual_seed(5);
  TextureUnet network(smallConfig(), at::kCPU, true);
  network.initialise(1, {}, Style{1, 1, 1, 1, 1, 1, 1, 1, 1, 1});
  disturb(network);
  network.forward(inputFor(network, 4, 16, 16)).square().mean().backward();
  for (const auto& entry : network.parameters().entries()) {
    EXPECT_GT(network.parameters()[entry.name].grad().abs().max().item<float>(), 0) << entry.name;
  }
}

TEST(TextureUnet, Bfloat16StaysNearFloat32) {
  torch::manual_seed(6);
  TextureUnet network(smallConfig(), at::kCPU, false);
  network.initialise(1, {}, Style{1, 1, 1, 1, 1, 1, 1, 1, 1, 1});
  disturb(network);
  const TextureUnetInput input = inputFor(network, 2, 32, 32);
  const at::Tensor exact = network.forward(input);
  network.setComputeType(at::kBFloat16);
  EXPECT_LT((network.forward(input) - exact).abs().mean().item<float>(), 0.02 * exact.abs().mean().item<float>());
}

TEST(NormSiluPad, MatchesOrdinaryOps) {
  torch::manual_seed(7);
  for (const auto type : {at::kFloat, at::kBFloat16}) {
    for (const auto& size : {std::vector<int64_t>{2, 32, 6, 5}, {1, 7, 1, 2}, {3, 40, 1, 1}}) {
      for (const Border border : {Border::Circular, Border::Zero}) {
        at::Tensor inputs[2][3];
        at::Tensor results[2], gradients[2][3];
        const at::Tensor x = at::randn(size), gain = at::randn({size[0], size[1]}),
                         shift = at::randn({size[0], size[1]});
        const at::Tensor weight = at::randn({size[0], size[1], size[2] + 2, size[3] + 2});
        for (int way = 0; way < 2; ++way) {
          inputs[way][0] = x.to(type).to(at::kFloat).to(type).requires_grad_(true);
          inputs[way][1] = gain.clone().requires_grad_(true);
          inputs[way][2] = shift.clone().requires_grad_(true);
          results[way] = (way == 0 ? normSiluPad : normSiluPadComposed)(inputs[way][0], inputs[way][1], inputs[way][2],
                                                                        1e-6, type, border);
          (results[way].to(at::kFloat) * weight).sum().backward();
          for (int i = 0; i < 3; ++i) gradients[way][i] = inputs[way][i].grad().to(at::kFloat);
        }
        const double tolerance = type == at::kFloat ? 1e-4 : 4e-2;
        EXPECT_TRUE(at::allclose(results[0].to(at::kFloat), results[1].to(at::kFloat), tolerance, tolerance));
        for (int i = 0; i < 3; ++i) {
          EXPECT_TRUE(at::allclose(gradients[0][i], gradients[1][i], tolerance, tolerance)) << i << " of " << size;
        }
      }
    }
  }
}

TEST(CircularPad, WrapsAndItsGradientFolds) {
  at::Tensor x = at::randn({2, 3, 4, 5}).requires_grad_(true);
  const at::Tensor rows = at::cat({x.narrow(2, 3, 1), x, x.narrow(2, 0, 1)}, 2);
  const at::Tensor expected = at::cat({rows.narrow(3, 4, 1), rows, rows.narrow(3, 0, 1)}, 3);
  EXPECT_TRUE(at::equal(circularPad(x), expected));
  const at::Tensor weight = at::randn_like(expected);
  const at::Tensor one = torch::autograd::grad({(circularPad(x) * weight).sum()}, {x})[0];
  EXPECT_TRUE(at::allclose(one, torch::autograd::grad({(expected * weight).sum()}, {x})[0], 1e-5, 1e-6));
}

}  // namespace
}  // namespace rivulet::training
