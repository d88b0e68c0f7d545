// A network folder against the outputs recorded in its io.safetensors.

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <map>
#include <system_error>
#include <tuple>

#include "core/error.h"
#include "engine/evaluator.h"
#include "tensor/safetensors.h"
#include "verify.h"

namespace rivulet::cli {
namespace {

namespace fs = std::filesystem;

bool deviceFailed(const Error& error) {
  return error.code() == ErrorCode::DeviceLost;
}

/// What the folder is to models::Network::load: the folder itself (diffusers), or the one weight file in it (ours).
fs::path modelPath(const fs::path& folder) {
  std::error_code error;
  if (fs::exists(folder / "config.json", error) || fs::exists(folder / "model_index.json", error)) return folder;
  if (fs::exists(folder / "model.safetensors", error)) return folder / "model.safetensors";
  fs::path only;
  std::size_t count = 0;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    if (it->path().extension() == ".safetensors" && it->path().filename() != "io.safetensors") {
      only = it->path();
      ++count;
    }
  }
  if (count == 1) return only;
  throw Error(ErrorCode::Io,
              "'" + folder.string() +
                  "' has an io.safetensors but no network: expected config.json, model_index.json or one weight "
                  "file model.safetensors");
}

[[noreturn]] void corrupt(const Safetensors& io, const std::string& tensor, const std::string& what) {
  throw Error(ErrorCode::CorruptFile, io.name() + ": tensor '" + tensor + "' " + what);
}

std::string shapeText(const std::vector<std::uint64_t>& shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) text += (i ? "," : "") + std::to_string(shape[i]);
  return text + "]";
}

bool isInteger(const SafetensorsEntry& entry) {
  return !entry.dtype.empty() && (entry.dtype[0] == 'I' || entry.dtype[0] == 'U');
}

/// Float or integer numbers, as float: timesteps are recorded as either.
std::vector<float> numbers(const Safetensors& io, const std::string& tensor) {
  if (!isInteger(io.at(tensor))) return io.floats(tensor).values;
  const std::vector<std::int64_t> integers = io.integers(tensor);
  std::vector<float> values(integers.size());
  std::transform(integers.begin(), integers.end(), values.begin(),
                 [](std::int64_t v) { return static_cast<float>(v); });
  return values;
}

/// `perRow` numbers for each of n rows; a single row serves all of them.
std::vector<float> rows(const Safetensors& io, const std::string& tensor, std::size_t n, std::size_t perRow) {
  std::vector<float> values = numbers(io, tensor);
  if (values.size() == perRow && n > 1) {
    const std::vector<float> one = values;
    for (std::size_t i = 1; i < n; ++i) values.insert(values.end(), one.begin(), one.end());
  }
  if (values.size() != n * perRow) {
    corrupt(io, tensor,
            "is " + shapeText(io.at(tensor).shape) + ", expected [" + std::to_string(n) +
                (perRow > 1 ? "," + std::to_string(perRow) : "") + "]");
  }
  return values;
}

struct Case {
  std::string key;
  engine::EvaluationShape shape;
  std::vector<float> x, conditioning, y;
};

void readClasses(const Safetensors& io, const std::string& tensor, const models::NetworkInfo& info, std::size_t n,
                 std::size_t slots, const std::function<float&(std::size_t row, std::size_t slot)>& weight) {
  if (!isInteger(io.at(tensor)) && io.at(tensor).shape.size() == 2) {  // a blend per row
    const std::vector<float> values = rows(io, tensor, n, slots);
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t s = 0; s < slots; ++s) weight(i, s) = values[i * slots + s];
    }
    return;
  }
  const std::vector<float> labels = rows(io, tensor, n, 1);
  for (std::size_t i = 0; i < n; ++i) {
    const float label = labels[i];
    if (!(label >= 0.0f && label < static_cast<float>(slots)) ||
        label != static_cast<float>(static_cast<std::size_t>(label))) {
      corrupt(
          io, tensor,
          "holds the label " + std::to_string(label) + ", '" + info.name + "' has 0 to " + std::to_string(slots - 1));
    }
    weight(i, static_cast<std::size_t>(label)) = 1.0f;
  }
}

