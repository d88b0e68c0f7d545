#include "training/evaluation/style_fidelity.h"

#include <algorithm>

namespace rivulet::training {

const std::array<const char*, kStyleSize> kStyleNames = {"mean_r",      "mean_g",      "mean_b",    "deviation_r",
                                                         "deviation_g", "deviation_b", "band_fine", "band_middle",
                                                         "band_coarse", "direction"};

at::Tensor measureStyles(const at::Tensor& images) {
  const at::Tensor interleaved = images.to(at::kFloat).permute({0, 2, 3, 1}).contiguous();
  at::Tensor styles = at::empty({images.size(0), kStyleSize}, at::kFloat);
  for (int64_t i = 0; i < images.size(0); ++i) {
    const at::Tensor one = interleaved[i];
    ImageF image{static_cast<int>(images.size(3)), static_cast<int>(images.size(2)), {}};
    image.rgb.assign(one.data_ptr<float>(), one.data_ptr<float>() + one.numel());
    const Style style = measureStyle(image);
    std::copy(style.begin(), style.end(), styles[i].data_ptr<float>());
  }
  return styles;
}

StyleFidelity styleFidelity(const at::Tensor& asked, const at::Tensor& measured, const at::Tensor& deviation,
                            const Bootstrap& bootstrap) {
  const at::Tensor error = (measured - asked).to(at::kDouble) / deviation.to(at::kDouble);
  const at::Tensor squares = error.square().mean(1);  // [N]
  const at::Tensor& weights = bootstrap.weights();
  StyleFidelity fidelity;
  fidelity.rms =
      bootstrap.around(squares.mean().sqrt().item<double>(), (at::mv(weights, squares) / weights.sum(1)).sqrt());
  const at::Tensor rms = error.square().mean(0).sqrt(), bias = error.mean(0);
  for (int i = 0; i < kStyleSize; ++i) {
    fidelity.componentRms[static_cast<std::size_t>(i)] = rms[i].item<double>();
    fidelity.bias[static_cast<std::size_t>(i)] = bias[i].item<double>();
  }
  return fidelity;
}

}  // namespace rivulet::training
