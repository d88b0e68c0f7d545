// The sliced Wasserstein distance between the local patches of two sets of pictures, at each level of a Laplacian
// pyramid: Karras, Aila, Laine, Lehtinen, "Progressive Growing of GANs", ICLR 2018, section 5; Rabin, Peyré, Delon,
// Bernot 2011. It needs no network: the fine levels tell blur and noise, the coarse one layout and palette.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <vector>

#include "training/evaluation/bootstrap.h"

namespace rivulet::training {

struct SlicedWassersteinOptions {
  int patchesPerImage = 32;  // 7x7, at random places
  int directions = 128;      // random projections
  std::uint64_t seed = 1;
};

struct SlicedWassersteinResult {
  Estimate mean;               // over the levels
  std::vector<double> levels;  // fine to coarse
};

// Levels of a pyramid (Burt and Adelson 1983): halved while a side stays even and at least 14 pixels, twice a patch.
// All but the last are differences; `images` [N,C,H,W].
std::vector<at::Tensor> laplacianPyramid(const at::Tensor& images);

class SlicedWasserstein {
 public:
  // Against `reference` [N,C,H,W]. Patches are scaled by the mean and deviation of each channel of the reference's, and
  // not, as in the paper, each set by its own: a palette or a contrast that is off counts. Sides of at least 14 pixels.
  SlicedWasserstein(const at::Tensor& reference, const SlicedWassersteinOptions& options);

  // The mean over directions of the Wasserstein-1 distance of the projections. Above 0 for two samples of one
  // distribution, the more so the fewer: compare only figures of the same counts. `bootstrap` resamples `images`; the
  // reference is taken as it is.
  SlicedWassersteinResult distance(const at::Tensor& images, const Bootstrap& bootstrap) const;

 private:
  struct Level {
    at::Tensor mean, deviation;  // [1,C,1]
    at::Tensor directions;       // [C * 49, D]
    at::Tensor projections;      // [D, patches], rows sorted
  };
  at::Tensor patches(const at::Tensor& level, int index) const;
  at::Tensor project(const Level& level, const at::Tensor& patches) const;

  SlicedWassersteinOptions options_;
  std::vector<Level> levels_;
};

}  // namespace rivulet::training
