// Rivulet in this renderer: a context on its device, one model, and what every frame does with them.
#pragma once

#include <array>
#include <deque>
#include <future>
#include <mutex>
#include <optional>
#include <rivulet/rivulet.hpp>
#include <string>
#include <vector>

#include "gpu/device.h"

namespace demo {

/// What is fixed for a context's life; to change it, a new Generator is made.
struct GeneratorOptions {
  std::string model;  // a path
  RvlMode mode = RVL_MODE_RECORD;
  RvlPrecision precision = RVL_PRECISION_AUTO;
  bool plainKernels = false;  // as if the device could do nothing beyond Vulkan 1.1
  std::uint32_t lanes = 4;
};

struct Model {
  rivulet::ModelHandle handle;
  RvlModelProperties properties{};
  std::vector<std::string> classes;
};

/// One frame's share.
struct Generated {
  std::uint32_t dispatches = 0;
  double expectedUs = 0;
  bool more = false;
};

class Generator {
 public:
  Generator(const rivulet::Plugin& plugin, const Device& device, const GeneratorOptions& options);
  /// The device must be idle, and every request released.
  ~Generator();
  Generator(const Generator&) = delete;
  Generator& operator=(const Generator&) = delete;

  /// The model, or null while its file is being read. Throws if that failed.
  const Model* model();
  /// Compiles for this size in the background.
  void warmUp(std::uint32_t size, bool preview);

  rivulet::RequestHandle request(RvlRequestInfo info);
  RvlRequestStatus poll(const rivulet::RequestHandle& request) const { return context_.poll(request); }
  void cancel(const rivulet::RequestHandle& request) const;
  RvlStatistics statistics() const;
  /// What each kind of op has cost so far.
  std::vector<RvlOpStatistics> opStatistics() const;
  /// The style vector of a picture, four bytes a pixel. Throws rivulet::PluginError (below 8x8).
  std::array<float, RVL_STYLE_SIZE> measureStyle(const RvlPixels& pixels) const;

  /// Records up to `budgetUs` of work into the frame, or submits it beforehand in mode ASYNC. Adds to `signals` what
  /// the frame's submission has to signal.
  Generated record(VkCommandBuffer commands, double budgetUs, std::vector<VkSemaphoreSubmitInfo>& signals);

  const rivulet::Plugin& plugin() const { return plugin_; }
  const GeneratorOptions& options() const { return options_; }
  /// Rivulet's latest messages, newest last.
  std::vector<std::string> messages() const;

 private:
  static void RVL_CALL onMessage(void* user, RvlSeverity severity, const char* message);
  Model load() const;

  rivulet::Plugin plugin_;
  GeneratorOptions options_;
  mutable std::mutex mutex_;  // for messages_: they come from any thread
  std::deque<std::string> messages_;
  rivulet::ContextHandle context_;
  std::optional<Model> model_;
  std::future<Model> loading_;
};

}  // namespace demo
