#include "training/jump.h"

#include "training/euler_sampler.h"

namespace rivulet::training {
namespace {

at::Tensor broadcast(const at::Tensor& perSample) {
  return perSample.view({-1, 1, 1, 1});
}

}  // namespace

at::Tensor solverJump(const at::Tensor& x, const at::Tensor& t, const at::Tensor& s, int steps, const X0Function& x0) {
  const at::Tensor length = (t - s) / steps;
  at::Tensor state = x, f = at::zeros_like(x);
  for (int i = 0; i < steps; ++i) {
    const at::Tensor from = t - i * length, to = i + 1 == steps ? s : t - (i + 1) * length;
    const at::Tensor zero = to <= 0, second = at::where(zero, 0.5 * from, to);
    // The mean tau of the step under 1/tau^2, and how far towards its end that is.
    const at::Tensor mean = from * second * (from / second).log() / (from - second);
    const at::Tensor share = at::where(zero, at::ones_like(mean), (from - mean) / (from - second));
    const at::Tensor first = x0(state, from);
    const at::Tensor last = x0(eulerStep(state, from, second, first), second);
    const at::Tensor step = first + broadcast(share) * (last - first);
    state = eulerStep(state, from, to, step);
    // Its part of the whole mean: (1/to - 1/from) / (1/s - 1/t), with the limit at s = 0.
    const at::Tensor reach = i + 1 == steps ? at::ones_like(s) : s / to;
    f = f + broadcast(reach * t * (from - to) / (from * (t - s))) * step;
  }
  return f;
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
