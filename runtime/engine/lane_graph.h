#pragma once
// The graph of one sampling step over B lanes: initial noise, the network, the step kernel. A lane is one texture in
// the making; each carries its own parameters, so lanes at different steps of different samplers share an evaluation.
//
// A lane's plan says what its next evaluations are conditioned on, so their embeddings are computed together, for
// kEmbeddedSteps evaluations of all lanes at once. Each evaluation then reads its view of that table.

#include <cstdint>
#include <memory>

#include "engine/precision.h"
#include "engine/sampling_ops.h"
#include "graph/graph.h"
#include "models/network.h"
#include "samplers/step_plan.h"

namespace rivulet::engine {

/// Evaluations whose embeddings are computed together. A table of more would be the rarer made, and the larger: a plan
/// of few steps, for which it counts, would pay for rows it does not use.
constexpr std::uint32_t kEmbeddedSteps = 8;

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
  auto operator<=>(const LaneShape&) const = default;  // NOLINT(modernize-use-nullptr)
};

/// Dispatches in order: [0, embeddingFirst) initial noise, only needed where a lane begins; then the embeddings of
/// kEmbeddedSteps evaluations; [networkFirst, networkEnd) the rest of the network; then the step. The graph's view k is
/// the k-th evaluation behind the embeddings. Of Precision::Mixed the network and the step are there twice: in halves,
/// and from `bytesFirst` on in bytes; an evaluation is one of the two.
struct LaneGraph {
  graph::Graph graph;
  SamplerState state;
  graph::Tensor conditioning;  // [kEmbeddedSteps * R,1,1,M] float, R = lanes or 2 lanes: R rows for each evaluation
  std::uint32_t embeddingFirst = 0, networkFirst = 0, networkEnd = 0;
  std::uint32_t bytesFirst = 0;  // the number of dispatches where nothing is there twice
};

/// Touches no device. `tuning`: as graph::Graph. Errors: InvalidArgument (size; integers from a
/// network without a quantisation), MissingFeature (fp16, integers).
LaneGraph buildLaneGraph(const models::Network& network, const vk::DeviceCaps& caps, const LaneShape& shape,
                         std::shared_ptr<const graph::Tuning> tuning = nullptr);

}  // namespace rivulet::engine
