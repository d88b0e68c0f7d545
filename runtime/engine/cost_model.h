#pragma once
// How long each piece of recorded work takes on this device: learned from measurements, guessed before there are any.
// What fits a frame's budget is decided with it.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "vk/device_caps.h"

namespace rivulet::engine {

/// Microseconds a dispatch may take on a device nothing is known of yet, from what it computes and moves. Meant to be
/// too high rather than too low: the first frames do too little.
double guessMicroseconds(const vk::DeviceCaps& caps, std::uint64_t multiplyAdds, std::uint64_t bytes);

/// A part of a unit, as a fraction of it.
struct CostShare {
  std::uint32_t unit = 0;
  double part = 1;
};

/// Units are dispatches and other pieces of work, by index; some are recorded in parts, which take their share of the
/// time. Allocates nothing after construction.
/// Thread-safety: one thread at a time.
class CostModel {
 public:
  /// One guess per unit, in microseconds, above zero.
  explicit CostModel(std::vector<double> guesses);

  std::size_t size() const { return units_.size(); }
  /// Expected microseconds, with a margin for what measurements have varied by. Unmeasured units scale with how wrong
  /// the guesses of others were.
  double cost(std::size_t unit) const;
  double total() const;
  /// Microseconds as measured, without a margin; 0 as long as it has not been measured twice: a first one may have
  /// compiled.
  double mean(std::size_t unit) const { return units_[unit].samples < 2 ? 0 : units_[unit].mean; }
  /// Takes a measurement in, of all of a unit or a `part` of it, which weighs less. Recent ones weigh more, so a busier
  /// or a faster device is followed within some frames. A unit's first one counts little: drivers compile and fault in
  /// memory then.
  void measured(std::size_t unit, double microseconds, double part = 1);
  /// Without timestamps: `shares` took `microseconds` together, which is shared out as expected.
  void measuredTogether(std::span<const CostShare> shares, double microseconds);

 private:
  struct Unit {
    double guess = 0, mean = 0, deviation = 0;
    std::uint32_t samples = 0;
  };
  double cost(std::size_t unit, double ratio) const;

  std::vector<Unit> units_;
  double ratio_ = 1;  // of measurements to guesses
};

}  // namespace rivulet::engine
