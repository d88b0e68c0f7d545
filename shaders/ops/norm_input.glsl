// One image read from one or two tensors, as if the second were concatenated behind the first.
//
// Needs push.x, push.x2 (offsets). `layout_` is a constant: RVL_INPUT_*. There are no branches but on constants: inside
// a condition every access is slow on a software device.
#ifndef RVL_NORM_INPUT_GLSL
#define RVL_NORM_INPUT_GLSL

#define RVL_INPUT_ONE 0u      // c2 = 0
#define RVL_INPUT_ALIGNED 1u  // c1 is a multiple of 8
#define RVL_INPUT_ANY 2u

uint padChannels(uint channels) { return (channels + 7u) & ~7u; }

float inputChannel(uint pixel, uint channel, uint c1, uint c2) {
  return channel < c1 ? arenaLoad1(push.x, pixel * padChannels(c1) + channel)
                      : arenaLoad1(push.x2, pixel * padChannels(c2) + (channel - c1));
}

// Channels 4 quad .. 4 quad + 3; those past c1 + c2 are 0.
vec4 inputQuad(uint pixel, uint quad, uint layout_, uint c1, uint c2) {
  if (layout_ == RVL_INPUT_ONE) return arenaLoad4(push.x, pixel * (padChannels(c1) >> 2) + quad);
  if (layout_ == RVL_INPUT_ALIGNED) {
    bool first = quad * 4u < c1;
    uint tensor = first ? push.x : push.x2;
    uint stride = first ? padChannels(c1) : padChannels(c2);
    return arenaLoad4(tensor, pixel * (stride >> 2) + (first ? quad : quad - (c1 >> 2)));
  }
  vec4 v = vec4(0.0);
  [[unroll]] for (uint j = 0u; j < 4u; ++j) {
    if (quad * 4u + j < c1 + c2) v[j] = inputChannel(pixel, quad * 4u + j, c1, c2);
  }
  return v;
}

// Which channels of a quad are not padding.
bvec4 channelExists(uint quad, uint channels) {
  return lessThan(uvec4(quad * 4u) + uvec4(0u, 1u, 2u, 3u), uvec4(channels));
}

#endif
