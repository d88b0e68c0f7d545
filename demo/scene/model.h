// A scene as data: triangles, the objects they belong to, and the surfaces those wear.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "rivulet/texture_store.h"
#include "scene/camera.h"

namespace demo {

/// As the vertex shader reads it.
struct Vertex {
  Vec3 position, normal;
  float u = 0, v = 0;
  float open = 1;  // how much of the sky is seen from here: ambient occlusion
};

struct Object {
  std::size_t surface = 0;
  std::uint32_t firstIndex = 0, indexCount = 0;
  float roughness = 0.8f, metallic = 0.0f;
  float relief = 1.0f;  // how deep the texture's light and dark are carved
  bool open = false;    // has no inside: both its faces are seen
};

struct SceneModel {
  std::string name;
  std::vector<Vertex> vertices;
  std::vector<std::uint32_t> indices;
  std::vector<Object> objects;
  std::vector<Surface> surfaces;
  Camera home;
  Vec3 sun;         // towards it
  float reach = 8;  // metres around the origin that cast shadows

  /// The object a ray meets first.
  std::optional<std::size_t> pick(Vec3 origin, Vec3 direction) const;
};

/// A courtyard with a colonnade, every kind of material in it.
SceneModel makeCourtyard();
/// A hundred bricks of the same kind, no two alike, beside one of them a hundred times.
SceneModel makeVariationWall();

}  // namespace demo
