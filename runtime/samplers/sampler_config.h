#pragma once
// Everything that decides a plan but the number of steps: which sampler, on which process, with which options.
// Defaults are diffusers' where a sampler has them. Options that a sampler does not have are ignored by it.

#include <optional>
#include <string>
#include <vector>

#include "samplers/prediction.h"
#include "schedules/process.h"
#include "schedules/timestep_spacing.h"

namespace rivulet {

/// Variance of ancestral noise (Ho et al., NeurIPS 2020, section 3.2; Nichol and Dhariwal, ICML 2021, equation 15).
enum class VarianceType {
  FixedSmall,    // the posterior's, beta-tilde
  FixedLarge,    // beta
  LearnedRange,  // between the two in the log domain, at a place the network chooses per element
};

/// Where sigma / alpha is sampled.
enum class SigmaSpacing { Timesteps, Karras, Exponential };

enum class FinalSigma { Zero, SigmaMin };

struct SamplerConfig {
  std::string sampler = "ddim";  // a registry name
  Process process;
  Prediction prediction = Prediction::Epsilon;

  // Steps
  TimestepSpacing spacing = TimestepSpacing::Trailing;
  int stepsOffset = 0;
  SigmaSpacing sigmaSpacing = SigmaSpacing::Timesteps;
  std::optional<double> sigmaMin, sigmaMax;  // of Karras and exponential spacing; default: the schedule's
  FinalSigma finalSigma = FinalSigma::Zero;
  std::optional<double> lambdaMinClipped;  // dpmpp: leave out times whose log SNR is below
  bool roundSigmaTimesteps = true;         // dpmpp, unipc: tell the network whole timesteps also with Karras spacing

  // x0 is clamped to [-clipRange, clipRange]
  bool clip = false;
  double clipRange = 1.0;

  // ddpm
  VarianceType variance = VarianceType::FixedSmall;
  // ddim
  double eta = 0.0;
  bool useClippedModelOutput = false;
  // ddim, ddim_inversion: the level beyond the cleanest timestep is clean data, else the level of timestep 0
  bool setAlphaToOne = true;
  // ddim, ddim_inversion on VP: step from timestep k to k - T / n (integer division), as diffusers does even where the
  // spaced timesteps lie otherwise, instead of to the next spaced timestep
  bool fixedStride = false;
  // dpmpp, unipc
  int order = 2;
  bool lowerOrderFinal = true;
  bool eulerAtFinal = false;          // dpmpp
  bool heunCorrection = false;        // dpmpp of order 2: solver_type "heun" instead of "midpoint"
  bool bh1 = false;                   // unipc: B(h) = h instead of e^h - 1
  std::vector<int> disableCorrector;  // unipc: steps whose result is not corrected
  // lcm
  int originalSteps = 50;
  double timestepScaling = 10.0;
};

}  // namespace rivulet
