#pragma once

namespace rivulet::ops {

/// What a 3×3 kernel reads outside the image.
enum class Padding {
  Circular,   // coordinates wrap
  Zero,       // one pixel of zeros on each side
  ZeroAfter,  // zeros on the right and at the bottom only: diffusers' Downsample2D with padding 0
  Edge,       // the nearest pixel of the image
};

}  // namespace rivulet::ops
