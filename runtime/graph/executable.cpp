#include "graph/executable.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "core/error.h"
#include "core/half.h"

namespace rivulet::graph {
namespace {

constexpr std::uint32_t kAddressWords = 4;        // arena and weights, 64 bits each
constexpr std::uint64_t kOffsetUnit = 16;         // bytes; shaders/shared/tensor.glsl
constexpr std::uint32_t kMaxUpdateBytes = 65536;  // vkCmdUpdateBuffer

constexpr VkPipelineStageFlags kStages = VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT;

/// Everything Rivulet did to memory before, against everything it does after.
void fullBarrier(const vk::DeviceFunctions& fn, VkCommandBuffer commands) {
  VkMemoryBarrier barrier{VK_STRUCTURE_TYPE_MEMORY_BARRIER};
  barrier.srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT;
  barrier.dstAccessMask = VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_READ_BIT |
                          VK_ACCESS_TRANSFER_WRITE_BIT;
  fn.CmdPipelineBarrier(commands, kStages, kStages, 0, 1, &barrier, 0, nullptr, 0, nullptr);
}

void computeBarrier(const vk::DeviceFunctions& fn, VkCommandBuffer commands) {
  VkMemoryBarrier barrier{VK_STRUCTURE_TYPE_MEMORY_BARRIER};
  barrier.srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT;
  barrier.dstAccessMask = VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT;
  fn.CmdPipelineBarrier(commands, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, 0, 1,
                        &barrier, 0, nullptr, 0, nullptr);
}

struct Range {
  std::uint64_t begin, end;
};

std::size_t longestAxis(std::array<std::uint32_t, 3> groups, bool overRows) {
  if (overRows) groups[1] = 0;
  return static_cast<std::size_t>(std::max_element(groups.begin(), groups.end()) - groups.begin());
}

bool touches(const std::vector<Range>& ranges, const Range& range) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [&](const Range& r) { return r.begin < range.end && range.begin < r.end; });
}

}  // namespace

WeightBuffer::WeightBuffer(const Graph& graph, const std::shared_ptr<vk::Device>& device, const std::string& name)
    : buffer_(device, vk::BufferUse::Device, std::max<std::uint64_t>(graph.weightBytes_, kOffsetUnit),
              name + " weights") {
  for (const Graph::WeightInfo& weight : graph.weights_) layout_.emplace_back(weight.name, weight.bytes);
}

void WeightBuffer::pack(const Graph& graph, std::span<std::byte> packed) {
  for (const Graph::WeightInfo& weight : graph.weights_) {
    const std::vector<std::byte> data = weight.pack();
    if (data.size() != weight.bytes) {
      throw Error(ErrorCode::Internal, "weight '" + weight.name + "' was packed to " + std::to_string(data.size()) +
                                           " bytes, planned were " + std::to_string(weight.bytes));
    }
    std::memcpy(packed.data() + weight.offset, data.data(), data.size());
  }
}

std::shared_ptr<const WeightBuffer> WeightBuffer::create(const Graph& graph, vk::CommandStream& stream,
                                                         const std::shared_ptr<vk::Device>& device,
                                                         const std::string& name) {
  std::shared_ptr<WeightBuffer> result(new WeightBuffer(graph, device, name));
  std::vector<std::byte> packed(result->buffer_.size());
  pack(graph, packed);
  stream.upload(result->buffer_, 0, packed);
  return result;
}

bool WeightBuffer::fits(const Graph& graph) const {
  return std::equal(graph.weights_.begin(), graph.weights_.end(), layout_.begin(), layout_.end(),
                    [](const Graph::WeightInfo& a, const auto& b) { return a.name == b.first && a.bytes == b.second; });
}

