// Held-out figures of a distilled network: how far its samples are from where the teacher takes the same noise.
#pragma once

#include <map>
#include <memory>

#include "training/objective.h"
#include "training/teacher.h"

namespace rivulet::training {

class TeacherComparison {
 public:
  TeacherComparison(std::shared_ptr<const Teacher> teacher, double guidance)
      : teacher_(std::move(teacher)), guidance_(guidance) {}

  // For each of `steps`, samples of that many Euler steps: "distance_N", the mean squared distance to the teacher's,
  // and "detail_N", the energy of the finest detail over that of the teacher's (below 1 is blurred). First of all
  // "heldout_loss", the distances' mean. The teacher's samples are made once for each `index`.
  Figures figures(const TextureUnet& student, const Batch& batch, std::uint64_t index, const std::vector<int>& steps);

 private:
  std::shared_ptr<const Teacher> teacher_;
  double guidance_;
  std::map<std::uint64_t, at::Tensor> samples_;
};

}  // namespace rivulet::training
