#include "gpu/buffer.h"

#include <cstring>

namespace demo {

Buffer::Buffer(const Device& device, VkDeviceSize size, VkBufferUsageFlags usage, Host host, const std::string& name)
    : device_(device) {
  VkBufferCreateInfo info{VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO};
  info.size = size;
  info.usage = usage;
  VmaAllocationCreateInfo allocation{};
  allocation.usage = VMA_MEMORY_USAGE_AUTO;
  allocation.flags =
      VMA_ALLOCATION_CREATE_MAPPED_BIT | (host == Host::Reads ? VMA_ALLOCATION_CREATE_HOST_ACCESS_RANDOM_BIT
                                                              : VMA_ALLOCATION_CREATE_HOST_ACCESS_SEQUENTIAL_WRITE_BIT);
  VmaAllocationInfo allocated{};
  check(vmaCreateBuffer(device_.allocator(), &info, &allocation, &buffer_, &memory_, &allocated), "vmaCreateBuffer");
  mapped_ = static_cast<std::uint8_t*>(allocated.pMappedData);
  device_.name(VK_OBJECT_TYPE_BUFFER, buffer_, name);
}

Buffer::~Buffer() {
  vmaDestroyBuffer(device_.allocator(), buffer_, memory_);
}

void Buffer::write(const void* data, std::size_t size, std::size_t offset) {
  std::memcpy(mapped_ + offset, data, size);
  check(vmaFlushAllocation(device_.allocator(), memory_, offset, size), "vmaFlushAllocation");
}

const std::uint8_t* Buffer::read() const {
  check(vmaInvalidateAllocation(device_.allocator(), memory_, 0, VK_WHOLE_SIZE), "vmaInvalidateAllocation");
  return mapped_;
}

}  // namespace demo
