#include "app/animation.h"

namespace demo {

void animate(TextureStore& textures, const Controls& controls, const Selection& selection, double seconds) {
  if (controls.paused) return;
  for (std::size_t i = 0; i < textures.surfaces().size(); ++i) {
    if (!controls.animateAll && !(controls.animate && i == selection.surface)) continue;
    Surface& surface = textures.surfaces()[i];
    if (!surface.made) continue;
    Material& material = surface.material;
    material.walk += controls.animateSpeed * static_cast<float>(seconds);
    while (material.walk >= 1) {
      material.walk -= 1;
      ++material.seed;
    }
    textures.flow(i);
  }
}

}  // namespace demo
