#include "core/half.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "core/error.h"

namespace rivulet {
namespace {

/// Halves in order of magnitude are their bit patterns in order: the nearest is found by looking at both neighbours.
std::uint16_t nearestBySearch(float value) {
  const bool negative = std::signbit(value);
  const double magnitude = std::fabs(static_cast<double>(value));
  std::uint16_t low = 0, high = 0x7c00;
  while (high - low > 1) {
    const auto middle = static_cast<std::uint16_t>((low + high) / 2);
    (static_cast<double>(halfToFloat(middle)) <= magnitude ? low : high) = middle;
  }
  const double below = static_cast<double>(halfToFloat(low));
  const double above = high == 0x7c00 ? 65536.0 : static_cast<double>(halfToFloat(high));  // what would come next
  std::uint16_t nearest = magnitude - below < above - magnitude ? low : high;
  if (magnitude - below == above - magnitude) nearest = (low & 1) == 0 ? low : high;
  return static_cast<std::uint16_t>(nearest | (negative ? 0x8000 : 0));
}

TEST(Half, EveryValueSurvivesTheRoundTrip) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    ASSERT_EQ(floatToHalf(halfToFloat(half)), half) << std::hex << bits;
  }
}

TEST(Half, EveryValueMeansWhatTheFormatSays) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const float value = halfToFloat(static_cast<std::uint16_t>(bits));
    const int exponent = static_cast<int>(bits >> 10) & 0x1f;
    const int mantissa = static_cast<int>(bits & 0x3ff);
    ASSERT_EQ(std::signbit(value), (bits & 0x8000) != 0) << std::hex << bits;
    if (exponent == 31) {
      ASSERT_TRUE(mantissa == 0 ? std::isinf(value) : std::isnan(value)) << std::hex << bits;
    } else {
      const double expected = exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024.0 + mantissa, exponent - 25);
      ASSERT_EQ(std::fabs(static_cast<double>(value)), expected) << std::hex << bits;
    }
  }
}

TEST(Half, RoundsToNearestEvenBetweenAllNeighbours) {
  for (std::uint32_t bits = 0; bits < 0x7bff; ++bits) {
    const float low = halfToFloat(static_cast<std::uint16_t>(bits));
    const float high = halfToFloat(static_cast<std::uint16_t>(bits + 1));
    const float middle = low + (high - low) / 2;  // exact: a float has 13 more bits
    const std::uint32_t even = (bits & 1) == 0 ? bits : bits + 1;
    ASSERT_EQ(floatToHalf(middle), even) << std::hex << bits;
    ASSERT_EQ(floatToHalf(std::nextafterf(middle, 0.0f)), bits) << std::hex << bits;
    ASSERT_EQ(floatToHalf(std::nextafterf(middle, high)), bits + 1) << std::hex << bits;
    ASSERT_EQ(floatToHalf(-middle), even | 0x8000) << std::hex << bits;
  }
}

TEST(Half, FloatsOfAllMagnitudesGoToTheNearest) {
  std::uint32_t state = 1;
  for (int i = 0; i < 1000000; ++i) {
    state = state * 1664525u + 1013904223u;
    // Exponents around the range of half; the rest is random.
    const std::uint32_t exponent = 95u + (state >> 8) % 50u;
    const float value = std::bit_cast<float>((state & 0x80000000u) | (exponent << 23) | ((state * 2654435761u) >> 9));
    ASSERT_EQ(floatToHalf(value), nearestBySearch(value)) << value;
  }
}

TEST(Half, Overflow) {
  EXPECT_EQ(floatToHalf(65504.0f), 0x7bff);
  EXPECT_EQ(floatToHalf(std::nextafterf(65520.0f, 0.0f)), 0x7bff);
  EXPECT_EQ(floatToHalf(65520.0f), 0x7c00);
  EXPECT_EQ(floatToHalf(-1e30f), 0xfc00);
  EXPECT_EQ(floatToHalf(std::numeric_limits<float>::infinity()), 0x7c00);
  EXPECT_EQ(floatToHalf(-std::numeric_limits<float>::infinity()), 0xfc00);
}

TEST(Half, Underflow) {
  EXPECT_EQ(floatToHalf(0x1p-24f), 0x0001);
  EXPECT_EQ(floatToHalf(0x1p-25f), 0x0000) << "a tie goes to even";
  EXPECT_EQ(floatToHalf(std::nextafterf(0x1p-25f, 1.0f)), 0x0001);
  EXPECT_EQ(floatToHalf(-0x1p-26f), 0x8000);
  EXPECT_EQ(floatToHalf(std::numeric_limits<float>::denorm_min()), 0x0000);
  EXPECT_EQ(floatToHalf(-0.0f), 0x8000);
  EXPECT_EQ(floatToHalf(0x1.ffep-15f), 0x0400) << "the largest denormal's upper neighbour is the smallest normal";
}

TEST(Half, NanStaysNan) {
  EXPECT_TRUE(std::isnan(halfToFloat(floatToHalf(std::numeric_limits<float>::quiet_NaN()))));
  // A payload in the lost bits only.
  EXPECT_EQ(floatToHalf(std::bit_cast<float>(0x7f800001u)), 0x7e00);
  EXPECT_EQ(floatToHalf(std::bit_cast<float>(0xff800001u)), 0xfe00);
}

TEST(Half, Spans) {
  const std::vector<float> values = {1.0f, -2.5f, 0.0f};
  std::vector<std::uint16_t> halves(3);
  std::vector<float> back(3);
  floatToHalf(values, halves);
  halfToFloat(halves, back);
  EXPECT_EQ(back, values);
  std::vector<float> tooShort(2);
  try {
    halfToFloat(halves, tooShort);
    FAIL() << "lengths differ";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::InvalidArgument);
    EXPECT_STREQ(error.what(), "half conversion: 3 values into room for 2");
  }
}

}  // namespace
}  // namespace rivulet
