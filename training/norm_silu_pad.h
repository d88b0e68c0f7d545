// The texture network's one activation: rms norm over the channels of each pixel, gain and shift, silu, and the
// border the next convolution wants. One pass over memory on the CPU; ordinary ops elsewhere.
#pragma once

#include <torch/torch.h>

#include "training/norm_silu_pad_kernel.h"

namespace rivulet::training {

// x [N,C,H,W]; gain, shift [N,C] float32 -> [N,C,H+2,W+2] of type `type` (float32 or bfloat16), channels last.
// Differentiable in x, gain and shift.
at::Tensor normSiluPad(const at::Tensor& x, const at::Tensor& gain, const at::Tensor& shift, double epsilon,
                       at::ScalarType type, Border border = Border::Circular);

// The same from ordinary ops: the reference, and the way on devices other than the CPU.
at::Tensor normSiluPadComposed(const at::Tensor& x, const at::Tensor& gain, const at::Tensor& shift, double epsilon,
                               at::ScalarType type, Border border = Border::Circular);

// x [N,C,H,W] -> [N,C,H+2,W+2], wrapped around; keeps the memory format. Differentiable.
at::Tensor circularPad(const at::Tensor& x);
// The same with either border.
at::Tensor pad(const at::Tensor& x, Border border);

}  // namespace rivulet::training
