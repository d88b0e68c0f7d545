#pragma once
// A Graph compiled for a device: pipelines, one arena, one weight buffer and a flat list of dispatches that can be
// recorded in any number of slices, into any command buffers of the device.

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "vk/buffer.h"
#include "vk/command_stream.h"
#include "vk/gpu_timer.h"
#include "vk/pipeline_cache.h"

namespace rivulet::graph {

/// Constants on the device. Executables of one model, precision and device share one where their kernels want the same
/// layouts: always, whatever the batch; and for all sizes but those for which another kernel is the faster one.
class WeightBuffer {
 public:
  /// Packs and uploads the graph's weights through `stream`, waiting for the copy.
  static std::shared_ptr<const WeightBuffer> create(const Graph& graph, vk::CommandStream& stream,
                                                    const std::shared_ptr<vk::Device>& device, const std::string& name);
  /// The same without a queue: allocates, and packs into `staging`, from which whoever has a command buffer copies all
  /// of it before the first evaluation. Touches no queue, so any thread may do it.
  static std::shared_ptr<const WeightBuffer> prepare(const Graph& graph, const std::shared_ptr<vk::Device>& device,
                                                     const std::string& name, vk::Buffer& staging);
  const vk::Buffer& buffer() const { return buffer_; }
  /// Whether it holds what the graph's kernels read, in their layouts. Not whether the values are those of its network.
  bool fits(const Graph& graph) const;

 private:
  friend class Executable;
  WeightBuffer(const Graph& graph, const std::shared_ptr<vk::Device>& device, const std::string& name);
  static void pack(const Graph& graph, std::span<std::byte> packed);
  vk::Buffer buffer_;
  std::vector<std::pair<std::string, std::uint64_t>> layout_;  // name and bytes, in order
};

struct ExecutableOptions {
  std::string name = "network";  // for debug names
  /// Told how many pipelines are ready, of how many.
  std::function<void(std::size_t done, std::size_t total)> onPipeline;
};

/// Some of a dispatch's workgroups: [first, first + count) of those along the axis that has most of them (other than
/// the rows that a Selection may cut).
struct DispatchPart {
  std::uint32_t dispatch = 0, first = 0, count = 0;
};

/// What one recording of dispatches works on.
struct Selection {
  std::uint32_t view = 0;           // of the graph's views
  std::uint32_t rows = UINT32_MAX;  // at least 1: of more, dispatches over rows make only the first
};

/// Thread-safety: const members may be called from any thread; recordings that overlap on the device must not use the
/// same executable (it has one arena).
class Executable {
 public:
  /// Errors: OutOfDeviceMemory with the bytes planned; InvalidArgument if `weights` was made for another network.
  Executable(Graph graph, vk::PipelineCache& pipelines, std::shared_ptr<const WeightBuffer> weights,
             const ExecutableOptions& options);
  ~Executable();
  Executable(const Executable&) = delete;
  Executable& operator=(const Executable&) = delete;

  /// Number of dispatches of one evaluation.
  std::uint32_t size() const { return static_cast<std::uint32_t>(steps_.size()); }

  /// Records dispatches [first, first + count). Slices recorded in order, in one or several submissions to one queue,
  /// give the same bits as one recording of everything. Barriers before the first dispatch of a slice cover everything
  /// earlier on the queue. With `timer`, one mark before the first dispatch and one after each. Errors: InvalidArgument
  /// for dispatches or a view that are not there.
  void record(VkCommandBuffer commands, std::uint32_t first, std::uint32_t count, vk::GpuTimer* timer = nullptr,
              const Selection& selection = {}) const;

  /// How many parts a dispatch can be recorded in, whatever the selection.
  std::uint32_t partCount(std::uint32_t dispatch) const;
  /// The same for parts, in order, none of them empty and none left out: a dispatch that would keep the device for too
  /// long at once is cut so. With `timer`, one mark before the first and one after each.
  void record(VkCommandBuffer commands, std::span<const DispatchPart> parts, vk::GpuTimer* timer = nullptr,
              const Selection& selection = {}) const;

  /// Writes a persistent tensor's memory from inside the command buffer (at most 65536 bytes; copied at recording, so a
  /// later change of `bytes` does not matter). Records the barriers against earlier and later dispatches.
  void write(VkCommandBuffer commands, Tensor tensor, std::span<const std::byte> bytes, std::uint64_t offset = 0) const;
  /// Zeroes a persistent tensor (a new arena's contents are undefined), with the barriers around it.
  void clear(VkCommandBuffer commands, Tensor tensor) const;
  /// Copies between a persistent tensor and a buffer, with the barriers around it.
  void copyIn(VkCommandBuffer commands, const vk::Buffer& source, std::uint64_t sourceOffset, Tensor destination) const;
  /// `bytes` of it, to `destinationOffset` within the tensor.
  void copyIn(VkCommandBuffer commands, const vk::Buffer& source, std::uint64_t sourceOffset, Tensor destination,
              std::uint64_t destinationOffset, std::uint64_t bytes) const;
  void copyOut(VkCommandBuffer commands, Tensor source, const vk::Buffer& destination,
               std::uint64_t destinationOffset) const;

  /// Where a persistent tensor lies in the arena, in bytes.
  std::uint64_t offset(Tensor tensor) const;
  const TensorDesc& desc(Tensor tensor) const { return graph_.desc(tensor); }
  const Dispatch& dispatch(std::uint32_t index) const { return graph_.dispatches()[index]; }
  const Graph& graph() const { return graph_; }
  const MemoryPlan& memory() const { return memory_; }
  const vk::Buffer& arena() const { return arena_; }
  std::uint64_t multiplyAdds() const { return graph_.multiplyAdds(); }

 private:
  struct ViewWord {
    std::uint32_t word, size;  // of `push`; of a view, in units of offsets
  };
  struct Step {
    vk::Pipeline pipeline;
    std::vector<std::uint32_t> push;  // addresses first; offsets of the first view
    std::vector<ViewWord> viewWords;
    std::array<std::uint32_t, 3> groups;
    std::uint32_t rowsPerGroup = 0;
    std::size_t partAxis = 0;  // of `groups`
    bool barrierBefore = false;
    std::string label;
  };
  struct Recorder {
    VkCommandBuffer commands;
    vk::GpuTimer* timer;
    Selection selection;
    VkPipeline bound = VK_NULL_HANDLE;
  };
  Recorder begin(VkCommandBuffer commands, vk::GpuTimer* timer, const Selection& selection) const;
  void recordPart(Recorder& recorder, const DispatchPart& part) const;
  void planBarriers();

  Graph graph_;
  std::shared_ptr<vk::Device> device_;
  std::shared_ptr<const WeightBuffer> weights_;
  ArenaPlan plan_;
  MemoryPlan memory_;
  vk::Buffer arena_;
  VkPipelineLayout layout_ = VK_NULL_HANDLE;
  VkDescriptorPool descriptorPool_ = VK_NULL_HANDLE;
  VkDescriptorSet descriptorSet_ = VK_NULL_HANDLE;
  std::vector<Step> steps_;
};

/// For tests, tools and the command line: float NCHW (no channel padding) on the host to and from a persistent tensor's
/// layout and type.
std::vector<std::byte> packNchw(std::span<const float> nchw, const TensorDesc& desc);
std::vector<float> unpackNchw(std::span<const std::byte> bytes, const TensorDesc& desc);

}  // namespace rivulet::graph
