#pragma once
// IEEE 754 binary16 ("half", fp16), held as its bit pattern. Pure functions: safe from any thread.

#include <bit>
#include <cstdint>
#include <span>

namespace rivulet {

/// Exact: every half is a float. NaN payloads and signs are kept.
constexpr float halfToFloat(std::uint16_t half) {
  const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000u) << 16;
  const std::uint32_t exponent = (half >> 10) & 0x1fu;
  const std::uint32_t mantissa = half & 0x3ffu;
  if (exponent == 0x1f) return std::bit_cast<float>(sign | 0x7f800000u | (mantissa << 13));
  if (exponent != 0) return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (mantissa << 13));
  // Zero or denormal: mantissa * 2^-24, exact in float.
  const float magnitude = static_cast<float>(mantissa) * 0x1p-24f;
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(magnitude) | sign);
}

/// Rounds to nearest, ties to even; overflows to infinity; underflows through denormals to signed zero. A NaN stays a
/// NaN and keeps the upper bits of its payload.
constexpr std::uint16_t floatToHalf(float value) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = (bits >> 16) & 0x8000u;
  const std::uint32_t magnitude = bits & 0x7fffffffu;
  std::uint32_t half = 0;
  if (magnitude > 0x7f800000u) {  // NaN: a payload that lies only in the lost bits must not become infinity
    const std::uint32_t payload = (magnitude >> 13) & 0x3ffu;
    half = 0x7c00u | (payload != 0 ? payload : 0x200u);
  } else if (magnitude >= 0x477ff000u) {  // 65520 and more round to infinity
    half = 0x7c00u;
  } else if (magnitude >= 0x38800000u) {  // normal: 2^-14 and more; a carry out of the mantissa moves the exponent
    half = (magnitude - 0x38000000u + 0xfffu + ((magnitude >> 13) & 1u)) >> 13;
  } else if (magnitude > 0x33000000u) {  // denormal; 2^-25 itself is a tie that rounds to zero
    const std::uint32_t shift = 126u - (magnitude >> 23);
    const std::uint32_t mantissa = (magnitude & 0x7fffffu) | 0x800000u;
    const std::uint32_t kept = mantissa >> shift;
    const std::uint32_t lost = mantissa & ((1u << shift) - 1u), tie = 1u << (shift - 1u);
    half = kept + (lost > tie || (lost == tie && (kept & 1u) != 0) ? 1u : 0u);
  }
  return static_cast<std::uint16_t>(sign | half);
}

/// Elementwise; the spans have the same length (Error(InvalidArgument) otherwise) and do not overlap.
void halfToFloat(std::span<const std::uint16_t> from, std::span<float> to);
void floatToHalf(std::span<const float> from, std::span<std::uint16_t> to);

}  // namespace rivulet
