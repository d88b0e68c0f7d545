// Progressive distillation: a student of N Euler steps learns to do in one what its teacher of 2N does in two. Stages
// halve the number of steps, each with the last one's student as teacher. Salimans and Ho 2022, "Progressive
// distillation for fast sampling of diffusion models", algorithm 2, on the linear path, where DDIM is Euler's step.
#pragma once

#include <memory>

#include "training/objective.h"
#include "training/teacher.h"
#include "training/teacher_comparison.h"

namespace rivulet::training {

struct ProgressiveOptions {
  int steps = 8;          // the student's: N equal ones from t = 1; the teacher has 2N
  double guidance = 1.0;  // of the teacher; only the first stage's needs one, later ones have it in their weights
  double timeFloor = 0.05;
  double classDropout = 0.1;
};

class ProgressiveObjective : public Objective {
 public:
  ProgressiveObjective(ProgressiveOptions options, std::shared_ptr<const Teacher> teacher);

  std::string name() const override { return "progressive"; }
  nlohmann::ordered_json summary() const override;
  void configure(TextureUnetConfig& config) const override { teacher_->configure(config); }
  // mean of |x0_hat(x_t, t) - f|^2 / max(t, floor)^2, t on the student's grid, x_t the noised data, f the x_0 that the
  // teacher's two half-steps come to. No edges are left out: the targets are a network's.
  at::Tensor loss(const ObjectiveStep& step) override;
  Figures heldOut(const TextureUnet& network, const Batch& batch, std::uint64_t index) override;
  Sheets sheets() const override { return {{options_.steps}, options_.steps}; }

 private:
  ProgressiveOptions options_;
  std::shared_ptr<const Teacher> teacher_;
  TeacherComparison comparison_;
};

}  // namespace rivulet::training
