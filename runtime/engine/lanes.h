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

/// What a lane of this shape needs memory for. `tuning`: as graph::Graph. Errors:
/// OutOfDeviceMemory with the bytes needed and available, InvalidArgument (size), MissingFeature (fp16). Touches
/// nothing. Thread-safe.
LaneGraph planLanes(const models::Network& network, const vk::Device& device, const LaneShape& shape,
                    const std::shared_ptr<const graph::Tuning>& tuning = nullptr);

/// A state to begin from instead of noise, in the layout of a lane.
struct GivenState {
  std::vector<std::byte> x, modelInput;
};

/// Thread-safety: one thread at a time.
class Lanes {
 public:
  /// `weights` may be null, or those of other lanes of the network; unless they fit this shape's kernels, weights() are
  /// packed and uploaded through `stream` (only used for that). Errors: OutOfDeviceMemory with the bytes needed and
  /// available, InvalidArgument (size), MissingFeature (fp16).
  Lanes(std::shared_ptr<const models::Network> network, vk::PipelineCache& pipelines, vk::CommandStream& stream,
        const LaneShape& shape, std::shared_ptr<const graph::WeightBuffer> weights,
        const graph::ExecutableOptions& options, const std::shared_ptr<const graph::Tuning>& tuning = nullptr);
  /// From a graph built before (its memory was looked at, or its weights prepared without a queue). Errors: as
  /// graph::Executable.
  Lanes(std::shared_ptr<const models::Network> network, vk::PipelineCache& pipelines, LaneGraph built,
        const LaneShape& shape, std::shared_ptr<const graph::WeightBuffer> weights,
        const graph::ExecutableOptions& options);

  const LaneShape& shape() const { return shape_; }
  const graph::Executable& executable() const { return *executable_; }
  const std::shared_ptr<const graph::WeightBuffer>& weights() const { return weights_; }
  const SamplerState& samplerState() const { return state_; }
  /// How often a plan of so many evaluations runs a dispatch: the initial noise once, the embedding before every
  /// kEmbeddedSteps evaluations. Lanes that begin meanwhile have the latter run more often.
  std::uint32_t runs(std::uint32_t dispatch, std::uint32_t evaluations) const;
  /// How often at most until such a plan has ended: of mixed precision each of its evaluations may wait for one in the
  /// other precision that another lane wants.
  std::uint32_t mostRuns(std::uint32_t dispatch, std::uint32_t evaluations) const;

  /// Gives a lane a resolved request of this shape's size. It starts from noise at the next evaluation, or from what
  /// recordGivenState() put there since.
  void assign(std::uint32_t lane, std::shared_ptr<const Request> request, std::shared_ptr<const StepPlan> plan,
              bool givenState = false);
  /// Takes the lane's request away: cancelled, or finished and read back.
  void release(std::uint32_t lane) { lanes_.at(lane).reset(); }
  bool active(std::uint32_t lane) const { return lanes_.at(lane).has_value(); }
  /// Evaluations recorded for the lane's request, and whether they were all.
  std::uint32_t evaluation(std::uint32_t lane) const { return lanes_.at(lane)->call; }
  bool finished(std::uint32_t lane) const;
  std::uint32_t activeCount() const;
  /// Whether the evaluation whose parameters were recorded is one of the lane's; of mixed precision it may have to wait
  /// for the next.
  bool takesPart(std::uint32_t lane) const { return evaluates(lane) && wantsBytes(lane) == bytes_; }
  /// The evaluations of a lane's plan.
  const StepPlan& plan(std::uint32_t lane) const { return *lanes_.at(lane)->plan; }
  /// Begins the request of a lane anew: what was recorded for it never ran.
  void restart(std::uint32_t lane) { lanes_.at(lane)->call = 0; }

  /// One evaluation is recordParameters(), then its dispatches in order, in any slices, then advance(). Lanes without a
  /// request, or that are finished, keep their state; of mixed precision so do those that want the other one, which
  /// then comes next. None of them allocates host memory.
  void recordParameters(VkCommandBuffer commands);
  /// Of the evaluation whose parameters were recorded: no lane needs those before.
  std::uint32_t firstDispatch() const { return first_; }
  /// The one of that evaluation behind `dispatch`; executable().size() behind the last.
  std::uint32_t nextDispatch(std::uint32_t dispatch) const;
  /// What a dispatch of that evaluation computes: embeddings are made only as far as a lane needs them.
  std::uint64_t multiplyAdds(std::uint32_t dispatch) const;
  /// As graph::Executable::record.
  void record(VkCommandBuffer commands, std::uint32_t first, std::uint32_t count) const;
  void record(VkCommandBuffer commands, std::span<const graph::DispatchPart> parts, vk::GpuTimer* timer) const;
  /// Returns how many lanes took part.
  std::uint32_t advance();
  /// Whether the evaluation whose parameters were recorded is one in bytes, of Precision::Mixed.
  bool inBytes() const { return bytes_; }
  /// The noisy state that the first call of `plan` expects of a clean one: alpha x0 + sigma noise, with the noise that
  /// `walk` would start from. `x0` [C,H,W] is a state, not a picture. Thread-safe.
  static GivenState givenState(const models::Network& network, const LaneShape& shape, const StepPlan& plan,
                               const NoiseWalk& walk, std::span<const float> x0);
  /// Puts into a lane what `source` holds: GivenState::x, and modelInput behind it.
  void recordGivenState(VkCommandBuffer commands, std::uint32_t lane, const vk::Buffer& source) const;
  /// Copies the states of all lanes to `destination` (stateBytes() bytes).
  void recordReadback(VkCommandBuffer commands, const vk::Buffer& destination) const;
  std::uint64_t stateBytes() const;
  /// A lane's state from what recordReadback() copied: [C,H,W].
  std::vector<float> state(std::span<const std::byte> bytes, std::uint32_t lane) const;

 private:
  void compile(vk::PipelineCache& pipelines, LaneGraph built, const graph::ExecutableOptions& options);
  bool evaluates(std::uint32_t lane) const { return active(lane) && !finished(lane); }
  bool wantsBytes(std::uint32_t lane) const;
  void choosePrecision();
  void recordConditioning(VkCommandBuffer commands);
  void recordInitialNoise(VkCommandBuffer commands);
  StepSlot slotOf(std::uint32_t lane) const;

  struct Job {
    std::shared_ptr<const Request> request;
    std::shared_ptr<const StepPlan> plan;
    std::uint32_t call = 0;
    bool givenState = false;
  };
  std::shared_ptr<const models::Network> network_;
  LaneShape shape_;
  SamplerState state_;
  graph::Tensor conditioning_;
  std::shared_ptr<const graph::WeightBuffer> weights_;
  std::unique_ptr<graph::Executable> executable_;
  std::uint32_t embeddingFirst_ = 0, networkFirst_ = 0, bytesFirst_ = 0, first_ = 0;
  bool bytes_ = false;  // the evaluation at hand is that of [bytesFirst_, size)
  // Of the evaluation at hand. Its view is the number of evaluations since the embeddings it reads were made.
  graph::Selection selection_;
  std::vector<std::optional<Job>> lanes_;
  // What recordParameters() fills: the rows of the conditioning, the parameters of noise and step.
  std::vector<float> rows_;
  std::vector<StepParams> initial_, steps_;
};

}  // namespace rivulet::engine
