// Any-step distillation: a student f(x, t, s, w) learns the jumps of its guided teacher's flow from t to any s < t
// (jump.h), so that one network samples in 1, 2, 4, 8 steps or more, and with one evaluation a step: the guidance
// weight w is an input. Frans et al. 2024 (shortcut models), with a teacher for the short jumps and its guidance
// distilled as in Meng et al. 2023.
//
// Each batch has four parts:
//   anchors       s = t, w = 1, real data: flow matching. The student stays a network of the data.
//   trajectories  jumps between any two states of the guided teacher's trajectories from noise (trajectory_pool.h):
//                 exact, up to the whole way, and from where samples are in truth.
//   short jumps   from noised data, any t, up to --teacher-span: a few of the teacher's solver steps.
//   long jumps    from noised data, longer: two half-jumps of the student's own average. They make it a map between
//                 any two times and not only those of the trajectories' states.
// Long jumps alone, without the trajectories, proved unstable: noise that a half-jump lets through comes back amplified
// in the whole one before the short ones are learned.
#pragma once

#include <memory>

#include "training/flow_objective.h"
#include "training/objective.h"
#include "training/random.h"
#include "training/teacher.h"
#include "training/teacher_comparison.h"
#include "training/trajectory_pool.h"

namespace rivulet::training {

struct FlowMapOptions {
  FlowOptions flow;  // of the anchors; the floor under t and the class dropout are everybody's
  // Parts of the batch; long jumps are what is left.
  double anchorPart = 0.25, trajectoryPart = 0.375, teacherPart = 0.125;
  TrajectoryOptions trajectories;  // the objective sets their guidance and class dropout to those here
  double gridPart = 0.5;           // of the trajectories' jumps: on the deployed grids, 1, 2, 4 and 8 equal steps
  double teacherSpan = 0.125;      // longest short jump
  int teacherSteps = 2;            // solver steps the teacher takes for one
  double noisePart = 0.25;         // of the long jumps: from t = 1, where every sample starts
  double curriculum = 0.3;         // part of the run over which the longest long jump grows from 2 spans to 1
  double leastGuidance = 1.0, mostGuidance = 3.0;
  // c of the pseudo-Huber loss sqrt(e^2 + c^2) - c of a sample's root mean square error e, in units of velocity (whose
  // own deviation is about 1.4). Above c every sample pulls alike: an anchor, whose error is mostly the noise that
  // nobody can know (e about 0.7), no harder than a jump, whose target is exact.
  double huber = 0.1;
  // Targets are clipped to [-clip, clip]: whitened data has deviation 1 and 99.9 % of it lie within 6; guidance and
  // compounded errors can throw a target further, data is not there.
  double clip = 6.0;
  std::string student;  // the student's size, "texture_unet-m" for instance; empty: the teacher's
};

// From t to s with guidance w.
struct Jump {
  double t = 1, s = 0, w = 1;
};
Jump drawShortJump(Random& random, const FlowMapOptions& options);                  // at most options.teacherSpan long
Jump drawLongJump(Random& random, const FlowMapOptions& options, double progress);  // longer; `progress` of the run
// Indices i < j of two of `segments` + 1 states.
std::pair<int, int> drawStates(Random& random, const FlowMapOptions& options);

// A batch with everything random about it drawn: anchors, jumps on trajectories, short jumps, long jumps.
struct FlowMapExample {
  TextureUnetInput input;  // t, s and w included
  at::Tensor known;        // targets of the anchors and of the jumps on trajectories
  int64_t anchorCount = 0, trajectoryCount = 0, shortCount = 0;
  // The anchors', because crops do not tile. Targets of jumps come from networks, which wrap as the student does.
  int64_t border = 0;
};
FlowMapExample makeFlowMapExample(const TextureUnet& network, const Batch& batch, const FlowMapOptions& options,
                                  const TrajectoryPool& pool, std::uint64_t seed, std::uint64_t step, double progress);

// mean over samples of the pseudo-Huber of (prediction - target) / max(t, floor), the anchors' edges left out.
at::Tensor flowMapLoss(const at::Tensor& prediction, const at::Tensor& target, const FlowMapExample& example,
                       const FlowMapOptions& options);

class FlowMapObjective : public Objective {
 public:
  FlowMapObjective(FlowMapOptions options, std::shared_ptr<const Teacher> teacher);

  std::string name() const override { return "flow-map"; }
  nlohmann::ordered_json summary() const override;
  void configure(TextureUnetConfig& config) const override;
  at::Tensor loss(const ObjectiveStep& step) override;
  // Samples of 1, 2, 4 and 8 steps against the teacher's.
  Figures heldOut(const TextureUnet& network, const Batch& batch, std::uint64_t index) override;
  Sheets sheets() const override { return {{1, 2, 4, 8}, 2}; }

 private:
  at::Tensor targets(const TextureUnet& average, const FlowMapExample& example) const;

  FlowMapOptions options_;
  std::shared_ptr<const Teacher> teacher_;
  TrajectoryPool pool_;
  TeacherComparison comparison_;
};

}  // namespace rivulet::training
