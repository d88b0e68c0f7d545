#include <algorithm>
#include <array>
#include <cmath>

#include "panels/panel.h"
#include "rivulet/precision.h"

namespace demo {
namespace {

constexpr const char* kSamplers[] = {"", "flow_euler", "flow_heun"};

bool classCombo(const char* id, const Model& model, std::string& name, bool optional) {
  bool changed = false;
  if (!ImGui::BeginCombo(id, name.empty() ? "none" : name.c_str(), ImGuiComboFlags_HeightLarge)) return false;
  if (optional && ImGui::Selectable("none", name.empty())) {
    name.clear();
    changed = true;
  }
  for (const std::string& candidate : model.classes) {
    if (ImGui::Selectable(candidate.c_str(), candidate == name)) {
      name = candidate;
      changed = true;
    }
  }
  ImGui::EndCombo();
  return changed;
}

/// The style of any picture there is: "make it match this photo".
void pictureStyle(PanelContext& context) {
  static char file[512] = "";
  static std::string message;
  label("Style from");
  ImGui::SetNextItemWidth(-50 * context.scale);
  const bool entered = ImGui::InputTextWithHint("##picture", "a picture's file, or drop it here", file, sizeof file,
                                                ImGuiInputTextFlags_EnterReturnsTrue);
  ImGui::SameLine();
  if (ImGui::Button("Take", {-1, 0}) || entered) message = context.styleFromPicture(file);
  if (!message.empty()) ImGui::TextWrapped("%s", message.c_str());
}

/// The ten numbers as an artist sees them: a colour, a contrast, a grain, a direction.
bool styleControls(Surface& surface) {
  bool on = surface.material.style.has_value(), changed = false;
  label("Own style");
  if (ImGui::Checkbox("##style", &on)) {
    changed = true;
    surface.material.style = on ? std::optional<Style>(surface.style) : std::nullopt;
  }
  if (!surface.material.style) return changed;
  Style& style = *surface.material.style;
  std::array<float, 3> color;
  for (std::size_t i = 0; i < 3; ++i) color[i] = std::clamp(0.5f + 0.5f * style[i], 0.0f, 1.0f);
  label("Colour");
  if (ImGui::ColorEdit3("##color", color.data(), ImGuiColorEditFlags_DisplayHex)) {
    for (std::size_t i = 0; i < 3; ++i) style[i] = 2 * color[i] - 1;
    changed = true;
  }
  float contrast = (style[3] + style[4] + style[5]) / 3;
  const float before = std::max(contrast, 1e-3f);
  label("Contrast");
  if (ImGui::SliderFloat("##contrast", &contrast, 0.02f, 0.6f, "%.2f")) {
    for (std::size_t i = 3; i < 6; ++i) style[i] *= contrast / before;
    // The bands are logarithms of mean squares of the same picture.
    for (std::size_t i = 6; i < 9; ++i) style[i] += 2 * std::log(contrast / before);
    changed = true;
  }
  label("Grain");
  changed |= ImGui::SliderFloat("##grain", &style[6], -10.0f, 0.0f, "%.1f");
  label("Direction");
  changed |= ImGui::SliderFloat("##direction", &style[9], -2.0f, 2.0f, "%.2f");
  return changed;
}

void qualityControls(PanelContext& context, const Model& model) {
  Controls& controls = context.controls;
  int steps = static_cast<int>(stepsFor(model, controls.quality));
  label("Steps");
  if (ImGui::SliderInt("##steps", &steps, 1, 50)) controls.quality.steps = static_cast<std::uint32_t>(steps);
  label("Sampler");
  if (ImGui::BeginCombo("##sampler",
                        controls.quality.sampler.empty() ? "the model's" : controls.quality.sampler.c_str())) {
    for (const char* const sampler : kSamplers) {
      if (ImGui::Selectable(*sampler ? sampler : "the model's", controls.quality.sampler == sampler)) {
        controls.quality.sampler = sampler;
      }
    }
    ImGui::EndCombo();
  }
  label("Guidance");
  ImGui::BeginDisabled(!model.properties.null_class);
  ImGui::SliderFloat("##guidance", &controls.quality.guidance, 0, 5, controls.quality.guidance <= 1 ? "off" : "%.1f");
  ImGui::EndDisabled();
  label("Size");
  if (ImGui::BeginCombo("##size",
                        (std::to_string(context.textureSize) + " x " + std::to_string(context.textureSize)).c_str())) {
    for (const std::uint32_t size : {64u, 96u, 128u, 192u, 256u, 384u, 512u}) {
      if (ImGui::Selectable((std::to_string(size) + " x " + std::to_string(size)).c_str(),
                            size == context.textureSize)) {
        controls.textureSize = size;
      }
    }
    ImGui::EndCombo();
  }
  label("Precision");
  if (ImGui::BeginCombo("##precision", controls.precision.c_str())) {
    for (const RvlPrecision precision : kPrecisions) {
      const bool able = offered(precision, context.device, controls.plainKernels) &&
                        (model.properties.quantized || !multipliesBytes(precision));
      const char* const name = nameOf(precision);
      if (ImGui::Selectable(name, controls.precision == name, able ? 0 : ImGuiSelectableFlags_Disabled)) {
        controls.precision = name;
      }
    }
    ImGui::EndCombo();
  }
  label("Kernels");
  int plain = controls.plainKernels ? 1 : 0;
  if (ImGui::Combo("##kernels", &plain, "all the device has\0Vulkan 1.1 only\0")) {
    controls.plainKernels = plain == 1;
    if (!offered(precisionOf(controls.precision), context.device, controls.plainKernels)) controls.precision = "auto";
  }
}

}  // namespace

void generatePanel(PanelContext& context) {
  const Model* const model = context.generator.model();
  if (!model) {
    ImGui::TextDisabled("The model is being read.");
    return;
  }
  std::vector<Surface>& surfaces = context.textures.surfaces();
  const std::size_t selected = std::min(context.selection.surface, surfaces.size() - 1);
  Surface& surface = surfaces[selected];
  label("Model");
  if (ImGui::BeginCombo("##model", model->properties.name)) {
    for (const std::string& name : context.models) {
      if (ImGui::Selectable(name.c_str(), name == model->properties.name)) {
        context.controls.model = name;
        // Whether the other one has layers in bytes is not known before it is read.
        if (multipliesBytes(precisionOf(context.controls.precision))) context.controls.precision = "auto";
      }
    }
    ImGui::EndCombo();
  }
  label("Surface");
  if (ImGui::BeginCombo("##surface", surface.name.c_str(), ImGuiComboFlags_HeightLarge)) {
    for (std::size_t i = 0; i < surfaces.size(); ++i) {
      if (ImGui::Selectable(surfaces[i].name.c_str(), i == selected)) context.selection.surface = i;
    }
    ImGui::EndCombo();
  }

  // The texture itself, large.
  const float side = std::min(ImGui::GetContentRegionAvail().x, 150 * context.scale);
  ImGui::Image(context.interface.texture(context.textures, context.textures.shownLayer(selected)), {side, side});
  ImGui::SameLine();
  ImGui::BeginGroup();
  if (surface.request) {
    ImGui::TextDisabled("step %u of %u", surface.status.steps_done, surface.status.steps);
  } else if (surface.made) {
    ImGui::TextDisabled("made in %.2f s", static_cast<double>(surface.latencyUs) * 1e-6);
  }
  bool changed = false;
  const ImVec2 button = {-1, 0};
  if (ImGui::Button("Another", button)) {
    surface.material.takeSeed(surface.material.seed + 1);
    changed = true;
  }
  if (ImGui::Button("Another of each", button)) {
    for (Surface& other : surfaces) other.material.takeSeed(other.material.seed + surfaces.size());
    context.textures.regenerateAll();
  }
  ImGui::Checkbox("Animate", &context.controls.animate);
  ImGui::SameLine();
  ImGui::Checkbox("all", &context.controls.animateAll);
  ImGui::SetNextItemWidth(-1);
  ImGui::SliderFloat("##speed", &context.controls.animateSpeed, 0.01f, 1.0f, "%.2f seeds/s",
                     ImGuiSliderFlags_Logarithmic);
  ImGui::EndGroup();

  ImGui::SeparatorText("What");
  Material& material = surface.material;
  if (!model->classes.empty()) {
    label("Class");
    changed |= classCombo("##class", *model, material.className, false);
    label("Blend with");
    changed |= classCombo("##blend", *model, material.blendName, true);
    if (!material.blendName.empty()) {
      label("Share");
      changed |= ImGui::SliderFloat("##share", &material.blend, 0, 1, "%.2f");
    }
  }
  label("Seed");
  int seed = static_cast<int>(material.seed % 1000000);
  if (ImGui::DragInt("##seed", &seed, 0.1f, 0, 999999)) {
    material.takeSeed(static_cast<std::uint64_t>(std::max(seed, 0)));
    changed = true;
  }
  if (model->properties.style_size == RVL_STYLE_SIZE) {
    pictureStyle(context);
    changed |= styleControls(surface);
  }
  if (changed) context.textures.regenerate(selected);
  if (!surface.error.empty()) ImGui::TextWrapped("%s", surface.error.c_str());

  ImGui::SeparatorText("How, for all");
  qualityControls(context, *model);
}

}  // namespace demo
