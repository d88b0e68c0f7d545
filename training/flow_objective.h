// Flow matching on the linear path x_t = (1 - t) x_0 + t eps, with a network that returns x_0 and a loss in velocity
// space: u = eps - x_0 = (x_t - x_0) / t, so |u_hat - u|^2 = |x0_hat - x_0|^2 / t^2.
#pragma once

#include "training/objective.h"

namespace rivulet::training {

struct FlowOptions {
  // t = sigmoid(N(mean, deviation)): t = 1 is noise, so a negative mean spends the effort where the picture shows.
  double timeMean = -0.4;
  double timeDeviation = 1.0;
  // This part of the batch has t uniform in [0, 1]: samplers start at t = 1, where the logistic has next to nothing.
  double timeUniform = 0.1;
  double timeFloor = 0.05;  // t in the weight 1 / max(t, floor)^2
  double classDropout = 0.1;
  // Pixels along the edges of a crop that the loss leaves out. A crop does not tile, but its convolutions wrap: with
  // them the network learns that textures break off at multiples of its coarsest stride, and draws straight lines
  // there.
  int border = 8;
  bool optimalTransport = false;  // pair noise and images within each class of the batch by least squared distance
};

// The batch with everything random about it drawn: a function of (seed, step).
struct FlowExample {
  TextureUnetInput input;
  at::Tensor x0, noise;
  at::Tensor weight;  // [N]
  int64_t border = 0;
};
FlowExample makeFlowExample(const TextureUnet& network, const Batch& batch, const FlowOptions& options,
                            std::uint64_t seed, std::uint64_t step);

// mean over samples of weight * mean over values of (prediction - x0)^2, without those along the edges.
at::Tensor flowLoss(const at::Tensor& prediction, const FlowExample& example);

class FlowObjective : public Objective {
 public:
  explicit FlowObjective(FlowOptions options) : options_(options) {}

  std::string name() const override { return "flow"; }
  nlohmann::ordered_json summary() const override;
  at::Tensor loss(const ObjectiveStep& step) override;
  // The loss itself, with every class given.
  Figures heldOut(const TextureUnet& network, const Batch& batch, std::uint64_t index) override;

 private:
  FlowOptions options_;
};

}  // namespace rivulet::training
