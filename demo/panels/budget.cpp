#include <algorithm>

#include "panels/panel.h"

namespace demo {
namespace {

const char* stateText(const Surface& surface) {
  if (!surface.request) return "next";
  switch (surface.status.state) {
    case RVL_STATE_WAITING:
      return "waiting";
    case RVL_STATE_RUNNING:
      return "running";
    case RVL_STATE_RECORDED:
      return "recorded";
    case RVL_STATE_READY:
      return "fading in";
    default:
      return "stopped";
  }
}

void queue(PanelContext& context) {
  constexpr ImGuiTableFlags kFlags =
      ImGuiTableFlags_RowBg | ImGuiTableFlags_ScrollY | ImGuiTableFlags_SizingStretchProp;
  if (!ImGui::BeginTable("queue", 5, kFlags)) return;
  ImGui::TableSetupScrollFreeze(0, 1);
  ImGui::TableSetupColumn("Surface", 0, 2.6f);
  ImGui::TableSetupColumn("State", 0, 1.7f);
  ImGui::TableSetupColumn("Step", 0, 1.6f);
  ImGui::TableSetupColumn("Prio", 0, 1.3f);
  ImGui::TableSetupColumn("", ImGuiTableColumnFlags_WidthFixed, 26 * context.scale);
  ImGui::TableHeadersRow();
  std::vector<Surface>& surfaces = context.textures.surfaces();
  for (std::size_t i = 0; i < surfaces.size(); ++i) {
    Surface& surface = surfaces[i];
    if (!surface.request && !surface.wanted) continue;
    ImGui::PushID(static_cast<int>(i));
    ImGui::TableNextColumn();
    ImGui::AlignTextToFramePadding();
    if (ImGui::Selectable(surface.name.c_str(), i == context.selection.surface)) context.selection.surface = i;
    ImGui::TableNextColumn();
    ImGui::AlignTextToFramePadding();
    ImGui::TextUnformatted(stateText(surface));
    ImGui::TableNextColumn();
    const RvlRequestStatus& status = surface.status;
    const float done = surface.request && status.steps > 0
                           ? static_cast<float>(status.steps_done) / static_cast<float>(status.steps)
                           : 0.0f;
    char text[24];
    std::snprintf(text, sizeof text, "%u/%u", status.steps_done, status.steps);
    ImGui::ProgressBar(done, {-1, ImGui::GetFrameHeight()}, surface.request ? text : "");
    ImGui::TableNextColumn();
    int priority = surface.priority;
    ImGui::SetNextItemWidth(-1);
    if (ImGui::DragInt("##priority", &priority, 0.2f, -10, 10)) surface.priority = priority;  // of its next request
    ImGui::TableNextColumn();
    if (ImGui::Button("x", {-1, 0})) context.textures.cancel(i);
    ImGui::SetItemTooltip("cancel");
    ImGui::PopID();
  }
  ImGui::EndTable();
}

}  // namespace

void budgetPanel(PanelContext& context) {
  Controls& controls = context.controls;
  label("Budget");
  float budget = static_cast<float>(context.budgetUs);
  if (ImGui::SliderFloat("##budget", &budget, 50, 20000, "%.0f us a frame", ImGuiSliderFlags_Logarithmic)) {
    controls.budgetUs = budget;
  }
  label("Mode");
  int async = controls.async ? 1 : 0;
  if (ImGui::Combo("##mode", &async, "record into the frame\0submit by itself\0")) controls.async = async == 1;
  label("Paused");
  ImGui::Checkbox("##paused", &controls.paused);

  const RvlStatistics statistics = context.generator.statistics();
  ImGui::SeparatorText("Use");
  const DeviceTimes times = context.history.samples().empty() ? DeviceTimes{} : context.history.samples().back().device;
  row("Now", "%.1f ms (%.1f expected), %u dispatches", times.generation, context.generated.expectedUs / 1000,
      context.generated.dispatches);
  row("Slots", "%.2f of %u filled on average",
      statistics.evaluations > 0
          ? static_cast<double>(statistics.lane_evaluations) / static_cast<double>(statistics.evaluations)
          : 0.0,
      context.generator.options().lanes);
  row("Textures", "%llu asked, %llu made, %llu cancelled", static_cast<unsigned long long>(statistics.requested),
      static_cast<unsigned long long>(statistics.ready), static_cast<unsigned long long>(statistics.cancelled));
  row("Memory", "%.1f MB, %llu networks compiled", static_cast<double>(statistics.memory_bytes) * 1e-6,
      static_cast<unsigned long long>(statistics.executables));
  ImGui::SeparatorText("Queue");
  queue(context);
}

}  // namespace demo