std::shared_ptr<const WeightBuffer> WeightBuffer::prepare(const Graph& graph, const std::shared_ptr<vk::Device>& device,
                                                          const std::string& name, vk::Buffer& staging) {
  std::shared_ptr<WeightBuffer> result(new WeightBuffer(graph, device, name));
  staging = vk::Buffer(device, vk::BufferUse::Upload, result->buffer_.size(), name + " weights, staged");
  std::memset(staging.mapped().data(), 0, staging.mapped().size());  // gaps between weights
  pack(graph, staging.mapped());
  staging.flush();
  return result;
}

Executable::Executable(Graph graph, vk::PipelineCache& pipelines, std::shared_ptr<const WeightBuffer> weights,
                       const ExecutableOptions& options)
    : graph_(std::move(graph)),
      device_(pipelines.device()),
      weights_(std::move(weights)),
      plan_(graph_.plan()),
      memory_(graph_.memory()),
      layout_(pipelines.layout()) {
  if (!weights_->fits(graph_)) {
    throw Error(ErrorCode::InvalidArgument,
                "the weight buffer given to '" + options.name +
                    "' was made for another network or precision: make one from this graph");
  }
  const std::uint64_t limit = device_->caps().maxStorageBufferRange;
  if (!device_->caps().bufferDeviceAddress && memory_.arenaBytes > limit) {
    throw Error(ErrorCode::OutOfDeviceMemory, "'" + options.name + "' needs an arena of " +
                                                  std::to_string(memory_.arenaBytes) +
                                                  " bytes; a storage buffer of this device holds " +
                                                  std::to_string(limit) + ": use a smaller size or batch");
  }
  arena_ =
      vk::Buffer(device_, vk::BufferUse::Device, std::max(memory_.arenaBytes, kOffsetUnit), options.name + " arena");

  std::vector<vk::PipelineKey> keys;
  for (const Dispatch& dispatch : graph_.dispatches_) {
    keys.push_back(dispatch.kernel);
  }
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  pipelines.warm(keys, options.onPipeline);

  for (const Dispatch& dispatch : graph_.dispatches_) {
    Step step;
    step.pipeline = pipelines.get(dispatch.kernel);
    step.groups = dispatch.groups;
    step.rowsPerGroup = dispatch.rowsPerGroup;
    step.partAxis = longestAxis(dispatch.groups, dispatch.rowsPerGroup != 0);
    step.label = dispatch.name + ": " + dispatch.op;
    step.push.assign(kAddressWords, 0);
    if (device_->caps().bufferDeviceAddress) {
      const std::uint64_t addresses[2] = {arena_.address(), weights_->buffer_.address()};
      std::memcpy(step.push.data(), addresses, sizeof(addresses));
    }
    step.push.insert(step.push.end(), dispatch.push.words_.begin(), dispatch.push.words_.end());
    for (const PushConstants::Patch& patch : dispatch.push.patches_) {
      const std::uint64_t offset = patch.weight ? graph_.weights_.at(patch.id).offset : plan_.offsets.at(patch.id);
      step.push[kAddressWords + patch.word] = static_cast<std::uint32_t>(offset / kOffsetUnit);
      if (patch.weight || !graph_.tensors_[patch.id].base) continue;
      const std::uint64_t size = graph_.tensors_[patch.id].desc.bytes();
      step.viewWords.push_back({kAddressWords + patch.word, static_cast<std::uint32_t>(size / kOffsetUnit)});
    }
    steps_.push_back(std::move(step));
  }
  planBarriers();
  if (!device_->caps().bufferDeviceAddress) {
    descriptorSet_ =
        pipelines.makeDescriptorSet(arena_, weights_->buffer_, options.name + " arena and weights", descriptorPool_);
  }
}

Executable::~Executable() {
  if (descriptorPool_ != VK_NULL_HANDLE) {
    device_->fn().DestroyDescriptorPool(device_->handle(), descriptorPool_, nullptr);
  }
}

