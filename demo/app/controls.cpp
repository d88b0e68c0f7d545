#include "app/controls.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "rivulet/precision.h"

namespace demo {
namespace fs = std::filesystem;
namespace {

void parse(const std::string& text, std::string& value) {
  value = text;
}

void parse(const std::string& text, bool& value) {
  if (text != "on" && text != "off") throw std::runtime_error("on or off");
  value = text == "on";
}

void parse(const std::string& text, float& value) {
  std::size_t used = 0;
  try {
    value = std::stof(text, &used);
  } catch (const std::exception&) {
  }
  if (used != text.size() || text.empty()) throw std::runtime_error("a number");
}

void parse(const std::string& text, std::uint32_t& value) {
  const bool digits = std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!digits || text.empty() || text.size() > 9) throw std::runtime_error("a whole number");
  value = static_cast<std::uint32_t>(std::stoul(text));
}

/// What is outside would be an error of Rivulet's in every frame.
void clampControls(Controls& controls) {
  controls.quality.steps = std::min(controls.quality.steps, 50u);
  controls.quality.guidance = std::clamp(controls.quality.guidance, 0.0f, 10.0f);
  controls.animateSpeed = std::clamp(controls.animateSpeed, 0.0f, 5.0f);
  controls.renderScale = controls.renderScale <= 0 ? 0 : std::clamp(controls.renderScale, 0.25f, 2.0f);
  controls.textureSize = std::min(controls.textureSize / 8 * 8, 512u);
  if (controls.scene != "wall") controls.scene = "courtyard";
  if (!isPrecision(controls.precision)) controls.precision = "auto";
}

}  // namespace

void setControl(Controls& controls, const std::string& name, const std::string& value) {
  bool found = false;
  std::string names;
  visitControls(controls, [&](const char* candidate, auto& member) {
    names += std::string(names.empty() ? "" : ", ") + candidate;
    if (name != candidate) return;
    found = true;
    try {
      parse(value, member);
    } catch (const std::runtime_error& wanted) {
      throw std::runtime_error(name + " wants " + wanted.what() + ", not \"" + value + "\"");
    }
  });
  if (!found) throw std::runtime_error("there is no control " + name + ". There are: " + names);
  if (name == "precision") static_cast<void>(precisionOf(value));
  clampControls(controls);
}

void loadControls(Controls& controls, const std::string& file) {
  std::ifstream stream(file);
  if (!stream) return;
  try {
    const nlohmann::json json = nlohmann::json::parse(stream);
    visitControls(controls, [&](const char* name, auto& member) {
      if (json.contains(name)) json.at(name).get_to(member);
    });
  } catch (const nlohmann::json::exception& error) {
    throw std::runtime_error("the settings in " + file + " cannot be read (" + error.what() + "): mend or delete them");
  }
  clampControls(controls);
}

void saveControls(const Controls& controls, const std::string& file) {
  nlohmann::ordered_json json;
  visitControls(controls, [&](const char* name, const auto& member) { json[name] = member; });
  std::error_code error;
  fs::create_directories(fs::path(file).parent_path(), error);
  std::ofstream stream(file);
  stream << json.dump(2) << '\n';
  if (!stream) throw std::runtime_error("the settings cannot be written to " + file);
}

std::string defaultSettingsFile() {
#if defined(_WIN32)
  const char* const home = std::getenv("APPDATA");
  const char* const below = "rivulet/demo.json";
#else
  const char* home = std::getenv("XDG_CONFIG_HOME");
  const char* below = "rivulet/demo.json";
  if (!home || !*home) {
    home = std::getenv("HOME");
    below = ".config/rivulet/demo.json";
  }
#endif
  return home && *home ? (fs::path(home) / below).string() : "";
}

}  // namespace demo
