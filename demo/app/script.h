// A file of commands that drives the demo. One a line; docs/demo.md lists them.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "app/controls.h"
#include "panels/panel.h"
#include "scene/camera.h"

namespace demo {

/// What a script acts on.
struct ScriptTarget {
  Controls& controls;
  Selection& selection;
  Camera& camera;
  TextureStore& textures;
  std::function<void(const std::string&)> screenshot;      // the next frame, to this file
  std::function<void(const std::string&)> report;          // to this file
  std::function<bool(const std::string&)> exists;          // this file
  std::function<void(std::size_t)> save;                   // a surface's texture
  std::function<std::string(const std::string&)> picture;  // gives the selected surface its style
  std::function<void()> capture;                           // the next frame, by RenderDoc
  std::function<void()> compare;                           // the selected surface
  std::function<void()> quit;
  bool settled = false;     // the model is loaded and every texture is there
  bool generating = false;  // a texture in the making has had its first step
  bool capturing = false;   // a frame is being captured
};

class Script {
 public:
  /// Throws std::runtime_error for a file that is missing or has a word that is none, naming the line.
  explicit Script(const std::string& file);

  bool finished() const { return next_ >= commands_.size() && !waiting(); }
  /// Runs commands up to the next one that waits. Once a frame.
  void step(const ScriptTarget& target);

 private:
  bool waiting() const { return waitFrames_ > 0 || waitTextures_ || waitGenerating_ || !waitFile_.empty(); }
  struct Command {
    std::size_t line;
    std::vector<std::string> words;
  };
  void run(const Command& command, const ScriptTarget& target);
  void runOn(std::size_t surface, const Command& command, const ScriptTarget& target) const;
  [[noreturn]] void fail(const Command& command, const std::string& reason) const;

  std::string file_;
  std::vector<Command> commands_;
  std::size_t next_ = 0;
  std::uint32_t waitFrames_ = 0;
  bool waitGenerating_ = false, waitTextures_ = false;
  std::string waitFile_;  // that another program makes; empty: none
};

}  // namespace demo
