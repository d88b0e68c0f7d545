#include "training/tile_source.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "training/random.h"
#include "training/whitening.h"

namespace rivulet::training {
namespace {

constexpr std::size_t kMostStyles = 64;  // of a class, in the weight file

}  // namespace

TileSource::TileSource(const DatasetOptions& data, const AugmentOptions& augment)
    : dataset_(data), options_(augment), augment_(dataset_, augment) {}

std::string TileSource::describe() const {
  return std::to_string(dataset_.tiles().size()) + " training images and " + std::to_string(dataset_.heldOut().size()) +
         " held out in " + std::to_string(dataset_.classes().size()) + " classes";
}

void TileSource::configure(TextureUnetConfig& config) const {
  config.classes = dataset_.classes();
  config.trainingSize = options_.crop;
}

Batch TileSource::batch(int64_t count, std::uint64_t seed, std::uint64_t step) const {
  const int64_t size = options_.crop;
  Batch batch{at::empty({count, 3, size, size}), at::empty({count}, at::TensorOptions().dtype(at::kLong)),
              at::empty({count, kStyleSize})};
  for (int64_t n = 0; n < count; ++n) {
    Random random{seed, step, static_cast<std::uint64_t>(n), 0xda7a};
    const Example example = augment_.draw(random);
    std::memcpy(batch.x0.data_ptr<float>() + n * 3 * size * size, example.pixels.data(),
                example.pixels.size() * sizeof(float));
    std::memcpy(batch.style.data_ptr<float>() + n * kStyleSize, example.style.data(), sizeof(Style));
    batch.label.data_ptr<int64_t>()[n] = example.classIndex;
  }
  return batch;
}

Batch TileSource::heldOut(std::size_t index) const {
  const Tile& tile = dataset_.heldOut().at(index);
  Example example = augment_.centre(tile);
  const int64_t size = options_.crop;
  return {at::from_blob(example.pixels.data(), {1, 3, size, size}, at::kFloat).clone(),
          at::full({1}, tile.classIndex, at::TensorOptions().dtype(at::kLong)),
          at::from_blob(example.style.data(), {1, kStyleSize}, at::kFloat).clone()};
}

at::Tensor TileSource::sampleStyles(const std::vector<int64_t>& labels, std::uint64_t seed) const {
  Random random{seed, 0x5717e};
  std::vector<float> styles;
  for (const int64_t label : labels) {
    const auto& members = dataset_.tilesOfClass()[static_cast<std::size_t>(label)];
    const int pick = members[static_cast<std::size_t>(random.below(static_cast<int>(members.size())))];
    const Style& style = dataset_.tiles()[static_cast<std::size_t>(pick)].style;
    styles.insert(styles.end(), style.begin(), style.end());
  }
  return at::from_blob(styles.data(), {static_cast<int64_t>(labels.size()), kStyleSize}, at::kFloat).clone();
}

// Whitened samples as the pictures they stand for.
at::Tensor TileSource::pictures(const at::Tensor& samples, const at::Tensor& styles) const {
  const at::Tensor planes = samples.to(at::kCPU, at::kFloat).contiguous(), rows = styles.to(at::kCPU).contiguous();
  const auto values = static_cast<std::size_t>(planes[0].numel());
  at::Tensor pictures = at::empty_like(planes);
  for (int64_t n = 0; n < planes.size(0); ++n) {
    const float* from = planes[n].data_ptr<float>();
    Style of{};
    std::copy_n(rows[n].data_ptr<float>(), of.size(), of.begin());
    const std::vector<float> picture = unwhiten({from, from + values}, of);
    std::copy(picture.begin(), picture.end(), pictures[n].data_ptr<float>());
  }
  return pictures;
}

nlohmann::ordered_json TileSource::stylesJson() const {
  nlohmann::ordered_json styles;
  for (std::size_t k = 0; k < dataset_.classes().size(); ++k) {
    const auto& members = dataset_.tilesOfClass()[k];
    const std::size_t count = std::min(members.size(), kMostStyles);
    auto& list = styles[dataset_.classes()[k]] = nlohmann::ordered_json::array();
    for (std::size_t i = 0; i < count; ++i) {
      const auto tile = static_cast<std::size_t>(members[i * members.size() / count]);
      auto& numbers = list.emplace_back(nlohmann::ordered_json::array());
      // Four decimals are finer than the noise the styles were trained with, and keep the header small.
      for (const float value : dataset_.tiles()[tile].style) {
        numbers.push_back(std::round(static_cast<double>(value) * 1e4) / 1e4);
      }
    }
  }
  return styles;
}

nlohmann::ordered_json TileSource::summary() const {
  return {{"images", dataset_.tiles().size()},
          {"held_out_images", dataset_.heldOut().size()},
          {"palette_augment", options_.paletteAugment}};
}

}  // namespace rivulet::training
