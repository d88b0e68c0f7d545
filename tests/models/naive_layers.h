#pragma once
// Layers as plain loops in double precision, one image at a time: what networks are checked against. Written from the
// definitions (PyTorch's documentation, docs/texture_unet.md), not from the kernels.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "tensor/tensor_desc.h"

namespace rivulet::test {

using Vector = std::vector<double>;

/// One image, [c,h,w].
struct Map {
  std::size_t c = 0, h = 0, w = 0;
  Vector v;

  Map() = default;
  Map(std::size_t channels, std::size_t height, std::size_t width)
      : c(channels), h(height), w(width), v(channels * height * width) {}
  double& at(std::size_t i, std::size_t y, std::size_t x) { return v[(i * h + y) * w + x]; }
  double at(std::size_t i, std::size_t y, std::size_t x) const { return v[(i * h + y) * w + x]; }
};

enum class Border { Circular, Zero };

/// Output pixel (y, x) is centred on input pixel (stride y + offset, stride x + offset): offset 0 pads on all sides, 1
/// pads a 3×3 kernel on the right and at the bottom only.
inline Map conv(const Map& x, const HostTensor& weight, const HostTensor& bias, Border border, std::size_t stride = 1,
                std::size_t offset = 0) {
  const std::size_t out = weight.shape[0], kernel = weight.shape[2];
  const auto radius = static_cast<std::ptrdiff_t>(kernel / 2);
  const auto h = static_cast<std::ptrdiff_t>(x.h), w = static_cast<std::ptrdiff_t>(x.w);
  Map y(out, (x.h - offset + stride - 1) / stride, (x.w - offset + stride - 1) / stride);
  for (std::size_t o = 0; o < out; ++o) {
    for (std::size_t oy = 0; oy < y.h; ++oy) {
      for (std::size_t ox = 0; ox < y.w; ++ox) {
        double sum = bias.values.empty() ? 0.0 : double{bias.values[o]};
        for (std::size_t ky = 0; ky < kernel; ++ky) {
          for (std::size_t kx = 0; kx < kernel; ++kx) {
            std::ptrdiff_t iy = static_cast<std::ptrdiff_t>(oy * stride + offset + ky) - radius;
            std::ptrdiff_t ix = static_cast<std::ptrdiff_t>(ox * stride + offset + kx) - radius;
            if (border == Border::Circular) {
              iy = (iy + h) % h;
              ix = (ix + w) % w;
            } else if (iy < 0 || iy >= h || ix < 0 || ix >= w) {
              continue;
            }
            for (std::size_t i = 0; i < x.c; ++i) {
              sum += double{weight.values[((o * x.c + i) * kernel + ky) * kernel + kx]} *
                     x.at(i, static_cast<std::size_t>(iy), static_cast<std::size_t>(ix));
            }
          }
        }
        y.at(o, oy, ox) = sum;
      }
    }
  }
  return y;
}

inline Vector linear(const Vector& x, const HostTensor& weight, const HostTensor& bias) {
  Vector y(weight.shape[0]);
  for (std::size_t o = 0; o < y.size(); ++o) {
    y[o] = bias.values.empty() ? 0.0 : double{bias.values[o]};
    for (std::size_t i = 0; i < x.size(); ++i) y[o] += double{weight.values[o * x.size() + i]} * x[i];
  }
  return y;
}

inline double silu(double value) {
  return value / (1.0 + std::exp(-value));
}

inline Vector silu(Vector x) {
  for (double& value : x) value = silu(value);
  return x;
}

inline Map silu(Map x) {
  x.v = silu(std::move(x.v));
  return x;
}

inline Map concat(const Map& a, const Map& b) {
  Map y(a.c + b.c, a.h, a.w);
  std::copy(a.v.begin(), a.v.end(), y.v.begin());
  std::copy(b.v.begin(), b.v.end(), y.v.begin() + static_cast<std::ptrdiff_t>(a.v.size()));
  return y;
}

inline Map add(Map a, const Map& b) {
  for (std::size_t i = 0; i < a.v.size(); ++i) a.v[i] += b.v[i];
  return a;
}

inline Map scaled(Map a, double factor) {
  for (double& value : a.v) value *= factor;
  return a;
}

inline Map nearestTwice(const Map& x) {
  Map y(x.c, 2 * x.h, 2 * x.w);
  for (std::size_t i = 0; i < y.c; ++i) {
    for (std::size_t iy = 0; iy < y.h; ++iy) {
      for (std::size_t ix = 0; ix < y.w; ++ix) y.at(i, iy, ix) = x.at(i, iy / 2, ix / 2);
    }
  }
  return y;
}

inline Map averageTwice(const Map& x) {
  Map y(x.c, x.h / 2, x.w / 2);
  for (std::size_t i = 0; i < y.c; ++i) {
    for (std::size_t iy = 0; iy < y.h; ++iy) {
      for (std::size_t ix = 0; ix < y.w; ++ix) {
        y.at(i, iy, ix) = (x.at(i, 2 * iy, 2 * ix) + x.at(i, 2 * iy, 2 * ix + 1) + x.at(i, 2 * iy + 1, 2 * ix) +
                           x.at(i, 2 * iy + 1, 2 * ix + 1)) /
                          4;
      }
    }
  }
  return y;
}

/// Channel c*4 + dy*2 + dx of the result holds pixels (2y + dy, 2x + dx) of channel c.
inline Map pixelUnshuffle(const Map& x) {
  Map y(4 * x.c, x.h / 2, x.w / 2);
  for (std::size_t i = 0; i < y.c; ++i) {
    for (std::size_t iy = 0; iy < y.h; ++iy) {
      for (std::size_t ix = 0; ix < y.w; ++ix) y.at(i, iy, ix) = x.at(i / 4, 2 * iy + i / 2 % 2, 2 * ix + i % 2);
    }
  }
  return y;
}

inline Map pixelShuffle(const Map& x) {
  Map y(x.c / 4, 2 * x.h, 2 * x.w);
  for (std::size_t i = 0; i < x.c; ++i) {
    for (std::size_t iy = 0; iy < x.h; ++iy) {
      for (std::size_t ix = 0; ix < x.w; ++ix) y.at(i / 4, 2 * iy + i / 2 % 2, 2 * ix + i % 2) = x.at(i, iy, ix);
    }
  }
  return y;
}

inline Map groupNorm(Map x, std::size_t groups, double epsilon, const HostTensor& gamma, const HostTensor& beta) {
  const std::size_t per = x.c / groups, count = per * x.h * x.w;
  for (std::size_t g = 0; g < groups; ++g) {
    double* values = &x.v[g * count];
    double mean = 0, variance = 0;
    for (std::size_t i = 0; i < count; ++i) mean += values[i] / static_cast<double>(count);
    for (std::size_t i = 0; i < count; ++i)
      variance += (values[i] - mean) * (values[i] - mean) / static_cast<double>(count);
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t channel = g * per + i / (x.h * x.w);
      values[i] = (values[i] - mean) / std::sqrt(variance + epsilon) * double{gamma.values[channel]} +
                  double{beta.values[channel]};
    }
  }
  return x;
}

