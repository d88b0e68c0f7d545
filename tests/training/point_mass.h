// Data of one point and networks that answer one value, for the objectives' closed forms.
#pragma once

#include <memory>

#include "scratch.h"
#include "training/export.h"
#include "training/objective.h"
#include "training/teacher.h"

namespace rivulet::training {

inline constexpr double kMass = 0.4;

inline TextureUnetConfig smallConfig(bool flowMap) {
  TextureUnetConfig config = TextureUnetConfig::named("texture_unet-s");
  config.classes = {"a", "b"};
  config.targetTime = config.guidance = flowMap;
  return config;
}

inline TextureUnet randomNetwork(bool flowMap) {
  TextureUnet network(smallConfig(flowMap), at::kCPU, false);
  network.initialise(1, {}, Style{1, 1, 1, 1, 1, 1, 1, 1, 1, 1});
  // Blocks start as the identity without modulation: make the embedding matter.
  torch::manual_seed(3);
  const torch::NoGradGuard guard;
  at::Tensor flat = network.parameters().flat();
  flat.add_(0.02 * at::randn_like(flat));
  return network;
}

// A network that answers `value`, whatever it is asked.
inline TextureUnet constantNetwork(bool flowMap, double value) {
  TextureUnet network(smallConfig(flowMap), at::kCPU, false);
  network.parameters()["head.out.bias"].detach().fill_(value);
  return network;
}

inline std::shared_ptr<const Teacher> teacherOf(const Scratch& scratch, const TextureUnet& network) {
  const std::filesystem::path file = scratch.path() / "teacher.safetensors";
  exportWeights(file, network, {}, {}, at::kFloat);
  return std::make_shared<Teacher>(file, at::kCPU, false);
}

inline Batch massBatch(int64_t count, int64_t size = 8) {
  return {at::full({count, 3, size, size}, kMass), at::ones({count}, at::TensorOptions().dtype(at::kLong)),
          at::zeros({count, kStyleSize})};
}

// One training step on such a batch, the same at every step.
struct Step {
  explicit Step(const TextureUnet& student, std::uint64_t number = 0, int64_t count = 16)
      : batch(massBatch(count)),
        step{student, student, batch, 1, number, 1.0, [this](std::uint64_t) { return batch; }} {}
  Batch batch;
  ObjectiveStep step;
};

}  // namespace rivulet::training
