// The application: what there is (app.cpp), and what happens in a frame (app_frame.cpp).
#pragma once

#include <chrono>
#include <deque>
#include <memory>
#include <optional>

#include "app/auto_scale.h"
#include "app/comparison_run.h"
#include "app/controls.h"
#include "app/frame_capture.h"
#include "app/frame_history.h"
#include "app/options.h"
#include "app/output.h"
#include "app/script.h"
#include "gpu/readback.h"
#include "panels/panel.h"
#include "rivulet/generator.h"
#include "scene/renderer.h"
#include "ui/interface.h"

namespace demo {

class App {
 public:
  App(const Options& options, const std::string& programFolder);
  ~App();
  App(const App&) = delete;
  App& operator=(const App&) = delete;

  /// Until the window is closed, the frames are over or the script is.
  void run();
  /// How many messages the validation layer had.
  unsigned validationMessages() const { return instance_->validationMessages(); }

 private:
  struct Surfaces;  // owns the window's VkSurfaceKHR
  using Clock = std::chrono::steady_clock;

  void frame();
  bool finished() const;
  void handleInput(double seconds);
  void applyControls();
  void makeScene();
  void makeGenerator();
  void fitPicture();
  void report(const std::string& file);
  void capture();
  void drawFrame(const OutputImage& output, Frame& frame);
  void drawInterface(double seconds);
  void measure(double seconds);
  float renderScale() const;
  float interfaceScale() const;
  double budget() const;
  std::uint32_t textureSize() const;
  View view() const;
  ScriptTarget scriptTarget();
  std::string saveTexture(std::size_t surface) const;
  std::string styleFromPicture(const std::string& file);
  std::string outFile(const std::string& name) const;

  Options options_;
  std::string settingsFile_, programFolder_;
  std::vector<std::string> models_;
  Controls controls_, applied_;
  rivulet::Plugin plugin_;
  std::unique_ptr<Window> window_;
  std::unique_ptr<Instance> instance_;
  std::unique_ptr<Surfaces> surface_;
  std::unique_ptr<Device> device_;
  std::unique_ptr<Output> output_;
  std::unique_ptr<FrameRing> ring_;
  std::unique_ptr<Interface> interface_;
  SceneModel model_;
  // In the order in which they depend on each other: requests go before the context.
  std::unique_ptr<Generator> generator_;
  std::unique_ptr<TextureStore> textures_;
  std::unique_ptr<SceneRenderer> renderer_;
  std::unique_ptr<ComparisonRun> comparison_;
  std::unique_ptr<FrameCapture> capture_;
  AutoScale autoScale_;

  Camera camera_;
  Selection selection_;
  std::optional<Script> script_;
  FrameHistory history_;
  Generated generated_;
  std::string screenshot_;  // file to write the next frame to
  std::uint64_t frames_ = 0;
  double time_ = 0;  // the scene's, in seconds
  Clock::time_point last_ = Clock::now();
  bool quit_ = false;
};

}  // namespace demo
