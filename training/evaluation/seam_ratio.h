// Whether a texture tiles: how its gradient across the wrap compares with that inside.
#pragma once

#include <torch/torch.h>

#include "training/evaluation/bootstrap.h"

namespace rivulet::training {

// The mean |difference| of neighbours across the wrap (last and first column, last and first row) over that of
// neighbours inside, both summed over the textures first. `images` [N,C,H,W]. 1: the wrap is like any other place; a
// flat texture counts as 1. A crop of a photograph is well above.
Estimate seamRatio(const at::Tensor& images, const Bootstrap& bootstrap);

}  // namespace rivulet::training
