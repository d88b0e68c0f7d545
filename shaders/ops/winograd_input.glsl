// The input transform of Winograd's convolution (ops/winograd.h): v = B^T d B of a tile's 6x6 window. An RMS norm of the
// input and its activation can be applied while it is read.
//
//   input    x [N,H,W,I1] and x2 [N,H,W,I2] or none, in storage type, read as if concatenated
//   norm     activation((x * s * gamma + beta) * (1 + scale) + shift), s = 1 / sqrt((squares + squares2) / I + epsilon)
//            squares: [PLANES1][plane] floats, which add up to the sums over channels of x^2; squares2: [PLANES2][plane];
//            scale, shift: slices of modulation [N,1,1,M] float
//
// A subgroup makes one tile of a group of 2 * LANES channels. An input's last group may be padding in part: it then reads
// the last eight channels again, whose weights there are zero. All loads of x are uniform ones (shared/uniform.glsl): so a
// lane has the channels `lane` and `LANES + lane` of a group, or of 16-bit values 2 * lane and 2 * lane + 1, and that is the
// order they are left in.
//
// Include behind shared/uniform.glsl, shared/silu.glsl, the constants named in capitals here that it does not define
// (ops/winograd_input.comp says what they are), and the push constants of the same names.
#ifndef RVL_WINOGRAD_INPUT_GLSL
#define RVL_WINOGRAD_INPUT_GLSL

const bool HAS_NORM = (FLAGS & 1u) != 0u;
const bool HAS_BETA = (FLAGS & 2u) != 0u;
const bool HAS_MODULATION = (FLAGS & 4u) != 0u;
const uint GROUP = uint(2 * LANES);
const uint STRIDE1 = (CHANNELS1 + 7u) / 8u * 8u;
const uint STRIDE2 = (CHANNELS2 + 7u) / 8u * 8u;
const uint GROUPS1 = (STRIDE1 + GROUP - 1u) / GROUP;
const uint GROUPS2 = (STRIDE2 + GROUP - 1u) / GROUP;
const uint DEPTH = (GROUPS1 + GROUPS2) * GROUP;

const int WINDOW = 6;
const int AREA = WINDOW * WINDOW;
const int SCALE_READS = (AREA + LANES - 1) / LANES;
const int OCTETS = 2 * LANES / 8;  // of channels, in a group

#define LANES_8(M, n) M((n)) M((n) + 1) M((n) + 2) M((n) + 3) M((n) + 4) M((n) + 5) M((n) + 6) M((n) + 7)
#define SCALE_FROM(lane) \
  if (lane < LANES && g * LANES + lane < AREA) scales[g * LANES + lane] = subgroupBroadcast(scale, uint(lane));

// Coordinate of the input brought inside; `inside` becomes 0 where zero padding is read.
int coordinate(int i, int size, out float inside) {
  inside = 1.0;
  if (PADDING == 0) {
    i += i < 0 ? size : 0;
    i -= i >= size ? size : 0;
    return min(i, size - 1);  // only for pixels that are not kept
  }
  inside = i >= 0 && i < size ? 1.0 : 0.0;
  return clamp(i, 0, size - 1);
}

void inputRow(inout vec2 d0, inout vec2 d1, inout vec2 d2, inout vec2 d3, inout vec2 d4, inout vec2 d5) {
  vec2 a = d4 - 4.0 * d2, b = d3 - 4.0 * d1, c = d4 - d2, e = 2.0 * (d3 - d1);
  d0 = 4.0 * (d0 - d2) + (d4 - d2);
  d5 = 4.0 * (d1 - d3) + (d5 - d3);
  d1 = a + b;
  d2 = a - b;
  d3 = c + e;
  d4 = c - e;
}

// Both channels of every lane, at one pixel; the group's octets of channels lie `octets` bytes from `pixel`.
vec2 channels(uint64_t pixel, uint64_t octets[OCTETS]) {
  uint lane = gl_SubgroupInvocationID;
#if RVL_F16
  uint result = 0u;
  [[unroll]] for (int i = 0; i < LANES; ++i) {
    uint value = UniformWords(pixel + octets[i / 4]).v[i % 4];
    result = lane == uint(i) ? value : result;
  }
  return unpackHalf2x16(result);
#else
  vec2 result = vec2(0.0);
  [[unroll]] for (int j = 0; j < 2; ++j) {
    [[unroll]] for (int i = 0; i < LANES; ++i) {
      float value = UniformFloats(pixel + octets[(j * LANES + i) / 8]).v[i % 8];
      result[j] = lane == uint(i) ? value : result[j];
    }
  }
  return result;
#endif
}

