#pragma once
// A sampler as data: the list of network evaluations and, for each, the affine step that follows it.
//
// After  x0 = clamp?(p x + q m)  every sampler here advances by
//
//     x'     = a x + b x0 + c saved + f m + sum_i d_i history_i + e noise
//     saved' = the same form with its own coefficients, where asked
//
// m is the (guided) network output, history_i the x0 of the (i+1)-th last call that pushed. The f term is there for
// one family: DDIM with clipping keeps the *unclipped* predicted noise for the direction (diffusers' clip_sample with
// use_clipped_model_output = False), which is affine in (x, m) but not in (x, clipped x0); and inversion from clean
// data, where x0 = x holds no trace of m.
//
// A plan is plain data without Vulkan. The state between two calls is (x, saved, history[3]) and the index of the next
// call, so a run stops and resumes between any two calls.

#include <array>
#include <cstddef>
#include <string>
#include <vector>

namespace rivulet {

constexpr std::size_t kHistoryDepth = 3;

/// Coefficients of one affine combination; the letters are those of DESIGN and of step_params.h.
struct StepCombination {
  double a = 0.0;                            // x
  double b = 0.0;                            // x0
  double c = 0.0;                            // saved
  double f = 0.0;                            // the network's output
  std::array<double, kHistoryDepth> d = {};  // history
  double e = 0.0;                            // noise; for learned variance, 1 where noise is added
};

/// One network evaluation and the step after it. Units: alpha and sigma are those of x_t = alpha x_0 + sigma eps.
struct ModelCall {
  double timestep = 0.0;    // handed to the network, in its own units (index 0..T-1, t, 1000 t, ...)
  double t = 0.0;           // noise level of x before the step, 0 data .. 1 noise
  double nextT = 0.0;       // and after it
  double alpha = 1.0;       // of the state x before the step: x = alpha x_0 + sigma eps. Euler and Heun on a VP model
  double sigma = 0.0;       // keep x / alpha as their state, so there alpha is 1 and sigma the ratio
  double inputScale = 1.0;  // the network sees inputScale * x
  double p = 0.0, q = 0.0;  // x0 = p x + q m
  bool clip = false;
  double clipLow = 0.0, clipHigh = 0.0;
  StepCombination next;
  bool save = false;             // saved' = `saved`
  StepCombination saved;         // its e is always 0
  bool pushX0 = false;           // history becomes x0, history_0, history_1
  int noiseStep = -1;            // NoiseKey::step of the noise, -1 for none
  bool learnedVariance = false;  // e is multiplied by exp(0.5 log variance), log variance between these two by the
  double logVarianceMin = 0.0;   // network's extra channels v in [-1, 1]: at (v + 1) / 2 of the way
  double logVarianceMax = 0.0;
};

/// Everything a run needs to know. Immutable after construction; safe to share between threads.
struct StepPlan {
  std::string sampler;             // the registry's name
  double initialNoiseScale = 1.0;  // the state starts as this times N(0, 1) (diffusers: init_noise_sigma)
  std::vector<ModelCall> calls;

  bool usesSaved() const;
  bool usesNoise() const;            // beyond the initial state
  bool usesLearnedVariance() const;  // the network must have twice the channels
  std::size_t historyDepth() const;  // highest history index read, plus one
  std::size_t pushesBefore(std::size_t call) const;
};

/// Throws Internal, naming the call and the coefficient, if anything in the plan is not finite or reads a history entry
/// or a saved state that no earlier call wrote. Every plan maker ends with it.
void validate(const StepPlan& plan);

}  // namespace rivulet
