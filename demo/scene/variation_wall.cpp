#include "scene/builder.h"

namespace demo {

SceneModel makeVariationWall() {
  SceneBuilder b("variation wall");
  constexpr int kSide = 10;
  constexpr std::uint64_t kFirstSeed = 29;  // of which the style is a warm, dark brick
  constexpr float kPitch = 0.5f, kFoot = 0.3f, kFront = 0.0f;

  b.surface("ground", "concrete", 3);
  b.look(0.8f, 0, 0.8f, 2.0f);
  b.box({-7, -0.2f, -1.0f}, {7, 0, 6});
  b.surface("frame", "concrete", 4);
  b.look(0.7f, 0, 0.4f, 1.5f);
  b.box({-5.6f, 0, kFront - 0.3f}, {-0.2f, 5.6f, kFront - 0.012f});
  b.box({0.2f, 0, kFront - 0.3f}, {5.6f, 5.6f, kFront - 0.012f});

  const auto corner = [&](float left, int column, int row) {
    return Vec3{left + kPitch * static_cast<float>(column), kFoot + kPitch * static_cast<float>(row), kFront};
  };
  // Left: a hundred seeds in one style, that of the first: one wall of bricks from one kiln, and no two of its tiles
  // alike. The first is the texture of the whole right wall.
  const std::size_t first = b.model().surfaces.size();
  b.look(0.85f, 0, 1.3f, 1.0f);
  for (int row = 0; row < kSide; ++row) {
    for (int column = 0; column < kSide; ++column) {
      const int seed = row * kSide + column;
      b.surface("brick " + std::to_string(seed + 1), "brick", kFirstSeed + static_cast<std::uint64_t>(seed));
      if (seed > 0) b.model().surfaces.back().material.palette = first;
      b.tile(corner(-5.4f, column, row), {kPitch, 0, 0}, {0, kPitch, 0});
    }
  }
  for (int row = 0; row < kSide; ++row) {
    for (int column = 0; column < kSide; ++column) {
      b.tile(corner(0.4f, column, row), {kPitch, 0, 0}, {0, kPitch, 0});
      b.model().objects.back().surface = first;
    }
  }

  SceneModel& model = b.model();
  model.home.position = {0, 2.7f, 6.4f};
  model.home.pitch = -0.02f;
  model.sun = normalized({0.45f, 0.75f, 0.9f});
  model.reach = 8.0f;
  return b.finish();
}

}  // namespace demo
