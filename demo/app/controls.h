// Everything that can be set: by the panels, by a script, and kept from one run to the next.
#pragma once

#include <string>

#include "rivulet/material.h"

namespace demo {

struct Controls {
  // What is shown
  std::string scene = "courtyard";  // or "wall"
  bool tour = false;                // the camera sways by itself
  float renderScale = 0;            // of the window's size; 0: by the device
  float exposure = 0.9f, sunlight = 1.0f, textureScale = 1.0f, relief = 1.0f;
  // What is generated
  std::string model;  // a name or a path; empty: the demo's own choice
  Quality quality;
  std::uint32_t textureSize = 0;  // 0: by the device
  bool animate = false;           // the selected surface walks from seed to seed
  bool animateAll = false;
  float animateSpeed = 0.1f;  // seeds a second
  // With how much
  float budgetUs = 0;  // 0: by the device
  bool async = false;
  std::string precision = "auto";  // as rivulet/precision.h names them
  bool plainKernels = false;
  bool paused = false;
  // The interface
  bool sidebar = true;
  std::string panel = "Generate";
  float interfaceScale = 0;  // 0: the display's
  bool help = false;
};

/// Calls visitor(name, member) for each control that is kept and that scripts can set.
template <class ControlsType, class Visitor>
void visitControls(ControlsType& controls, Visitor&& visitor) {
  visitor("scene", controls.scene);
  visitor("tour", controls.tour);
  visitor("render-scale", controls.renderScale);
  visitor("exposure", controls.exposure);
  visitor("sunlight", controls.sunlight);
  visitor("texture-scale", controls.textureScale);
  visitor("relief", controls.relief);
  visitor("model", controls.model);
  visitor("steps", controls.quality.steps);
  visitor("sampler", controls.quality.sampler);
  visitor("guidance", controls.quality.guidance);
  visitor("texture-size", controls.textureSize);
  visitor("animate", controls.animate);
  visitor("animate-all", controls.animateAll);
  visitor("animate-speed", controls.animateSpeed);
  visitor("budget", controls.budgetUs);
  visitor("async", controls.async);
  visitor("precision", controls.precision);
  visitor("plain-kernels", controls.plainKernels);
  visitor("paused", controls.paused);
  visitor("sidebar", controls.sidebar);
  visitor("panel", controls.panel);
  visitor("interface-scale", controls.interfaceScale);
  visitor("help", controls.help);
}

/// Sets one by its name. Throws std::runtime_error for an unknown name, listing all, or a value that is none.
void setControl(Controls& controls, const std::string& name, const std::string& value);

/// Reads what a file has of them; a missing file changes nothing, an unreadable one throws.
void loadControls(Controls& controls, const std::string& file);
void saveControls(const Controls& controls, const std::string& file);
/// The user's own, in XDG_CONFIG_HOME or its like; empty where there is none.
std::string defaultSettingsFile();

}  // namespace demo
