// Counter-based random numbers and Gaussian noise: one source, compiled as GLSL and (by runtime/core/philox.cpp) as C++.
//
// Everything up to the last multiplication is 32-bit integer arithmetic, and that multiplication is exact (an integer
// below 2^24 times a power of two). So the bits do not depend on the device, its rounding mode, fused multiply-adds,
// fast-math flags or denormal handling: Vulkan leaves the rounding mode of float32 open, integers leave nothing open.
//
//   key     = (seed low, seed high)
//   counter = (x, y, channel / 4, stream << 16 | step)
//
// One draw gives four words, and four Gaussian values: channels 4q, 4q+1, 4q+2, 4q+3 of texel (x, y). x and y are world
// coordinates, so neighbouring tiles draw consistent noise; negative ones wrap to two's complement.
#ifndef RVL_PHILOX_GLSL
#define RVL_PHILOX_GLSL

#define RVL_STREAM_INITIAL 0u  // the noise a sampler starts from; its step is 0
#define RVL_STREAM_STEP 1u     // the noise added by a step; its step is ModelCall::noiseStep
#define RVL_STREAM_STYLE 2u    // draws that choose a style, a class, a direction: anything that is not a texel
#define RVL_STREAM_MASK 3u     // the noise that re-noises the known part of a masked image

uint rvlMulHigh(uint a, uint b) {
#ifdef __cplusplus
  return uint((std::uint64_t(a) * std::uint64_t(b)) >> 32);
#else
  uint high, low;
  umulExtended(a, b, high, low);
  return high;
#endif
}

int rvlMulHighSigned(int a, int b) {
#ifdef __cplusplus
  return int((std::int64_t(a) * std::int64_t(b)) >> 32);
#else
  int high, low;
  imulExtended(a, b, high, low);
  return high;
#endif
}

// Philox4x32-10. Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC 2011, section 3.3.
uvec4 rvlPhilox(uvec4 counter, uvec2 key) {
  for (int i = 0; i < 10; ++i) {
    uint high0 = rvlMulHigh(0xD2511F53u, counter.x);
    uint low0 = 0xD2511F53u * counter.x;
    uint high1 = rvlMulHigh(0xCD9E8D57u, counter.z);
    uint low1 = 0xCD9E8D57u * counter.z;
    counter = uvec4(high1 ^ counter.y ^ key.x, low1, high0 ^ counter.w ^ key.y, low0);
    key = uvec2(key.x + 0x9E3779B9u, key.y + 0xBB67AE85u);
  }
  return counter;
}

uvec4 rvlNoiseBits(uvec2 seed, uint stream, uint stepIndex, int x, int y, uint quad) {
  return rvlPhilox(uvec4(uint(x), uint(y), quad, (stream << 16) | (stepIndex & 0xFFFFu)), seed);
}

// -ln(1 - f) / f as 2.30 fixed point, f as signed 0.32 fixed point in [1 - sqrt(2), 1 - sqrt(1/2)].
// Degree 11, interpolated at Chebyshev nodes; error below 2^-29.
int rvlLogSeries(int f) {
  int s = 62767419;
  s = 114209004 + rvlMulHighSigned(s, f);
  s = 117017592 + rvlMulHighSigned(s, f);
  s = 118570475 + rvlMulHighSigned(s, f);
  s = 133260870 + rvlMulHighSigned(s, f);
  s = 153371117 + rvlMulHighSigned(s, f);
  s = 178996881 + rvlMulHighSigned(s, f);
  s = 214750186 + rvlMulHighSigned(s, f);
  s = 268434775 + rvlMulHighSigned(s, f);
  s = 357913915 + rvlMulHighSigned(s, f);
  s = 536870915 + rvlMulHighSigned(s, f);
  return 1073741824 + rvlMulHighSigned(s, f);
}

// sin(pi/2 * x), x as 0.32 fixed point, as 1.31 fixed point. Odd, degree 11; error below 2^-29.
uint rvlSinQuarter(uint x) {
  uint z = rvlMulHigh(x, x);
  uint p = 0x00054050u - rvlMulHigh(z, 0x00001CCAu);
  p = 0x00996897u - rvlMulHigh(z, p);
  p = 0x0A335E03u - rvlMulHigh(z, p);
  p = 0x52AEF394u - rvlMulHigh(z, p);
  p = 0xC90FDAA2u - rvlMulHigh(z, p);
  return rvlMulHigh(x, p);
}

