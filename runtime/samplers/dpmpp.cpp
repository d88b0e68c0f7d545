#include "samplers/dpmpp.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "core/error.h"
#include "samplers/noise_grid.h"

namespace rivulet {
namespace {

/// diffusers' choice: lower orders at the start for want of history, and at the end for stability in short walks. A
/// level of pure noise (lambda = -inf) or clean data (+inf) cannot take part in a higher order.
int multistepOrder(const SamplerConfig& config, const NoiseGrid& grid, std::size_t i) {
  const std::size_t n = grid.size() - 1;
  const bool few = config.lowerOrderFinal && n < 15;
  int order = config.order;
  if (i + 1 == n && (config.eulerAtFinal || few || config.finalSigma == FinalSigma::Zero)) order = 1;
  if (i + 2 == n && few) order = std::min(order, 2);
  return std::min(order, usableOrder(grid, i));
}

}  // namespace

StepPlan dpmppPlan(const SamplerConfig& config, int steps) {
  if (config.order < 1 || config.order > 3) {
    throw Error(ErrorCode::InvalidArgument,
                "dpmpp: solver_order is " + std::to_string(config.order) + "; supported: 1, 2, 3");
  }
  const NoiseGrid grid = multistepGrid(config, steps);
  StepPlan plan{config.sampler, 1.0, {}};
  for (std::size_t i = 0; i + 1 < grid.size(); ++i) {
    const NoiseLevel &s0 = grid[i], &t = grid[i + 1];
    ModelCall call = beginCall(config, s0, t);
    const int order = multistepOrder(config, grid, i);
    const double h = t.lambda() - s0.lambda();  // infinite from pure noise and to clean data
    const double phi = std::expm1(-h);
    call.next.a = t.sigma / s0.sigma;
    call.next.b = -t.alpha * phi;  // D0 = x0
    if (order >= 2) {
      // D1 = (x0 - history0) h / h0, a first difference; its weight in the midpoint or the integrated form.
      const double h0 = s0.lambda() - grid[i - 1].lambda();
      const double integrated = t.alpha * (phi / h + 1.0);
      if (order == 2) {
        const double w = (config.heunCorrection ? integrated : -0.5 * t.alpha * phi) * h / h0;
        call.next.b += w;
        call.next.d[0] -= w;
      } else {
        const double h1 = grid[i - 1].lambda() - grid[i - 2].lambda();
        const double r0 = h0 / h, r1 = h1 / h;
        const double w1 = integrated, w2 = -t.alpha * ((phi + h) / (h * h) - 0.5);
        // As published and recorded: D2 approximates h^2 m'' / 2, so its integral would want twice w2. The third order
        // is therefore a second order with a smaller error; tests/samplers/convergence_test.cpp measures it. D1 = D1_0
        // + r0 / (r0 + r1) (D1_0 - D1_1), D2 = (D1_0 - D1_1) / (r0 + r1), D1_0 = (x0 - history0) / r0, D1_1 = (history0
        // - history1) / r1.
        const double first = w1 + (w1 * r0 + w2) / (r0 + r1), second = -(w1 * r0 + w2) / (r0 + r1);
        call.next.b += first / r0;
        call.next.d[0] += -first / r0 + second / r1;
        call.next.d[1] += -second / r1;
      }
    }
    call.pushX0 = config.order > 1;
    plan.calls.push_back(call);
  }
  validate(plan);
  return plan;
}

}  // namespace rivulet
