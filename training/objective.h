// What a network is trained for. An objective turns a batch into a loss; the trainer does all the rest (data,
// optimiser, average, checkpoints, log). One file an objective; none knows of pixels, whitening or files of pictures:
// that is the data set's and the augmentation's.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "training/euler_sampler.h"
#include "training/texture_unet.h"

namespace rivulet::training {

struct Batch {
  at::Tensor x0;     // [N,C,H,W]
  at::Tensor label;  // [N] int64
  at::Tensor style;  // [N,10], or undefined for a network without
};

// What an objective may look at in one step. Everything random must be a function of (seed, step), so that a resumed
// run goes on with the same bits.
struct ObjectiveStep {
  const TextureUnet& network;  // the one trained: its parameters collect the gradients
  const TextureUnet& average;  // the moving average of its weights
  const Batch& batch;
  std::uint64_t seed = 0;
  std::uint64_t step = 0;                            // the number of the pass where a step has several
  double progress = 0;                               // part of the run done, 0 to 1, by steps or by time
  std::function<Batch(std::uint64_t step)> batchOf;  // the batch of any step of this run
};

// In the place of the run's seed for held-out figures: runs of different seeds compare.
inline constexpr std::uint64_t kHeldOutSeed = 0x4e1d;

// Named numbers of the log.
using Figures = std::vector<std::pair<std::string, double>>;

// What an objective remembers from step to step, by name.
using StateTensors = std::vector<std::pair<std::string, at::Tensor>>;

// The sheets of samples that show the objective's work.
struct Sheets {
  std::vector<int> classes = {4, 16};  // a sheet of all classes for each of these numbers of sampling steps
  int tiled = 16;                      // and the tiled one's
  Sampler sampler = sampleEuler;
};

class Objective {
 public:
  virtual ~Objective() = default;

  // As in `rivulet-train NAME`.
  virtual std::string name() const = 0;
  // What the weight file's `training` key tells of the options.
  virtual nlohmann::ordered_json summary() const = 0;
  // What the objective asks of the network: called before there is one. Throws Error where it cannot be had.
  virtual void configure(TextureUnetConfig& config) const { static_cast<void>(config); }
  // The loss, a scalar with its graph on `step.network`'s parameters.
  virtual at::Tensor loss(const ObjectiveStep& step) = 0;
  // Figures of `network` on one batch of held-out images, "heldout_loss" first. `index` tells the batches apart: the
  // same one gets the same noise at every call, so that figures of one run compare. The trainer takes their means.
  virtual Figures heldOut(const TextureUnet& network, const Batch& batch, std::uint64_t index) = 0;
  virtual Sheets sheets() const { return {}; }
  // For checkpoints: what a resumed run needs to go on with the same bits. restore() gets what state() gave; throws
  // Error where that is of other options.
  virtual StateTensors state() const { return {}; }
  virtual void restore(const StateTensors& state) { static_cast<void>(state); }
};

}  // namespace rivulet::training
