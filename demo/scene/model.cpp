#include "scene/model.h"

namespace demo {

std::optional<std::size_t> SceneModel::pick(Vec3 origin, Vec3 direction) const {
  std::optional<std::size_t> hit;
  float nearest = 1e9f;
  for (std::size_t object = 0; object < objects.size(); ++object) {
    const Object& part = objects[object];
    for (std::uint32_t i = part.firstIndex; i < part.firstIndex + part.indexCount; i += 3) {
      const Vec3 a = vertices[indices[i]].position, b = vertices[indices[i + 1]].position,
                 c = vertices[indices[i + 2]].position;
      // Möller and Trumbore's intersection.
      const Vec3 ab = b - a, ac = c - a, p = cross(direction, ac);
      const float determinant = dot(ab, p);
      if (std::abs(determinant) < 1e-9f) continue;
      const Vec3 t = origin - a, q = cross(t, ab);
      const float u = dot(t, p) / determinant, v = dot(direction, q) / determinant, at = dot(ac, q) / determinant;
      if (u >= 0 && v >= 0 && u + v <= 1 && at > 1e-3f && at < nearest) {
        nearest = at;
        hit = object;
      }
    }
  }
  return hit;
}

}  // namespace demo
