#pragma once
// A renderer without a window: its own device and queue, two frames in flight, and a load of its own.

#include <cstdint>
#include <memory>

#include "rivulet/rivulet.h"
#include "vk/buffer.h"
#include "vk/command_stream.h"
#include "vk/device.h"

namespace rivulet::bench {

class Host {
 public:
  /// `loadBytes` are filled by the device in every frame.
  explicit Host(std::uint64_t loadBytes);
  ~Host();
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  const RvlContextInfo& contextInfo() const { return contextInfo_; }
  const std::shared_ptr<vk::Device>& device() const { return device_; }
  vk::CommandStream& stream() { return *stream_; }

  /// Begins a frame's command buffer with the host's own load in it.
  VkCommandBuffer beginFrame();
  /// Submits it, and waits for the frame before the last one.
  void endFrame(const vk::SubmitSync& sync);

 private:
  vk::InstanceFunctions instanceFn_;
  PFN_vkDestroyDevice destroyDevice_ = nullptr;
  RvlContextInfo contextInfo_{};
  std::shared_ptr<vk::Device> device_;
  std::unique_ptr<vk::CommandStream> stream_;
  vk::Buffer load_;
};

}  // namespace rivulet::bench
