#pragma once
// A storage buffer with memory of its own (VMA): buffers are few, and so what is allocated is what was planned.
// Movable, freed on destruction: whoever destroys one makes sure that the device has finished with it (RetireQueue
// does).

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "vk/device.h"

struct VmaAllocation_T;

namespace rivulet::vk {

enum class BufferUse {
  Device,    // arenas and weights; device-local, shader read/write, transfer source and destination
  Upload,    // host-visible, written by the host, transfer source; persistently mapped
  Readback,  // host-visible and cached, transfer destination; persistently mapped
};

class Buffer {
 public:
  Buffer() = default;
  /// `bytes` > 0. Errors: OutOfDeviceMemory with the name and the bytes asked for.
  Buffer(std::shared_ptr<Device> device, BufferUse use, std::uint64_t bytes, const std::string& name);
  ~Buffer();
  /// The allocatedSize() that such a buffer will have. Allocates no device memory. Errors: out of memory.
  static std::uint64_t requiredSize(const Device& device, BufferUse use, std::uint64_t bytes);
  Buffer(Buffer&& other) noexcept;
  Buffer& operator=(Buffer&& other) noexcept;

  VkBuffer handle() const { return buffer_; }
  std::uint64_t size() const { return bytes_; }
  /// Bytes of device memory behind the buffer (at least size()).
  std::uint64_t allocatedSize() const;
  /// The device address, or 0 where bufferDeviceAddress is not used.
  VkDeviceAddress address() const { return address_; }
  /// Upload and Readback only: the mapped bytes.
  std::span<std::byte> mapped() const { return {static_cast<std::byte*>(mapped_), mapped_ ? bytes_ : 0}; }
  /// Upload: after writing. Readback: before reading. No-ops on coherent memory.
  void flush() const;
  void invalidate() const;

 private:
  std::shared_ptr<Device> device_;
  VkBuffer buffer_ = VK_NULL_HANDLE;
  VmaAllocation_T* allocation_ = nullptr;
  std::uint64_t bytes_ = 0;
  VkDeviceAddress address_ = 0;
  void* mapped_ = nullptr;
};

}  // namespace rivulet::vk
