#pragma once

#include <QVulkanWindow>
#include <cstdint>
#include <future>
#include <optional>
#include <rivulet/rivulet.hpp>
#include <vector>

#include "image.h"
#include "options.h"

/// What a quad is to show.
struct Material {
  const char* name;  // a class of the model
  std::uint64_t seed;
};

/// The part of a device that Rivulet can use. To be asked before the device is created.
class DeviceRequest {
 public:
  /// From QVulkanWindowRenderer::preInitResources(). Has the window's device made with what Rivulet can use of it, as
  /// far as Qt can enable it. Must stay where it is until the device exists. Throws rivulet::PluginError.
  void apply(QVulkanWindow& window);
  /// What was enabled, no more.
  const RvlRequirements& enabled() const { return enabled_; }

 private:
  RvlRequirements enabled_ = rivulet::make<RvlRequirements>();
  RvlFeatureChain2 chain_ = rivulet::make<RvlFeatureChain2>();
};

/// Rivulet on the window's device: one image for each material, from the start a plain colour, then the previews, then
/// the texture. All calls come from the thread that renders. Errors are rivulet::PluginError or std::runtime_error.
class Textures {
 public:
  static constexpr std::uint32_t kSize = 64;  // texels a side
  static constexpr VkClearColorValue kPlaceholder{{0.16f, 0.18f, 0.22f, 1.0f}};

  /// Begins to read the model and to ask for the textures, on a thread of its own.
  Textures(QVulkanWindow& window, const RvlRequirements& enabled, const std::vector<Material>& materials,
           const Options& options);

  /// Once a frame, outside a render pass: goes on for as long as the budget allows. `slot` is the swap chain image that
  /// is drawn to.
  void record(VkCommandBuffer commands, int slot);
  /// The device is idle: all that was recorded has finished.
  void deviceIdle() { completed_ = latest_; }

  const std::vector<Image>& images() const { return images_; }
  std::size_t readyCount() const { return readyCount_; }
  bool allReady() const { return readyCount_ == images_.size(); }

 private:
  using Requests = std::vector<rivulet::RequestHandle>;

  Requests ask(const std::vector<Material>& materials, const Options& options) const;
  void poll();

  double budget_;
  // Destroyed from the last to the first: the loader before the context it uses, the images after it.
  std::vector<Image> images_;
  rivulet::ContextHandle context_;
  Requests requests_;  // empty until the loader is done
  std::future<Requests> loader_;
  std::size_t readyCount_ = 0;
  bool cleared_ = false;
  std::vector<std::uint64_t> serials_;  // by slot: of the latest recording submitted for it
  std::uint64_t latest_ = 0, completed_ = 0;
};
