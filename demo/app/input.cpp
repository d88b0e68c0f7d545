#include "app/input.h"

#include <imgui.h>

namespace demo {

const KeyHelp kKeyHelp[11] = {
    {"Click", "select a surface, and give it the next seed"},
    {"Right button + mouse", "look around"},
    {"W A S D, Q E", "fly; with Shift faster"},
    {"Tab", "side bar on and off"},
    {"Space", "pause and resume generating"},
    {"N", "animate: the selected surface walks from seed to seed"},
    {"T", "let the camera sway by itself"},
    {"V", "courtyard, or wall of variation"},
    {"F1", "this help"},
    {"F10", "capture a frame with RenderDoc"},
    {"Esc", "leave"},
};

InputResult readInput(const Window& window, Camera& camera, Controls& controls, double seconds) {
  const ImGuiIO& io = ImGui::GetIO();
  InputResult result;
  if (ImGui::GetFrameCount() == 0) return result;  // nothing has been read yet
  if (!io.WantCaptureMouse && window.size().width > 0) {
    if (ImGui::IsMouseDown(ImGuiMouseButton_Right)) {
      constexpr float kRadiansPerPixel = 0.004f;
      camera.turn(io.MouseDelta.x * kRadiansPerPixel, -io.MouseDelta.y * kRadiansPerPixel);
    }
    if (ImGui::IsMouseClicked(ImGuiMouseButton_Left)) {
      result = {true, io.MousePos.x / io.DisplaySize.x, io.MousePos.y / io.DisplaySize.y};
    }
  }
  if (io.WantTextInput) return result;

  const auto held = [](ImGuiKey key) { return ImGui::IsKeyDown(key) ? 1.0f : 0.0f; };
  const float speed = (io.KeyShift ? 6.0f : 2.2f) * static_cast<float>(seconds);
  camera.move((held(ImGuiKey_D) - held(ImGuiKey_A)) * speed, (held(ImGuiKey_E) - held(ImGuiKey_Q)) * speed,
              (held(ImGuiKey_W) - held(ImGuiKey_S)) * speed);
  const auto toggle = [](ImGuiKey key, bool& value) {
    if (ImGui::IsKeyPressed(key, false)) value = !value;
  };
  toggle(ImGuiKey_Tab, controls.sidebar);
  toggle(ImGuiKey_Space, controls.paused);
  toggle(ImGuiKey_N, controls.animate);
  toggle(ImGuiKey_T, controls.tour);
  toggle(ImGuiKey_F1, controls.help);
  result.capture = ImGui::IsKeyPressed(ImGuiKey_F10, false);
  if (ImGui::IsKeyPressed(ImGuiKey_V, false)) controls.scene = controls.scene == "wall" ? "courtyard" : "wall";
  return result;
}

}  // namespace demo
