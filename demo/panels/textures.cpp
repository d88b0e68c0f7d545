#include <algorithm>

#include "panels/panel.h"

namespace demo {

void texturesPanel(PanelContext& context) {
  TextureStore& textures = context.textures;
  const std::size_t count = textures.surfaces().size();
  const std::size_t selected = std::min(context.selection.surface, count - 1);
  const Surface& surface = textures.surfaces()[selected];

  // Twice each way: a seam would show.
  const float side = ImGui::GetContentRegionAvail().x * 0.74f;
  ImGui::Image(context.interface.texture(textures, textures.shownLayer(selected)), {side, side}, {0, 0}, {2, 2});
  ImGui::SameLine();
  ImGui::BeginGroup();
  ImGui::TextUnformatted(surface.name.c_str());
  ImGui::TextDisabled("%s", surface.material.className.c_str());
  ImGui::TextDisabled("%u x %u", textures.size(), textures.size());
  ImGui::TextDisabled("seed %llu", static_cast<unsigned long long>(surface.seedShown));
  if (ImGui::SmallButton("copy seed")) ImGui::SetClipboardText(std::to_string(surface.seedShown).c_str());
  static std::string saved;
  if (ImGui::SmallButton("save PNG")) saved = context.saveTexture(selected);
  ImGui::EndGroup();
  if (!saved.empty()) ImGui::TextDisabled("%s", saved.c_str());

  ImGui::Spacing();
  const float spacing = 4 * context.scale;
  const int columns = 5;
  ImGui::PushStyleVar(ImGuiStyleVar_ItemSpacing, {spacing, spacing});
  ImGui::BeginChild("gallery");
  const float cell = (ImGui::GetContentRegionAvail().x - spacing * (columns - 1)) / columns;
  for (std::size_t i = 0; i < count; ++i) {
    if (i % columns != 0) ImGui::SameLine();
    ImGui::PushID(static_cast<int>(i));
    const ImVec2 at = ImGui::GetCursorScreenPos();
    if (ImGui::InvisibleButton("texture", {cell, cell})) context.selection.surface = i;
    if (ImGui::IsItemVisible()) {
      ImDrawList& draw = *ImGui::GetWindowDrawList();
      draw.AddImage(context.interface.texture(textures, textures.shownLayer(i)), at, {at.x + cell, at.y + cell});
      if (i == selected) draw.AddRect(at, {at.x + cell, at.y + cell}, IM_COL32(232, 142, 58, 255), 0, 0, 2);
    }
    ImGui::SetItemTooltip("%s, seed %llu", textures.surfaces()[i].name.c_str(),
                          static_cast<unsigned long long>(textures.surfaces()[i].seedShown));
    ImGui::PopID();
  }
  ImGui::EndChild();
  ImGui::PopStyleVar();
}

}  // namespace demo
