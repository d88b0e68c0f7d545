#pragma once
// How large values are: what the scale of their integers is chosen by.

#include <cstdint>
#include <span>
#include <vector>

namespace rivulet::quantize {

/// Counts magnitudes in buckets of equal ratio, 32 to an octave, over all that a float can be. Not thread-safe.
class MagnitudeHistogram {
 public:
  MagnitudeHistogram();
  /// Zeros count, and what is not finite does not.
  void add(std::span<const float> values);
  std::uint64_t count() const { return count_; }
  float largest() const { return largest_; }

  /// The step s with the least mean squared error of s * clamp(round(v / s), -127, 127): what is larger than 127 s is
  /// clipped, the rest is off by s² / 12 on the average, or by itself where it is rounded to zero. 0: nothing but zeros
  /// was added.
  float bestScale() const;

 private:
  std::vector<std::uint64_t> buckets_;
  std::uint64_t count_ = 0;
  float largest_ = 0;
};

}  // namespace rivulet::quantize
