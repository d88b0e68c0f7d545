// Puts scenes together from boxes, cylinders, spheres and cloth, and bakes how open each vertex is to the sky.
#pragma once

#include <functional>

#include "scene/model.h"

namespace demo {

class SceneBuilder {
 public:
  explicit SceneBuilder(std::string name) { model_.name = std::move(name); }

  /// A surface that objects added from here on wear.
  void surface(const std::string& name, const std::string& className, std::uint64_t seed);
  /// How it is lit; `metres` is the size of one repeat of the texture.
  void look(float roughness, float metallic, float relief, float metres);

  void box(Vec3 low, Vec3 high);
  /// As box(), turned around the vertical through its middle.
  void crate(Vec3 middle, Vec3 size, float turn);
  void cylinder(Vec3 foot, float radius, float height, int sides = 28);
  /// A round slab, narrower at the top.
  void drum(Vec3 foot, float lower, float upper, float height, int sides = 28);
  void sphere(Vec3 middle, float radius, int rings = 20);
  /// A rectangle, bent: `bend` says where the point at u, v (0 to 1) lies. Seen from both sides.
  void sheet(int columns, int rows, float width, float height, const std::function<Vec3(float, float)>& bend);
  /// A flat rectangle from `corner`, textured exactly once however large.
  void tile(Vec3 corner, Vec3 across, Vec3 up);

  SceneModel& model() { return model_; }
  /// Bakes the openness and gives the scene.
  SceneModel finish();

 private:
  struct Solid {  // what casts ambient shadow
    Vec3 low, high;
    bool round = false;
  };
  void begin();
  void end();
  void quad(Vec3 corner, Vec3 across, Vec3 up, float cell);
  void patch(Vec3 corner, Vec3 across, Vec3 up, int columns, int rows, float repeatsX, float repeatsY);
  void revolve(Vec3 foot, const std::vector<Vec3>& profile, int sides, float girth);
  bool covered(Vec3 from, Vec3 direction) const;

  SceneModel model_;
  std::size_t surface_ = 0;
  float roughness_ = 0.8f, metallic_ = 0, relief_ = 1, metres_ = 1;
  std::vector<Solid> solids_;
};

}  // namespace demo
