// Errors of styles in units of their deviation.
#include "training/evaluation/style_fidelity.h"

#include <cmath>

#include "../scratch.h"
#include "samples.h"

namespace rivulet::training {
namespace {

TEST(StyleFidelity, CountsInDeviations) {
  at::Tensor asked = normal({4, 10}, 1), measured = asked.clone(), deviation = at::full({10}, 0.5f);
  measured.select(1, 3) += 1.0;                                     // two deviations, always up
  measured.select(1, 7) += at::tensor({0.5f, -0.5f, 0.5f, -0.5f});  // one, up and down
  const StyleFidelity fidelity = styleFidelity(asked, measured, deviation, plainBootstrap(4));
  EXPECT_NEAR(fidelity.componentRms[3], 2, 1e-5);
  EXPECT_NEAR(fidelity.bias[3], 2, 1e-5);
  EXPECT_NEAR(fidelity.componentRms[7], 1, 1e-5);
  EXPECT_NEAR(fidelity.bias[7], 0, 1e-5);
  EXPECT_NEAR(fidelity.componentRms[0], 0, 1e-6);
  EXPECT_NEAR(fidelity.rms.value, std::sqrt((4 + 1) / 10.0), 1e-5);
}

TEST(StyleFidelity, MeasuresAsTheTrainerDoes) {
  const at::Tensor images = normal({2, 3, 16, 24}, 2);
  const at::Tensor styles = measureStyles(images);
  ImageF image{24, 16, {}};
  for (int64_t i = 0; i < 16 * 24; ++i) {
    for (int64_t c = 0; c < 3; ++c) image.rgb.push_back(images[1][c].flatten()[i].item<float>());
  }
  const Style style = measureStyle(image);
  for (int i = 0; i < kStyleSize; ++i) EXPECT_EQ(styles[1][i].item<float>(), style[static_cast<std::size_t>(i)]);
}

}  // namespace
}  // namespace rivulet::training
