// Confidence intervals by resampling (Efron 1979). The unit drawn with replacement is a texture or a source image, not
// a crop: crops of one image are not independent.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <vector>

namespace rivulet::training {

// A figure and the ends of its 95 % interval; these are NaN where no stratum has two units to draw from.
struct Estimate {
  double value = 0, low = 0, high = 0;
};

class Bootstrap {
 public:
  // `units[i]` and `strata[i]` tell which unit and which stratum sample i is of; a unit is in one stratum. The draws
  // are a function of all arguments.
  Bootstrap(const std::vector<int>& units, const std::vector<int>& strata, int repeats, std::uint64_t seed);

  // [repeats, samples] float64: how often each sample is in each draw.
  const at::Tensor& weights() const { return weights_; }

  // `drawn` [repeats] is the statistic of each draw. The interval is the 2.5 % and 97.5 % quantiles of its deviations
  // from its own mean, put around `value`: a draw repeats samples, and what that adds to a statistic with a
  // small-sample bias (a Fréchet or Wasserstein distance) must not move the interval. Draws that are not finite are
  // left out.
  Estimate around(double value, const at::Tensor& drawn) const;

 private:
  at::Tensor weights_;
  bool fixed_ = true;  // every draw is the sample itself
};

}  // namespace rivulet::training
