#include "engine/lane_graph.h"

#include <algorithm>

namespace rivulet::engine {

LaneNeeds needsOf(const StepPlan& plan) {
  return {plan.usesSaved(), plan.historyDepth() > 0, false};
}

LaneNeeds operator|(const LaneNeeds& a, const LaneNeeds& b) {
  return {a.saved || b.saved, a.history || b.history, a.x0 || b.x0};
}

LaneGraph buildLaneGraph(const models::Network& network, const vk::DeviceCaps& caps, const LaneShape& shape,
                         std::shared_ptr<const graph::Tuning> tuning) {
  LaneGraph result{graph::Graph(caps, storageOf(shape.precision), std::move(tuning)), {}, {}, 0, 0, 0, 0};
  graph::Graph& graph = result.graph;
  SamplerShape sampler;
  sampler.lanes = shape.lanes;
  sampler.height = shape.height;
  sampler.width = shape.width;
  sampler.channels = network.info().inChannels;
  sampler.guided = shape.guided;
  sampler.saved = shape.needs.saved;
  sampler.history = shape.needs.history;
  sampler.x0 = shape.needs.x0;
  result.state = samplerState(graph, sampler);
  const std::uint32_t rows = shape.guided ? 2 * shape.lanes : shape.lanes;
  result.conditioning =
      graph.persistent({kEmbeddedSteps * rows, 1, 1, network.conditioning().channels, DataType::F32}, "conditioning");
  const auto size = [&] { return static_cast<std::uint32_t>(graph.dispatches().size()); };

  initialNoise(graph, result.state);
  result.embeddingFirst = size();
  const graph::Tensor embeddings = network.embed(graph, result.conditioning);
  graph.keep(embeddings);
  const graph::Tensor embedding = graph.view(embeddings, kEmbeddedSteps);
  result.networkFirst = size();
  const bool mixed = shape.precision == Precision::Mixed;
  if (multipliesBytes(shape.precision)) models::requireQuantized(network.info());
  graph.setQuantized(shape.precision == Precision::Int8);
  const models::NetworkInputs inputs{result.state.modelInput, embedding, shape.wrap};
  const graph::Tensor output = network.build(graph, inputs);
  result.networkEnd = size();
  sampleStep(graph, result.state, output);
  result.bytesFirst = size();
  if (mixed) {
    graph.setQuantized(true);
    sampleStep(graph, result.state, network.build(graph, inputs));
  }
  return result;
}

}  // namespace rivulet::engine
