// The training loop: data, objective, optimiser, average, checkpoints, log and sheets, in order.
#pragma once

#include <atomic>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "training/adam.h"
#include "training/augment.h"
#include "training/data_parallel.h"
#include "training/dataset.h"
#include "training/example_source.h"
#include "training/objective.h"
#include "training/texture_unet.h"

namespace rivulet::training {

// "cpu" or "cuda" (this process's device where there are several: LOCAL_RANK); throws Error where this libtorch has
// none.
at::Device deviceNamed(const std::string& name);

struct TrainerOptions {
  DatasetOptions data;
  AugmentOptions augment;
  AdamOptions adam;
  std::string model = "texture_unet-s";
  std::filesystem::path out, checkpoint, log;
  std::filesystem::path init;  // weights to start from, of the same configuration; empty: drawn by the seed
  int64_t steps = 100000;
  double timeLimitMinutes = 0;  // 0: none
  int64_t batch = 32;           // images of one pass through the network
  int64_t accumulate = 1;       // passes of this process whose gradients make a step
  // A step's gradient is the mean over accumulate passes of each of these. Nothing but the sum's rounding depends on
  // which process does which pass.
  std::shared_ptr<const DataParallel> processes = std::make_shared<const DataParallel>();
  double learningRate = 4e-4;
  int64_t warmup = 500;
  double ema = 0.999;
  std::uint64_t seed = 1;
  std::string device = "cpu";
  bool bf16 = false;
  bool exportHalf = false;
  int64_t checkpointEvery = 1000;
  int64_t sampleEvery = 2000;  // 0: no sheets
  int64_t logEvery = 20;
  int64_t sessionSteps = -1;  // stop (as on a signal) after this many steps of this process; -1: never
  bool quiet = false;
};

class Trainer {
 public:
  // Reads the data, makes the network and, where the checkpoint exists, takes up from it. Throws Error.
  Trainer(TrainerOptions options, std::unique_ptr<Objective> objective);

  // Trains until done (true) or until `stop` is set (false), in any of the processes; either way checkpoint and weights
  // are written, by the first.
  bool run(const std::atomic<bool>& stop);

  int64_t step() const { return step_; }
  // Nothing is left to train: the steps are done, or the time is up.
  bool finished() const { return progress_ >= 1.0; }
  const TextureUnet& network() const { return *network_; }
  // The network of averaged weights.
  const TextureUnet& average() const { return *average_; }
  const ExampleSource& source() const { return *source_; }

 private:
  // Passes are numbered through the run, those of a step one after another.
  int64_t passes() const { return options_.accumulate * options_.processes->size(); }
  double progress() const;
  // Sets progress_ to process 0's, and returns whether any process wants to stop. Collective.
  bool agree(bool stop);
  double learningRate() const;
  // One step; returns the loss, NaN included, and the gradient norm.
  std::pair<double, double> trainStep();
  void logHeldOut() const;
  void save() const;
  void load();
  void loadWeights();
  void share();
  void writeSheets() const;
  void append(const nlohmann::ordered_json& line) const;
  double elapsed() const;
  nlohmann::ordered_json summary() const;

  TrainerOptions options_;
  std::unique_ptr<Objective> objective_;
  std::unique_ptr<ExampleSource> source_;
  std::unique_ptr<TextureUnet> network_, average_;
  std::unique_ptr<Adam> adam_;
  int64_t step_ = 0;
  double earlierSeconds_ = 0, started_ = 0;
  double progress_ = 0;
};

}  // namespace rivulet::training
