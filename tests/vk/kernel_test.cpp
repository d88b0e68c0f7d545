// A kernel from the shader table through pipeline, layout, push constants and dispatch, with and without each
// capability.

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cstring>
#include <numeric>
#include <vector>

#include "core/half.h"
#include "support/expect_error.h"
#include "support/gpu_fixture.h"
#include "vk/label.h"

namespace rivulet::vk {
namespace {

class Kernel : public test::GpuVariantTest {
 protected:
  /// y = 2 x + w with the variant of test/axpy that fits the device.
  template <class T>
  std::vector<T> axpy(const std::vector<T>& x, const std::vector<T>& w, std::uint32_t requiredSubgroupSize = 0) {
    const bool address = caps().bufferDeviceAddress;
    const auto count = static_cast<std::uint32_t>(x.size());
    const std::uint64_t stride = (x.size() * sizeof(T) + 15) / 16 * 16;
    const Buffer arena(device(), BufferUse::Device, 2 * stride, "axpy arena");
    const Buffer weights = makeBuffer(std::span<const T>(w), "axpy weights");
    stream().upload(arena, 0, std::as_bytes(std::span(x)));

    const std::string shader = std::string("test/axpy.") + (sizeof(T) == 2 ? "f16" : "f32") + (address ? "_bda" : "");
    const Pipeline pipeline = pipelines().get({shader, {64, std::bit_cast<std::uint32_t>(2.0f)}, requiredSubgroupSize});
    const DeviceFunctions& fn = device()->fn();
    VkDescriptorPool pool = VK_NULL_HANDLE;
    const VkDescriptorSet set = address ? VK_NULL_HANDLE : makeSet(pool, arena, weights);

    std::array<std::uint32_t, 8> push{};
    const std::uint64_t addresses[2] = {arena.address(), weights.address()};
    std::memcpy(push.data(), addresses, sizeof addresses);
    push[6] = static_cast<std::uint32_t>(stride / 16);
    push[7] = count;
    const VkCommandBuffer commands = stream().begin("axpy");
    {
      const Label label(*device(), commands, "dispatch");
      fn.CmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline.handle);
      if (set)
        fn.CmdBindDescriptorSets(commands, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline.layout, 0, 1, &set, 0, nullptr);
      fn.CmdPushConstants(commands, pipeline.layout, VK_SHADER_STAGE_COMPUTE_BIT, 0, sizeof push, push.data());
      fn.CmdDispatch(commands, (count + 63) / 64, 1, 1);
    }
    stream().wait(stream().submit());
    if (pool) fn.DestroyDescriptorPool(device()->handle(), pool, nullptr);
    return readBuffer<T>(arena, x.size(), stride);
  }

 private:
  VkDescriptorSet makeSet(VkDescriptorPool& pool, const Buffer& arena, const Buffer& weights) {
    const DeviceFunctions& fn = device()->fn();
    const VkDescriptorPoolSize size{VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 2};
    VkDescriptorPoolCreateInfo poolInfo{VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO};
    poolInfo.maxSets = 1;
    poolInfo.poolSizeCount = 1;
    poolInfo.pPoolSizes = &size;
    check(fn.CreateDescriptorPool(device()->handle(), &poolInfo, nullptr, &pool), "vkCreateDescriptorPool");
    const VkDescriptorSetLayout layout = pipelines().setLayout();
    VkDescriptorSetAllocateInfo setInfo{VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO};
    setInfo.descriptorPool = pool;
    setInfo.descriptorSetCount = 1;
    setInfo.pSetLayouts = &layout;
    VkDescriptorSet set = VK_NULL_HANDLE;
    check(fn.AllocateDescriptorSets(device()->handle(), &setInfo, &set), "vkAllocateDescriptorSets");
    const VkDescriptorBufferInfo buffers[2] = {{arena.handle(), 0, VK_WHOLE_SIZE},
                                               {weights.handle(), 0, VK_WHOLE_SIZE}};
    VkWriteDescriptorSet write{VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET};
    write.dstSet = set;
    write.descriptorCount = 2;
    write.descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER;
    write.pBufferInfo = buffers;
    fn.UpdateDescriptorSets(device()->handle(), 1, &write, 0, nullptr);
    return set;
  }
};

RVL_INSTANTIATE_GPU_VARIANTS(Kernel);

TEST_P(Kernel, Float) {
  std::vector<float> x(1001), w(1001), expected(1001);
  std::iota(x.begin(), x.end(), 0.0f);
  for (std::size_t i = 0; i < x.size(); ++i) {
    w[i] = 0.5f * static_cast<float>(i % 7);
    expected[i] = 2 * x[i] + w[i];
  }
  EXPECT_EQ(axpy(x, w), expected);
}

TEST_P(Kernel, Half) {
  if (!caps().storage16) {  // fp32 storage is the fallback; using it all the same does not go unnoticed
    pipelines().get({std::string("test/axpy.f16") + (caps().bufferDeviceAddress ? "_bda" : ""), {64}});
    EXPECT_EQ(takeMessages().empty(), !test::validationInstalled());
    return;
  }
  std::vector<std::uint16_t> x(513), w(513), expected(513);
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = floatToHalf(0.25f * static_cast<float>(i));
    w[i] = floatToHalf(-0.5f * static_cast<float>(i % 5));
    expected[i] = floatToHalf(2 * halfToFloat(x[i]) + halfToFloat(w[i]));
  }
  EXPECT_EQ(axpy(x, w), expected);
}

TEST_P(Kernel, RequiredSubgroupSize) {
  const std::vector<float> x(70, 3.0f), w(70, 1.0f);
  if (!caps().subgroupSizeControl) {  // kernels read gl_SubgroupSize
    test::expectError(
        ErrorCode::Internal, [&] { axpy(x, w, caps().maxSubgroupSize); }, "'test/axpy.f32",
        "subgroupSizeControl is not in use");
    return;
  }
  EXPECT_EQ(axpy(x, w, caps().maxSubgroupSize), std::vector<float>(70, 7.0f));
}

}  // namespace
}  // namespace rivulet::vk
