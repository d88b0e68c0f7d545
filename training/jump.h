// Jumps along a probability flow, and their targets. On the linear path a network that returns x_0 gives the velocity
// u(x,t) = (x - x0_hat) / t. A *flow map* f(x,t,s) generalises x0_hat to a jump from t to any s < t:
//
//     x_s = (s/t) x_t + (1 - s/t) f      <=>      f = x_t - t ubar,   ubar = (x_t - x_s) / (t - s)
//
// that is, f is x0_hat averaged along the trajectory from t to s with the weight 1/tau^2: it stays where pictures are,
// whatever the jump. At s = t it is x0_hat itself. (Boffi et al. 2024, "Flow map matching"; Frans et al. 2024, "One
// step diffusion via shortcut models".)
#pragma once

#include <torch/torch.h>

#include <functional>

namespace rivulet::training {

// x0_hat of states x [N,C,H,W] at times t [N].
using X0Function = std::function<at::Tensor(const at::Tensor& x, const at::Tensor& t)>;
// f of jumps from t [N] to s [N].
using JumpFunction = std::function<at::Tensor(const at::Tensor& x, const at::Tensor& t, const at::Tensor& s)>;

// The f of the jump from t [N] to s [N], 0 <= s < t, in `steps` equal steps of two evaluations each. Within a step
// x0_hat is taken as linear in tau between its values at both ends, and the mean above is exact for that: second order,
// and no quotient by a small s multiplies the network's errors, as in Heun's method on u (Lu et al. 2022, DPM-Solver++,
// the two-stage solver, on the linear path). x0_hat has no value at 0: a step that ends there is two Euler steps
// instead.
at::Tensor solverJump(const at::Tensor& x, const at::Tensor& t, const at::Tensor& s, int steps, const X0Function& x0);

// The f of the jump that is two jumps of half the length.
at::Tensor halvesJump(const at::Tensor& x, const at::Tensor& t, const at::Tensor& s, const JumpFunction& jump);

}  // namespace rivulet::training
