// Recorded sampler trajectories, replayed through the GPU step kernel with the recorded network outputs and noise.

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <system_error>

#include "core/error.h"
#include "engine/evaluator.h"
#include "engine/sampling_ops.h"
#include "graph/executable.h"
#include "samplers/registry.h"
#include "samplers/scheduler_config.h"
#include "verify.h"

namespace rivulet::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

[[noreturn]] void corrupt(const std::string& what) {
  throw Error(ErrorCode::CorruptFile, what);
}

const json& member(const json& object, const char* key, const std::string& where) {
  if (!object.is_object()) corrupt(where + " is " + object.type_name() + ", expected an object with '" + key + "'");
  const auto found = object.find(key);
  if (found == object.end()) corrupt(where + " has no '" + key + "'");
  return *found;
}

double number(const json& value, const std::string& where) {
  if (!value.is_number() || !std::isfinite(value.get<double>())) corrupt(where + " is not a finite number");
  return value.get<double>();
}

/// Numbers as float; nested arrays are read in order. `size` 0: any.
std::vector<float> floats(const json& value, std::size_t size, const std::string& where) {
  if (!value.is_array()) corrupt(where + " is " + value.type_name() + ", expected an array of numbers");
  std::vector<float> result;
  std::vector<const json*> open{&value};
  while (!open.empty()) {
    const json* top = open.back();
    open.pop_back();
    if (top->is_array()) {
      for (auto it = top->rbegin(); it != top->rend(); ++it) open.push_back(&*it);
    } else {
      result.push_back(static_cast<float>(number(*top, where)));
    }
  }
  if (result.empty() || (size > 0 && result.size() != size)) {
    corrupt(where + " has " + std::to_string(result.size()) + " numbers, expected " +
            (size > 0 ? std::to_string(size) : "some"));
  }
  return result;
}

json readJson(const fs::path& file) {
  constexpr std::uintmax_t kMostBytes = 256u << 20;
  std::error_code error;
  const std::uintmax_t bytes = fs::file_size(file, error);
  std::ifstream stream(file, std::ios::binary);
  if (error || !stream) throw Error(ErrorCode::Io, "'" + file.string() + "' cannot be read");
  if (bytes > kMostBytes) throw Error(ErrorCode::Unsupported, "'" + file.string() + "' is larger than 256 MiB");
  try {
    return json::parse(stream);
  } catch (const json::exception& e) {
    corrupt("'" + file.string() + "' is not JSON: " + e.what());
  }
}

/// The step kernel alone over `values` elements, with room for everything a plan may use.
class StepRunner {
 public:
  StepRunner(const VerifyContext& context, std::uint32_t values, bool learnedVariance) : stream_(context.stream) {
    graph::Graph graph(context.device->caps(), DataType::F32);
    engine::SamplerShape shape;
    shape.height = 1;
    shape.width = values;
    shape.channels = 1;
    shape.saved = shape.history = shape.noise = true;
    state_ = engine::samplerState(graph, shape);
    output_ = graph.persistent({1, 1, values, learnedVariance ? 2u : 1u, DataType::F32}, "recorded output");
    engine::sampleStep(graph, state_, output_);
    engine::checkMemory(graph.memory(), *context.device, "a trajectory of " + std::to_string(values) + " values");
    auto weights = graph::WeightBuffer::create(graph, stream_, context.device, "step");
    executable_ = std::make_unique<graph::Executable>(std::move(graph), context.pipelines, std::move(weights),
                                                      graph::ExecutableOptions{"step", {}});
  }

  void setState(std::span<const float> x) { put(state_.x, x); }

  void step(const StepParams& params, std::span<const float> modelOutput, std::span<const float> noise) {
    stream_.upload(executable_->arena(), executable_->offset(state_.stepParams), engine::packStepParams({&params, 1}));
    put(output_, modelOutput);
    if (!noise.empty()) put(state_.noise, noise);
    const VkCommandBuffer commands = stream_.begin("sampler step");
    executable_->record(commands, 0, executable_->size());
    stream_.wait(stream_.submit());
  }

  std::vector<float> state() { return get(state_.x); }
  std::vector<float> modelInput() { return get(state_.modelInput); }

 private:
  void put(graph::Tensor tensor, std::span<const float> values) {
    stream_.upload(executable_->arena(), executable_->offset(tensor),
                   graph::packNchw(values, executable_->desc(tensor)));
  }
  std::vector<float> get(graph::Tensor tensor) {
    std::vector<std::byte> bytes(executable_->desc(tensor).bytes());
    stream_.download(executable_->arena(), executable_->offset(tensor), bytes);
    return graph::unpackNchw(bytes, executable_->desc(tensor));
  }

  vk::CommandStream& stream_;
  engine::SamplerState state_;
  graph::Tensor output_;
  std::unique_ptr<graph::Executable> executable_;
};

using Runners = std::map<std::pair<std::size_t, bool>, std::unique_ptr<StepRunner>>;

struct Row {
  double timestep = 0.0;
  std::vector<float> modelInput, modelOutput, noise, x;
};