// A dispatch waits for the ones before it only where it reads what they wrote, or writes what they read or wrote. Bytes
// decide, not tensors: the arena gives one place to several of them. Without device addresses each of them waits: all
// see the arena through one descriptor of the whole buffer, and that is all that synchronization validation knows of
// what they touch.
void Executable::planBarriers() {
  const bool always = !device_->caps().bufferDeviceAddress;
  std::vector<Range> reads, writes;  // since the last barrier
  const auto range = [&](Tensor tensor) {
    const std::uint64_t begin = plan_.offsets[tensor.id];
    return Range{begin, begin + graph_.desc(graph_.owner(tensor)).bytes()};
  };
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    const Dispatch& dispatch = graph_.dispatches_[i];
    const bool readHazard =
        std::any_of(dispatch.reads.begin(), dispatch.reads.end(), [&](Tensor t) { return touches(writes, range(t)); });
    const bool writeHazard = std::any_of(dispatch.writes.begin(), dispatch.writes.end(), [&](Tensor t) {
      return touches(writes, range(t)) || touches(reads, range(t));
    });
    if (always || readHazard || writeHazard) {
      steps_[i].barrierBefore = true;
      reads.clear();
      writes.clear();
    }
    for (const Tensor t : dispatch.reads) {
      reads.push_back(range(t));
    }
    for (const Tensor t : dispatch.writes) {
      writes.push_back(range(t));
    }
  }
}

Executable::Recorder Executable::begin(VkCommandBuffer commands, vk::GpuTimer* timer,
                                       const Selection& selection) const {
  if (selection.view >= graph_.views()) {
    throw Error(ErrorCode::InvalidArgument, "view " + std::to_string(selection.view) +
                                                " was asked for; the executable has " + std::to_string(graph_.views()));
  }
  if (descriptorSet_ != VK_NULL_HANDLE) {
    device_->fn().CmdBindDescriptorSets(commands, VK_PIPELINE_BIND_POINT_COMPUTE, layout_, 0, 1, &descriptorSet_, 0,
                                        nullptr);
  }
  fullBarrier(device_->fn(), commands);
  if (timer != nullptr) {
    timer->mark(commands);
  }
  return {commands, timer, selection};
}

std::uint32_t Executable::partCount(std::uint32_t dispatch) const {
  const Step& step = steps_.at(dispatch);
  return step.groups[step.partAxis];
}

void Executable::recordPart(Recorder& recorder, const DispatchPart& part) const {
  const vk::DeviceFunctions& fn = device_->fn();
  const VkCommandBuffer commands = recorder.commands;
  const Step& step = steps_[part.dispatch];
  if (fn.CmdBeginDebugUtilsLabelEXT != nullptr) {
    VkDebugUtilsLabelEXT label{VK_STRUCTURE_TYPE_DEBUG_UTILS_LABEL_EXT};
    label.pLabelName = step.label.c_str();
    fn.CmdBeginDebugUtilsLabelEXT(commands, &label);
  }
  if (step.pipeline.handle != recorder.bound) {
    fn.CmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE, step.pipeline.handle);
    recorder.bound = step.pipeline.handle;
  }
  std::array<std::uint32_t, kAddressWords + PushConstants::kMaxWords> push;
  std::copy(step.push.begin(), step.push.end(), push.begin());
  for (const ViewWord& word : step.viewWords) push[word.word] += recorder.selection.view * word.size;
  fn.CmdPushConstants(commands, layout_, VK_SHADER_STAGE_COMPUTE_BIT, 0,
                      static_cast<std::uint32_t>(step.push.size() * 4), push.data());
  std::array<std::uint32_t, 3> base{}, groups = step.groups;
  base[step.partAxis] = part.first;
  groups[step.partAxis] = part.count;
  if (step.rowsPerGroup != 0) {
    groups[1] = std::min(groups[1], (recorder.selection.rows - 1) / step.rowsPerGroup + 1);
  }
  if (part.first == 0) {
    fn.CmdDispatch(commands, groups[0], groups[1], groups[2]);
  } else {
    fn.CmdDispatchBase(commands, base[0], base[1], base[2], groups[0], groups[1], groups[2]);
  }
  if (fn.CmdEndDebugUtilsLabelEXT != nullptr) {
    fn.CmdEndDebugUtilsLabelEXT(commands);
  }
  if (recorder.timer != nullptr) {
    recorder.timer->mark(commands);
  }
}

