#include "scene/builder.h"

#include <algorithm>
#include <numbers>

namespace demo {
namespace {

constexpr float kTurn = 2 * std::numbers::pi_v<float>;
constexpr float kCell = 0.5f;  // metres between vertices of large faces, for the baked openness
constexpr int kRays = 96;

Vec3 around(Vec3 point, Vec3 middle, float angle) {
  const float c = std::cos(angle), s = std::sin(angle);
  const Vec3 d = point - middle;
  return {middle.x + c * d.x + s * d.z, point.y, middle.z - s * d.x + c * d.z};
}

}  // namespace

void SceneBuilder::surface(const std::string& name, const std::string& className, std::uint64_t seed) {
  Surface surface;
  surface.name = name;
  surface.material.className = className;
  surface.material.seed = seed;
  surface_ = model_.surfaces.size();
  model_.surfaces.push_back(std::move(surface));
}

void SceneBuilder::look(float roughness, float metallic, float relief, float metres) {
  roughness_ = roughness;
  metallic_ = metallic;
  relief_ = relief;
  metres_ = metres;
}

void SceneBuilder::begin() {
  Object object;
  object.surface = surface_;
  object.firstIndex = static_cast<std::uint32_t>(model_.indices.size());
  object.roughness = roughness_;
  object.metallic = metallic_;
  object.relief = relief_;
  model_.objects.push_back(object);
}

void SceneBuilder::end() {
  Object& object = model_.objects.back();
  object.indexCount = static_cast<std::uint32_t>(model_.indices.size()) - object.firstIndex;
}

void SceneBuilder::patch(Vec3 corner, Vec3 across, Vec3 up, int columns, int rows, float repeatsX, float repeatsY) {
  const auto first = static_cast<std::uint32_t>(model_.vertices.size());
  const Vec3 normal = normalized(cross(across, up));
  for (int row = 0; row <= rows; ++row) {
    for (int column = 0; column <= columns; ++column) {
      const float s = static_cast<float>(column) / static_cast<float>(columns);
      const float t = static_cast<float>(row) / static_cast<float>(rows);
      model_.vertices.push_back({corner + across * s + up * t, normal, s * repeatsX, (1 - t) * repeatsY, 1});
    }
  }
  const auto stride = static_cast<std::uint32_t>(columns + 1);
  for (std::uint32_t row = 0; row < static_cast<std::uint32_t>(rows); ++row) {
    for (std::uint32_t column = 0; column + 1 < stride; ++column) {
      const std::uint32_t at = first + row * stride + column;
      model_.indices.insert(model_.indices.end(), {at, at + 1, at + stride + 1, at, at + stride + 1, at + stride});
    }
  }
}

void SceneBuilder::quad(Vec3 corner, Vec3 across, Vec3 up, float cell) {
  const auto cells = [&](float size) { return std::max(1, static_cast<int>(std::lround(size / cell))); };
  patch(corner, across, up, cells(length(across)), cells(length(up)), length(across) / metres_, length(up) / metres_);
}

void SceneBuilder::box(Vec3 low, Vec3 high) {
  begin();
  const Vec3 size = high - low;
  const Vec3 x = {size.x, 0, 0}, y = {0, size.y, 0}, z = {0, 0, size.z};
  quad({low.x, low.y, high.z}, x, y, kCell);
  quad({high.x, low.y, low.z}, -x, y, kCell);
  quad({high.x, low.y, high.z}, -z, y, kCell);
  quad(low, z, y, kCell);
  quad({low.x, high.y, high.z}, x, -z, kCell);
  quad(low, x, z, kCell);
  end();
  solids_.push_back({low, high});
}

void SceneBuilder::crate(Vec3 middle, Vec3 size, float turn) {
  const std::size_t first = model_.vertices.size();
  box(middle - size * 0.5f, middle + size * 0.5f);
  for (std::size_t i = first; i < model_.vertices.size(); ++i) {
    model_.vertices[i].position = around(model_.vertices[i].position, middle, turn);
    model_.vertices[i].normal = around(model_.vertices[i].normal, {}, turn);
  }
}

void SceneBuilder::revolve(Vec3 foot, const std::vector<Vec3>& profile, int sides, float girth) {
  // profile: radius, height, and where v is, from bottom to top
  const auto first = static_cast<std::uint32_t>(model_.vertices.size());
  const auto count = profile.size();
  const float repeats = std::max(1.0f, std::round(girth / metres_));
  for (int side = 0; side <= sides; ++side) {
    const float s = static_cast<float>(side) / static_cast<float>(sides), angle = s * kTurn;
    const Vec3 outward = {std::sin(angle), 0, std::cos(angle)};
    for (std::size_t i = 0; i < count; ++i) {
      const Vec3 before = profile[i == 0 ? 0 : i - 1], after = profile[std::min(i + 1, count - 1)];
      const float rise = after.y - before.y, widen = after.x - before.x;
      const Vec3 normal = normalized(outward * rise + Vec3{0, -widen, 0});
      model_.vertices.push_back(
          {foot + outward * profile[i].x + Vec3{0, profile[i].y, 0}, normal, s * repeats, -profile[i].z / metres_, 1});
    }
  }
  const auto stride = static_cast<std::uint32_t>(count);
  for (std::uint32_t side = 0; side < static_cast<std::uint32_t>(sides); ++side) {
    for (std::uint32_t i = 0; i + 1 < stride; ++i) {
      const std::uint32_t at = first + side * stride + i;
      model_.indices.insert(model_.indices.end(), {at, at + stride, at + stride + 1, at, at + stride + 1, at + 1});
    }
  }
}

void SceneBuilder::cylinder(Vec3 foot, float radius, float height, int sides) {
  begin();
  const int rows = std::max(1, static_cast<int>(height / kCell));
  std::vector<Vec3> profile;
  for (int i = 0; i <= rows; ++i) {
    const float y = height * static_cast<float>(i) / static_cast<float>(rows);
    profile.push_back({radius * (1 - 0.06f * y / height), y, y});  // a column tapers a little
  }
  revolve(foot, profile, sides, radius * kTurn);
  end();
  solids_.push_back({foot - Vec3{radius, 0, radius} * 0.85f, foot + Vec3{radius * 0.85f, height, radius * 0.85f}});
}

void SceneBuilder::drum(Vec3 foot, float lower, float upper, float height, int sides) {
  begin();
  revolve(foot, {{lower, 0, 0}, {upper, height, height}}, sides, lower * kTurn);
  revolve(foot, {{upper, height, 0}, {0.001f, height + 0.001f, upper}}, sides, lower * kTurn);
  end();
  const float half = std::min(lower, upper) * 0.85f;
  solids_.push_back({foot - Vec3{half, 0, half}, foot + Vec3{half, height, half}});
}

void SceneBuilder::sphere(Vec3 middle, float radius, int rings) {
  begin();
  std::vector<Vec3> profile;
  for (int i = 0; i <= rings; ++i) {
    const float angle = kTurn / 2 * static_cast<float>(i) / static_cast<float>(rings);
    profile.push_back({std::max(0.001f, radius * std::sin(angle)), -radius * std::cos(angle), angle * radius});
  }
  const std::size_t first = model_.vertices.size();
  revolve(middle, profile, 2 * rings, radius * kTurn);
  for (std::size_t i = first; i < model_.vertices.size(); ++i) {
    model_.vertices[i].normal = normalized(model_.vertices[i].position - middle);
  }
  end();
  const Vec3 extent = {radius, radius, radius};
  solids_.push_back({middle - extent, middle + extent, true});
}

void SceneBuilder::sheet(int columns, int rows, float width, float height,
                         const std::function<Vec3(float, float)>& bend) {
  begin();
  model_.objects.back().open = true;
  const auto first = static_cast<std::uint32_t>(model_.vertices.size());
  for (int row = 0; row <= rows; ++row) {
    for (int column = 0; column <= columns; ++column) {
      const float s = static_cast<float>(column) / static_cast<float>(columns);
      const float t = static_cast<float>(row) / static_cast<float>(rows);
      constexpr float kDelta = 1e-3f;
      const Vec3 along = bend(s + kDelta, t) - bend(s - kDelta, t), down = bend(s, t + kDelta) - bend(s, t - kDelta);
      model_.vertices.push_back(
          {bend(s, t), normalized(cross(down, along)), s * width / metres_, t * height / metres_, 1});
    }
  }
  const auto stride = static_cast<std::uint32_t>(columns + 1);
  for (std::uint32_t row = 0; row < static_cast<std::uint32_t>(rows); ++row) {
    for (std::uint32_t column = 0; column + 1 < stride; ++column) {
      const std::uint32_t at = first + row * stride + column;
      model_.indices.insert(model_.indices.end(), {at, at + stride, at + stride + 1, at, at + stride + 1, at + 1});
    }
  }
  end();
}

void SceneBuilder::tile(Vec3 corner, Vec3 across, Vec3 up) {
  begin();
  patch(corner, across, up, 1, 1, 1, 1);
  end();
}

bool SceneBuilder::covered(Vec3 from, Vec3 direction) const {
  constexpr float kFar = 5.0f;
  for (const Solid& solid : solids_) {
    if (solid.round) {
      const Vec3 middle = (solid.low + solid.high) * 0.5f;
      const float radius = (solid.high.x - solid.low.x) * 0.5f;
      const Vec3 to = middle - from;
      const float along = dot(to, direction);
      if (along > 0.02f && along < kFar && dot(to, to) - along * along < radius * radius) return true;
      continue;
    }
    const float origin[3] = {from.x, from.y, from.z}, ray[3] = {direction.x, direction.y, direction.z};
    const float low[3] = {solid.low.x, solid.low.y, solid.low.z}, high[3] = {solid.high.x, solid.high.y, solid.high.z};
    float enter = 0.0f, leave = kFar;
    for (int axis = 0; axis < 3; ++axis) {
      const float inverse = 1.0f / (std::abs(ray[axis]) < 1e-6f ? 1e-6f : ray[axis]);
      const float a = (low[axis] - origin[axis]) * inverse, b = (high[axis] - origin[axis]) * inverse;
      enter = std::max(enter, std::min(a, b));
      leave = std::min(leave, std::max(a, b));
    }
    if (enter < leave) return true;
  }
  return false;
}

SceneModel SceneBuilder::finish() {
  for (Vertex& vertex : model_.vertices) {
    const Vec3 normal = vertex.normal;
    const Vec3 from = vertex.position + normal * 0.03f;
    int open = 0, rays = 0;
    for (int i = 0; i < kRays; ++i) {
      // Evenly over the sphere (Fibonacci's spiral); those above the surface count, by their cosine.
      const float y = 1 - 2 * (static_cast<float>(i) + 0.5f) / kRays;
      const float angle = static_cast<float>(i) * 2.39996323f, radius = std::sqrt(1 - y * y);
      const Vec3 direction = {radius * std::cos(angle), y, radius * std::sin(angle)};
      const int weight = static_cast<int>(100 * dot(direction, normal));
      if (weight <= 0) continue;
      rays += weight;
      if (!covered(from, direction)) open += weight;
    }
    vertex.open = rays > 0 ? static_cast<float>(open) / static_cast<float>(rays) : 1.0f;
  }
  return std::move(model_);
}

}  // namespace demo
