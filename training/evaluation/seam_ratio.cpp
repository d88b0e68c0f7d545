#include "training/evaluation/seam_ratio.h"

namespace rivulet::training {

Estimate seamRatio(const at::Tensor& images, const Bootstrap& bootstrap) {
  const int64_t height = images.size(2), width = images.size(3);
  const auto sum = [](const at::Tensor& a, const at::Tensor& b) {  // of |a - b|, for each image
    return (a - b).abs().to(at::kDouble).sum(at::IntArrayRef({1, 2, 3}));
  };
  const at::Tensor across = (sum(images.select(3, 0).unsqueeze(3), images.select(3, width - 1).unsqueeze(3)) +
                             sum(images.select(2, 0).unsqueeze(2), images.select(2, height - 1).unsqueeze(2))) /
                            static_cast<double>(height + width);
  const at::Tensor inside = (sum(images.narrow(3, 1, width - 1), images.narrow(3, 0, width - 1)) +
                             sum(images.narrow(2, 1, height - 1), images.narrow(2, 0, height - 1))) /
                            static_cast<double>(height * (width - 1) + width * (height - 1));
  const auto ratio = [&](const at::Tensor& weights) {  // [r, n] -> [r]
    const at::Tensor a = at::mv(weights, across), b = at::mv(weights, inside);
    return at::where(a + b == 0, at::ones_like(a), a / b);
  };
  const double value = ratio(at::ones({1, images.size(0)}, at::kDouble)).item<double>();
  return bootstrap.around(value, ratio(bootstrap.weights()));
}

}  // namespace rivulet::training
