// Consistency tuning: f(x, t), the end at t = 0 of the trajectory through x, from a network trained by flow matching.
// Two points of one line from data to noise, x_t and x_r with r < t and the same noise, must have the same end; at r =
// 0 (here: below ConsistencyOptions::boundary) that end is the data point, f(x, 0) = x. The gap starts at r = 0, where
// this is flow matching, and closes as the run goes on. Geng et al. 2024, "Consistency models made easy", with t of the
// linear path for their sigma / (1 + sigma).
#pragma once

#include "training/flow_objective.h"
#include "training/objective.h"

namespace rivulet::training {

struct ConsistencyOptions {
  // Times, floor, class dropout and the crops' border. The paper's ln sigma is logit t: N(-1.1, 2).
  FlowOptions flow{.timeMean = -1.1, .timeDeviation = 2.0};
  // r / t = 1 - n(t) / 2^a, no less than 0: a goes from 1 to `stages` in equal parts of the run, and
  // n(t) = 1 + 8 sigmoid(-sigma), sigma = t / (1 - t), opens the gap where t is small (the paper's q = 2, k = 8, b =
  // 1).
  int stages = 8;
  // Below this r the end is the data point: f(x, 0) = x is nothing the network is made for, and without it all ends
  // drift to one.
  double boundary = 0.03;
  double huber = 0.01;  // c of sqrt(e^2 + c^2) - c, e a sample's root mean square error in x_0
};

// r of the above for `stage` (1 ..).
double consistencyTarget(double t, int stage);

// x' = (1 - s) f + s noise: from each time to the next the end is noised anew, as the runtime's sampler `consistency`
// does. `input` as for sampleEuler.
at::Tensor sampleConsistency(const TextureUnet& network, TextureUnetInput input, int steps);

class ConsistencyObjective : public Objective {
 public:
  explicit ConsistencyObjective(ConsistencyOptions options) : options_(options) {}

  std::string name() const override { return "consistency"; }
  nlohmann::ordered_json summary() const override;
  // mean of pseudo-Huber(f(x_t, t) - f(x_r, r)) / max(t, floor), no gradient through the second.
  at::Tensor loss(const ObjectiveStep& step) override;
  // The loss at the last stage, whatever the run's, so that its figures compare.
  Figures heldOut(const TextureUnet& network, const Batch& batch, std::uint64_t index) override;
  Sheets sheets() const override { return {{1, 2, 4}, 2, sampleConsistency}; }

 private:
  at::Tensor lossOf(const TextureUnet& network, const FlowExample& example, int stage) const;

  ConsistencyOptions options_;
};

}  // namespace rivulet::training
