#include "vk/buffer.h"

#include <utility>

#include "core/error.h"
#include "vk/vma.h"

namespace rivulet::vk {

namespace {

VkBufferCreateInfo createInfo(const DeviceCaps& caps, BufferUse use, std::uint64_t bytes) {
  VkBufferCreateInfo info{VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO};
  info.size = bytes;
  info.sharingMode = VK_SHARING_MODE_EXCLUSIVE;
  switch (use) {
    case BufferUse::Device:
      info.usage =
          VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT;
      if (caps.bufferDeviceAddress) info.usage |= VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT;
      break;
    case BufferUse::Upload:
      info.usage = VK_BUFFER_USAGE_TRANSFER_SRC_BIT;
      break;
    case BufferUse::Readback:
      info.usage = VK_BUFFER_USAGE_TRANSFER_DST_BIT;
      break;
  }
  return info;
}

VmaAllocationCreateInfo allocationInfo(BufferUse use) {
  VmaAllocationCreateInfo info{};
  info.flags = VMA_ALLOCATION_CREATE_DEDICATED_MEMORY_BIT;
  info.usage = use == BufferUse::Device ? VMA_MEMORY_USAGE_AUTO_PREFER_DEVICE : VMA_MEMORY_USAGE_AUTO_PREFER_HOST;
  if (use == BufferUse::Upload)
    info.flags |= VMA_ALLOCATION_CREATE_HOST_ACCESS_SEQUENTIAL_WRITE_BIT | VMA_ALLOCATION_CREATE_MAPPED_BIT;
  if (use == BufferUse::Readback)
    info.flags |= VMA_ALLOCATION_CREATE_HOST_ACCESS_RANDOM_BIT | VMA_ALLOCATION_CREATE_MAPPED_BIT;
  return info;
}

}  // namespace

Buffer::Buffer(std::shared_ptr<Device> device, BufferUse use, std::uint64_t bytes, const std::string& name)
    : device_(std::move(device)), bytes_(bytes) {
  const std::string what = "buffer '" + name + "' of " + std::to_string(bytes) + " bytes";
  if (bytes == 0) throw Error(ErrorCode::InvalidArgument, what + ": a buffer has at least one byte");
  const DeviceCaps& caps = device_->caps();
  if (bytes > caps.maxAllocation)
    throw Error(ErrorCode::OutOfDeviceMemory, what + ": '" + caps.name + "' allocates at most " +
                                                  std::to_string(caps.maxAllocation) + " bytes at once");

  const VkBufferCreateInfo info = createInfo(caps, use, bytes);
  const VmaAllocationCreateInfo allocation = allocationInfo(use);
  VmaAllocationInfo allocated{};
  check(vmaCreateBuffer(device_->allocator(), &info, &allocation, &buffer_, &allocation_, &allocated), what.c_str());
  mapped_ = allocated.pMappedData;
  device_->setName(VK_OBJECT_TYPE_BUFFER, buffer_, name);
  if (use == BufferUse::Device && caps.bufferDeviceAddress) {
    VkBufferDeviceAddressInfo address{VK_STRUCTURE_TYPE_BUFFER_DEVICE_ADDRESS_INFO};
    address.buffer = buffer_;
    address_ = device_->fn().GetBufferDeviceAddress(device_->handle(), &address);
  }
}

Buffer::~Buffer() {
  if (buffer_) vmaDestroyBuffer(device_->allocator(), buffer_, allocation_);
}

Buffer::Buffer(Buffer&& other) noexcept {
  *this = std::move(other);
}

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  std::swap(device_, other.device_);
  std::swap(buffer_, other.buffer_);
  std::swap(allocation_, other.allocation_);
  std::swap(bytes_, other.bytes_);
  std::swap(address_, other.address_);
  std::swap(mapped_, other.mapped_);
  return *this;
}

std::uint64_t Buffer::requiredSize(const Device& device, BufferUse use, std::uint64_t bytes) {
  const VkBufferCreateInfo info = createInfo(device.caps(), use, bytes);
  VkBuffer buffer = VK_NULL_HANDLE;
  check(device.fn().CreateBuffer(device.handle(), &info, nullptr, &buffer), "vkCreateBuffer(to ask for its size)");
  VkMemoryRequirements requirements{};
  device.fn().GetBufferMemoryRequirements(device.handle(), buffer, &requirements);
  device.fn().DestroyBuffer(device.handle(), buffer, nullptr);
  return requirements.size;
}

std::uint64_t Buffer::allocatedSize() const {
  if (!allocation_) return 0;
  VmaAllocationInfo info{};
  vmaGetAllocationInfo(device_->allocator(), allocation_, &info);
  return info.size;
}

void Buffer::flush() const {
  if (mapped_) check(vmaFlushAllocation(device_->allocator(), allocation_, 0, VK_WHOLE_SIZE), "vmaFlushAllocation");
}

void Buffer::invalidate() const {
  if (mapped_)
    check(vmaInvalidateAllocation(device_->allocator(), allocation_, 0, VK_WHOLE_SIZE), "vmaInvalidateAllocation");
}

}  // namespace rivulet::vk