/// Over the channels of each pixel, without gain.
inline Map rmsNorm(Map x, double epsilon) {
  for (std::size_t iy = 0; iy < x.h; ++iy) {
    for (std::size_t ix = 0; ix < x.w; ++ix) {
      double squares = 0;
      for (std::size_t i = 0; i < x.c; ++i) squares += x.at(i, iy, ix) * x.at(i, iy, ix);
      const double factor = 1 / std::sqrt(squares / static_cast<double>(x.c) + epsilon);
      for (std::size_t i = 0; i < x.c; ++i) x.at(i, iy, ix) *= factor;
    }
  }
  return x;
}

/// Per channel: x * scale + shift; an empty `shift` is zero.
inline Map scaleShift(Map x, const Vector& scale, const Vector& shift = {}) {
  for (std::size_t i = 0; i < x.c; ++i) {
    for (std::size_t k = 0; k < x.h * x.w; ++k) {
      double& value = x.v[i * x.h * x.w + k];
      value = value * scale[i] + (shift.empty() ? 0.0 : shift[i]);
    }
  }
  return x;
}

/// softmax(q k^T / sqrt(headDim)) v with the matrix written out; heads are consecutive channels.
inline Map attention(const Map& q, const Map& k, const Map& v, std::size_t heads) {
  const std::size_t dim = q.c / heads, pixels = q.h * q.w;
  Map y(q.c, q.h, q.w);
  for (std::size_t head = 0; head < heads; ++head) {
    for (std::size_t i = 0; i < pixels; ++i) {
      Vector weights(pixels);
      double largest = -1e300, sum = 0;
      for (std::size_t j = 0; j < pixels; ++j) {
        for (std::size_t d = head * dim; d < (head + 1) * dim; ++d)
          weights[j] += q.v[d * pixels + i] * k.v[d * pixels + j];
        weights[j] /= std::sqrt(static_cast<double>(dim));
        largest = std::max(largest, weights[j]);
      }
      for (double& weight : weights) sum += weight = std::exp(weight - largest);
      for (std::size_t d = head * dim; d < (head + 1) * dim; ++d) {
        for (std::size_t j = 0; j < pixels; ++j) y.v[d * pixels + i] += weights[j] / sum * v.v[d * pixels + j];
      }
    }
  }
  return y;
}

}  // namespace rivulet::test
