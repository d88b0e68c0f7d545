#include <numbers>

#include "scene/builder.h"

namespace demo {

SceneModel makeCourtyard() {
  SceneBuilder b("courtyard");
  constexpr float kWest = -5, kEast = 5, kNorth = -4.5f, kSouth = 5;

  // Ground: paving, with a strip of grass along the west wall and a gravel bed at the east.
  b.surface("paving", "paving", 26);
  b.look(0.75f, 0, 1.2f, 2.0f);
  b.box({-3.6f, -0.2f, kNorth}, {3.7f, 0, kSouth});
  b.surface("lawn", "grass", 20);
  b.look(0.95f, 0, 1.6f, 1.3f);
  b.box({kWest, -0.2f, kNorth}, {-3.6f, 0.05f, kSouth});
  b.surface("gravel", "ground", 23);
  b.look(0.95f, 0, 1.4f, 1.2f);
  b.box({3.7f, -0.2f, kNorth}, {kEast, 0.02f, kSouth});

  // Walls.
  b.surface("north wall", "brick", 29);
  b.look(0.85f, 0, 1.5f, 1.6f);
  b.box({kWest, 0, kNorth - 0.3f}, {kEast, 3.6f, kNorth});
  b.surface("west wall", "rock", 26);
  b.look(0.9f, 0, 1.6f, 2.0f);
  b.box({kWest - 0.3f, 0, kNorth - 0.3f}, {kWest, 3.0f, kSouth});
  b.surface("east wall", "concrete", 27);
  b.look(0.8f, 0, 0.8f, 2.2f);
  b.box({kEast, 0, kNorth - 0.3f}, {kEast + 0.3f, 3.0f, kSouth});

  // A colonnade along the north wall: steps, pillars, a beam, a tiled roof.
  b.surface("plinth", "tiles", 23);
  b.look(0.45f, 0, 0.7f, 1.2f);
  b.box({-3.6f, 0, kNorth}, {3.7f, 0.22f, -2.2f});
  b.surface("pillars", "marble", 21);
  b.look(0.25f, 0, 0.2f, 1.3f);
  for (const float x : {-3.0f, -1.0f, 1.0f, 3.0f}) {
    b.drum({x, 0.22f, -2.55f}, 0.34f, 0.27f, 0.18f);
    b.cylinder({x, 0.4f, -2.55f}, 0.23f, 2.3f);
    b.drum({x, 2.7f, -2.55f}, 0.22f, 0.34f, 0.16f);
  }
  b.surface("beam", "wood", 27);
  b.look(0.6f, 0, 0.9f, 1.0f);
  b.box({-3.6f, 2.86f, -2.75f}, {3.6f, 3.1f, -2.35f});
  b.surface("roof", "roof", 29);
  b.look(0.8f, 0, 1.6f, 1.3f);
  b.sheet(12, 4, 7.8f, 2.6f, [](float s, float t) {
    return Vec3{-3.9f + 7.8f * s, 3.75f - 0.68f * t, kNorth - 0.1f + 2.45f * t};
  });

  // A cloth over a line between the middle pillars.
  b.surface("cloth", "fabric", 20);
  b.look(0.95f, 0, 0.6f, 0.55f);
  b.sheet(40, 26, 1.5f, 1.75f, [](float s, float t) {
    const float wave = std::sin(s * 15.0f + 0.8f * std::sin(t * 2.0f)) * (0.03f + 0.05f * t);
    return Vec3{-0.75f + 1.5f * s, 2.72f - 1.75f * t + 0.02f * std::sin(9 * s), -2.5f + wave};
  });

  // Spheres on pedestals.
  b.surface("pedestals", "concrete", 27);
  b.look(0.7f, 0, 0.7f, 0.9f);
  for (const float x : {-2.5f, 0.0f, 2.5f}) b.box({x - 0.27f, 0, -0.85f}, {x + 0.27f, 0.72f, -0.31f});
  b.surface("iron sphere", "rust", 20);
  b.look(0.55f, 0.45f, 1.0f, 1.1f);
  b.sphere({-2.5f, 1.12f, -0.58f}, 0.4f);
  b.surface("steel sphere", "metal", 20);
  b.look(0.24f, 0.9f, 0.4f, 1.2f);
  b.sphere({0, 1.12f, -0.58f}, 0.4f);
  b.surface("stone sphere", "marble", 24);
  b.look(0.18f, 0, 0.15f, 1.2f);
  b.sphere({2.5f, 1.12f, -0.58f}, 0.4f);

  // Crates, a barrel, a log, a snowed-on boulder, a ball.
  b.surface("large crate", "wood", 21);
  b.look(0.75f, 0, 1.1f, 0.9f);
  b.crate({2.75f, 0.45f, 1.35f}, {0.9f, 0.9f, 0.9f}, 0.35f);
  b.surface("small crate", "wood", 28);
  b.crate({2.6f, 1.17f, 1.3f}, {0.54f, 0.54f, 0.54f}, -0.25f);
  b.surface("barrel", "metal", 24);
  b.look(0.4f, 0.7f, 0.6f, 0.9f);
  b.drum({3.25f, 0, 0.2f}, 0.34f, 0.34f, 0.95f);
  b.surface("trunk", "bark", 27);
  b.look(0.95f, 0, 1.8f, 0.9f);
  b.drum({-4.3f, 0.05f, -1.6f}, 0.34f, 0.26f, 2.1f);
  b.drum({-2.6f, 0, 1.75f}, 0.36f, 0.34f, 0.5f);
  b.surface("boulder", "snow", 21);
  b.look(0.6f, 0, 0.8f, 1.0f);
  b.sphere({-4.25f, 0.25f, 0.8f}, 0.5f, 14);
  b.surface("ball", "plastic", 27);
  b.look(0.3f, 0, 0.3f, 0.8f);
  b.sphere({-1.55f, 0.27f, 1.1f}, 0.27f, 16);

  SceneModel& model = b.model();
  model.home.position = {0.9f, 1.75f, 5.0f};
  model.home.yaw = -0.13f;
  model.home.pitch = -0.07f;
  model.sun = normalized({0.62f, 0.72f, 0.52f});
  model.reach = 7.5f;
  return b.finish();
}

}  // namespace demo
