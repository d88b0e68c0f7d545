#include "training/export.h"

#include <algorithm>

#include "training/error.h"
#include "training/safetensors.h"

namespace rivulet::training {

nlohmann::ordered_json stylesJson(const Dataset& dataset, int most) {
  nlohmann::ordered_json styles;
  for (std::size_t k = 0; k < dataset.classes().size(); ++k) {
    const auto& members = dataset.tilesOfClass()[k];
    const std::size_t count = std::min(members.size(), static_cast<std::size_t>(most));
    auto& list = styles[dataset.classes()[k]] = nlohmann::ordered_json::array();
    for (std::size_t i = 0; i < count; ++i) {
      const auto tile = static_cast<std::size_t>(members[i * members.size() / count]);
      auto& numbers = list.emplace_back(nlohmann::ordered_json::array());
      // Four decimals are finer than the noise the styles were trained with, and keep the header small.
      for (const float value : dataset.tiles()[tile].style) {
        numbers.push_back(std::round(static_cast<double>(value) * 1e4) / 1e4);
      }
    }
  }
  return styles;
}

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
  file.tensors.emplace_back("style_norm.mean", network.styleMean().to(type));
  file.tensors.emplace_back("style_norm.std", network.styleStd().to(type));
  writeSafetensors(path, file);
}

void importWeights(const std::filesystem::path& path, TextureUnet& network) {
  const torch::NoGradGuard guard;
  const Safetensors file = readSafetensors(path);
  const auto config = nlohmann::ordered_json::parse(file.note("config"), nullptr, false);
  if (config != network.config().json()) {
    throw Error(path.string() + " is of another configuration: " + config.dump() + " instead of " +
                network.config().json().dump());
  }
  for (const auto& entry : network.parameters().entries()) {
    const at::Tensor& tensor = file.at(entry.name);
    if (tensor.sizes() != at::IntArrayRef(entry.shape)) {
      throw Error(path.string() + ": the shape of " + entry.name + " is not the network's");
    }
    network.parameters()[entry.name].detach().copy_(tensor);
  }
  network.setStyleNorm(file.at("style_norm.mean"), file.at("style_norm.std"));
}

}  // namespace rivulet::training
