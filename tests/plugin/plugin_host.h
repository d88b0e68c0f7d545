#pragma once
// A renderer with the plugin in it, as small as one can be: a device, a command buffer per frame, and a context.

#include <gtest/gtest.h>

#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "rivulet/rivulet.h"
#include "support/host_device.h"
#include "support/tiny_texture_unet.h"
#include "vk/command_stream.h"
#include "vk/image.h"

namespace rivulet::test {

/// Zeroed, with its size.
template <class T>
T sized() {
  T value{};
  value.struct_size = sizeof(T);
  return value;
}

inline const RvlApi& api() {
  static const RvlApi* const table = rvlGetApi(RVL_API_VERSION);
  return *table;
}

inline RvlFeatures featuresOf(const vk::EnabledFeatures& e) {
  RvlFeatures f{};
  f.storage_buffer_16bit_access = e.storageBuffer16BitAccess;
  f.buffer_device_address = e.bufferDeviceAddress;
  f.subgroup_size_control = e.subgroupSizeControl;
  f.shader_int64 = e.shaderInt64;
  f.cooperative_matrix = e.cooperativeMatrix;
  f.timeline_semaphore = e.timelineSemaphore;
  f.texture_compression_bc = e.textureCompressionBC;
  f.debug_utils = e.debugUtils;
  return f;
}

inline RvlByteFeatures byteFeaturesOf(const vk::EnabledFeatures& e) {
  RvlByteFeatures f{};
  f.shader_int8 = e.shaderInt8;
  f.integer_dot_product = e.integerDotProduct;
  return f;
}

/// What a context on a host device begins as.
inline RvlContextInfo contextInfo(const HostDevice& host) {
  auto info = sized<RvlContextInfo>();
  info.get_instance_proc_addr = host.info().getInstanceProcAddr;
  info.instance = host.info().instance;
  info.physical_device = host.info().physicalDevice;
  info.device = host.info().device;
  info.api_version = host.info().apiVersion;
  info.features = featuresOf(host.info().enabled);
  info.byte_features = byteFeaturesOf(host.info().enabled);
  info.queue_family = host.info().queueFamily;
  info.consumer_queue_family = VK_QUEUE_FAMILY_IGNORED;
  return info;
}

/// The host's side of frames: command buffers, submissions that signal the plugin's semaphore, and reading images back.
class PluginHost {
 public:
  explicit PluginHost(const HostOptions& options = {}) : device_(options) { open(); }
  ~PluginHost();

  HostDevice& device() { return device_; }
  vk::CommandStream& stream() { return *stream_; }
  const std::shared_ptr<vk::Device>& own() { return own_; }

  /// Makes the context, with what `change` does to its description.
  template <class Change>
  void createContext(Change&& change) {
    auto info = contextInfo(device_);
    change(info);
    mode_ = info.mode;
    ASSERT_EQ(api().createContext(&info, &context_), RVL_SUCCESS) << api().lastError();
  }
  void createContext() {
    createContext([](RvlContextInfo&) {});
  }
  RvlContext context() const { return context_; }
  void forgetContext() { context_ = {}; }

  RvlModel load(std::span<const std::byte> file);
  RvlModel load(const TinyTextureUNet& model = {}) { return load(model.bytes()); }

  /// One frame with the plugin in it. Returns the recording's serial, 0 without work.
  std::uint64_t frame(double budget = 1e6);
  /// Frames until the request is neither waiting, running nor recorded.
  RvlRequestState finish(RvlRequest request, double budget = 1e6);
  RvlRequestStatus poll(RvlRequest request);
  /// Bytes of one level of an image in `layout`, which it has again afterwards.
  std::vector<std::byte> read(VkImage image, VkImageLayout layout, std::uint32_t level, std::uint32_t width,
                              std::uint32_t height, std::uint64_t bytes);

 private:
  void open();

  HostDevice device_;
  std::shared_ptr<vk::Device> own_;  // the host's own use of its device
  std::unique_ptr<vk::CommandStream> stream_;
  RvlContext context_{};
  RvlMode mode_ = RVL_MODE_RECORD;
};

/// A request for a picture of class 0 in an image of the plugin's.
RvlRequestInfo requestInfo(RvlModel model, std::uint64_t seed, std::uint32_t steps = 2);

}  // namespace rivulet::test
