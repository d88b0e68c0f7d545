#pragma once
// What a network's output means, and the affine maps to data and to noise that follow from x = alpha x_0 + sigma eps.

#include <string_view>

namespace rivulet {

enum class Prediction {
  Epsilon,  // eps. Ho et al., NeurIPS 2020
  Sample,   // x_0
  V,        // alpha eps - sigma x_0. Salimans and Ho, "Progressive distillation", ICLR 2022, appendix D
  Flow,     // eps - x_0, dx/dt of the linear path. Liu et al., ICLR 2023 (who write data minus noise)
};

/// Names in weight files: epsilon, sample, v, flow; diffusers' v_prediction and flow_prediction are understood too.
/// Throws InvalidArgument with the list for anything else.
Prediction parsePrediction(std::string_view name);
std::string_view toString(Prediction prediction);

/// value = x * state + m * output.
struct OutputMap {
  double x = 0.0;
  double m = 0.0;
};

/// x_0 from the state and the output. Throws InvalidArgument where the output does not determine it: epsilon at alpha =
/// 0.
OutputMap dataFromOutput(Prediction prediction, double alpha, double sigma);

/// eps from the state and the output. Throws InvalidArgument where it is not determined: sample at sigma = 0.
OutputMap noiseFromOutput(Prediction prediction, double alpha, double sigma);

}  // namespace rivulet