void Executable::record(VkCommandBuffer commands, std::uint32_t first, std::uint32_t count, vk::GpuTimer* timer,
                        const Selection& selection) const {
  if (first > size() || count > size() - first) {
    throw Error(ErrorCode::InvalidArgument, "dispatches " + std::to_string(first) + " to " +
                                                std::to_string(std::uint64_t{first} + count) +
                                                " were asked for; the executable has " + std::to_string(size()));
  }
  if (count == 0) {
    return;
  }
  Recorder recorder = begin(commands, timer, selection);
  for (std::uint32_t i = first; i < first + count; ++i) {
    if (steps_[i].barrierBefore && i != first) {
      computeBarrier(device_->fn(), commands);
    }
    recordPart(recorder, {i, 0, partCount(i)});
  }
}

void Executable::record(VkCommandBuffer commands, std::span<const DispatchPart> parts, vk::GpuTimer* timer,
                        const Selection& selection) const {
  if (parts.empty()) {
    return;
  }
  Recorder recorder = begin(commands, timer, selection);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const DispatchPart& part = parts[i];
    const std::uint32_t all = partCount(part.dispatch);
    if (part.count == 0 || part.first > all || part.count > all - part.first) {
      throw Error(ErrorCode::InvalidArgument, "part " + std::to_string(part.first) + " + " +
                                                  std::to_string(part.count) + " of dispatch " +
                                                  std::to_string(part.dispatch) + ", which has " + std::to_string(all));
    }
    const bool begins = i != 0 && parts[i - 1].dispatch != part.dispatch;
    // Where dispatches are left out, so are their barriers.
    const bool jumps = begins && parts[i - 1].dispatch + 1 != part.dispatch;
    if (jumps || (begins && steps_[part.dispatch].barrierBefore)) {
      computeBarrier(device_->fn(), commands);
    }
    recordPart(recorder, part);
  }
}

std::uint64_t Executable::offset(Tensor tensor) const {
  if (!graph_.tensors_.at(tensor.id).persistent) {
    throw Error(ErrorCode::Internal,
                "tensor '" + graph_.name(tensor) + "' is a temporary: only persistent ones have a place of their own");
  }
  return plan_.offsets[tensor.id];
}

void Executable::write(VkCommandBuffer commands, Tensor tensor, std::span<const std::byte> bytes,
                       std::uint64_t offset) const {
  const std::uint64_t size = desc(tensor).bytes();
  if (bytes.empty() || bytes.size() > kMaxUpdateBytes || bytes.size() % 4 != 0 || offset % 4 != 0 || offset > size ||
      bytes.size() > size - offset) {
    throw Error(ErrorCode::Internal, "write of " + std::to_string(bytes.size()) + " bytes at " +
                                         std::to_string(offset) + " into '" + graph_.name(tensor) + "' of " +
                                         std::to_string(size) + " bytes");
  }
  fullBarrier(device_->fn(), commands);
  device_->fn().CmdUpdateBuffer(commands, arena_.handle(), this->offset(tensor) + offset, bytes.size(), bytes.data());
  fullBarrier(device_->fn(), commands);
}

void Executable::clear(VkCommandBuffer commands, Tensor tensor) const {
  fullBarrier(device_->fn(), commands);
  device_->fn().CmdFillBuffer(commands, arena_.handle(), offset(tensor), desc(tensor).bytes(), 0);
  fullBarrier(device_->fn(), commands);
}

