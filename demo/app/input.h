// Keys and mouse: flying, clicking, and shortcuts.
#pragma once

#include "app/controls.h"
#include "app/window.h"
#include "scene/camera.h"

namespace demo {

struct InputResult {
  bool click = false;  // on the scene, at these fractions of the window
  float x = 0, y = 0;
  bool capture = false;  // of a frame, by RenderDoc
};

InputResult readInput(const Window& window, Camera& camera, Controls& controls, double seconds);

/// What the help window lists: keys and what they do.
struct KeyHelp {
  const char* keys;
  const char* meaning;
};
extern const KeyHelp kKeyHelp[11];

}  // namespace demo
