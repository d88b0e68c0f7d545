#include "app/script.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <numbers>
#include <sstream>
#include <stdexcept>

namespace demo {
namespace {

/// How many words follow each command.
const std::map<std::string, std::size_t> kCommands = {
    {"set", 2},    {"select", 1},     {"class", 2},    {"blend", 3},   {"seed", 2},    {"regenerate", 1}, {"wait", 1},
    {"camera", 5}, {"screenshot", 1}, {"panel", 1},    {"compare", 0}, {"quit", 0},    {"report", 1},     {"save", 1},
    {"style", 2},  {"cancel", 1},     {"priority", 2}, {"capture", 0}, {"wait-for", 1}};

float number(const std::string& word) {
  std::size_t used = 0;
  float value = 0;
  try {
    value = std::stof(word, &used);
  } catch (const std::exception&) {
  }
  if (used != word.size() || word.empty()) throw std::runtime_error("\"" + word + "\" is no number");
  return value;
}

/// Surfaces are named in one word: spaces are written as dashes.
std::vector<Surface*> surfacesCalled(const std::string& word, std::vector<Surface>& surfaces) {
  std::vector<Surface*> found;
  std::string names = "all";
  for (Surface& surface : surfaces) {
    std::string name = surface.name;
    std::replace(name.begin(), name.end(), ' ', '-');
    if (word == "all" || word == name) found.push_back(&surface);
    names += ", " + name;
  }
  if (found.empty()) throw std::runtime_error("there is no surface " + word + " here. There are: " + names);
  return found;
}

}  // namespace

Script::Script(const std::string& file) : file_(file) {
  std::ifstream stream(file);
  if (!stream) throw std::runtime_error("the script " + file + " cannot be read");
  std::string text;
  for (std::size_t line = 1; std::getline(stream, text); ++line) {
    std::istringstream words(text.substr(0, text.find('#')));
    Command command{line, {}};
    for (std::string word; words >> word;) command.words.push_back(word);
    if (command.words.empty()) continue;
    const auto known = kCommands.find(command.words.front());
    if (known == kCommands.end()) {
      std::string names;
      for (const auto& [name, count] : kCommands) names += (names.empty() ? "" : ", ") + name;
      fail(command, "there is no command " + command.words.front() + ". There are: " + names);
    }
    if (command.words.size() != known->second + 1) {
      fail(command, command.words.front() + " wants " + std::to_string(known->second) + " words after it");
    }
    commands_.push_back(std::move(command));
  }
}

void Script::fail(const Command& command, const std::string& reason) const {
  throw std::runtime_error(file_ + ":" + std::to_string(command.line) + ": " + reason);
}

void Script::step(const ScriptTarget& target) {
  if (waitFrames_ > 0) {
    --waitFrames_;
    return;
  }
  if ((waitTextures_ && !target.settled) || (waitGenerating_ && !target.generating) || target.capturing) return;
  waitTextures_ = waitGenerating_ = false;
  if (!waitFile_.empty() && !target.exists(waitFile_)) return;
  waitFile_.clear();
  while (next_ < commands_.size() && !waiting()) {
    const Command& command = commands_[next_++];
    try {
      run(command, target);
    } catch (const std::runtime_error& error) {
      fail(command, error.what());
    }
    // One picture a frame, and what is set shows from the next frame on.
    const std::string& word = command.words.front();
    if (word == "screenshot" || word == "set" || word == "panel" || word == "compare" || word == "capture") break;
  }
}

void Script::run(const Command& command, const ScriptTarget& target) {
  const std::vector<std::string>& words = command.words;
  const std::string& name = words[0];
  if (name == "set") {
    setControl(target.controls, words[1], words[2]);
  } else if (name == "panel") {
    setControl(target.controls, "panel", words[1]);
  } else if (name == "wait") {
    if (words[1] == "textures") {
      waitTextures_ = true;
    } else if (words[1] == "generating") {
      waitGenerating_ = true;
    } else {
      waitFrames_ = static_cast<std::uint32_t>(std::max(0.0f, number(words[1])));
    }
  } else if (name == "wait-for") {
    waitFile_ = words[1];
  } else if (name == "screenshot") {
    target.screenshot(words[1]);
  } else if (name == "report") {
    target.report(words[1]);
  } else if (name == "capture") {
    target.capture();
  } else if (name == "compare") {
    target.compare();
  } else if (name == "quit") {
    target.quit();
  } else if (name == "camera") {
    constexpr float kDegree = std::numbers::pi_v<float> / 180;
    target.camera.position = {number(words[1]), number(words[2]), number(words[3])};
    target.camera.yaw = number(words[4]) * kDegree;
    target.camera.pitch = number(words[5]) * kDegree;
  } else {  // of surfaces
    for (Surface* const surface : surfacesCalled(words[1], target.textures.surfaces())) {
      runOn(static_cast<std::size_t>(surface - target.textures.surfaces().data()), command, target);
    }
  }
}

void Script::runOn(std::size_t index, const Command& command, const ScriptTarget& target) const {
  const std::vector<std::string>& words = command.words;
  const std::string& name = words[0];
  Surface& surface = target.textures.surfaces()[index];
  Material& material = surface.material;
  if (name == "select") {
    target.selection.surface = index;
    return;
  }
  if (name == "save") return target.save(index);
  if (name == "cancel") return target.textures.cancel(index);
  if (name == "priority") {
    surface.priority = static_cast<std::int32_t>(number(words[2]));
    return;
  }
  if (name == "class") {
    material.className = words[2];
    material.blendName.clear();
  } else if (name == "blend") {
    material.blendName = words[2];
    material.blend = std::clamp(number(words[3]), 0.0f, 1.0f);
  } else if (name == "seed") {
    material.takeSeed(static_cast<std::uint64_t>(number(words[2])));
  } else if (name == "style" && words[2] == "none") {
    material.style.reset();
  } else if (name == "style") {
    target.selection.surface = index;
    const std::string trouble = target.picture(words[2]);
    if (!trouble.empty()) throw std::runtime_error(trouble);
  }
  target.textures.regenerate(index);
}

}  // namespace demo
