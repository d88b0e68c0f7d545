#include "training/evaluation/runtime_evaluation.h"

#include <chrono>

#include "engine/evaluator.h"
#include "engine/lane_graph.h"
#include "engine/request.h"
#include "training/error.h"
#include "vk/device.h"
#include "vk/pipeline_cache.h"

namespace rivulet::training {

struct RuntimeEvaluation::Impl {
  Impl(const std::filesystem::path& model, const std::string& select, const RuntimeShape& asked)
      : network(models::Network::load(model)),
        device(open(select)),
        pipelines(device),
        stream(device),
        precision(engine::parsePrecision(asked.precision, device->caps())),
        shape(engine::evaluationShape(static_cast<std::uint32_t>(asked.batch), static_cast<std::uint32_t>(asked.size),
                                      static_cast<std::uint32_t>(asked.size), precision)),
        evaluator(*network, pipelines, stream, shape) {
    engine::Request request;
    request.width = request.height = shape.width;
    request.steps = 1;
    if (!network->info().classes.empty()) request.classes = {{0, 1.0f}};
    request.style.assign(network->info().styleDim, 0.0f);
    request = engine::resolve(network->info(), request);
    const StepPlan plan = engine::makePlan(network->info(), request);
    const std::size_t channels = network->conditioning().channels;
    conditioning.resize(shape.n * channels);
    for (std::size_t row = 0; row < shape.n; ++row) {
      engine::fillConditioning(*network, request, plan.calls[0], false,
                               std::span(conditioning).subspan(row * channels, channels));
    }
  }

  static std::shared_ptr<vk::Device> open(const std::string& select) {
    vk::CreateDeviceInfo info;
    info.select = select;
    return vk::Device::create(info);
  }

  std::shared_ptr<const models::Network> network;
  std::shared_ptr<vk::Device> device;
  vk::PipelineCache pipelines;
  vk::CommandStream stream;
  engine::Precision precision;
  engine::EvaluationShape shape;
  engine::Evaluator evaluator;
  std::vector<float> conditioning;
};

RuntimeEvaluation::RuntimeEvaluation(const std::filesystem::path& model, const std::string& device,
                                     const RuntimeShape& shape)
    : impl_(std::make_unique<Impl>(model, device, shape)) {
  run(at::zeros({shape.batch, impl_->network->info().inChannels, shape.size, shape.size}));
}

RuntimeEvaluation::~RuntimeEvaluation() = default;

at::Tensor RuntimeEvaluation::run(const at::Tensor& x) {
  const at::Tensor input = x.to(at::kCPU, at::kFloat).contiguous();
  const std::vector<float> output =
      impl_->evaluator.run({input.data_ptr<float>(), static_cast<std::size_t>(input.numel())}, impl_->conditioning);
  return at::tensor(output).view({x.size(0), impl_->network->info().outChannels, x.size(2), x.size(3)});
}

double RuntimeEvaluation::seconds(int count) {
  using Clock = std::chrono::steady_clock;
  const graph::Executable& executable = impl_->evaluator.executable();
  const VkCommandBuffer commands = impl_->stream.begin("evaluations");
  for (int i = 0; i < count; ++i) executable.record(commands, 0, executable.size());
  const Clock::time_point start = Clock::now();
  impl_->stream.wait(impl_->stream.submit());
  return std::chrono::duration<double>(Clock::now() - start).count() / count;
}

std::string RuntimeEvaluation::deviceName() const {
  return impl_->device->caps().name;
}

std::string RuntimeEvaluation::precision() const {
  return engine::toString(impl_->precision);
}

std::uint64_t RuntimeEvaluation::deviceBytes() const {
  const graph::MemoryPlan plan =
      engine::buildEvaluation(*impl_->network, impl_->device->caps(), impl_->shape).graph.memory();
  return plan.arenaBytes + plan.weightBytes;
}

}  // namespace rivulet::training
