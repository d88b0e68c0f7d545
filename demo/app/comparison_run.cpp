#include "app/comparison_run.h"

#include <cstdlib>

namespace demo {
namespace {
constexpr std::uint32_t kSteps[] = {1, 2, 4, 8, 50};
}

void ComparisonRun::begin(const Material& material, std::uint32_t size) {
  std::vector<Surface> surfaces;
  for (const std::uint32_t steps : kSteps) {
    Surface& surface = surfaces.emplace_back();
    surface.name = "comparison, " + std::to_string(steps) + " steps";
    surface.material = material;
    surface.steps = steps;
  }
  textures_ = std::make_unique<TextureStore>(device_, size, std::move(surfaces));
  textures_->regenerate(0);
  shown_ = {};
  shown_.textures = textures_.get();
  shown_.running = true;
}

void ComparisonRun::update(Generator& generator, const Quality& quality, double seconds) {
  if (!shown_.running) return;
  textures_->update(generator, quality, seconds);
  if (!textures_->settled()) return;
  // One at a time, so that none shares an evaluation with another and the times can be compared.
  std::vector<Surface>& surfaces = textures_->surfaces();
  for (std::size_t i = 0; i < surfaces.size(); ++i) {
    if (surfaces[i].made || !surfaces[i].error.empty()) continue;
    textures_->regenerate(i);
    return;
  }
  shown_.running = false;
  measure();
}

void ComparisonRun::prepare(VkCommandBuffer commands) {
  if (textures_) textures_->prepare(commands);
}

void ComparisonRun::reset() {
  textures_.reset();
  shown_ = {};
}

void ComparisonRun::measure() {
  std::vector<Pixels> pictures;
  for (std::size_t i = 0; i < textures_->surfaces().size(); ++i) pictures.push_back(textures_->read(i));
  for (const Pixels& picture : pictures) {
    double sum = 0;
    for (std::size_t i = 0; i < picture.rgba.size(); ++i) sum += std::abs(picture.rgba[i] - pictures.back().rgba[i]);
    shown_.differences.push_back(sum / (0.75 * static_cast<double>(picture.rgba.size())));  // alpha is the same
  }
}

}  // namespace demo
