#include <cmath>

#include "panels/panel.h"

namespace demo {

void comparePanel(PanelContext& context) {
  Comparison& comparison = context.comparison;
  const std::size_t selected = std::min(context.selection.surface, context.textures.surfaces().size() - 1);
  const Surface& surface = context.textures.surfaces()[selected];
  ImGui::TextWrapped("What steps are worth: %s with seed %llu, the same noise with few steps and with many.",
                     surface.name.c_str(), static_cast<unsigned long long>(surface.material.seed));
  ImGui::BeginDisabled(comparison.running || !context.generator.model());
  if (ImGui::Button(comparison.running ? "Making them..." : "Compare", {-1, 0})) comparison.wanted = true;
  ImGui::EndDisabled();
  const TextureStore* const textures = comparison.textures;
  if (!textures) return;

  const float side = 104 * context.scale;
  for (std::size_t i = 0; i < textures->surfaces().size(); ++i) {
    const Surface& made = textures->surfaces()[i];
    ImGui::Image(context.interface.texture(*textures, textures->shownLayer(i)), {side, side});
    ImGui::SameLine();
    ImGui::BeginGroup();
    ImGui::Text("%u step%s", made.steps, made.steps == 1 ? "" : "s");
    if (made.made) {
      ImGui::TextDisabled("%.2f s from request to texture", static_cast<double>(made.latencyUs) * 1e-6);
    } else if (made.request) {
      ImGui::TextDisabled("step %u of %u", made.status.steps_done, made.status.steps);
    } else {
      ImGui::TextDisabled("waits its turn");
    }
    if (i < comparison.differences.size() && i + 1 < textures->surfaces().size()) {
      ImGui::TextDisabled("%.1f levels from %u steps", comparison.differences[i], textures->surfaces().back().steps);
    }
    ImGui::EndGroup();
  }
}

}  // namespace demo