void Executable::copyIn(VkCommandBuffer commands, const vk::Buffer& source, std::uint64_t sourceOffset,
                        Tensor destination) const {
  copyIn(commands, source, sourceOffset, destination, 0, desc(destination).bytes());
}

void Executable::copyIn(VkCommandBuffer commands, const vk::Buffer& source, std::uint64_t sourceOffset,
                        Tensor destination, std::uint64_t destinationOffset, std::uint64_t bytes) const {
  const VkBufferCopy region{sourceOffset, offset(destination) + destinationOffset, bytes};
  fullBarrier(device_->fn(), commands);
  device_->fn().CmdCopyBuffer(commands, source.handle(), arena_.handle(), 1, &region);
  fullBarrier(device_->fn(), commands);
}

void Executable::copyOut(VkCommandBuffer commands, Tensor source, const vk::Buffer& destination,
                         std::uint64_t destinationOffset) const {
  const VkBufferCopy region{offset(source), destinationOffset, desc(source).bytes()};
  const vk::DeviceFunctions& fn = device_->fn();
  fullBarrier(fn, commands);
  fn.CmdCopyBuffer(commands, arena_.handle(), destination.handle(), 1, &region);
  VkMemoryBarrier toHost{VK_STRUCTURE_TYPE_MEMORY_BARRIER};
  toHost.srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT;
  toHost.dstAccessMask = VK_ACCESS_HOST_READ_BIT | VK_ACCESS_TRANSFER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT;
  fn.CmdPipelineBarrier(commands, VK_PIPELINE_STAGE_TRANSFER_BIT, VK_PIPELINE_STAGE_HOST_BIT | kStages, 0, 1, &toHost,
                        0, nullptr, 0, nullptr);
}

std::vector<std::byte> packNchw(std::span<const float> nchw, const TensorDesc& desc) {
  const std::uint64_t plane = std::uint64_t{desc.h} * desc.w;
  if (nchw.size() != plane * desc.c * desc.n) {
    throw Error(ErrorCode::InvalidArgument,
                "packNchw: " + std::to_string(nchw.size()) + " values for " + toString(desc));
  }
  std::vector<std::byte> bytes(desc.bytes());
  for (std::uint64_t n = 0; n < desc.n; ++n) {
    for (std::uint64_t c = 0; c < desc.c; ++c) {
      for (std::uint64_t p = 0; p < plane; ++p) {
        const float value = nchw[(n * desc.c + c) * plane + p];
        const std::uint64_t at = (n * plane + p) * desc.stride() + c;
        if (desc.type == DataType::F32) {
          std::memcpy(bytes.data() + at * 4, &value, 4);
        } else {
          const std::uint16_t half = floatToHalf(value);
          std::memcpy(bytes.data() + at * 2, &half, 2);
        }
      }
    }
  }
  return bytes;
}

std::vector<float> unpackNchw(std::span<const std::byte> bytes, const TensorDesc& desc) {
  const std::uint64_t plane = std::uint64_t{desc.h} * desc.w;
  if (bytes.size() != desc.bytes()) {
    throw Error(ErrorCode::InvalidArgument,
                "unpackNchw: " + std::to_string(bytes.size()) + " bytes for " + toString(desc));
  }
  std::vector<float> nchw(plane * desc.c * desc.n);
  for (std::uint64_t n = 0; n < desc.n; ++n) {
    for (std::uint64_t c = 0; c < desc.c; ++c) {
      for (std::uint64_t p = 0; p < plane; ++p) {
        const std::uint64_t at = (n * plane + p) * desc.stride() + c;
        float& value = nchw[(n * desc.c + c) * plane + p];
        if (desc.type == DataType::F32) {
          std::memcpy(&value, bytes.data() + at * 4, 4);
        } else {
          std::uint16_t half = 0;
          std::memcpy(&half, bytes.data() + at * 2, 2);
          value = halfToFloat(half);
        }
      }
    }
  }
  return nchw;
}

}  // namespace rivulet::graph
