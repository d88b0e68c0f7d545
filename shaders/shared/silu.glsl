// x / (1 + exp(-x)) for devices where exp is a long polynomial (software drivers): the same in fewer operations.
//
// 2^f on [-1/2, 1/2] is a polynomial of degree 5, largest relative error 1e-7; the integer part goes into the exponent.
#ifndef RVL_SILU_GLSL
#define RVL_SILU_GLSL

vec4 silu4(vec4 v) {
  vec4 z = clamp(v * -1.44269504, vec4(-126.0), vec4(126.0));
  precise vec4 shifted = z + 12582912.0;  // 1.5 * 2^23: z rounded, as an integer in the low bits of the mantissa
  precise vec4 rounded = shifted - 12582912.0;
  vec4 f = z - rounded;
  vec4 p = 1.326472170e-3 * f + 9.671513043e-3;
  p = p * f + 5.550733762e-2;
  p = p * f + 2.402224208e-1;
  p = p * f + 6.931469776e-1;
  p = p * f + 1.0;
  vec4 power = intBitsToFloat(floatBitsToInt(p) + (floatBitsToInt(shifted) << 23));
  return v / (1.0 + power);
}

#endif
