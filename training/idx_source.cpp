#include "training/idx_source.h"

#include <algorithm>

#include "training/error.h"
#include "training/random.h"

namespace rivulet::training {
namespace {

constexpr int kClasses = 10;

IdxImages read(const std::filesystem::path& folder, const std::string& half) {
  const auto find = [&](const std::string& name) {
    const std::filesystem::path path = findIdx(folder, name);
    if (path.empty()) throw Error("no file " + name + " or " + name + ".gz in " + folder.string());
    return path;
  };
  IdxImages images = readIdxImages(find(half + "-images-idx3-ubyte"), find(half + "-labels-idx1-ubyte"));
  const auto highest = std::max_element(images.labels.begin(), images.labels.end());
  if (highest == images.labels.end()) throw Error("the " + half + " files of " + folder.string() + " are empty");
  if (*highest >= kClasses) {
    throw Error("the " + half + " labels of " + folder.string() + " go up to " + std::to_string(*highest) +
                ": ten classes, 0 to 9, are expected");
  }
  return images;
}

}  // namespace

bool IdxSource::isIdx(const std::filesystem::path& folder) {
  return !findIdx(folder, "train-images-idx3-ubyte").empty();
}

IdxSource::IdxSource(const std::filesystem::path& folder)
    : training_(read(folder, "train")),
      heldOut_(read(folder, "t10k")),
      names_(idxClassNames(folder)),
      ofClass_(kClasses) {
  if (training_.height != heldOut_.height || training_.width != heldOut_.width) {
    throw Error("the training and test images of " + folder.string() + " are of different sizes");
  }
  size_ = (std::max(training_.height, training_.width) + 7) / 8 * 8;
  for (int64_t i = 0; i < training_.count; ++i) {
    ofClass_[training_.labels[static_cast<std::size_t>(i)]].push_back(i);
  }
  for (int k = 0; k < kClasses; ++k) {
    if (ofClass_[static_cast<std::size_t>(k)].empty()) {
      throw Error("class " + std::to_string(k) + " of " + folder.string() + " has no training image");
    }
  }
  ones_.fill(1);
}

std::string IdxSource::describe() const {
  return std::to_string(training_.count) + " training images and " + std::to_string(heldOut_.count) +
         " held out in 10 classes";
}

void IdxSource::configure(TextureUnetConfig& config) const {
  config.classes = names_;
  config.trainingSize = size_;
  config.channels = 1;
  config.styleDim = 0;
  config.whitened = false;
}

void IdxSource::put(const IdxImages& images, int64_t index, float* to) const {
  std::fill_n(to, size_ * size_, -1.0f);
  const int64_t top = (size_ - images.height) / 2, left = (size_ - images.width) / 2;
  const std::uint8_t* from = images.pixels.data() + index * images.height * images.width;
  for (int64_t y = 0; y < images.height; ++y)
    for (int64_t x = 0; x < images.width; ++x)
      to[(top + y) * size_ + left + x] = static_cast<float>(*from++) / 127.5f - 1.0f;
}

Batch IdxSource::batch(int64_t count, std::uint64_t seed, std::uint64_t step) const {
  Batch batch{at::empty({count, 1, size_, size_}), at::empty({count}, at::TensorOptions().dtype(at::kLong)), {}};
  for (int64_t n = 0; n < count; ++n) {
    Random random{seed, step, static_cast<std::uint64_t>(n), 0x1d85};
    const auto& members = ofClass_[static_cast<std::size_t>(random.below(kClasses))];
    const int64_t index = members[static_cast<std::size_t>(random.below(static_cast<int>(members.size())))];
    put(training_, index, batch.x0.data_ptr<float>() + n * size_ * size_);
    batch.label.data_ptr<int64_t>()[n] = training_.labels[static_cast<std::size_t>(index)];
  }
  return batch;
}

Batch IdxSource::heldOut(std::size_t index) const {
  Batch batch{at::empty({1, 1, size_, size_}), at::empty({1}, at::TensorOptions().dtype(at::kLong)), {}};
  put(heldOut_, static_cast<int64_t>(index), batch.x0.data_ptr<float>());
  batch.label[0] = static_cast<int64_t>(heldOut_.labels.at(index));
  return batch;
}

at::Tensor IdxSource::pictures(const at::Tensor& samples, const at::Tensor&) const {
  return samples.to(at::kCPU, at::kFloat).expand({samples.size(0), 3, samples.size(2), samples.size(3)}).contiguous();
}

nlohmann::ordered_json IdxSource::summary() const {
  return {{"images", training_.count}, {"held_out_images", heldOut_.count}, {"border", size_ - training_.width}};
}

}  // namespace rivulet::training
