// A trained network that others learn from: frozen, and guided by its own unconditional answer.
#pragma once

#include <filesystem>
#include <memory>

#include "training/jump.h"
#include "training/texture_unet.h"

namespace rivulet::training {

class Teacher {
 public:
  // Reads a weight file. Throws Error where it is damaged or itself a flow map (it must answer for any t alone).
  Teacher(const std::filesystem::path& file, at::Device device, bool bf16);

  const TextureUnet& network() const { return *network_; }
  // The student is the teacher's network: sets `config` to the teacher's. Throws Error where the classes of the data
  // are others.
  void configure(TextureUnetConfig& config) const;

  // x0_hat of `input` guided by w [N]: null + w (class - null), the same affine mix as of velocities. One evaluation of
  // twice the batch; where every w is 1, of the batch itself. No gradients.
  at::Tensor guided(const TextureUnetInput& input, const at::Tensor& w) const;
  // The same as a function of x and t, for the classes, styles and guidance of `input`. The teacher must outlive it.
  X0Function guidedX0(TextureUnetInput input) const;

 private:
  std::filesystem::path file_;
  std::unique_ptr<TextureUnet> network_;
};

}  // namespace rivulet::training
