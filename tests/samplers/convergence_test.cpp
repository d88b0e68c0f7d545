// Data whose best denoiser is known in closed form: x_0 ~ N(mean, deviation^2), one pixel. Then
//   E[x_0 | x] = mean + alpha deviation^2 / (alpha^2 deviation^2 + sigma^2) (x - alpha mean)
// and the flow is a straight rescaling: (x - alpha mean) / sqrt(alpha^2 deviation^2 + sigma^2) stays. Every
// deterministic plan must come closer to it, at its order, as steps rise.

#include <gtest/gtest.h>

#include <cmath>
#include <iostream>
#include <string>
#include <vector>

#include "samplers/plan_walk.h"
#include "samplers/registry.h"

namespace rivulet {
namespace {

struct Gaussian {
  double mean = 0.3;
  double deviation = 0.5;

  double spread(double alpha, double sigma) const {
    return std::sqrt(alpha * alpha * deviation * deviation + sigma * sigma);
  }
  double data(double x, double alpha, double sigma) const {
    const double s = spread(alpha, sigma);
    return mean + (s > 0.0 ? alpha * deviation * deviation / (s * s) * (x - alpha * mean) : 0.0);
  }
  /// What a perfect network of each kind returns for its input.
  double output(Prediction prediction, double x, double alpha, double sigma) const {
    const double x0 = data(x, alpha, sigma);
    const double eps = sigma > 0.0 ? (x - alpha * x0) / sigma : 0.0;
    switch (prediction) {
      case Prediction::Epsilon:
        return eps;
      case Prediction::Sample:
        return x0;
      case Prediction::V:
        return alpha * eps - sigma * x0;
      case Prediction::Flow:
        return eps - x0;
    }
    return 0.0;
  }
  auto model(Prediction prediction) const {
    return [*this, prediction](double input, const ModelCall& call) {
      return output(prediction, input, call.inputScale * call.alpha, call.inputScale * call.sigma);
    };
  }
};

SamplerConfig configOf(const std::string& sampler, ProcessKind kind, Prediction prediction) {
  SamplerConfig config;
  config.process.kind = kind;
  config.prediction = prediction;
  return withSampler(config, sampler);
}

/// Largest error of a few values; the plan ends at clean data or, with FinalSigma::SigmaMin, at `last`.
double errorOf(const SamplerConfig& config, int steps, const Gaussian& data, NoiseLevel last = {}) {
  const StepPlan plan = makeStepPlan(config, steps);
  const ModelCall& first = plan.calls.front();
  double worst = 0.0;
  for (const double z : {-1.5, 0.4, 2.0}) {
    const double start = first.alpha * data.mean + z * data.spread(first.alpha, first.sigma);
    const double want = last.alpha * data.mean + z * data.spread(last.alpha, last.sigma);
    worst = std::max(worst, std::abs(test::walkExactly(plan, start, data.model(config.prediction)) - want));
  }
  return worst;
}

struct Case {
  std::string sampler;
  ProcessKind kind;
  Prediction prediction;
  double order;  // least order of convergence from 20 to 80 steps
};

std::string nameOf(const Case& c) {
  return c.sampler + "_" + std::string(toString(c.kind)) + "_" + std::string(toString(c.prediction));
}

class Convergence : public ::testing::TestWithParam<Case> {};

// As shipped, down to clean data. The last step to infinite log SNR is first order in all of them, so multistep solvers
// show less than their order here.
TEST_P(Convergence, ErrorFallsAsStepsRise) {
  const Case& c = GetParam();
  const SamplerConfig config = configOf(c.sampler, c.kind, c.prediction);
  const double coarse = errorOf(config, 20, {}), fine = errorOf(config, 80, {}), finest = errorOf(config, 160, {});
  const double order = std::log2(coarse / finest) / 3.0;
  std::cout << "  " << nameOf(c) << ": " << coarse << " " << fine << " " << finest << ", order " << order << "\n";
  EXPECT_GE(order, c.order);
  EXPECT_LT(fine, coarse);
  EXPECT_LT(finest, 0.02);
}

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const Prediction p : {Prediction::Sample, Prediction::V, Prediction::Flow}) {
    all.push_back({"ddim", ProcessKind::Flow, p, 0.9});
    all.push_back({"flow_euler", ProcessKind::Flow, p, 0.9});
    all.push_back({"flow_heun", ProcessKind::Flow, p, 1.9});
    for (const char* multistep : {"dpmpp_2m", "dpmpp_3m", "unipc"})
      all.push_back({multistep, ProcessKind::Flow, p, 1.4});
    all.push_back({"unipc_3", ProcessKind::Flow, p, 0.6});  // already at 3e-4 with 20 steps
  }
  for (const Prediction p : {Prediction::Epsilon, Prediction::Sample, Prediction::V}) {
    for (const ProcessKind kind : {ProcessKind::VpLinear, ProcessKind::VpScaledLinear, ProcessKind::VpCosine}) {
      for (const char* first : {"ddim", "euler"}) all.push_back({first, kind, p, 0.9});
      for (const char* multistep : {"dpmpp_2m", "dpmpp_3m", "unipc", "unipc_3"})
        all.push_back({multistep, kind, p, 0.7});
      all.push_back({"heun", kind, p, 1.6});
    }
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(Gaussian, Convergence, ::testing::ValuesIn(cases()),
                         [](const auto& test) { return nameOf(test.param); });

class LogSnrOrder : public ::testing::TestWithParam<Case> {};

// Steps uniform in log SNR down to the cleanest training level: there the solvers have their nominal orders (UniPC-p
// has p + 1).
TEST_P(LogSnrOrder, IsTheNominalOne) {
  const Case& c = GetParam();
  SamplerConfig config = configOf(c.sampler, c.kind, c.prediction);
  config.sigmaSpacing = SigmaSpacing::Exponential;
  config.finalSigma = FinalSigma::SigmaMin;
  NoiseLevel last = makeDiscreteVp(config.process, true).at(0);
  if (c.sampler == "euler" || c.sampler == "heun") last = {0.0, 1.0, last.sigma / last.alpha, 0.0};
  const double coarse = errorOf(config, 40, {}, last), fine = errorOf(config, 160, {}, last);
  const double order = std::log2(coarse / fine) / 2.0;
  std::cout << "  " << nameOf(c) << ": " << coarse << " " << fine << ", order " << order << "\n";
  EXPECT_GE(order, c.order);
}

std::vector<Case> logSnrCases() {
  std::vector<Case> all;
  for (const ProcessKind kind : {ProcessKind::VpLinear, ProcessKind::VpScaledLinear, ProcessKind::VpCosine}) {
    all.push_back({"euler", kind, Prediction::Epsilon, 0.9});
    all.push_back({"heun", kind, Prediction::Epsilon, 1.9});
    all.push_back({"dpmpp_2m", kind, Prediction::Epsilon, 1.9});
    all.push_back({"dpmpp_3m", kind, Prediction::Epsilon, 2.0});
    all.push_back({"unipc", kind, Prediction::Epsilon, 2.8});
    all.push_back({"unipc_3", kind, Prediction::Epsilon, 2.4});
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(Gaussian, LogSnrOrder, ::testing::ValuesIn(logSnrCases()),
                         [](const auto& test) { return nameOf(test.param); });

// Data at one point: the prediction of x_0 is constant, so every deterministic plan must end there whatever its order
// and however few its steps: its coefficients add up.
TEST(Exactness, ConstantDataIsReachedInAnyNumberOfSteps) {
  const Gaussian point{0.7, 0.0};
  for (const ProcessKind kind : {ProcessKind::Flow, ProcessKind::VpLinear, ProcessKind::VpCosine}) {
    const bool flow = kind == ProcessKind::Flow;
    for (const Prediction prediction : {Prediction::Epsilon, Prediction::Sample, Prediction::V, Prediction::Flow}) {
      if (flow ? prediction == Prediction::Epsilon : prediction == Prediction::Flow) continue;
      for (const char* sampler : {"ddim", "dpmpp_2m", "dpmpp_3m", "unipc", "unipc_3", flow ? "flow_euler" : "euler",
                                  flow ? "flow_heun" : "heun"}) {
        for (const SigmaSpacing spacing : {SigmaSpacing::Timesteps, SigmaSpacing::Karras, SigmaSpacing::Exponential}) {
          for (const bool variant : {false, true}) {
            for (int steps = 1; steps <= 50; ++steps) {
              SamplerConfig config = configOf(sampler, kind, prediction);
              config.sigmaSpacing = spacing;
              config.bh1 = variant;
              config.heunCorrection = variant;
              config.lowerOrderFinal = !variant;
              if (variant) config.disableCorrector = {0, 3};
              EXPECT_LT(errorOf(config, steps, point), 1e-7)
                  << sampler << " " << toString(kind) << " " << toString(prediction) << " " << steps;
            }
          }
        }
      }
    }
  }
}

TEST(Orders, HigherIsCloser) {
  for (const ProcessKind kind : {ProcessKind::VpLinear, ProcessKind::VpScaledLinear, ProcessKind::VpCosine}) {
    double previous = 1.0;
    for (const char* sampler : {"dpmpp_2m", "dpmpp_3m", "unipc", "unipc_3"}) {
      SamplerConfig config = configOf(sampler, kind, Prediction::Epsilon);
      config.sigmaSpacing = SigmaSpacing::Exponential;
      config.finalSigma = FinalSigma::SigmaMin;
      const double error = errorOf(config, 100, {}, makeDiscreteVp(config.process, true).at(0));
      EXPECT_LT(error, previous) << sampler << " " << toString(kind);
      previous = error;
    }
  }
  for (const ProcessKind kind : {ProcessKind::Flow, ProcessKind::VpLinear}) {
    const double ddim = errorOf(configOf("ddim", kind, Prediction::V), 20, {});
    const double second = errorOf(configOf("dpmpp_2m", kind, Prediction::V), 20, {});
    const double unipc = errorOf(configOf("unipc", kind, Prediction::V), 20, {});
    EXPECT_LT(second, ddim);
    EXPECT_LT(unipc, ddim);
  }
}

/// Variance of the result when the state starts with the right variance and every step adds its own noise.
double finalDeviation(const SamplerConfig& config, int steps, const Gaussian& data) {
  const StepPlan plan = makeStepPlan(config, steps);
  double variance = std::pow(data.spread(plan.calls.front().alpha, plan.calls.front().sigma), 2);
  for (const ModelCall& call : plan.calls) {
    const StepPlan one{"one", 1.0, {call}};
    const auto model = data.model(config.prediction);
    const double slope = test::walkExactly(one, 1.0, model) - test::walkExactly(one, 0.0, model);
    variance = slope * slope * variance + call.next.e * call.next.e;
  }
  return std::sqrt(variance);
}

TEST(Stochastic, KeepsTheDataVariance) {
  const Gaussian data{};
  for (const ProcessKind kind : {ProcessKind::Flow, ProcessKind::VpLinear, ProcessKind::VpCosine}) {
    for (const VarianceType variance : {VarianceType::FixedSmall, VarianceType::FixedLarge}) {
      SamplerConfig config = configOf("ddpm", kind, Prediction::V);
      config.variance = variance;
      const double coarse = std::abs(finalDeviation(config, 50, data) - data.deviation);
      const double fine = std::abs(finalDeviation(config, 500, data) - data.deviation);
      EXPECT_LT(fine, 0.02) << toString(kind);
      EXPECT_LT(fine, coarse) << toString(kind);
    }
    for (const double eta : {0.0, 0.5, 1.0}) {
      SamplerConfig config = configOf("ddim", kind, Prediction::V);
      config.eta = eta;
      EXPECT_NEAR(finalDeviation(config, 500, data), data.deviation, 0.02) << toString(kind) << " eta " << eta;
    }
  }
}

TEST(Inversion, ThenDdimComesBack) {
  const Gaussian data{};
  for (const ProcessKind kind : {ProcessKind::Flow, ProcessKind::VpLinear, ProcessKind::VpScaledLinear}) {
    std::vector<double> errors;
    for (const int steps : {25, 50, 100}) {
      SamplerConfig up = configOf("ddim_inversion", kind, Prediction::V);
      SamplerConfig down = configOf("ddim", kind, Prediction::V);
      if (kind != ProcessKind::Flow) up.spacing = down.spacing = TimestepSpacing::Leading;
      const auto model = data.model(Prediction::V);
      double worst = 0.0;
      for (const double start : {-0.6, 0.1, 1.2}) {
        const double noise = test::walkExactly(makeStepPlan(up, steps), start, model);
        worst = std::max(worst, std::abs(test::walkExactly(makeStepPlan(down, steps), noise, model) - start));
      }
      errors.push_back(worst);
    }
    std::cout << "  " << toString(kind) << ": " << errors[0] << " " << errors[1] << " " << errors[2] << "\n";
    EXPECT_LT(errors[2], 0.06) << toString(kind);
    EXPECT_NEAR(errors[0] / errors[1], 2.0, 0.3);  // both walks are first order
    EXPECT_NEAR(errors[1] / errors[2], 2.0, 0.3);
  }
}

TEST(Inversion, GaussianDataBecomesStandardNoise) {
  const Gaussian data{};
  const SamplerConfig config = configOf("ddim_inversion", ProcessKind::Flow, Prediction::Flow);
  const double noise =
      test::walkExactly(makeStepPlan(config, 400), data.mean + 1.5 * data.deviation, data.model(Prediction::Flow));
  EXPECT_NEAR(noise, 1.5, 0.02);
}

// Prediction types are views of one denoiser: the float32 kernel must give the same picture through each.
TEST(Predictions, AgreeInSinglePrecision) {
  const Gaussian data{};
  for (const ProcessKind kind : {ProcessKind::Flow, ProcessKind::VpLinear}) {
    const bool flow = kind == ProcessKind::Flow;
    for (const char* sampler : {"ddim", "dpmpp_2m", "unipc", flow ? "flow_heun" : "heun"}) {
      std::vector<std::vector<float>> results;
      for (const Prediction p : {Prediction::V, Prediction::Sample, flow ? Prediction::Flow : Prediction::Epsilon}) {
        const StepPlan plan = makeStepPlan(configOf(sampler, kind, p), 12);
        std::vector<float> x;
        for (const double z : {-1.0, 0.2, 1.7}) x.push_back(static_cast<float>(z * plan.initialNoiseScale));
        results.push_back(test::walk(plan, x, [&](const std::vector<float>& input, const ModelCall& call) {
          std::vector<float> out;
          for (const float v : input) out.push_back(static_cast<float>(data.model(p)(static_cast<double>(v), call)));
          return out;
        }));
      }
      for (std::size_t i = 0; i < 3; ++i) {
        EXPECT_NEAR(results[0][i], results[1][i], 2e-5) << sampler;
        EXPECT_NEAR(results[0][i], results[2][i], 2e-5) << sampler;
      }
    }
  }
}

}  // namespace
}  // namespace rivulet
