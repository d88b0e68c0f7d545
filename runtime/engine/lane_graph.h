#pragma once
// The graph of one sampling step over B lanes: initial noise, the network, the step kernel. A lane is one texture in
// the making; each carries its own parameters, so lanes at different steps of different samplers share an evaluation.

#include <cstdint>
#include <memory>

#include "engine/precision.h"
#include "engine/sampling_ops.h"
#include "graph/graph.h"
#include "models/network.h"
#include "samplers/step_plan.h"

namespace rivulet::engine {

/// What the plans of the lanes need memory for.
struct LaneNeeds {
  bool saved = false;
  bool history = false;                                // x0s of earlier evaluations
  bool x0 = false;                                     // the prediction of each step is kept, for previews
  auto operator<=>(const LaneNeeds&) const = default;  // NOLINT(modernize-use-nullptr): clang-tidy 14 and <=>
};
LaneNeeds needsOf(const StepPlan& plan);
LaneNeeds operator|(const LaneNeeds& a, const LaneNeeds& b);

struct LaneShape {
  std::uint32_t lanes = 1, height = 0, width = 0;
  Precision precision = Precision::Fp32;
  bool guided = false;  // the network runs on 2 × lanes rows: conditional ones, then unconditional ones
  LaneNeeds needs;
  models::Wrap wrap = models::Wrap::Repeat;
  bool interruptible = false;                          // graph::Graph::setInterruptible
  auto operator<=>(const LaneShape&) const = default;  // NOLINT(modernize-use-nullptr)
};

/// Dispatches in order: [0, networkFirst) initial noise, then the network, then [networkEnd, size) the step.
struct LaneGraph {
  graph::Graph graph;
  SamplerState state;
  graph::Tensor conditioning;  // [lanes or 2 lanes,1,1,M] float
  std::uint32_t networkFirst = 0, networkEnd = 0;
};

/// Touches no device. `tuning`: as graph::Graph. Errors: InvalidArgument (size; integers from a
/// network without a quantisation), MissingFeature (fp16, integers).
LaneGraph buildLaneGraph(const models::Network& network, const vk::DeviceCaps& caps, const LaneShape& shape,
                         std::shared_ptr<const graph::Tuning> tuning = nullptr);

}  // namespace rivulet::engine