// sqrt(-2 ln u), u = (bits | 1) / 2^32, as result.x * 2^(result.y) with result.x in 0.32 fixed point, [1/2, 1).
// Smallest u is 2^-32, so the radius reaches 6.66; largest is 1 - 2^-32, and the radius keeps its relative precision.
ivec2 rvlRadius(uint bits) {
  uint w = bits | 1u;
  int zeros = 31 - findMSB(w);
  uint m = w << uint(zeros);  // u = m / 2^32 * 2^-zeros, m / 2^32 in [1/2, 1)

  // -ln u = e ln 2 - ln(1 - f) with |f| < 0.415.
  int e = zeros;
  int f = 0;
  if (m > 0xB504F333u) {  // m / 2^32 > sqrt(1/2)
    f = int(0u - m);
  } else {
    f = -int(m << 1);
    e += 1;
  }
  int series = rvlLogSeries(f);
  uint nlog = 0u;  // -ln u = nlog * 2^-nlogScale
  int nlogScale = 27;
  if (e == 0) {  // u near 1: f is positive and small; normalise it first
    int fZeros = 31 - findMSB(uint(f));
    nlog = rvlMulHigh(uint(series) << 1, uint(f) << uint(fZeros));
    nlogScale = 31 + fZeros;
  } else {
    uint high = rvlMulHigh(uint(e), 0xB17217F8u);  // ln 2 in 0.32 fixed point
    uint low = uint(e) * 0xB17217F8u;
    nlog = ((high << 27) | (low >> 5)) + uint(rvlMulHighSigned(series, f) >> 3);
  }

  // 2 (-ln u) = g * 2^exponent, exponent even, g in [1/4, 1) as 0.32 fixed point.
  int logZeros = 31 - findMSB(nlog);
  uint g = nlog << uint(logZeros);
  int exponent = 33 - nlogScale - logZeros;
  if ((exponent & 1) != 0) {
    g >>= 1;
    exponent += 1;
  }

  // y = 1 / sqrt(g) as 2.30: a quadratic start (3 %), then Newton's y (3 - g y^2) / 2 three times.
  uint y = (0x541DE486u - rvlMulHigh(g, 0x64497D2Cu - rvlMulHigh(g, 0x30BDECBDu))) << 1;
  for (int i = 0; i < 3; ++i) {
    uint gyy = rvlMulHigh(g, rvlMulHigh(y, y) << 1);          // 3.29
    y = rvlMulHigh(y, (0x60000000u - gyy) << 1) << 1;         // (3 - g y^2) / 2 as 1.31
  }
  uint root = min(rvlMulHigh(g, y), 0x3FFFFFFFu) << 2;
  return ivec2(int(root), exponent >> 1);
}

// Two standard Gaussian values times 2^21, by Box and Muller, "A note on the generation of random normal deviates",
// Annals of Mathematical Statistics 29 (1958). |result| <= 6.67 * 2^21 < 2^24, so it converts to float32 exactly.
ivec2 rvlGaussianPair(uint bits0, uint bits1) {
  ivec2 radius = rvlRadius(bits0);
  uint shift = uint(10 - radius.y);  // from 31 to 21 fractional bits; 7 to 25
  uint halfUnit = 1u << (shift - 1u);
  uint x = (bits1 << 2) | 2u;  // place in the quarter turn, never on its ends
  int c = int((rvlMulHigh(uint(radius.x), rvlSinQuarter(0u - x)) + halfUnit) >> shift);
  int s = int((rvlMulHigh(uint(radius.x), rvlSinQuarter(x)) + halfUnit) >> shift);
  uint quarter = bits1 >> 30;
  if (quarter == 0u) return ivec2(c, s);
  if (quarter == 1u) return ivec2(-s, c);
  if (quarter == 2u) return ivec2(-c, -s);
  return ivec2(s, -c);
}

// Standard Gaussian noise for channels 4 quad .. 4 quad + 3 of texel (x, y), times 2^21.
ivec4 rvlNoiseFixed(uvec2 seed, uint stream, uint stepIndex, int x, int y, uint quad) {
  uvec4 bits = rvlNoiseBits(seed, stream, stepIndex, x, y, quad);
  ivec2 first = rvlGaussianPair(bits.x, bits.y);
  ivec2 second = rvlGaussianPair(bits.z, bits.w);
  return ivec4(first.x, first.y, second.x, second.y);
}

#ifndef __cplusplus
vec4 rvlNoise(uvec2 seed, uint stream, uint stepIndex, int x, int y, uint quad) {
  return vec4(rvlNoiseFixed(seed, stream, stepIndex, x, y, quad)) * (1.0 / 2097152.0);
}
#endif

#endif
