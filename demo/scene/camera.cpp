#include "scene/camera.h"

#include <algorithm>

namespace demo {
namespace {
constexpr Vec3 kUp = {0, 1, 0};
constexpr float kNear = 0.08f, kFar = 60.0f;
constexpr float kFocus = 6.5f;  // metres ahead, that the tour turns around
}  // namespace

Vec3 Camera::forward() const {
  return {std::sin(yaw) * std::cos(pitch), std::sin(pitch), -std::cos(yaw) * std::cos(pitch)};
}

Mat4 Camera::viewProjection(float aspect) const {
  return perspective(fieldOfView, aspect, kNear, kFar) * lookAlong(position, forward(), kUp);
}

Vec3 Camera::ray(float x, float y, float aspect) const {
  const Vec3 ahead = forward();
  const Vec3 side = normalized(cross(ahead, kUp));
  const Vec3 above = cross(side, ahead);
  const float half = std::tan(fieldOfView / 2);
  return normalized(ahead + side * ((2 * x - 1) * half * aspect) + above * ((1 - 2 * y) * half));
}

void Camera::move(float right, float up, float ahead) {
  const Vec3 along = forward();
  position = position + normalized(cross(along, kUp)) * right + kUp * up + along * ahead;
}

void Camera::turn(float yawBy, float pitchBy) {
  yaw += yawBy;
  pitch = std::clamp(pitch + pitchBy, -1.5f, 1.5f);
}

Camera tour(const Camera& home, double seconds) {
  const Vec3 focus = home.position + home.forward() * kFocus;
  const auto phase = static_cast<float>(seconds * 0.21);
  Camera camera = home;
  const float yawBy = 0.34f * std::sin(phase), rise = 0.25f * std::sin(1.3f * phase);
  camera.yaw += yawBy;
  camera.position = focus - camera.forward() * (kFocus - 0.5f * (1 - std::cos(phase)));
  camera.position.y += rise;
  const Vec3 towards = normalized(focus - camera.position);
  camera.pitch = std::asin(towards.y);
  return camera;
}

}  // namespace demo
