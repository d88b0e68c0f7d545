#include "training/reference_dump.h"

#include <ATen/CPUGeneratorImpl.h>

#include "training/export.h"
#include "training/random.h"
#include "training/safetensors.h"

namespace rivulet::training {

void dumpReference(const std::filesystem::path& folder, const TextureUnet& network,
                   const nlohmann::ordered_json& styles, std::uint64_t seed) {
  const torch::NoGradGuard guard;
  std::filesystem::create_directories(folder);
  // A float32 network on the CPU with the same weights, whatever the given one runs on.
  TextureUnet plain(network.config(), at::kCPU, false);
  plain.parameters().flat().copy_(network.parameters().flat());
  plain.setStyleNorm(network.styleMean(), network.styleStd());
  exportWeights(folder / "model.safetensors", plain, styles, {{"purpose", "reference"}}, at::kFloat);

  struct Case {
    int64_t batch, height, width;
  };
  constexpr Case kCases[] = {{1, 64, 64}, {3, 64, 64}, {2, 96, 64}, {1, 128, 128}};
  const auto classes = static_cast<int64_t>(network.config().classes.size());
  auto generator = at::make_generator<at::CPUGeneratorImpl>(mixSeed({seed, 0x2efe}));
  Random random{seed, 0x2efe};
  Safetensors io;
  io.metadata["layout"] =
      "NCHW float32; k.x input, k.t noise level per sample (1 is noise), k.class label per sample (the last is the "
      "null "
      "class), k.style style vector per sample, k.s target time and k.guidance guidance weight per sample where the "
      "network has them, k.y output";
  int index = 0;
  for (const Case& each : kCases) {
    const std::string prefix = std::to_string(index++) + ".";
    TextureUnetInput input;
    input.x =
        at::randn({each.batch, network.config().channels, each.height, each.width}, generator, at::TensorOptions());
    input.t = at::empty({each.batch});
    at::Tensor label = at::empty({each.batch}, at::TensorOptions().dtype(at::kLong));
    const auto numbers = [&] { return at::rand({each.batch}, generator, at::TensorOptions()); };
    for (int64_t n = 0; n < each.batch; ++n) {
      input.t[n] = index == 1 ? 1.0 : 0.02 + 0.96 * random.uniform();
      label[n] = n == 1 ? classes : random.below(static_cast<int>(classes) + 1);
    }
    input.classWeights = plain.oneHot(label);
    if (network.config().styleDim != 0) {
      input.style =
          plain.styleMean() + plain.styleStd() * at::randn({each.batch, kStyleSize}, generator, at::TensorOptions());
    }
    io.tensors.emplace_back(prefix + "x", input.x);
    io.tensors.emplace_back(prefix + "t", input.t);
    io.tensors.emplace_back(prefix + "class", label.to(at::kInt));
    if (input.style.defined()) io.tensors.emplace_back(prefix + "style", input.style);
    if (network.config().targetTime) {
      input.targetTime = numbers() * input.t;
      io.tensors.emplace_back(prefix + "s", input.targetTime);
    }
    if (network.config().guidance) {
      input.guidance = 1 + 2 * numbers();
      io.tensors.emplace_back(prefix + "guidance", input.guidance);
    }
    io.tensors.emplace_back(prefix + "y", plain.forward(input).contiguous());
  }
  writeSafetensors(folder / "io.safetensors", io);
}

}  // namespace rivulet::training
