#include <cstdarg>

#include "app/input.h"
#include "panels/panel.h"

namespace demo {
namespace {

struct Tab {
  const char* name;
  float width;
  void (*draw)(PanelContext&);
};
constexpr Tab kTabs[] = {{"Generate", 396, generatePanel},
                         {"Budget", 396, budgetPanel},
                         {"Timing", 500, timingPanel},
                         {"Textures", 396, texturesPanel},
                         {"Compare", 396, comparePanel}};

constexpr ImGuiWindowFlags kFixed = ImGuiWindowFlags_NoTitleBar | ImGuiWindowFlags_NoResize | ImGuiWindowFlags_NoMove |
                                    ImGuiWindowFlags_NoCollapse | ImGuiWindowFlags_NoSavedSettings;

}  // namespace

void label(const char* text) {
  const float at = ImGui::GetCursorPosX() + ImGui::GetContentRegionAvail().x * 0.32f;
  ImGui::AlignTextToFramePadding();
  ImGui::TextUnformatted(text);
  ImGui::SameLine(at);
  ImGui::SetNextItemWidth(-1);
}

void row(const char* name, const char* format, ...) {
  label(name);
  va_list values;
  va_start(values, format);
  ImGui::TextDisabledV(format, values);
  va_end(values);
}

void sidebar(PanelContext& context) {
  const ImVec2 display = ImGui::GetIO().DisplaySize;
  const float margin = 8 * context.scale;
  static std::string shown;  // what the tab bar has been told to select
  const Tab* current = &kTabs[0];
  for (const Tab& tab : kTabs) {
    if (context.controls.panel == tab.name) current = &tab;
  }
  const float width = current->width * context.scale;
  ImGui::SetNextWindowPos({display.x - width - margin, margin});
  ImGui::SetNextWindowSize({width, display.y - 2 * margin});
  if (ImGui::Begin("side bar", nullptr, kFixed) && ImGui::BeginTabBar("panels", ImGuiTabBarFlags_FittingPolicyShrink)) {
    const bool changed = shown != current->name;  // by a script, a key, or the settings
    const Tab* chosen = current;
    for (const Tab& tab : kTabs) {
      const ImGuiTabItemFlags flags = changed && &tab == current ? ImGuiTabItemFlags_SetSelected : 0;
      if (!ImGui::BeginTabItem(tab.name, nullptr, flags)) continue;
      if (!changed) chosen = &tab;
      ImGui::BeginChild(tab.name);
      ImGui::Spacing();
      tab.draw(context);
      ImGui::EndChild();
      ImGui::EndTabItem();
    }
    context.controls.panel = shown = chosen->name;
    ImGui::EndTabBar();
  }
  ImGui::End();
}

void overlay(PanelContext& context) {
  const float margin = 8 * context.scale;
  ImGui::SetNextWindowPos({margin, margin});
  ImGui::SetNextWindowBgAlpha(0.55f);
  if (ImGui::Begin("overlay", nullptr, kFixed | ImGuiWindowFlags_AlwaysAutoResize | ImGuiWindowFlags_NoInputs)) {
    const std::size_t busy = context.textures.busy();
    const DeviceTimes times =
        context.history.samples().empty() ? DeviceTimes{} : context.history.samples().back().device;
    ImGui::Text("%.0f frames/s   Rivulet %.1f ms of %.1f", context.history.framesPerSecond(), times.generation,
                context.history.percentile(0.5));
    if (!context.generator.model()) {
      ImGui::TextDisabled("reading the model...");
    } else if (busy > 0) {
      ImGui::TextDisabled("%zu of %zu textures in the making%s", busy, context.textures.surfaces().size(),
                          context.controls.paused ? " (paused)" : "");
    } else {
      ImGui::TextDisabled("click a surface for another one; F1: help");
    }
  }
  ImGui::End();
}

void helpWindow(PanelContext& context) {
  const ImVec2 display = ImGui::GetIO().DisplaySize;
  ImGui::SetNextWindowPos({display.x * 0.34f, display.y * 0.5f}, ImGuiCond_Appearing, {0.5f, 0.5f});  // beside the bar
  if (ImGui::Begin(
          "Keys", &context.controls.help,
          ImGuiWindowFlags_AlwaysAutoResize | ImGuiWindowFlags_NoCollapse | ImGuiWindowFlags_NoSavedSettings) &&
      ImGui::BeginTable("keys", 2)) {
    for (const KeyHelp& line : kKeyHelp) {
      ImGui::TableNextColumn();
      ImGui::TextUnformatted(line.keys);
      ImGui::TableNextColumn();
      ImGui::TextDisabled("%s", line.meaning);
    }
    ImGui::EndTable();
  }
  ImGui::End();
}

}  // namespace demo
