// One image read from one or two tensors, as if the second were concatenated behind the first.
//
// Needs push.x, push.x2 (offsets), push.c1, push.c2 (channels; c2 = 0: one tensor).
#ifndef RVL_NORM_INPUT_GLSL
#define RVL_NORM_INPUT_GLSL

uint padChannels(uint channels) { return (channels + 7u) & ~7u; }

float inputChannel(uint pixel, uint channel, uint c1, uint c2) {
  return channel < c1 ? arenaLoad1(push.x, pixel * padChannels(c1) + channel)
                      : arenaLoad1(push.x2, pixel * padChannels(c2) + (channel - c1));
}

// Channels 4 quad .. 4 quad + 3; those past c1 + c2 are 0.
vec4 inputQuad(uint pixel, uint quad, uint c1, uint c2) {
  if (c2 == 0u) return arenaLoad4(push.x, pixel * (padChannels(c1) >> 2) + quad);
  if ((c1 & 3u) == 0u) {
    uint second = quad - (c1 >> 2);
    if (quad * 4u < c1) return arenaLoad4(push.x, pixel * (padChannels(c1) >> 2) + quad);
    return second * 4u < c2 ? arenaLoad4(push.x2, pixel * (padChannels(c2) >> 2) + second) : vec4(0.0);
  }
  vec4 v = vec4(0.0);
  for (uint j = 0u; j < 4u; ++j) {
    if (quad * 4u + j < c1 + c2) v[j] = inputChannel(pixel, quad * 4u + j, c1, c2);
  }
  return v;
}

// 1 for the channels of a quad that exist, 0 for padding.
vec4 channelMask(uint quad, uint channels) {
  return vec4(lessThan(uvec4(quad * 4u) + uvec4(0u, 1u, 2u, 3u), uvec4(channels)));
}

#endif
