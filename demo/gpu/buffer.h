// A buffer the CPU writes or reads through a pointer that is always mapped.
#pragma once

#include <string>

#include "gpu/device.h"

namespace demo {

class Buffer {
 public:
  enum class Host { Writes, Reads };
  Buffer(const Device& device, VkDeviceSize size, VkBufferUsageFlags usage, Host host, const std::string& name);
  ~Buffer();
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  VkBuffer handle() const { return buffer_; }
  void write(const void* data, std::size_t size, std::size_t offset = 0);
  /// What the device wrote, once the submission has finished.
  const std::uint8_t* read() const;

 private:
  const Device& device_;
  VkBuffer buffer_ = VK_NULL_HANDLE;
  VmaAllocation memory_ = VK_NULL_HANDLE;
  std::uint8_t* mapped_ = nullptr;
};

}  // namespace demo
