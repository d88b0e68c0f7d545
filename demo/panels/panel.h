// What the panels share. Each is one function in a file of its own; this is all they see of the application.
#pragma once

#include <imgui.h>

#include <functional>
#include <string>

#include "app/controls.h"
#include "app/frame_capture.h"
#include "app/frame_history.h"
#include "panels/comparison.h"
#include "rivulet/generator.h"
#include "scene/model.h"
#include "ui/interface.h"

namespace demo {

/// Which surface the panels speak of.
struct Selection {
  std::size_t surface = 0;
};

struct PanelContext {
  Controls& controls;
  Selection& selection;
  Generator& generator;
  TextureStore& textures;
  Comparison& comparison;
  const FrameHistory& history;
  const Generated& generated;
  Interface& interface;
  const Device& device;
  double budgetUs;                         // as resolved
  std::uint32_t textureSize;               // as resolved
  float scale;                             // of the interface
  const std::vector<std::string>& models;  // the names there are
  FrameCapture& capture;
  std::function<std::string(std::size_t)> saveTexture;  // of a surface, to a PNG file whose name it gives
  /// Gives the selected surface the style of a picture; what went wrong, or nothing.
  std::function<std::string(const std::string& file)> styleFromPicture;
};

void generatePanel(PanelContext& context);
void budgetPanel(PanelContext& context);
void timingPanel(PanelContext& context);
void texturesPanel(PanelContext& context);
void comparePanel(PanelContext& context);

/// The side bar with all of them.
void sidebar(PanelContext& context);
/// What is always to be seen: rate, and how much is in the making.
void overlay(PanelContext& context);
void helpWindow(PanelContext& context);

/// A label in the left third of a row; the control that follows has the rest.
void label(const char* text);
/// A label, and a text as printf would have it.
void row(const char* name, const char* format, ...) IM_FMTARGS(2);

}  // namespace demo
