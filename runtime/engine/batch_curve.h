#pragma once
// How long one evaluation takes by how many lanes it has, and from that how many are best. Learned from what runs
// anyway, since every number of lanes is an executable of its own, to be built before it can be measured: what was
// measured counts as it is, and a line fitted to it, time(B) = a + b B, says what others would take.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace rivulet::engine {

/// Of one network at one size on one device. Allocates nothing. Thread-safety: one thread at a time.
class BatchCurve {
 public:
  static constexpr std::uint32_t kMostLanes = 64;

  /// One evaluation of `lanes` lanes took `microseconds`. The first such measurement is believed, later ones move it by
  /// a quarter of what they differ, so that a device that becomes slower is followed. Returns whether this was news:
  /// the first, or one that differs by more than what makes a larger batch worth it. Ignored: 0 or more than kMostLanes
  /// lanes, and times that are not above 0 and finite.
  bool measured(std::uint32_t lanes, double microseconds);

  bool has(std::uint32_t lanes) const { return lanes <= kMostLanes && microseconds_[lanes] > 0; }
  bool empty() const { return most() == 0; }
  /// Of an evaluation of 1 to kMostLanes lanes: as measured, or as its neighbours and the line let expect. Before
  /// anything is measured, in units of what one more lane costs.
  double microseconds(std::uint32_t lanes) const;

  /// Of `sizes`, numbers of lanes in ascending order, at least one: the one that makes `requests` textures in the least
  /// time, ceil(requests / B) time(B). Of those within 5 % of it the smallest: it needs less memory, its textures come
  /// sooner, and timings are no better than that. What has not been measured is tried only up to twice of what has, and
  /// up to 4 lanes before. `have`, lanes of a batch that there is already, is the best unless another gains more than 5
  /// % over it; 0: there is none.
  std::uint32_t best(std::size_t requests, std::span<const std::uint32_t> sizes, std::uint32_t have = 0) const;

 private:
  std::uint32_t most() const;  // measured; 0: none
  double slope() const;        // b

  std::array<double, kMostLanes + 1> microseconds_{};  // by lanes; 0: not measured
};

}  // namespace rivulet::engine