// Of tile `slot` (those past the last are made of it once more), stored unless `kept` is false: 36 groups of channels from
// `to` on, `plane` bytes from one to the next.
void transformInput(uint slot, uint group, bool kept, uint64_t to, uint64_t plane) {
  uint lane = gl_SubgroupInvocationID;
  int width = int(push.size & 0xffffu), height = int(push.size >> 16);
  uint wide = uint(width + 3) / 4u, high = uint(height + 3) / 4u;
  uint tile = min(slot, push.tiles - 1u);
  uint tileRow = quotient(tile, wide), n = quotient(tileRow, high);
  int tileX = int(tile - tileRow * wide), tileY = int(tileRow - n * high);

  uint xs[WINDOW], ys[WINDOW];
  float insideX[WINDOW], insideY[WINDOW];
  [[unroll]] for (int i = 0; i < WINDOW; ++i) {
    xs[i] = uint(coordinate(4 * tileX - 1 + i, width, insideX[i]));
    ys[i] = (n * uint(height) + uint(coordinate(4 * tileY - 1 + i, height, insideY[i]))) * uint(width);
  }
  // Words of both inputs, and one of them chosen: a branch around a load would not be seen to be uniform.
  bool second = GROUPS2 != 0u && group >= GROUPS1;
  uint which = uint(second);
  uint local = (group - which * GROUPS1) * GROUP, stride = STRIDE1 + which * (STRIDE2 - STRIDE1);
  uint tensor = push.x + which * (push.x2 - push.x);
  const uint bytes = RVL_F16 == 1 ? 2u : 4u;
  uint64_t from = arenaAt(tensor);
  uint64_t octets[OCTETS];
  [[unroll]] for (int i = 0; i < OCTETS; ++i) octets[i] = uint64_t(min(local + uint(8 * i), stride - 8u) * bytes);

  uint zero = push.identity[0];

  float scales[AREA];
  vec2 gain = vec2(1.0), shift = vec2(0.0);
  if (HAS_NORM) {
    // Padding channels have no parameters; what they become only has to be finite: their weights are zero.
    [[unroll]] for (int j = 0; j < 2; ++j) {
      uint within = RVL_F16 == 1 ? 2u * lane + uint(j) : uint(j * LANES) + lane;
      uint c = min((second ? CHANNELS1 : 0u) + local + within, CHANNELS1 + CHANNELS2 - 1u);
      gain[j] = weightF32(push.gamma, c);
      if (HAS_BETA) shift[j] = weightF32(push.beta, c);
      if (HAS_MODULATION) {
        uint at = n * push.modulationStride + c;
        float scale = 1.0 + arenaF32(push.modulation, at + push.scaleAt);
        gain[j] *= scale;
        shift[j] = shift[j] * scale + arenaF32(push.modulation, at + push.shiftAt);
      }
    }
    float sums[AREA];
    uint64_t squares = arenaAt(push.squares), squares2 = arenaAt(push.squares2);
    uint planeOfSquares = push.plane;
    float epsilon = push.epsilon;
    [[unroll]] for (int i = 0; i < AREA; ++i) {
      uint pixel = ys[i / WINDOW] + xs[i % WINDOW];
      sums[i] = 0.0;
      [[unroll]] for (int p = 0; p < PLANES1; ++p) {
        sums[i] += UniformFloats(floatsAt(squares, uint(p) * planeOfSquares + pixel)).v[0];
      }
      [[unroll]] for (int p = 0; p < PLANES2; ++p) {
        sums[i] += UniformFloats(floatsAt(squares2, uint(p) * planeOfSquares + pixel)).v[0];
      }
    }
    // A lane has a few of the pixels while scales are made of them.
    [[unroll]] for (int g = 0; g < SCALE_READS; ++g) {
      float sum = 0.0;
      [[unroll]] for (int i = 0; i < LANES; ++i) {
        if (g * LANES + i < AREA) sum = lane == uint(i) ? sums[g * LANES + i] : sum;
      }
      float scale = 1.0 / sqrt(sum / float(CHANNELS1 + CHANNELS2) + epsilon);
      LANES_8(SCALE_FROM, 0)
      if (LANES > 8) { LANES_8(SCALE_FROM, 8) }
    }
  }

  vec2 d[AREA];
  float corner[WINDOW];
  [[unroll]] for (int x = 0; x < WINDOW; ++x) {
    [[unroll]] for (int y = 0; y < WINDOW; ++y) {
      uint64_t address = from + uint64_t((ys[y] + xs[x]) * (stride * bytes / 16u)) * 16ul;  // of 4 GiB and more
      d[y * WINDOW + x] = channels(address, octets);
    }
    if (HAS_NORM) {
      [[unroll]] for (int y = 0; y < WINDOW; y += 2) {
        const int i = y * WINDOW + x, j = i + WINDOW;
        vec4 value = vec4(d[i] * scales[i] * gain + shift, d[j] * scales[j] * gain + shift);
        if (ACTIVATION == RVL_ACTIVATION_SILU) value = silu4(value);
        d[i] = value.xy;
        d[j] = value.zw;
      }
    }
    if (PADDING == 1) {
      [[unroll]] for (int y = 0; y < WINDOW; ++y) d[y * WINDOW + x] *= insideY[y] * insideX[x];
    }
    inputRow(d[x], d[WINDOW + x], d[2 * WINDOW + x], d[3 * WINDOW + x], d[4 * WINDOW + x], d[5 * WINDOW + x]);
    corner[x] = d[5 * WINDOW + x].y;
  }
  d[AREA - 1].y = corner[5u + zero];

  [[unroll]] for (int y = 0; y < WINDOW; ++y) {
    const int i = y * WINDOW;
    inputRow(d[i], d[i + 1], d[i + 2], d[i + 3], d[i + 4], d[i + 5]);
    [[unroll]] for (int x = 0; x < WINDOW; ++x) {
      if (kept) UniformPairs(to + uint64_t(i + x) * plane).v[lane] = pack64(floatBitsToUint(d[i + x]));
    }
  }
}

#endif
