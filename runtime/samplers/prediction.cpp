#include "samplers/prediction.h"

#include <string>

#include "core/error.h"

namespace rivulet {

Prediction parsePrediction(std::string_view name) {
  if (name == "epsilon") return Prediction::Epsilon;
  if (name == "sample") return Prediction::Sample;
  if (name == "v" || name == "v_prediction") return Prediction::V;
  if (name == "flow" || name == "flow_prediction") return Prediction::Flow;
  throw Error(ErrorCode::InvalidArgument, "prediction type \"" + std::string(name) +
                                              "\" is not known; supported: epsilon, sample, v (v_prediction), "
                                              "flow (flow_prediction)");
}

std::string_view toString(Prediction prediction) {
  switch (prediction) {
    case Prediction::Epsilon:
      return "epsilon";
    case Prediction::Sample:
      return "sample";
    case Prediction::V:
      return "v";
    case Prediction::Flow:
      return "flow";
  }
  return "";
}

OutputMap dataFromOutput(Prediction prediction, double alpha, double sigma) {
  switch (prediction) {
    case Prediction::Epsilon:
      if (alpha == 0.0) {
        throw Error(ErrorCode::InvalidArgument,
                    "a network that predicts epsilon says nothing about the image at pure noise (alpha = 0), where "
                    "this schedule starts: it needs prediction sample, v or flow, or a schedule that starts below it");
      }
      return {1.0 / alpha, -sigma / alpha};
    case Prediction::Sample:
      return {0.0, 1.0};
    case Prediction::V: {
      const double norm = alpha * alpha + sigma * sigma;  // 1 on a variance-preserving process
      return {alpha / norm, -sigma / norm};
    }
    case Prediction::Flow: {
      const double norm = alpha + sigma;  // 1 on the linear path
      return {1.0 / norm, -sigma / norm};
    }
  }
  return {};
}

OutputMap noiseFromOutput(Prediction prediction, double alpha, double sigma) {
  switch (prediction) {
    case Prediction::Epsilon:
      return {0.0, 1.0};
    case Prediction::Sample:
      if (sigma == 0.0) {
        throw Error(ErrorCode::InvalidArgument,
                    "a network that predicts the sample says nothing about the noise at clean data (sigma = 0), where "
                    "inversion starts: use prediction epsilon, v or flow, or set_alpha_to_one = false");
      }
      return {1.0 / sigma, -alpha / sigma};
    case Prediction::V: {
      const double norm = alpha * alpha + sigma * sigma;
      return {sigma / norm, alpha / norm};
    }
    case Prediction::Flow: {
      const double norm = alpha + sigma;
      return {1.0 / norm, alpha / norm};
    }
  }
  return {};
}

}  // namespace rivulet
