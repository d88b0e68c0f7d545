#include "app/auto_scale.h"

#include <algorithm>
#include <cstddef>

namespace demo {
namespace {

constexpr std::size_t kFrames = 40;                          // between two looks
constexpr double kTooLong = 30.0, kShort = 20.0;             // milliseconds of the median: 30 frames a second, and ease
constexpr float kStep = 0.05f, kLeast = 0.3f, kMost = 0.6f;  // of the window's size

}  // namespace

float AutoScale::update(double wallMs) {
  window_.push_back(wallMs);
  if (window_.size() < kFrames) return scale_;
  const auto middle = window_.begin() + kFrames / 2;
  std::nth_element(window_.begin(), middle, window_.end());
  const double median = *middle;
  window_.clear();
  // Far beyond, larger steps: the scene's time goes with the square of the scale.
  const float step = median > 1.3 * kTooLong ? 2 * kStep : kStep;
  if (median > kTooLong) scale_ = std::max(kLeast, scale_ - step);
  if (median < kShort) scale_ = std::min(kMost, scale_ + kStep);
  return scale_;
}

}  // namespace demo
