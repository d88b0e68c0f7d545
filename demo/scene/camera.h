// Where the scene is seen from: flown by hand, or along a slow path that is a function of time alone.
#pragma once

#include "scene/math.h"

namespace demo {

struct Camera {
  Vec3 position;
  float yaw = 0, pitch = 0;   // radians; yaw 0 looks along -z
  float fieldOfView = 0.96f;  // vertical, radians

  Vec3 forward() const;
  Mat4 viewProjection(float aspect) const;
  /// The direction through a point of the picture, both coordinates from 0 at the upper left to 1.
  Vec3 ray(float x, float y, float aspect) const;
  void move(float right, float up, float ahead);
  void turn(float yawBy, float pitchBy);
};

/// `home` swaying gently around what it looks at.
Camera tour(const Camera& home, double seconds);

}  // namespace demo