Case readCase(const Safetensors& io, const std::string& key, const models::Network& network,
              engine::Precision precision) {
  const models::NetworkInfo& info = network.info();
  const models::ConditioningLayout layout = network.conditioning();
  Case result;
  result.key = key;
  const std::vector<std::uint64_t>& shape = io.at(key + ".x").shape;
  if (shape.size() != 4 || shape[0] == 0 || shape[1] != info.inChannels || shape[2] == 0 || shape[3] == 0) {
    corrupt(io, key + ".x", "is " + shapeText(shape) + ", expected [N," + std::to_string(info.inChannels) + ",H,W]");
  }
  constexpr std::uint64_t kMost = 1u << 16;
  if (shape[0] > kMost || shape[2] > kMost || shape[3] > kMost)
    corrupt(io, key + ".x", "is too large: " + shapeText(shape));
  const auto n = static_cast<std::uint32_t>(shape[0]);
  result.shape =
      engine::evaluationShape(n, static_cast<std::uint32_t>(shape[2]), static_cast<std::uint32_t>(shape[3]), precision);
  result.x = io.floats(key + ".x").values;
  const std::vector<std::uint32_t> ySize = {n, info.outChannels, result.shape.height, result.shape.width};
  result.y = io.floats(key + ".y", ySize).values;

  const std::size_t channels = layout.channels;
  result.conditioning.assign(n * channels, 0.0f);
  const auto at = [&](std::size_t row, std::size_t channel) -> float& {
    return result.conditioning[row * channels + channel];
  };
  const auto scalar = [&](const char* suffix, std::uint32_t channel, bool required, float otherwise) {
    const std::string tensor = key + suffix;
    if (!required && !io.contains(tensor)) {
      for (std::size_t i = 0; i < n; ++i) at(i, channel) = otherwise;
      return;
    }
    const std::vector<float> values = rows(io, tensor, n, 1);
    for (std::size_t i = 0; i < n; ++i) at(i, channel) = values[i];
  };
  scalar(".t", layout.timestep, true, 0.0f);
  scalar(".s", layout.targetTime, info.targetTime, 0.0f);
  scalar(".guidance", layout.guidance, info.guidanceInput, 1.0f);
  if (info.styleDim > 0) {
    const std::vector<float> style = rows(io, key + ".style", n, info.styleDim);
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t s = 0; s < info.styleDim; ++s) at(i, layout.style + s) = style[i * info.styleDim + s];
    }
  }
  if (!info.classes.empty()) {
    readClasses(io, key + ".class", info, n, channels - layout.classWeights,
                [&](std::size_t row, std::size_t slot) -> float& { return at(row, layout.classWeights + slot); });
  }
  return result;
}

/// Cases in the order 0, 1, ... 10; other names behind.
std::vector<std::string> caseKeys(const Safetensors& io) {
  std::vector<std::pair<std::uint64_t, std::string>> keys;  // an .x without its .y is a case too: a broken one
  for (const auto& [tensor, entry] : io.tensors()) {
    if (!tensor.ends_with(".x") && !tensor.ends_with(".y")) continue;
    const std::string key = tensor.substr(0, tensor.size() - 2);
    std::uint64_t number = UINT64_MAX;
    const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), number);
    if (error != std::errc() || end != key.data() + key.size()) number = UINT64_MAX;
    keys.emplace_back(number, key);
  }
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  std::vector<std::string> result;
  result.reserve(keys.size());
  for (auto& [number, key] : keys) result.push_back(std::move(key));
  return result;
}

double usualTolerance(engine::Precision precision) {
  switch (precision) {
    case engine::Precision::Fp32:
      return 1e-4;
    case engine::Precision::Fp16:
      return 1e-2;
    case engine::Precision::Int8:
    case engine::Precision::Mixed:
      return 1e-1;  // of rounding; what is wrong is off by all of it
  }
  return 0;
}

}  // namespace

void verifyNetwork(const VerifyContext& context, const fs::path& folder, const std::string& name) {
  VerifyRow row;
  row.name = name;
  row.kind = "network";
  row.tolerance = context.tolerance.value_or(usualTolerance(context.precision));
  try {
    const std::shared_ptr<const models::Network> network = models::Network::load(modelPath(folder));
    const Safetensors io = Safetensors::open(folder / "io.safetensors");
    const std::vector<std::string> keys = caseKeys(io);
    if (keys.empty())
      throw Error(ErrorCode::CorruptFile, io.name() + ": no case in it: expected tensors 0.x, 0.t, 0.y");
    // Cases of one shape share a compiled network; all of them share the weights.
    std::map<std::tuple<std::uint32_t, std::uint32_t, std::uint32_t>, std::unique_ptr<engine::Evaluator>> evaluators;
    std::shared_ptr<const graph::WeightBuffer> weights;
    for (const std::string& key : keys) {
      row.name.assign(name).append("/").append(key);
      row.error.clear();
      row.shape.clear();
      try {
        const Case one = readCase(io, key, *network, context.precision);
        row.shape = toString(
            TensorDesc{one.shape.n, one.shape.height, one.shape.width, network->info().inChannels, one.shape.type});
        auto& evaluator = evaluators[{one.shape.n, one.shape.height, one.shape.width}];
        if (!evaluator) {
          graph::ExecutableOptions options;
          options.name = name;
          options.onPipeline = [&](std::size_t done, std::size_t total) {
            context.progress("compiling pipelines", done, total);
          };
          evaluator = std::make_unique<engine::Evaluator>(*network, context.pipelines, context.stream, one.shape,
                                                          weights, options);
          weights = evaluator->weights();
        }
        measure(evaluator->run(one.x, one.conditioning), one.y, row);
        row.measured = row.relativeL2;
        row.ok = row.measured <= row.tolerance;
      } catch (const Error& error) {
        if (deviceFailed(error)) throw;
        row.ok = false;
        row.error = error.what();
      }
      context.report(row);
    }
  } catch (const Error& error) {
    if (deviceFailed(error)) throw;
    row.ok = false;
    row.error = error.what();
    context.report(row);
  }
}

}  // namespace rivulet::cli
