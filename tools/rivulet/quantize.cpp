// rivulet quantize: a weight file with layers in eight bits.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <span>

#include "cli.h"
#include "core/error.h"
#include "core/replace_file.h"
#include "engine/evaluator.h"
#include "engine/request.h"
#include "model_lookup.h"
#include "progress_bar.h"
#include "quantize/calibration.h"
#include "quantize/quantize_model.h"

namespace rivulet::cli {
namespace {

namespace fs = std::filesystem;

struct QuantizeOptions {
  std::string model, out;
  quantize::CalibrationOptions calibration;
  std::vector<std::string> keep = {"stem", "head.full", "head.out"};
  bool json = false;
};

double relativeL2(std::span<const float> have, std::span<const float> want) {
  double errors = 0, squares = 0;
  for (std::size_t i = 0; i < want.size(); ++i) {
    errors += std::pow(double{have[i]} - double{want[i]}, 2);
    squares += double{want[i]} * double{want[i]};
  }
  return squares > 0 ? std::sqrt(errors / squares) : 0;
}

/// What one evaluation at the model's own size loses, as relative L2 to fp32: from noise, and from half of it.
double evaluationError(const models::Network& floats, const models::Network& bytes, engine::Precision precision,
                       vk::PipelineCache& pipelines, vk::CommandStream& stream) {
  const models::NetworkInfo& info = floats.info();
  const std::uint32_t size = info.nativeSize, count = 2;
  engine::Request request;
  if (!info.classes.empty()) request.classes = {{0, 1.0f}};
  request.steps = 2;
  request = engine::resolve(info, request);
  const StepPlan plan = engine::makePlan(info, request);
  std::vector<float> x(std::size_t{count} * info.inChannels * size * size);
  fillNoise({7, NoiseStream::Initial, 0}, {0, 0, static_cast<std::uint32_t>(x.size()), 1}, 1, 1, x);
  const std::size_t channels = floats.conditioning().channels;
  std::vector<float> conditioning(count * channels);
  for (std::size_t i = 0; i < count; ++i) {
    engine::fillConditioning(floats, request, plan.calls[i % plan.calls.size()], false,
                             std::span(conditioning).subspan(i * channels, channels));
  }
  const auto run = [&](const models::Network& network, engine::Precision as) {
    engine::Evaluator evaluator(network, pipelines, stream, engine::evaluationShape(count, size, size, as));
    return evaluator.run(x, conditioning);
  };
  return relativeL2(run(bytes, precision), run(floats, engine::Precision::Fp32));
}

int quantizeFile(const Globals& globals, const QuantizeOptions& options) {
  const fs::path path = findModel(options.model);
  if (fs::is_directory(path)) {
    throw Error(ErrorCode::InvalidArgument,
                "'" + path.string() + "' is a folder: only Rivulet's own weight files (.safetensors) are quantised");
  }
  const std::shared_ptr<const models::Network> network = models::Network::load(path);
  const std::shared_ptr<vk::Device> device = openDevice(globals);
  vk::PipelineCache pipelines(device);
  vk::CommandStream stream(device);

  ProgressBar bar;
  const quantize::Magnitudes magnitudes = quantize::calibrate(
      *network, pipelines, stream, options.calibration,
      [&](std::size_t done, std::size_t total) { bar.update("looking at textures in the making", done, total); });
  bar.finish();
  const quantize::QuantizedModel result = quantize::quantizeModel(Safetensors::open(path), magnitudes, options.keep);
  const auto bytesNetwork = models::Network::load(result.file, network->info().name);  // whole, or nothing is written
  if (const std::string why = replaceFile(options.out, result.file); !why.empty()) {
    throw Error(ErrorCode::Io, "cannot write '" + options.out + "': " + why);
  }

  const double perParameter = static_cast<double>(result.tensorBytes) / static_cast<double>(result.parameters);
  std::vector<std::pair<engine::Precision, double>> errors;
  errors.emplace_back(engine::Precision::Fp32, 0);
  if (device->caps().storage16 && device->caps().multipliesBytes()) errors.emplace_back(engine::Precision::Int8, 0);
  for (auto& [precision, error] : errors)
    error = evaluationError(*network, *bytesNetwork, precision, pipelines, stream);

  if (options.json) {
    nlohmann::ordered_json layers = nlohmann::ordered_json::array();
    for (const quantize::QuantizedLayer& layer : result.layers) {
      layers.push_back({{"name", layer.name},
                        {"input_scale", layer.inputScale},
                        {"clipped_share", layer.clippedShare},
                        {"weight_error", layer.weightError}});
    }
    nlohmann::ordered_json relative;
    for (const auto& [precision, error] : errors) relative[toString(precision)] = error;
    printJson({{"file", options.out},
               {"file_bytes", result.file.size()},
               {"tensor_bytes", result.tensorBytes},
               {"parameters", result.parameters},
               {"bytes_per_parameter", perParameter},
               {"relative_l2", relative},
               {"layers", layers}});
    return kOk;
  }
  std::printf("  %-24s %14s %14s %14s\n", "layer", "input step", "range clipped", "weights off");
  for (const quantize::QuantizedLayer& layer : result.layers) {
    if (layer.inputScale > 0) {
      std::printf("  %-24s %14.5f %13.1f%% %13.2f%%\n", layer.name.c_str(), static_cast<double>(layer.inputScale),
                  100 * layer.clippedShare, 100 * layer.weightError);
    } else {
      std::printf("  %-24s %14s %14s %13.2f%%\n", layer.name.c_str(), "floats", "", 100 * layer.weightError);
    }
  }
  std::printf("%s: %s, %.3f bytes a parameter (%s of tensors, %s parameters)\n", options.out.c_str(),
              bytesText(result.file.size()).c_str(), perParameter, bytesText(result.tensorBytes).c_str(),
              countText(result.parameters).c_str());
  for (const auto& [precision, error] : errors) {
    std::printf("one evaluation in %s: relative L2 %.2e to the weights it was made from\n", toString(precision), error);
  }
  return kOk;
}

}  // namespace

void addQuantize(CLI::App& app, const Globals& globals, Run& run) {
  const auto options = std::make_shared<QuantizeOptions>();
  CLI::App* command = app.add_subcommand("quantize", "Make a weight file with layers in eight bits");
  command->add_option("model", options->model, "A weight file of Rivulet's own, or its name")->required();
  command->add_option("--out,-o", options->out, "The file to write")->required();
  command->add_option("--textures", options->calibration.textures, "How many are made to see what layers read")
      ->capture_default_str();
  command->add_option("--steps", options->calibration.steps, "Their numbers of steps, in turn")
      ->delimiter(',')
      ->capture_default_str();
  command->add_option("--seed", options->calibration.seed, "The first one's seed")->capture_default_str();
  command->add_option("--keep", options->keep, "Layers that stay in floats, by name or by how their names begin")
      ->delimiter(',')
      ->capture_default_str();
  command->add_flag("--json", options->json, "Print JSON");
  command->callback(
      [options, &globals, &run] { run = [options, &globals] { return quantizeFile(globals, *options); }; });
}

}  // namespace rivulet::cli
