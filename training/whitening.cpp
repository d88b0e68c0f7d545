#include "training/whitening.h"

#include <cmath>

namespace rivulet::training {
namespace {

const double kRoot2 = std::sqrt(2.0), kRoot6 = std::sqrt(6.0);

void multiply(std::vector<float>& planes, const Matrix3& matrix) {
  const std::size_t area = planes.size() / 3;
  for (std::size_t i = 0; i < area; ++i) {
    const std::array<double, 3> v = {planes[i], planes[area + i], planes[2 * area + i]};
    for (std::size_t c = 0; c < 3; ++c) {
      planes[c * area + i] = static_cast<float>(matrix[c][0] * v[0] + matrix[c][1] * v[1] + matrix[c][2] * v[2]);
    }
  }
}

}  // namespace

Matrix3 opponentBasis() {
  constexpr double k = kWhiteningChroma;
  return {{{1.0 / 3, 1.0 / 3, 1.0 / 3}, {k / kRoot2, 0, -k / kRoot2}, {k / kRoot6, -2 * k / kRoot6, k / kRoot6}}};
}

Matrix3 inverseOpponentBasis() {
  constexpr double k = kWhiteningChroma;
  return {
      {{1, 1 / (k * kRoot2), 1 / (k * kRoot6)}, {1, 0, -2 / (k * kRoot6)}, {1, -1 / (k * kRoot2), 1 / (k * kRoot6)}}};
}

std::vector<float> whiten(std::vector<float> pixels, const Style& style) {
  const std::size_t area = pixels.size() / 3;
  for (std::size_t c = 0; c < 3; ++c) {
    const float scale = 1.0f / whiteningDeviation(style, c);
    for (std::size_t i = c * area; i < (c + 1) * area; ++i) pixels[i] = (pixels[i] - style[c]) * scale;
  }
  multiply(pixels, opponentBasis());
  return pixels;
}

std::vector<float> unwhiten(std::vector<float> whitened, const Style& style) {
  multiply(whitened, inverseOpponentBasis());
  const std::size_t area = whitened.size() / 3;
  for (std::size_t c = 0; c < 3; ++c) {
    const float deviation = whiteningDeviation(style, c);
    for (std::size_t i = c * area; i < (c + 1) * area; ++i) whitened[i] = whitened[i] * deviation + style[c];
  }
  return whitened;
}

}  // namespace rivulet::training
