#include "training/export.h"

#include <algorithm>
#include <optional>

#include "training/error.h"
#include "training/growth.h"
#include "training/safetensors.h"

namespace rivulet::training {
namespace {

// Columns of emb.in: [sincos t, sincos s, sincos w, style]. Those that only `to` has are zero.
at::Tensor widened(const at::Tensor& weight, const TextureUnetConfig& from, const TextureUnetConfig& to) {
  const int64_t group = 2 * to.timeFrequencies, groups = 1 + (from.targetTime ? 1 : 0) + (from.guidance ? 1 : 0);
  if (weight.dim() != 2 || weight.size(1) < groups * group) return weight;  // damaged: the caller refuses its shape
  std::vector<at::Tensor> columns;
  int64_t at = 0;
  const auto take = [&](bool given, bool wanted, int64_t count) {
    if (given) {
      columns.push_back(weight.narrow(1, at, count));
      at += count;
    } else if (wanted) {
      columns.push_back(at::zeros({weight.size(0), count}, weight.options()));
    }
  };
  take(true, true, group);
  take(from.targetTime, to.targetTime, group);
  take(from.guidance, to.guidance, group);
  take(true, true, weight.size(1) - at);
  return at::cat(columns, 1);
}

// Rows of head.out: [x_0, variance]. Those of the variance are zero: halfway between its bounds in the logarithm.
at::Tensor withVariance(const at::Tensor& rows) {
  return at::cat({rows, at::zeros_like(rows)});
}

// Sets the widths of `config` to those of `given` where a network of these can start one of `config`'s.
bool takeNarrowerWidths(const nlohmann::ordered_json& given, TextureUnetConfig& config) {
  TextureUnetConfig narrow = config;
  try {
    given.at("size").get_to(narrow.size);
    given.at("widths").get_to(narrow.widths);
    given.at("embedding_dim").get_to(narrow.embeddingDim);
  } catch (const nlohmann::ordered_json::exception&) {
    return false;  // not a configuration: the caller refuses it
  }
  if (!grows(narrow, config)) return false;
  config = narrow;
  return true;
}

}  // namespace

void exportWeights(const std::filesystem::path& path, const TextureUnet& network, const nlohmann::ordered_json& styles,
                   const nlohmann::ordered_json& training, at::ScalarType type) {
  Safetensors file;
  file.metadata = {{"format", "rivulet-1"},
                   {"config", network.config().json().dump()},
                   {"styles", styles.dump()},
                   {"training", training.dump()}};
  for (const auto& entry : network.parameters().entries()) {
    file.tensors.emplace_back(entry.name, network.parameters()[entry.name].detach().to(type));
  }
  if (network.config().styleDim != 0) {
    file.tensors.emplace_back("style_norm.mean", network.styleMean().to(type));
    file.tensors.emplace_back("style_norm.std", network.styleStd().to(type));
  }
  writeSafetensors(path, file);
}

TextureUnetConfig readConfig(const std::filesystem::path& path) {
  const Safetensors file = readSafetensors(path);
  try {
    return TextureUnetConfig::fromJson(nlohmann::ordered_json::parse(file.note("config")));
  } catch (const std::exception& error) {
    throw Error(path.string() + ": its network is not one of this trainer's: " + error.what());
  }
}

void importWeights(const std::filesystem::path& path, TextureUnet& network) {
  const torch::NoGradGuard guard;
  const Safetensors file = readSafetensors(path);
  const auto given = nlohmann::ordered_json::parse(file.note("config"), nullptr, false);
  const auto flag = [&](const char* key) { return given.is_object() && given.value(key, false); };
  TextureUnetConfig narrow = network.config();
  narrow.targetTime = narrow.targetTime && flag("target_time");
  narrow.guidance = narrow.guidance && flag("guidance");
  narrow.learnedVariance =
      narrow.learnedVariance && given.is_object() && given.value("out_channels", int64_t{0}) == 2 * narrow.channels;
  const bool addVariance = network.config().learnedVariance && !narrow.learnedVariance;
  const bool grow = takeNarrowerWidths(given, narrow);
  if (given != narrow.json()) {
    throw Error(path.string() + " is of another configuration: " + given.dump() + " instead of " +
                network.config().json().dump());
  }
  std::optional<TextureUnet> shapes;
  if (grow) shapes.emplace(narrow, at::kCPU, false);
  for (const auto& entry : network.parameters().entries()) {
    at::Tensor tensor = file.at(entry.name);
    if (grow && tensor.sizes() != shapes->parameters()[entry.name].sizes()) {
      throw Error(path.string() + ": the shape of " + entry.name + " is not its configuration's");
    }
    if (entry.name == "emb.in.weight") tensor = widened(tensor, narrow, network.config());
    if (addVariance && entry.name.rfind("head.out.", 0) == 0) tensor = withVariance(tensor);
    if (grow) tensor = grownParameter(entry.name, tensor, entry.shape, static_cast<std::uint64_t>(entry.offset));
    if (tensor.sizes() != at::IntArrayRef(entry.shape)) {
      throw Error(path.string() + ": the shape of " + entry.name + " is not the network's");
    }
    network.parameters()[entry.name].detach().copy_(tensor);
  }
  if (network.config().styleDim != 0) network.setStyleNorm(file.at("style_norm.mean"), file.at("style_norm.std"));
}

}  // namespace rivulet::training
