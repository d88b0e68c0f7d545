// The inner loops of norm_silu_pad.h for a CPU: one image, channels last. No libtorch here, so that the file can be
// compiled with its own floating-point flags.
#pragma once

#include <cstddef>

namespace rivulet::training {

inline constexpr int kNormSiluPadMaxChannels = 512;

// What a 3x3 convolution reads outside the image: the opposite edge, or zeros.
enum class Border { Circular, Zero };

// Channels-last rows of one image; bfloat16 where the flag says so, float32 otherwise.
struct NormSiluPadImage {
  int height = 0, width = 0, channels = 0;
  float epsilon = 0;
  const void* input = nullptr;  // [H, W, C]
  bool inputBf16 = false;
  const float* gain = nullptr;   // [C]
  const float* shift = nullptr;  // [C]
  bool outputBf16 = false;
  Border border = Border::Circular;
};

// output [H+2, W+2, C].
void normSiluPadForward(const NormSiluPadImage& image, void* output);

// gradOutput [H+2, W+2, C] of the output's type; gradInput [H, W, C] of the input's type; gradGain, gradShift [C]
// are overwritten.
void normSiluPadBackward(const NormSiluPadImage& image, const void* gradOutput, void* gradInput, float* gradGain,
                         float* gradShift);

}  // namespace rivulet::training
