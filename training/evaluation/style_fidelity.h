// How closely textures have the style they were asked for (docs/texture_unet.md, "The style vector").
#pragma once

#include <torch/torch.h>

#include <array>

#include "training/evaluation/bootstrap.h"
#include "training/style.h"

namespace rivulet::training {

// All in units of the training images' deviation in each component (`style_norm.std`).
struct StyleFidelity {
  Estimate rms;                                   // root mean square error over textures and components
  std::array<double, kStyleSize> componentRms{};  // over textures
  std::array<double, kStyleSize> bias{};          // mean of measured - asked
};

// Short names of the components, in order.
extern const std::array<const char*, kStyleSize> kStyleNames;

// The style of each picture [N,3,H,W] -> [N,10] float32. Measured as it is: the pictures are at the scale that the
// styles asked for were measured at.
at::Tensor measureStyles(const at::Tensor& images);

// `asked` and `measured` [N,10]; `deviation` [10].
StyleFidelity styleFidelity(const at::Tensor& asked, const at::Tensor& measured, const at::Tensor& deviation,
                            const Bootstrap& bootstrap);

}  // namespace rivulet::training
