// Memorisation: how far textures are from their nearest neighbour among the training images, against how far images are
// that nobody trained on.
#pragma once

#include <torch/torch.h>

#include <vector>

#include "training/evaluation/bootstrap.h"
#include "training/evaluation/image_set.h"

namespace rivulet::training {

// The Euclidean distance of each row of `queries` [n, d] to the nearest row of `bank` [m, d] -> [n] float32.
at::Tensor nearestDistances(const at::Tensor& queries, const at::Tensor& bank);

// The same by structure: luminance at a coarse resolution (a 16th of the queries' side), without its mean and at unit
// length, against every window of that size in every training image: sqrt(2 - 2 correlation), between 0 (a copy up to
// brightness and contrast) and 2. Palette does not count, as a copy with another palette is one. `queries` [N,C,S,S];
// `training` of at least that size. -> [N] float32.
at::Tensor nearestStructures(const at::Tensor& queries, const std::vector<LabelledImage>& training);

// The median of `distances` over the median of `heldOut`: 1 where generated textures keep as far from the training
// images as unseen ones do, near 0 where they are copies. `bootstrap` resamples `distances`.
Estimate distanceRatio(const at::Tensor& distances, const at::Tensor& heldOut, const Bootstrap& bootstrap);

}  // namespace rivulet::training
