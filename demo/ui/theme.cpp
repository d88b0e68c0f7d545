#include "ui/theme.h"

#include <imgui.h>

#include <filesystem>

namespace demo {
namespace {
constexpr float kFontSize = 15.0f;
}

void loadFonts() {
  static const char* const kFonts[] = {
      "/usr/share/fonts/truetype/noto/NotoSans-Regular.ttf", "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
      "/usr/share/fonts/TTF/DejaVuSans.ttf", "C:/Windows/Fonts/segoeui.ttf", "/System/Library/Fonts/SFNS.ttf"};
  ImFontAtlas& fonts = *ImGui::GetIO().Fonts;
  for (const char* const font : kFonts) {
    std::error_code error;
    if (std::filesystem::exists(font, error) && fonts.AddFontFromFileTTF(font)) return;
  }
  fonts.AddFontDefault();
}

void applyTheme(float scale) {
  ImGuiStyle style;
  ImGui::StyleColorsDark(&style);
  style.FontSizeBase = kFontSize;
  style.FontScaleMain = scale;
  style.WindowRounding = 6;
  style.FrameRounding = 4;
  style.GrabRounding = 4;
  style.TabRounding = 4;
  style.ChildRounding = 4;
  style.WindowBorderSize = 0;
  style.WindowPadding = {12, 10};
  style.FramePadding = {8, 4};
  style.ItemSpacing = {8, 6};
  style.ScrollbarSize = 12;
  style.ScaleAllSizes(scale);
  ImVec4* const colors = style.Colors;
  const ImVec4 accent = {0.90f, 0.55f, 0.22f, 1.0f};
  const auto faded = [&](float alpha) { return ImVec4{accent.x, accent.y, accent.z, alpha}; };
  colors[ImGuiCol_WindowBg] = {0.075f, 0.085f, 0.10f, 0.94f};
  colors[ImGuiCol_PopupBg] = {0.09f, 0.10f, 0.12f, 0.98f};
  colors[ImGuiCol_ChildBg] = {0, 0, 0, 0};
  colors[ImGuiCol_FrameBg] = {0.16f, 0.18f, 0.21f, 1};
  colors[ImGuiCol_FrameBgHovered] = {0.21f, 0.24f, 0.28f, 1};
  colors[ImGuiCol_FrameBgActive] = {0.25f, 0.28f, 0.33f, 1};
  colors[ImGuiCol_Button] = {0.20f, 0.23f, 0.27f, 1};
  colors[ImGuiCol_ButtonHovered] = faded(0.55f);
  colors[ImGuiCol_ButtonActive] = faded(0.8f);
  colors[ImGuiCol_Header] = faded(0.30f);
  colors[ImGuiCol_HeaderHovered] = faded(0.45f);
  colors[ImGuiCol_HeaderActive] = faded(0.6f);
  colors[ImGuiCol_Tab] = {0.12f, 0.14f, 0.16f, 1};
  colors[ImGuiCol_TabHovered] = faded(0.55f);
  colors[ImGuiCol_TabSelected] = faded(0.42f);
  colors[ImGuiCol_TabSelectedOverline] = accent;
  colors[ImGuiCol_CheckMark] = accent;
  colors[ImGuiCol_SliderGrab] = accent;
  colors[ImGuiCol_SliderGrabActive] = {1.0f, 0.68f, 0.36f, 1};
  colors[ImGuiCol_PlotHistogram] = accent;
  colors[ImGuiCol_PlotLines] = accent;
  colors[ImGuiCol_Separator] = {1, 1, 1, 0.10f};
  colors[ImGuiCol_TextDisabled] = {0.58f, 0.61f, 0.65f, 1};
  ImGui::GetStyle() = style;
}

}  // namespace demo
