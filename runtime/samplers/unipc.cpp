#include "samplers/unipc.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include "core/error.h"
#include "samplers/noise_grid.h"

namespace rivulet {
namespace {

constexpr std::size_t kMaxOrder = 3;
using Row = std::array<double, kMaxOrder>;

/// Gaussian elimination with row exchanges on the leading n x n part.
Row solve(std::array<Row, kMaxOrder> matrix, Row right, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) {
    std::size_t pivot = i;
    for (std::size_t r = i + 1; r < n; ++r) {
      if (std::abs(matrix[r][i]) > std::abs(matrix[pivot][i])) pivot = r;
    }
    std::swap(matrix[i], matrix[pivot]);
    std::swap(right[i], right[pivot]);
    for (std::size_t r = i + 1; r < n; ++r) {
      const double factor = matrix[r][i] / matrix[i][i];
      for (std::size_t c = i; c < n; ++c) matrix[r][c] -= factor * matrix[i][c];
      right[r] -= factor * right[i];
    }
  }
  for (std::size_t i = n; i-- > 0;) {
    for (std::size_t c = i + 1; c < n; ++c) right[i] -= matrix[i][c] * right[c];
    right[i] /= matrix[i][i];
  }
  return right;
}

/// The step from grid[i] to grid[i + 1] that predictor and corrector share (paper's notation: r_m, R_p, b_p, B(h)).
struct Transition {
  double h, phi, scale, dataWeight;  // h, e^-h - 1, alpha_t B(h), alpha_t
  Row r{}, right{};                  // r_1..r_{p-1}, then 1
  std::array<Row, kMaxOrder> matrix{};

  Transition(const SamplerConfig& config, const NoiseGrid& grid, std::size_t i, int order) {
    const NoiseLevel &s0 = grid[i], &t = grid[i + 1];
    const auto p = static_cast<std::size_t>(order);
    h = t.lambda() - s0.lambda();
    phi = std::expm1(-h);
    const double b = config.bh1 ? -h : phi;
    scale = t.alpha * b;
    dataWeight = t.alpha;
    if (!std::isfinite(h) || h == 0.0) return;  // order 1 without correction: only phi is used
    for (std::size_t m = 1; m < p; ++m) r[m - 1] = (grid[i - m].lambda() - s0.lambda()) / h;
    r[p - 1] = 1.0;
    double phiK = phi / -h - 1.0, factorial = 1.0;
    for (std::size_t k = 0; k < p; ++k) {
      for (std::size_t m = 0; m < p; ++m) matrix[k][m] = std::pow(r[m], static_cast<double>(k));
      right[k] = phiK * factorial / b;
      factorial *= static_cast<double>(k + 2);
      phiK = phiK / -h - 1.0 / factorial;
    }
  }
};

int unipcOrder(const SamplerConfig& config, const NoiseGrid& grid, std::size_t i) {
  const std::size_t n = grid.size() - 1;
  int order = config.order;
  if (config.lowerOrderFinal) order = std::min(order, static_cast<int>(std::min<std::size_t>(n - i, kMaxOrder)));
  return std::min(order, usableOrder(grid, i));
}

/// Whether the step from grid[i] has a finite length that a corrector can work with.
bool correctable(const NoiseGrid& grid, std::size_t i) {
  const double h = grid[i + 1].lambda() - grid[i].lambda();
  return std::isfinite(h) && h != 0.0;
}

/// The state corrected with the x0 just predicted at it: UniC-p from grid[i - 1] to grid[i], order of that predictor.
StepCombination corrected(const SamplerConfig& config, const NoiseGrid& grid, std::size_t i, int order) {
  const Transition step(config, grid, i - 1, order);
  const auto p = static_cast<std::size_t>(order);
  Row rho = solve(step.matrix, step.right, p);
  if (order == 1) rho[0] = 0.5;
  StepCombination s;
  s.c = grid[i].sigma / grid[i - 1].sigma;
  s.d[0] = -step.dataWeight * step.phi;
  for (std::size_t m = 1; m < p; ++m) {
    const double w = -step.scale * rho[m - 1] / step.r[m - 1];  // of history_m - history_0
    s.d[m] += w;
    s.d[0] -= w;
  }
  const double w = -step.scale * rho[p - 1];  // of x0 - history_0
  s.b += w;
  s.d[0] -= w;
  return s;
}

}  // namespace

StepPlan unipcPlan(const SamplerConfig& config, int steps) {
  if (config.order < 1 || config.order > static_cast<int>(kMaxOrder)) {
    throw Error(ErrorCode::InvalidArgument,
                "unipc: solver_order is " + std::to_string(config.order) + "; supported: 1, 2, 3");
  }
  const NoiseGrid grid = multistepGrid(config, steps);
  StepPlan plan{config.sampler, 1.0, {}};
  int previousOrder = 1;
  for (std::size_t i = 0; i + 1 < grid.size(); ++i) {
    ModelCall call = beginCall(config, grid[i], grid[i + 1]);

    // The current state: x, or x corrected from the last corrected state.
    const auto& off = config.disableCorrector;
    const bool correct =
        i > 0 && correctable(grid, i - 1) && std::find(off.begin(), off.end(), static_cast<int>(i) - 1) == off.end();
    StepCombination current;
    if (correct) {
      current = corrected(config, grid, i, previousOrder);
    } else {
      current.a = 1.0;
    }

    // UniP-p from there.
    const int order = unipcOrder(config, grid, i);
    const Transition step(config, grid, i, order);
    const auto p = static_cast<std::size_t>(order);
    Row rho{};
    if (order == 2) {
      rho[0] = 0.5;
    } else if (order == 3) {
      rho = solve(step.matrix, step.right, p - 1);
    }
    const double keep = grid[i + 1].sigma / grid[i].sigma;
    call.next.a = keep * current.a;
    call.next.b = keep * current.b - step.dataWeight * step.phi;
    call.next.c = keep * current.c;
    for (std::size_t m = 0; m < kHistoryDepth; ++m) call.next.d[m] = keep * current.d[m];
    for (std::size_t m = 1; m < p; ++m) {
      const double w = -step.scale * rho[m - 1] / step.r[m - 1];  // of history_{m - 1} - x0
      call.next.d[m - 1] += w;
      call.next.b -= w;
    }

    if (i + 2 < grid.size()) {
      call.save = true;
      call.saved = current;
      call.pushX0 = true;
    }
    previousOrder = order;
    plan.calls.push_back(call);
  }
  validate(plan);
  return plan;
}

}  // namespace rivulet
