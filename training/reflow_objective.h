// Reflow: flow matching on the pairs (noise, image) that a teacher's flow connects instead of on independent ones. The
// student's flow goes from the same noise to the same images along straighter lines, so that fewer Euler steps follow
// it. Liu, Gong, Liu 2023, "Flow straight and fast", section 2.2; more rounds, each with the last one's student as
// teacher, straighten further.
#pragma once

#include <memory>

#include "training/objective.h"
#include "training/teacher.h"
#include "training/teacher_comparison.h"
#include "training/trajectory_pool.h"

namespace rivulet::training {

struct ReflowOptions {
  // Pairs are the ends of trajectories of one segment. The guidance is fixed: the student answers as the teacher does
  // under it.
  TrajectoryOptions pairs{.segments = 1,
                          .solverSteps = 8,
                          .perRound = 8,
                          .rounds = 32,
                          .leastGuidance = 1.0,
                          .mostGuidance = 1.0,
                          .classDropout = 0.1};
  double timeFloor = 0.05;  // t in the weight 1 / max(t, floor)^2 of the error in x_0, which is the velocity's
};

class ReflowObjective : public Objective {
 public:
  ReflowObjective(ReflowOptions options, std::shared_ptr<const Teacher> teacher);

  std::string name() const override { return "reflow"; }
  nlohmann::ordered_json summary() const override;
  void configure(TextureUnetConfig& config) const override { teacher_->configure(config); }
  // mean of |x0_hat(x_t, t) - x_0|^2 / max(t, floor)^2 over pairs, t uniform, x_t = (1 - t) x_0 + t noise. No edges are
  // left out: what networks make does tile.
  at::Tensor loss(const ObjectiveStep& step) override;
  // Distances to the teacher at 1, 2, 4 and 8 steps, and "straightness".
  Figures heldOut(const TextureUnet& network, const Batch& batch, std::uint64_t index) override;
  Sheets sheets() const override { return {{1, 2, 4, 8}, 4}; }

 private:
  ReflowOptions options_;
  std::shared_ptr<const Teacher> teacher_;
  TrajectoryPool pool_;
  TeacherComparison comparison_;
};

// How far trajectories from `noise` [N,C,H,W] are from straight lines: the integral over t of |(x_1 - x_0) - u(x_t,
// t)|^2 (Liu et al. 2023, equation 8), by `steps` Euler steps, as a mean over values. 0 is straight: one step is then
// exact.
double straightness(const at::Tensor& noise, int steps, const X0Function& x0);

}  // namespace rivulet::training
