// Vectors of three and matrices of four: as much as a room needs. Right-handed, y up, Vulkan's clip space.
#pragma once

#include <array>
#include <cmath>

namespace demo {

struct Vec3 {
  float x = 0, y = 0, z = 0;
};
inline Vec3 operator+(Vec3 a, Vec3 b) {
  return {a.x + b.x, a.y + b.y, a.z + b.z};
}
inline Vec3 operator-(Vec3 a, Vec3 b) {
  return {a.x - b.x, a.y - b.y, a.z - b.z};
}
inline Vec3 operator-(Vec3 a) {
  return {-a.x, -a.y, -a.z};
}
inline Vec3 operator*(Vec3 a, float s) {
  return {a.x * s, a.y * s, a.z * s};
}
inline float dot(Vec3 a, Vec3 b) {
  return a.x * b.x + a.y * b.y + a.z * b.z;
}
inline Vec3 cross(Vec3 a, Vec3 b) {
  return {a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x};
}
inline float length(Vec3 a) {
  return std::sqrt(dot(a, a));
}
inline Vec3 normalized(Vec3 a) {
  return a * (1.0f / length(a));
}
inline Vec3 mix(Vec3 a, Vec3 b, float t) {
  return a + (b - a) * t;
}

/// Columns, as in GLSL.
struct Mat4 {
  std::array<float, 16> m{};
  float& at(int row, int column) { return m[static_cast<std::size_t>(4 * column + row)]; }
  float at(int row, int column) const { return m[static_cast<std::size_t>(4 * column + row)]; }
};

inline Mat4 operator*(const Mat4& a, const Mat4& b) {
  Mat4 result;
  for (int row = 0; row < 4; ++row) {
    for (int column = 0; column < 4; ++column) {
      for (int k = 0; k < 4; ++k) result.at(row, column) += a.at(row, k) * b.at(k, column);
    }
  }
  return result;
}

inline Mat4 lookAlong(Vec3 eye, Vec3 forward, Vec3 up) {
  const Vec3 side = normalized(cross(forward, up));
  const Vec3 above = cross(side, forward);
  Mat4 view;
  const Vec3 rows[3] = {side, above, -forward};
  for (int row = 0; row < 3; ++row) {
    view.at(row, 0) = rows[row].x;
    view.at(row, 1) = rows[row].y;
    view.at(row, 2) = rows[row].z;
    view.at(row, 3) = -dot(rows[row], eye);
  }
  view.at(3, 3) = 1;
  return view;
}

inline Mat4 perspective(float fovY, float aspect, float near, float far) {
  const float scale = 1.0f / std::tan(fovY / 2);
  Mat4 projection;
  projection.at(0, 0) = scale / aspect;
  projection.at(1, 1) = -scale;  // Vulkan's y goes down
  projection.at(2, 2) = far / (near - far);
  projection.at(2, 3) = near * far / (near - far);
  projection.at(3, 2) = -1;
  return projection;
}

inline Mat4 orthographic(float halfWidth, float halfHeight, float near, float far) {
  Mat4 projection;
  projection.at(0, 0) = 1 / halfWidth;
  projection.at(1, 1) = -1 / halfHeight;
  projection.at(2, 2) = 1 / (near - far);
  projection.at(2, 3) = near / (near - far);
  projection.at(3, 3) = 1;
  return projection;
}

}  // namespace demo
