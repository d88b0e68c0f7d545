#include "quantize/calibration.h"

#include "core/error.h"
#include "engine/evaluator.h"
#include "engine/request.h"
#include "samplers/cpu_step.h"
#include "samplers/step_params.h"

namespace rivulet::quantize {
namespace {

/// Channels last to NCHW, and back.
std::vector<float> transpose(std::span<const float> from, std::size_t rows, std::size_t columns) {
  std::vector<float> to(from.size());
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t c = 0; c < columns; ++c) to[c * rows + r] = from[r * columns + c];
  }
  return to;
}

class Calibrator {
 public:
  Calibrator(const models::Network& network, vk::PipelineCache& pipelines, vk::CommandStream& stream)
      : network_(network), pipelines_(pipelines), stream_(stream), size_(network.info().nativeSize) {
    engine::EvaluationShape shape;
    shape.height = shape.width = size_;
    shape.observed = true;
    evaluator_ = std::make_unique<engine::Evaluator>(network, pipelines, stream, shape);
  }

  void makeTexture(const engine::Request& request) {
    const StepPlan plan = engine::makePlan(network_.info(), request);
    const std::size_t channels = network_.info().inChannels, texels = std::size_t{size_} * size_;
    StepSlot slot;
    slot.seed = request.seed;
    slot.guided = engine::needsGuidance(network_.info(), request);
    slot.guidance = request.guidance;
    StepState state;
    state.x.resize(texels * channels);
    fillNoise(engine::walkOf(request), {0, 0, size_, size_}, channels, channels, state.x);
    for (float& v : state.x) v *= static_cast<float>(plan.initialNoiseScale);
    std::vector<float> noise(texels * channels);
    for (std::size_t i = 0; i < plan.calls.size(); ++i) {
      const StepParams params = toStepParams(plan, i, slot);
      std::vector<float> input = transpose(state.x, texels, channels);
      for (float& v : input) v *= params.inputScale;
      const std::vector<float> output = evaluate(request, plan.calls[i], input, false);
      const std::vector<float> unconditional =
          slot.guided ? evaluate(request, plan.calls[i], input, true) : std::vector<float>{};
      if ((params.flags & RVL_STEP_NOISE) != 0) {
        const auto step = static_cast<std::uint32_t>(i);
        fillNoise({request.seed, NoiseStream::Step, step}, {0, 0, size_, size_}, channels, channels, noise);
      }
      StepInput step;
      step.channels = channels;
      step.stride = network_.info().outChannels;
      step.model = output;
      step.uncond = unconditional;
      step.noise = noise;
      cpuStep(params, step, state);
    }
  }

  Magnitudes take() { return std::move(magnitudes_); }

 private:
  /// [texels][outChannels]; what the convolutions read is counted.
  std::vector<float> evaluate(const engine::Request& request, const ModelCall& call, std::span<const float> input,
                              bool unconditional) {
    std::vector<float> row(network_.conditioning().channels);
    engine::fillConditioning(network_, request, call, unconditional, row);
    const std::vector<float> output = evaluator_->run(input, row);
    const graph::Executable& executable = evaluator_->executable();
    for (const auto& [layer, tensors] : executable.graph().observed()) {
      for (const graph::Tensor tensor : tensors) {
        const TensorDesc& desc = executable.desc(tensor);
        std::vector<std::byte> bytes(desc.bytes());
        stream_.download(executable.arena(), executable.offset(tensor), bytes);
        magnitudes_[layer].add(graph::unpackNchw(bytes, desc));
      }
    }
    return transpose(output, network_.info().outChannels, std::size_t{size_} * size_);
  }

  const models::Network& network_;
  vk::PipelineCache& pipelines_;
  vk::CommandStream& stream_;
  std::uint32_t size_;
  std::unique_ptr<engine::Evaluator> evaluator_;
  Magnitudes magnitudes_;
};

}  // namespace

Magnitudes calibrate(const models::Network& network, vk::PipelineCache& pipelines, vk::CommandStream& stream,
                     const CalibrationOptions& options,
                     const std::function<void(std::size_t done, std::size_t total)>& onTexture) {
  if (options.textures == 0 || options.steps.empty()) {
    throw Error(ErrorCode::InvalidArgument, "calibration needs at least one texture and one number of steps");
  }
  Calibrator calibrator(network, pipelines, stream);
  const std::size_t classes = network.info().classes.size();
  for (std::uint32_t i = 0; i < options.textures; ++i) {
    engine::Request request;
    request.width = request.height = network.info().nativeSize;
    request.seed = options.seed + i;
    request.steps = options.steps[i % options.steps.size()];
    if (classes != 0) request.classes = {{static_cast<std::uint32_t>(i % classes), 1.0f}};
    calibrator.makeTexture(engine::resolve(network.info(), request));
    if (onTexture) onTexture(i + 1, options.textures);
  }
  return calibrator.take();
}

}  // namespace rivulet::quantize
