// Where a guided teacher takes noise, state by state: the exact answers that a student of its flow can be asked for. A
// trajectory costs tens of evaluations and is used for many jumps between its states; the pool keeps the latest.
#pragma once

#include <deque>
#include <memory>

#include "training/objective.h"
#include "training/random.h"
#include "training/teacher.h"

namespace rivulet::training {

struct TrajectoryOptions {
  int segments = 8;  // equal steps in t between the states kept
  // Of the teacher in a segment. What it makes in too few is what the student learns, however well it does
  // (docs/quality.md).
  int solverSteps = 3;
  int perRound = 8;  // trajectories made together, every `perRound` training steps: one a step
  int rounds = 16;   // kept
  double leastGuidance = 1.0, mostGuidance = 3.0;
  double classDropout = 0.1;
};

class TrajectoryPool {
 public:
  TrajectoryPool(TrajectoryOptions options, std::shared_ptr<const Teacher> teacher)
      : options_(options), teacher_(std::move(teacher)) {}

  // Makes the pool what it is at this step, a function of (seed, step) alone: classes and styles are those of the
  // run's batches. After a resumption the rounds that are missing are made again.
  void advance(const ObjectiveStep& step);

  // A trajectory by lot.
  struct Pick {
    at::Tensor states;               // [segments + 1, C,H,W], from t = 1 to 0
    at::Tensor classWeights, style;  // [K+1], [10] or undefined
    double guidance = 1;
  };
  Pick pick(Random& random) const;
  const TrajectoryOptions& options() const { return options_; }

 private:
  struct Round {
    std::uint64_t index = 0;
    at::Tensor states;  // [segments + 1, M, C,H,W]
    TextureUnetInput input;
  };
  Round makeRound(const Batch& batch, std::uint64_t seed, std::uint64_t index) const;

  TrajectoryOptions options_;
  std::shared_ptr<const Teacher> teacher_;
  std::deque<Round> rounds_;
};

}  // namespace rivulet::training
