// The runtime beside libtorch: both evaluate the same network on the same inputs, and both are timed.
#include <CLI/CLI.hpp>
#include <fstream>
#include <nlohmann/json.hpp>

#include "../scratch.h"
#include "core/error.h"
#include "training/evaluation/commands.h"
#include "training/evaluation/runtime_evaluation.h"
#include "training/export.h"

namespace rivulet::training {
namespace {

// A small network whose weights all count.
void writeNetwork(const std::filesystem::path& file, TextureUnet& network) {
  network.initialise(1, {}, Style{1, 1, 1, 1, 1, 1, 1, 1, 1, 1});
  const torch::NoGradGuard guard;
  torch::manual_seed(2);
  at::Tensor flat = network.parameters().flat();
  flat.add_(at::randn_like(flat), 0.05);
  exportWeights(file, network, nlohmann::ordered_json::object(), nlohmann::ordered_json::object(), at::kFloat);
}

TextureUnet peerNetwork() {
  TextureUnetConfig config = TextureUnetConfig::named("texture_unet-xs");
  config.classes = {"a", "b"};
  config.targetTime = config.guidance = true;
  return TextureUnet(config, at::kCPU, false);
}

TEST(Peers, EvaluateTheSameNetwork) {
  const Scratch scratch;
  TextureUnet network = peerNetwork();
  writeNetwork(scratch.path() / "network.safetensors", network);
  RuntimeEvaluation runtime(scratch.path() / "network.safetensors", "", {2, 32, "fp32"});
  TextureUnetInput input;
  input.x = at::randn({2, 3, 32, 32});
  input.t = at::ones({2});
  input.classWeights = network.oneHot(at::zeros({2}, at::TensorOptions().dtype(at::kLong)));
  input.style = at::zeros({2, kStyleSize});
  input.targetTime = at::zeros({2});
  input.guidance = at::ones({2});
  const at::Tensor expected = network.forward(input), output = runtime.run(input.x);
  ASSERT_EQ(output.sizes(), expected.sizes());
  EXPECT_LT(((output - expected).norm() / expected.norm()).item<double>(), 1e-5);
  EXPECT_GT(runtime.seconds(2), 0);
  EXPECT_GT(runtime.deviceBytes(), std::uint64_t{4} * static_cast<std::uint64_t>(network.parameters().count()));
}

TEST(Peers, CommandWritesRatios) {
  const Scratch scratch;
  TextureUnet network = peerNetwork();
  writeNetwork(scratch.path() / "network.safetensors", network);
  const std::string file = (scratch.path() / "network.safetensors").string(),
                    json = (scratch.path() / "peers.json").string();
  CLI::App app;
  training::Run run;
  addPeers(app, run);
  app.parse("peers --model " + file + " --size 16 --batch 1,2 --torch-precision fp32 --repeats 1 --json " + json);
  ASSERT_TRUE(run);
  run();
  const auto rows = nlohmann::json::parse(std::ifstream(json));
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[1].at("batch"), 2);
  const auto& peer = rows[1].at("peers").at(0);
  EXPECT_EQ(peer.at("name"), "libtorch cpu fp32");
  EXPECT_GT(peer.at("ratio").get<double>(), 0);
  EXPECT_GT(peer.at("peer_bytes").get<std::int64_t>(), 4 * network.parameters().count())
      << "weights, and what it makes";
  EXPECT_GT(peer.at("memory_ratio").get<double>(), 0);
}

TEST(Peers, RefusesAnUnknownPrecision) {
  const Scratch scratch;
  TextureUnet network = peerNetwork();
  writeNetwork(scratch.path() / "network.safetensors", network);
  EXPECT_THROW(RuntimeEvaluation(scratch.path() / "network.safetensors", "", {1, 16, "int3"}), rivulet::Error);
}

}  // namespace
}  // namespace rivulet::training
