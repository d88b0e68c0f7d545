#pragma once
// B textures in the making on one executable: which request each lane works on, and at which evaluation of its plan it
// is. Records commands, never submits: the generator and a frame-budgeted scheduler drive it alike.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "engine/lane_graph.h"
#include "engine/request.h"
#include "graph/executable.h"
#include "vk/command_stream.h"

namespace rivulet::engine {

/// Thread-safety: one thread at a time.
class Lanes {
 public:
  /// `weights` may be null, or those of other lanes of the network; unless they fit this shape's kernels, weights() are
  /// packed and uploaded through `stream` (only used for that). Errors: OutOfDeviceMemory with the bytes needed and
  /// available, InvalidArgument (size), MissingFeature (fp16).
  Lanes(std::shared_ptr<const models::Network> network, vk::PipelineCache& pipelines, vk::CommandStream& stream,
        const LaneShape& shape, std::shared_ptr<const graph::WeightBuffer> weights,
        const graph::ExecutableOptions& options);

  const LaneShape& shape() const { return shape_; }
  const graph::Executable& executable() const { return *executable_; }
  const std::shared_ptr<const graph::WeightBuffer>& weights() const { return weights_; }

  /// Gives a lane a resolved request of this shape's size. It starts from noise at the next evaluation.
  void assign(std::uint32_t lane, const Request& request, std::shared_ptr<const StepPlan> plan);
  /// Takes the lane's request away: cancelled, or finished and read back.
  void release(std::uint32_t lane) { lanes_.at(lane).reset(); }
  bool active(std::uint32_t lane) const { return lanes_.at(lane).has_value(); }
  /// Evaluations recorded for the lane's request, and whether they were all.
  std::uint32_t evaluation(std::uint32_t lane) const { return lanes_.at(lane)->call; }
  bool finished(std::uint32_t lane) const;
  std::uint32_t activeCount() const;

  /// One evaluation is recordParameters(), then dispatches [0, executable().size()) in any slices, then advance().
  /// Lanes without a request, or that are finished, keep their state.
  void recordParameters(VkCommandBuffer commands) const;
  void advance();
  /// Copies the states of all lanes to `destination` (stateBytes() bytes).
  void recordReadback(VkCommandBuffer commands, const vk::Buffer& destination) const;
  std::uint64_t stateBytes() const;
  /// A lane's state from what recordReadback() copied: [C,H,W].
  std::vector<float> state(std::span<const std::byte> bytes, std::uint32_t lane) const;

 private:
  struct Job {
    Request request;
    std::shared_ptr<const StepPlan> plan;
    std::uint32_t call = 0;
  };
  std::shared_ptr<const models::Network> network_;
  LaneShape shape_;
  SamplerState state_;
  graph::Tensor conditioning_;
  std::shared_ptr<const graph::WeightBuffer> weights_;
  std::unique_ptr<graph::Executable> executable_;
  std::vector<std::optional<Job>> lanes_;
};

}  // namespace rivulet::engine
