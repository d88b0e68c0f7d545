#include "training/jump.h"

#include "training/euler_sampler.h"

namespace rivulet::training {
namespace {

at::Tensor broadcast(const at::Tensor& perSample) {
  return perSample.view({-1, 1, 1, 1});
}

}  // namespace

at::Tensor heunJump(const at::Tensor& x, const at::Tensor& t, const at::Tensor& s, int steps, const X0Function& x0) {
  const at::Tensor length = (t - s) / steps;
  at::Tensor state = x, velocity = at::zeros_like(x);  // velocity: the mean over the steps
  for (int i = 0; i < steps; ++i) {
    const at::Tensor from = t - i * length;
    const bool last = i + 1 == steps;
    const at::Tensor to = last ? s : t - (i + 1) * length;
    const at::Tensor zero = to <= 0;
    const at::Tensor middle = at::where(zero, 0.5 * from, to);
    const at::Tensor first = x0(state, from);
    const at::Tensor there = eulerStep(state, from, middle, first);
    const at::Tensor second = x0(there, middle);
    const at::Tensor trapezoid = 0.5 * ((state - first) / broadcast(from) + (there - second) / broadcast(middle));
    const at::Tensor mean = at::where(broadcast(zero), (state - second) / broadcast(from), trapezoid);
    state = state - broadcast(length) * mean;
    velocity = velocity + mean / steps;
  }
  return x - broadcast(t) * velocity;
}

at::Tensor halvesJump(const at::Tensor& x, const at::Tensor& t, const at::Tensor& s, const JumpFunction& jump) {
  const at::Tensor m = 0.5 * (t + s);
  const at::Tensor first = jump(x, t, m);
  const at::Tensor second = jump(eulerStep(x, t, m, first), m, s);
  // x_t - t ubar of both, brought to a mean of the two f's: no difference of like numbers.
  const at::Tensor share = broadcast(s * (t - m) / (m * (t - s)));
  return share * first + (1 - share) * second;
}

}  // namespace rivulet::training
