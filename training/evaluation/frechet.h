// The Fréchet distance between Gaussian fits of two sets of features: Heusel et al., "GANs Trained by a Two Time-Scale
// Update Rule Converge to a Local Nash Equilibrium", NeurIPS 2017, equation 6; Dowson and Landau 1982. On the features
// of a network other than Inception: figures compare with each other, not with those of papers.
#pragma once

#include <torch/torch.h>

#include "training/evaluation/bootstrap.h"

namespace rivulet::training {

struct Gaussian {
  at::Tensor mean;        // [d] float64
  at::Tensor covariance;  // [d, d] float64, divided by n - 1
};

// Fit of features [n, d], n at least 2.
Gaussian fitGaussian(const at::Tensor& features);

// |m_a - m_b|^2 + tr(C_a + C_b - 2 (C_a^(1/2) C_b C_a^(1/2))^(1/2)); the roots by eigenvalues of symmetric matrices.
double frechetDistance(const Gaussian& a, const Gaussian& b);

// Of features x [n, d] and y [m, d]. Biased upwards by a finite sample, the more so the fewer: compare only figures of
// the same counts. `bootstrap` resamples x; y is taken as it is.
Estimate frechetDistance(const at::Tensor& x, const at::Tensor& y, const Bootstrap& bootstrap);

}  // namespace rivulet::training
