#pragma once
#include <vector>

namespace rivulet {

/// n noise-to-data ratios from `high` down to `low`, equally spaced in their rho-th roots: Karras, Aittala, Aila,
/// Laine, "Elucidating the design space of diffusion-based generative models", NeurIPS 2022, equation 5 (rho = 7).
std::vector<double> karrasSpacing(double low, double high, int n, double rho = 7.0);

}  // namespace rivulet
