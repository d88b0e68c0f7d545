// Integer division without the long instruction sequence: exact for dividends below 2^21 and divisors from 1.
//
// (i + 1/2) / d is at least 1/(2d) away from an integer, and its float value is off by less than 3 * 2^-24 * (i + 1/2)
// / d.
#ifndef RVL_DIVIDE_GLSL
#define RVL_DIVIDE_GLSL

uint divideSmall(uint i, uint divisor) {
  return uint((float(i) + 0.5) * (1.0 / float(divisor)));
}

#endif
