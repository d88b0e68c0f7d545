// Counter-seeded random numbers: every draw is a function of (seed, step, stream), so resuming a run needs no
// generator state and gives the same bits.
#pragma once

#include <cmath>
#include <cstdint>
#include <initializer_list>

namespace rivulet::training {

// splitmix64's finaliser (Steele, Lea, Flood 2014): a bijection that mixes all 64 bits.
inline std::uint64_t mixBits(std::uint64_t value) {
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ULL;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebULL;
  return value ^ (value >> 31);
}

inline std::uint64_t mixSeed(std::initializer_list<std::uint64_t> parts) {
  std::uint64_t seed = 0x9e3779b97f4a7c15ULL;
  for (const std::uint64_t part : parts) seed = mixBits(seed + mixBits(part + 0x9e3779b97f4a7c15ULL));
  return seed;
}

// A splitmix64 stream. Not thread-safe; make one per (seed, step, sample).
class Random {
 public:
  explicit Random(std::initializer_list<std::uint64_t> parts) : state_(mixSeed(parts)) {}

  std::uint64_t bits() { return mixBits(state_ += 0x9e3779b97f4a7c15ULL); }
  // Uniform in [0, 1).
  double uniform() { return static_cast<double>(bits() >> 11) * 0x1p-53; }
  // Uniform in 0 .. count-1; the bias of the multiplication is below 2^-32 for the counts used here.
  int below(int count) { return static_cast<int>(((bits() >> 32) * static_cast<std::uint64_t>(count)) >> 32); }
  bool chance(double probability) { return uniform() < probability; }
  // Standard normal, Box-Muller.
  double normal() {
    const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));
    return radius * std::cos(6.283185307179586 * uniform());
  }

 private:
  std::uint64_t state_;
};

}  // namespace rivulet::training
