#include <algorithm>

#include "panels/op_table.h"

namespace demo {
namespace {

constexpr ImU32 kGeneration = IM_COL32(232, 142, 58, 255), kScene = IM_COL32(92, 150, 205, 255),
                kInterface = IM_COL32(120, 190, 140, 255), kOther = IM_COL32(80, 86, 96, 255);

/// Each frame a column: Rivulet's share, the scene's, the interface's, and the rest of the wall time.
void frameGraph(const FrameHistory& history, float height) {
  const ImVec2 origin = ImGui::GetCursorScreenPos();
  const float width = ImGui::GetContentRegionAvail().x;
  ImDrawList& draw = *ImGui::GetWindowDrawList();
  draw.AddRectFilled(origin, {origin.x + width, origin.y + height}, IM_COL32(255, 255, 255, 10), 4);
  const double most = std::max(20.0, 1.25 * history.percentile(0.99));
  const float column = width / static_cast<float>(FrameHistory::kKept);
  float x = origin.x + width - column * static_cast<float>(history.samples().size());
  for (const FrameSample& sample : history.samples()) {
    float bottom = origin.y + height;
    const auto bar = [&](double milliseconds, ImU32 color) {
      const float top = std::max(origin.y, bottom - height * static_cast<float>(milliseconds / most));
      draw.AddRectFilled({x, top}, {x + column, bottom}, color);
      bottom = top;
    };
    bar(sample.device.generation, kGeneration);
    bar(sample.device.scene, kScene);
    bar(sample.device.interface, kInterface);
    bar(std::max(0.0, sample.wallMs - sample.device.total()), kOther);
    x += column;
  }
  for (const double line : {1000.0 / 60, 1000.0 / 30}) {
    if (line > most || line < 0.12 * most) continue;  // out of the picture, or on top of the axis
    const float y = origin.y + height * static_cast<float>(1 - line / most);
    draw.AddLine({origin.x, y}, {origin.x + width, y}, IM_COL32(255, 255, 255, 70));
    char text[16];
    std::snprintf(text, sizeof text, "%.1f ms", line);
    draw.AddText({origin.x + 4, y + 1}, IM_COL32(255, 255, 255, 140), text);
  }
  ImGui::Dummy({width, height});
}

void legend(const char* name, ImU32 color, double milliseconds) {
  const ImVec2 at = ImGui::GetCursorScreenPos();
  const float size = ImGui::GetTextLineHeight() * 0.7f;
  ImGui::GetWindowDrawList()->AddRectFilled({at.x, at.y + size * 0.25f}, {at.x + size, at.y + size * 1.25f}, color, 2);
  ImGui::Indent(size * 1.6f);
  ImGui::TextUnformatted(name);
  ImGui::Unindent(size * 1.6f);
  ImGui::SameLine(ImGui::GetContentRegionAvail().x * 0.72f);
  ImGui::Text("%6.2f ms", milliseconds);
}

void captureRow(PanelContext& context) {
  const RenderDoc& renderDoc = context.capture.renderDoc();
  label("RenderDoc");
  ImGui::BeginDisabled(!renderDoc.attached());
  if (ImGui::Button("Capture a frame (F10)", {-1, 0})) context.capture.want();
  ImGui::EndDisabled();
  if (!renderDoc.attached()) {
    if (ImGui::IsItemHovered(ImGuiHoveredFlags_AllowWhenDisabled)) ImGui::SetTooltip("%s", renderDoc.reason().c_str());
    ImGui::PushTextWrapPos(0);
    ImGui::TextDisabled("%s", renderDoc.reason().c_str());
    ImGui::PopTextWrapPos();
  } else if (!context.capture.message().empty()) {
    ImGui::TextWrapped("%s", context.capture.message().c_str());
  }
}

}  // namespace

void timingPanel(PanelContext& context) {
  const FrameHistory& history = context.history;
  ImGui::Text("%.0f frames/s", history.framesPerSecond());
  row("Frame", "p50 %.1f, p90 %.1f, p99 %.1f ms", history.percentile(0.5), history.percentile(0.9),
      history.percentile(0.99));
  frameGraph(history, 110 * context.scale);

  DeviceTimes mean;
  double wall = 0;
  const std::size_t count = std::max<std::size_t>(history.samples().size(), 1);
  for (const FrameSample& sample : history.samples()) {
    mean.generation += sample.device.generation / static_cast<double>(count);
    mean.scene += sample.device.scene / static_cast<double>(count);
    mean.interface += sample.device.interface / static_cast<double>(count);
    wall += sample.wallMs / static_cast<double>(count);
  }
  legend("Rivulet", kGeneration, mean.generation);
  legend("Scene", kScene, mean.scene);
  legend("Window and interface", kInterface, mean.interface);
  legend("Waiting and the processor", kOther, std::max(0.0, wall - mean.total()));

  const RvlStatistics statistics = context.generator.statistics();
  ImGui::SeparatorText("Since the start");
  const auto number = [](std::uint64_t value) { return static_cast<unsigned long long>(value); };
  row("Device time", "%.0f ms of %.0f ms given", statistics.device_us / 1000, statistics.budget_us / 1000);
  row("Evaluations", "%llu, of %llu textures' steps", number(statistics.evaluations),
      number(statistics.lane_evaluations));
  if (statistics.lane_evaluations > 0) {
    row("A step", "%.1f ms; longest dispatch %.0f us",
        statistics.device_us / 1000 / static_cast<double>(statistics.lane_evaluations), statistics.longest_dispatch_us);
  }
  captureRow(context);
  const std::vector<std::string> messages = context.generator.messages();
  if (!messages.empty() && ImGui::CollapsingHeader("Rivulet says")) {
    for (const std::string& message : messages) ImGui::TextWrapped("%s", message.c_str());
  }
  opTable(context);
}

}  // namespace demo
