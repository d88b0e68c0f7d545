#include "training/timestep_sampler.h"

#include <algorithm>
#include <cmath>

#include "training/error.h"

namespace rivulet::training {
namespace {

constexpr int kKept = 10;              // losses of a step
constexpr double kUniformPart = 1e-3;  // of the draws, so that no step is forgotten

}  // namespace

TimestepSampler::TimestepSampler(int steps, bool importance)
    : steps_(steps),
      importance_(importance),
      history_(at::zeros({importance ? steps : 0, kKept + 1}, at::TensorOptions())) {}

std::vector<double> TimestepSampler::probabilities() const {
  const auto uniform = [&] { return std::vector<double>(static_cast<std::size_t>(steps_), 1.0 / steps_); };
  if (!importance_) return uniform();
  const auto rows = history_.accessor<float, 2>();
  std::vector<double> weights;
  double sum = 0;
  for (int k = 0; k < steps_; ++k) {
    if (rows[k][kKept] < kKept) return uniform();
    double squares = 0;
    for (int i = 0; i < kKept; ++i) squares += double{rows[k][i]} * double{rows[k][i]};
    weights.push_back(std::sqrt(squares / kKept));
    sum += weights.back();
  }
  if (!(sum > 0)) return uniform();
  for (double& weight : weights) weight = weight / sum * (1 - kUniformPart) + kUniformPart / steps_;
  return weights;
}

TimestepSampler::Draw TimestepSampler::draw(int64_t count, Random& random) const {
  const std::vector<double> each = probabilities();
  std::vector<double> cumulative;
  double sum = 0;
  for (const double p : each) cumulative.push_back(sum += p);
  Draw draw{at::empty({count}, at::TensorOptions().dtype(at::kLong)), at::empty({count})};
  for (int64_t n = 0; n < count; ++n) {
    const auto at = std::upper_bound(cumulative.begin(), cumulative.end(), random.uniform() * sum);
    const auto k = std::min<std::ptrdiff_t>(at - cumulative.begin(), steps_ - 1);
    draw.k[n] = k;
    draw.weight[n] = 1.0 / (steps_ * each[static_cast<std::size_t>(k)]);
  }
  return draw;
}

void TimestepSampler::observe(const at::Tensor& k, const at::Tensor& losses) {
  if (!importance_) return;
  auto rows = history_.accessor<float, 2>();
  const at::Tensor steps = k.to(at::kCPU), values = losses.detach().to(at::kCPU, at::kFloat);
  for (int64_t n = 0; n < steps.size(0); ++n) {
    const auto row = steps[n].item<int64_t>();
    const auto seen = static_cast<int64_t>(rows[row][kKept]);
    if (seen == kKept) {
      for (int i = 1; i < kKept; ++i) rows[row][i - 1] = rows[row][i];  // the oldest goes
    } else {
      rows[row][kKept] = static_cast<float>(seen + 1);
    }
    rows[row][std::min<int64_t>(seen, kKept - 1)] = values[n].item<float>();
  }
}

void TimestepSampler::restore(const at::Tensor& state) {
  if (state.sizes() != history_.sizes())
    throw Error("the checkpoint's history of losses is of another number of steps");
  history_.copy_(state);
}

}  // namespace rivulet::training
