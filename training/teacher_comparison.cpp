#include "training/teacher_comparison.h"

#include <ATen/CPUGeneratorImpl.h>

#include "training/euler_sampler.h"
#include "training/jump.h"
#include "training/random.h"

namespace rivulet::training {
namespace {

constexpr int kTeacherSteps = 16;  // of the two-stage solver: far closer to the flow than any student

// Mean square of what a 2x2 box average takes away: the finest band of a Laplacian pyramid. [N]
at::Tensor fineEnergy(const at::Tensor& x) {
  const at::Tensor coarse = at::avg_pool2d(x, {2, 2});
  return (x - at::upsample_nearest2d(coarse, {x.size(2), x.size(3)})).square().mean({1, 2, 3});
}

}  // namespace

Figures TeacherComparison::figures(const TextureUnet& student, const Batch& batch, std::uint64_t index,
                                   const std::vector<int>& steps) {
  const torch::NoGradGuard guard;
  const int64_t count = batch.x0.size(0);
  const at::Device device = student.device();
  auto generator = at::make_generator<at::CPUGeneratorImpl>(mixSeed({kHeldOutSeed, index, 0x2015e}));
  TextureUnetInput input;
  input.x = at::randn(batch.x0.sizes(), generator, at::TensorOptions()).to(device);
  input.classWeights = student.oneHot(batch.label.to(device));
  if (batch.style.defined()) input.style = batch.style.to(device);
  input.guidance = at::full({count}, guidance_, input.x.options());

  at::Tensor& teachers = samples_[index];
  if (!teachers.defined()) {
    const at::Tensor t = at::ones({count}, input.x.options());
    teachers = solverJump(input.x, t, at::zeros_like(t), kTeacherSteps, teacher_->guidedX0(input));
  }
  Figures figures = {{"heldout_loss", 0.0}};
  for (const int each : steps) {
    const at::Tensor sample = sampleEuler(student, input, each);
    const double distance = (sample - teachers).square().mean().item<double>();
    figures[0].second += distance / static_cast<double>(steps.size());
    figures.emplace_back("distance_" + std::to_string(each), distance);
    figures.emplace_back("detail_" + std::to_string(each),
                         (fineEnergy(sample) / fineEnergy(teachers)).mean().item<double>());
  }
  return figures;
}

}  // namespace rivulet::training
