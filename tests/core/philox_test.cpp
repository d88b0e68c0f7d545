#include "core/philox.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "core/error.h"

namespace rivulet {
namespace {

using Words4 = std::array<std::uint32_t, 4>;

// kat_vectors of Random123, lines "philox4x32 10".
TEST(Philox, KnownAnswers) {
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}), (Words4{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox4x32({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}),
            (Words4{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Words4{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Philox, CounterLayout) {
  const NoiseKey key{0x0123456789abcdefULL, NoiseStream::Step, 7};
  EXPECT_EQ(noiseBits(key, -3, 5, 2), philox4x32({0xfffffffdu, 5, 2, (1u << 16) | 7u}, {0x89abcdefu, 0x01234567u}));
}

std::array<double, 2> boxMuller(std::uint32_t bits0, std::uint32_t bits1) {
  const double u = static_cast<double>(bits0 | 1u) / 4294967296.0;
  const double turn = (static_cast<double>(bits1 >> 30) + static_cast<double>((bits1 << 2) | 2u) / 4294967296.0) / 4.0;
  const double radius = std::sqrt(-2.0 * (u > 0.5 ? std::log1p(u - 1.0) : std::log(u)));
  const double angle = 6.283185307179586477 * turn;
  return {radius * std::cos(angle), radius * std::sin(angle)};
}

TEST(Philox, MatchesDoubleBoxMuller) {
  double worst = 0.0;
  const auto check = [&](std::uint32_t a, std::uint32_t b) {
    const auto got = gaussianPair(a, b);
    const auto want = boxMuller(a, b);
    for (std::size_t i = 0; i < 2; ++i) worst = std::max(worst, std::abs(static_cast<double>(got[i]) - want[i]));
  };
  for (std::uint32_t i = 0; i < 1'000'000; ++i) {
    const Words4 r = philox4x32({i, 0, 0, 0}, {1, 2});
    check(r[0], r[1]);
    check(r[2] >> (i % 32), r[3]);     // small u: large radii
    check(~(r[2] >> (i % 32)), r[3]);  // u near 1: small radii
  }
  // The edges: both ends, sqrt(1/2) where the series changes sides, powers of two, the quarter turns.
  const std::vector<std::uint32_t> angles{0, 1, 0x3fffffff, 0x40000000, 0x7fffffff, 0x80000000, 0xc0000000, 0xffffffff};
  for (const std::uint32_t b : angles) {
    for (std::uint32_t a : {0u, 1u, 2u, 3u, 0xb504f332u, 0xb504f333u, 0xb504f334u, 0xb504f335u, 0xffffffffu,
                            0xfffffffeu, 0xfffffffdu, 0xfffffffcu}) {
      check(a, b);
    }
    for (std::uint32_t bit = 0; bit < 32; ++bit) {
      check(1u << bit, b);
      check((1u << bit) - 1u, b);
      check(0xb504f333u >> bit, b);
    }
  }
  RecordProperty("worst", ::testing::PrintToString(worst));
  EXPECT_LT(worst, 3e-7);  // half a unit of 2^-21 is 2.4e-7
}

// Values that must never change: assets are regenerated from seeds. Also what a GPU must produce.
TEST(Philox, FrozenValues) {
  const auto a = noiseQuad({0, NoiseStream::Initial, 0}, 0, 0, 0);
  const auto b = noiseQuad({7, NoiseStream::Step, 3}, -1, 1000, 1);
  std::vector<std::int32_t> fixed;
  for (const float v : a) fixed.push_back(static_cast<std::int32_t>(v * 2097152.0f));
  for (const float v : b) fixed.push_back(static_cast<std::int32_t>(v * 2097152.0f));
  EXPECT_EQ(fixed,
            (std::vector<std::int32_t>{2078566, -1939158, -1295220, -1010971, 1764002, -3276310, -2680053, -1273332}));
}

class PhiloxStatistics : public ::testing::Test {
 protected:
  static constexpr std::uint32_t kSide = 512;  // 512 x 512 texels x 4 channels: 1,048,576 draws
  static const std::vector<float>& draws() {
    static const std::vector<float> values = [] {
      std::vector<float> v(static_cast<std::size_t>(kSide) * kSide * 4);
      fillNoise({42, NoiseStream::Initial, 0}, {-100, 37, kSide, kSide}, 4, 4, v);
      return v;
    }();
    return values;
  }
};

// Bounds are five standard errors of each statistic for n independent N(0, 1) draws.
TEST_F(PhiloxStatistics, Moments) {
  const double n = static_cast<double>(draws().size());
  double mean = 0, second = 0, third = 0, fourth = 0;
  for (const float value : draws()) {
    const double v = value;
    mean += v;
    second += v * v;
    third += v * v * v;
    fourth += v * v * v * v;
  }
  EXPECT_NEAR(mean / n, 0.0, 5.0 * std::sqrt(1.0 / n));
  EXPECT_NEAR(second / n, 1.0, 5.0 * std::sqrt(2.0 / n));
  EXPECT_NEAR(third / n, 0.0, 5.0 * std::sqrt(15.0 / n));
  EXPECT_NEAR(fourth / n, 3.0, 5.0 * std::sqrt(96.0 / n));
}

TEST_F(PhiloxStatistics, Tails) {
  const double n = static_cast<double>(draws().size());
  for (const double limit : {1.0, 2.0, 3.0, 4.0}) {
    const double p = std::erfc(limit / std::sqrt(2.0));
    const auto count = std::count_if(draws().begin(), draws().end(),
                                     [&](float v) { return std::abs(static_cast<double>(v)) > limit; });
    EXPECT_NEAR(static_cast<double>(count), n * p, 5.0 * std::sqrt(n * p * (1 - p)) + 1.0) << "beyond " << limit;
  }
}

// Five sigma needs more draws than a test can make: enumerate the radius instead. P(|z| > 5) is the mean over u of the
// chance that radius * |cos| exceeds 5, and only u < exp(-12.5) can.
TEST_F(PhiloxStatistics, TailBeyondFiveSigma) {
  double mass = 0.0;
  const double limit = 5.0;
  for (std::uint32_t w = 1; w < 16005; w += 2) {  // exp(-12.5) * 2^32 = 16006
    const auto pair = gaussianPair(w, 0);         // angle 0: the first value is the radius
    const double r = pair[0];
    if (r > limit) mass += std::acos(limit / r) / 1.5707963267948966;
  }
  mass *= 2.0 / 4294967296.0;
  const double want = std::erfc(limit / std::sqrt(2.0));
  EXPECT_NEAR(mass / want, 1.0, 0.01);
}

TEST_F(PhiloxStatistics, KolmogorovSmirnov) {
  std::vector<float> sorted = draws();
  std::sort(sorted.begin(), sorted.end());
  const double n = static_cast<double>(sorted.size());
  double distance = 0.0;
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    const double cdf = 0.5 * std::erfc(-static_cast<double>(sorted[i]) / std::sqrt(2.0));
    distance = std::max(
        {distance, std::abs(cdf - static_cast<double>(i) / n), std::abs(cdf - static_cast<double>(i + 1) / n)});
  }
  EXPECT_LT(distance * std::sqrt(n), 1.95);  // p = 0.001
}

TEST_F(PhiloxStatistics, Uncorrelated) {
  const std::vector<float>& v = draws();
  std::vector<float> otherSeed(v.size()), otherStep(v.size()), otherStream(v.size());
  const NoiseRegion region{-100, 37, kSide, kSide};
  fillNoise({43, NoiseStream::Initial, 0}, region, 4, 4, otherSeed);
  fillNoise({42, NoiseStream::Initial, 1}, region, 4, 4, otherStep);
  fillNoise({42, NoiseStream::Step, 0}, region, 4, 4, otherStream);
  const auto correlation = [&](const std::vector<float>& a, std::size_t ca, const std::vector<float>& b, std::size_t cb,
                               std::size_t shift, bool squares) {
    double sum = 0.0;
    std::size_t n = 0;
    for (std::size_t i = 0; (i + shift) * 4 + 3 < a.size(); ++i, ++n) {
      const double x = a[i * 4 + ca], y = b[(i + shift) * 4 + cb];
      sum += squares ? (x * x - 1.0) * (y * y - 1.0) / 2.0 : x * y;
    }
    return sum / std::sqrt(static_cast<double>(n));  // N(0, 1) when independent
  };
  for (const bool squares : {false, true}) {
    for (std::size_t a = 0; a < 4; ++a) {
      for (std::size_t b = a + 1; b < 4; ++b) {
        EXPECT_LT(std::abs(correlation(v, a, v, b, 0, squares)), 5.0) << "channels " << a << ", " << b;
      }
      EXPECT_LT(std::abs(correlation(v, a, v, a, 1, squares)), 5.0) << "right neighbour, channel " << a;
      EXPECT_LT(std::abs(correlation(v, a, v, a, kSide, squares)), 5.0) << "lower neighbour, channel " << a;
      EXPECT_LT(std::abs(correlation(v, a, otherSeed, a, 0, squares)), 5.0) << "seed, channel " << a;
      EXPECT_LT(std::abs(correlation(v, a, otherStep, a, 0, squares)), 5.0) << "step, channel " << a;
      EXPECT_LT(std::abs(correlation(v, a, otherStream, a, 0, squares)), 5.0) << "stream, channel " << a;
    }
  }
}

TEST(Philox, NeighbouringTilesAgree) {
  const NoiseKey key{5, NoiseStream::Initial, 0};
  std::vector<float> whole(16 * 8 * 3), part(8 * 8 * 3);
  fillNoise(key, {0, -4, 16, 8}, 3, 3, whole);
  fillNoise(key, {8, -4, 8, 8}, 3, 3, part);
  for (std::size_t y = 0; y < 8; ++y) {
    for (std::size_t i = 0; i < 24; ++i) EXPECT_EQ(part[y * 24 + i], whole[y * 48 + 24 + i]);
  }
}

TEST(Philox, PaddingIsZeroAndDoesNotChangeValues) {
  const NoiseKey key{5, NoiseStream::Initial, 0};
  std::vector<float> tight(4 * 4 * 6), padded(4 * 4 * 8, 9.0f);
  fillNoise(key, {0, 0, 4, 4}, 6, 6, tight);
  fillNoise(key, {0, 0, 4, 4}, 6, 8, padded);
  for (std::size_t i = 0; i < 16; ++i) {
    for (std::size_t c = 0; c < 8; ++c) EXPECT_EQ(padded[i * 8 + c], c < 6 ? tight[i * 6 + c] : 0.0f);
  }
}

TEST(Philox, RefusesASmallBuffer) {
  std::vector<float> out(11);
  try {
    fillNoise(NoiseKey{}, {0, 0, 2, 2}, 3, 3, out);
    FAIL() << "expected an error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::InvalidArgument);
    EXPECT_STREQ(error.what(), "fillNoise: 2x2 texels of 3 channels (stride 3) do not fit in 11 floats");
  }
}

}  // namespace
}  // namespace rivulet
