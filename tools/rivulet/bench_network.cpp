#include "bench_network.h"

#include <algorithm>
#include <span>
#include <vector>

#include "core/error.h"
#include "core/philox.h"
#include "engine/autotuner.h"
#include "engine/lane_graph.h"
#include "model_lookup.h"
#include "progress_bar.h"

namespace rivulet::cli {
namespace {

/// Conditioning of a typical request, the same in every row: [rows, channels].
std::vector<float> typicalConditioning(const models::Network& network, std::uint32_t rows,
                                       const engine::Request& request) {
  const std::size_t channels = network.conditioning().channels;
  const StepPlan plan = engine::makePlan(network.info(), request);
  std::vector<float> conditioning(rows * channels);
  for (std::size_t row = 0; row < rows; ++row) {
    engine::fillConditioning(network, request, plan.calls[0], false,
                             std::span(conditioning).subspan(row * channels, channels));
  }
  return conditioning;
}

}  // namespace

engine::Request typicalRequest(const models::NetworkInfo& info, const std::string& size) {
  engine::Request request;
  if (!size.empty()) {
    const Size parsed = parseSize(size);
    if (parsed.width == 0 || parsed.height == 0) throw Error(ErrorCode::InvalidArgument, "--size must not be 0");
    request.width = parsed.width;
    request.height = parsed.height;
  }
  if (!info.classes.empty()) request.classes = {{0, 1.0f}};
  const bool anyStyle = std::any_of(info.styles.begin(), info.styles.end(), [](const auto& of) { return !of.empty(); });
  if (!anyStyle) request.style.assign(info.styleDim, 0.0f);
  return engine::resolve(info, request);
}

BenchNetwork::BenchNetwork(const Globals& globals, const BenchNetworkOptions& options) {
  const std::shared_ptr<const models::Network> network = models::Network::load(findModel(options.model));
  const engine::Request request = typicalRequest(network->info(), options.size);
  device_ = openDevice(globals);
  const engine::Precision precision = engine::parsePrecision(options.precision, device_->caps());
  name_ = network->info().name + " " + std::to_string(request.width) + "x" + std::to_string(request.height) +
          " batch " + std::to_string(options.batch) + " " + toString(precision);
  pipelines_ = std::make_unique<vk::PipelineCache>(device_);
  stream_ = std::make_unique<vk::CommandStream>(device_);
  ProgressBar bar;
  graph::ExecutableOptions executable;
  executable.name = network->info().name;
  executable.onPipeline = [&](std::size_t done, std::size_t total) { bar.update("compiling pipelines", done, total); };
  const engine::EvaluationShape shape =
      engine::evaluationShape(options.batch, request.height, request.width, precision);
  engine::Autotuner tuner(*pipelines_, *stream_, engine::tuningFile(pipelines_->file()));
  tuner.tune(
      [&](const std::shared_ptr<const graph::Tuning>& tuning) {
        return engine::buildEvaluation(*network, device_->caps(), shape, tuning).graph;
      },
      executable.name, executable);
  evaluator_ =
      std::make_unique<engine::Evaluator>(*network, *pipelines_, *stream_, shape, nullptr, executable, tuner.tuning());
  const std::uint32_t rows = engine::kEmbeddedSteps * options.batch;
  graph::Graph graph(device_->caps(), engine::storageOf(precision), tuner.tuning());
  const graph::Tensor conditioning =
      graph.persistent({rows, 1, 1, network->conditioning().channels, DataType::F32}, "conditioning");
  graph.keep(network->embed(graph, conditioning));
  executable.name += " embeddings";
  const auto weights = graph::WeightBuffer::create(graph, *stream_, device_, executable.name);
  embeddings_ = std::make_unique<graph::Executable>(std::move(graph), *pipelines_, weights, executable);
  stream_->upload(embeddings_->arena(), embeddings_->offset(conditioning),
                  graph::packNchw(typicalConditioning(*network, rows, request), embeddings_->desc(conditioning)));
  bar.finish();
  std::vector<float> x(std::size_t{options.batch} * network->info().inChannels * request.height * request.width);
  fillNoise({7, NoiseStream::Initial, 0}, {0, 0, static_cast<std::uint32_t>(x.size()), 1}, 1, 1, x);
  evaluator_->run(x, typicalConditioning(*network, options.batch, request));
}

}  // namespace rivulet::cli