Row readRow(const json& value, std::size_t n, bool learnedVariance, const std::string& where) {
  Row row;
  row.timestep = number(member(value, "t", where), where + ".t");
  row.modelInput = floats(member(value, "model_input", where), n, where + ".model_input");
  row.modelOutput = floats(member(value, "model_output", where), learnedVariance ? 2 * n : n, where + ".model_output");
  const json& noise = member(value, "noise", where);
  if (!noise.is_null()) row.noise = floats(noise, n, where + ".noise");
  row.x = floats(member(value, "x", where), n, where + ".x");
  return row;
}

float largest(std::span<const float> values) {
  float result = 0.0f;
  for (const float v : values) result = std::max(result, std::abs(v));
  return result;
}

/// Network inputs are compared on the scale of the state: both errors count in units of the largest |x|.
void runCase(const VerifyContext& context, const json& value, Runners& runners, VerifyRow& out) {
  const std::string where = "case '" + out.name.substr(out.name.rfind('/') + 1) + "'";
  const json& scheduler = member(value, "scheduler", where);
  if (!scheduler.is_string()) corrupt(where + ".scheduler is not the name of a scheduler class");
  SamplerConfig config = schedulerConfig(scheduler.get<std::string>(), member(value, "config", where));
  if (const auto call = value.find("call"); call != value.end() && !call->is_null()) applyCallOptions(config, *call);
  const double steps = number(member(value, "steps", where), where + ".steps");
  if (steps < 1.0 || steps > 100000.0 || steps != std::floor(steps)) corrupt(where + ".steps is not a number of steps");
  const StepPlan plan = makeStepPlan(config, static_cast<int>(steps));

  const std::vector<float> initial = floats(member(value, "initial", where), 0, where + ".initial");
  const json& rows = member(value, "rows", where);
  if (!rows.is_array() || rows.size() != plan.calls.size()) {
    corrupt(where + ".rows has " + (rows.is_array() ? std::to_string(rows.size()) : "no") + " rows; " + plan.sampler +
            " with " + std::to_string(static_cast<int>(steps)) + " steps evaluates the network " +
            std::to_string(plan.calls.size()) + " times");
  }
  const std::size_t n = initial.size();
  const bool learned = plan.usesLearnedVariance();
  auto& runner = runners[{n, learned}];
  if (!runner) runner = std::make_unique<StepRunner>(context, static_cast<std::uint32_t>(n), learned);
  runner->setState(initial);

  std::vector<float> input = initial;
  for (float& v : input) v *= static_cast<float>(plan.calls[0].inputScale);
  std::vector<float> computed, recorded;
  float scale = largest(initial);
  double inputError = 0.0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::string at = where + ".rows[" + std::to_string(i) + "]";
    const Row row = readRow(rows[i], n, learned, at);
    const double timestep = plan.calls[i].timestep;
    if (std::abs(timestep - row.timestep) > 1e-3 * std::max(1.0, std::abs(row.timestep) * 1e-2)) {
      throw Error(ErrorCode::InvalidArgument, at + ": the network is told timestep " + std::to_string(timestep) +
                                                  ", recorded is " + std::to_string(row.timestep));
    }
    VerifyRow inputs;
    measure(input, row.modelInput, inputs);
    inputError = std::max(inputError, inputs.maxError);

    StepSlot slot;
    slot.noiseFromBuffer = true;
    const StepParams params = toStepParams(plan, i, slot);
    if ((params.flags & RVL_STEP_NOISE) != 0 && row.noise.empty())
      corrupt(at + ".noise is null, but " + plan.sampler + " adds noise here");
    runner->step(params, row.modelOutput, row.noise);
    const std::vector<float> x = runner->state();
    input = runner->modelInput();
    computed.insert(computed.end(), x.begin(), x.end());
    recorded.insert(recorded.end(), row.x.begin(), row.x.end());
    scale = std::max(scale, largest(row.x));
  }
  out.shape = std::to_string(rows.size()) + " evaluations of " + std::to_string(n) + " values";
  measure(computed, recorded, out);
  out.maxError = std::max(out.maxError, inputError);
  out.measured = out.maxError / std::max(static_cast<double>(scale), 1e-30);
  out.ok = out.measured <= out.tolerance;
}

}  // namespace

void verifySamplers(const VerifyContext& context, const fs::path& file, const std::string& name) {
  VerifyRow row;
  row.name = name;
  row.kind = "sampler";
  row.tolerance = context.tolerance.value_or(1e-4);
  Runners runners;
  try {
    const json root = readJson(file);
    const json& cases = member(root, "cases", "'" + file.string() + "'");
    if (!cases.is_object() || cases.empty())
      corrupt("'" + file.string() + "': 'cases' is not an object with cases in it");
    std::size_t done = 0;
    for (const auto& [key, value] : cases.items()) {
      VerifyRow one = row;
      one.name.append("/").append(key);
      try {
        runCase(context, value, runners, one);
      } catch (const Error& error) {
        if (error.code() == ErrorCode::DeviceLost) throw;
        one.ok = false;
        one.error = error.what();
      } catch (const json::exception& error) {
        one.ok = false;
        one.error = error.what();
      }
      context.report(one);
      context.progress("replaying samplers", ++done, cases.size());
    }
  } catch (const Error& error) {
    if (error.code() == ErrorCode::DeviceLost) throw;
    row.ok = false;
    row.error = error.what();
    context.report(row);
  }
}

}  // namespace rivulet::cli
