#include "quantize/magnitude_histogram.h"

#include <bit>
#include <cmath>

namespace rivulet::quantize {
namespace {

constexpr std::uint32_t kShift = 18;  // of a float's bits: what stays is the exponent and five bits of the mantissa
constexpr std::uint32_t kBuckets = 0x7f800000u >> kShift;

float lowest(std::uint32_t bucket) {
  return std::bit_cast<float>(bucket << kShift);
}

}  // namespace

MagnitudeHistogram::MagnitudeHistogram() : buckets_(kBuckets, 0) {}

void MagnitudeHistogram::add(std::span<const float> values) {
  for (const float v : values) {
    if (!std::isfinite(v)) continue;
    ++buckets_[std::bit_cast<std::uint32_t>(std::fabs(v)) >> kShift];
    ++count_;
    largest_ = std::max(largest_, std::fabs(v));
  }
}

float MagnitudeHistogram::bestScale() const {
  constexpr std::uint32_t kOctaves = 6;  // below the largest: less would clip what matters
  if (largest_ == 0) return 0;
  const std::uint32_t last = std::bit_cast<std::uint32_t>(largest_) >> kShift;
  float best = largest_ / 127;
  double least = INFINITY;
  for (std::uint32_t clip = last + 1; clip-- > 0 && clip + kOctaves * 32 > last;) {
    const double end = clip == last ? double{largest_} : double{lowest(clip + 1)};
    const double step = end / 127;
    double error = 0;
    for (std::uint32_t i = 0; i <= last; ++i) {
      if (buckets_[i] == 0) continue;
      const double v = (double{lowest(i)} + double{lowest(i + 1)}) / 2;
      const double each = v > end ? (v - end) * (v - end) : v < step / 2 ? v * v : step * step / 12;
      error += each * static_cast<double>(buckets_[i]);
    }
    if (error >= least) continue;
    least = error;
    best = static_cast<float>(step);
  }
  return best;
}

}  // namespace rivulet::quantize
