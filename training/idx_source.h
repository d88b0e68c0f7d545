// Examples of the MNIST family: grey pictures with ten classes, scaled to [-1, 1] and given a border of the
// background's black up to a multiple of 8 pixels, which the networks need: 28 become 32.
#pragma once

#include <filesystem>

#include "training/example_source.h"
#include "training/idx.h"

namespace rivulet::training {

class IdxSource : public ExampleSource {
 public:
  // A folder of train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-..., t10k-labels-..., each plain or with
  // .gz; the second pair is held out. Classes are called as idxClassNames says. Throws Error naming the file at fault.
  explicit IdxSource(const std::filesystem::path& folder);

  // Whether `folder` is one of these.
  static bool isIdx(const std::filesystem::path& folder);

  std::string describe() const override;
  void configure(TextureUnetConfig& config) const override;
  const Style& styleMean() const override { return zeros_; }
  const Style& styleStd() const override { return ones_; }
  // Classes are drawn evenly; pictures are as they are.
  Batch batch(int64_t count, std::uint64_t seed, std::uint64_t step) const override;
  std::size_t heldOutCount() const override { return static_cast<std::size_t>(heldOut_.count); }
  Batch heldOut(std::size_t index) const override;
  at::Tensor sampleStyles(const std::vector<int64_t>&, std::uint64_t) const override { return {}; }
  at::Tensor pictures(const at::Tensor& samples, const at::Tensor& styles) const override;
  nlohmann::ordered_json stylesJson() const override { return nlohmann::ordered_json::object(); }
  nlohmann::ordered_json summary() const override;

  int64_t size() const { return size_; }

 private:
  void put(const IdxImages& images, int64_t index, float* to) const;

  IdxImages training_, heldOut_;
  std::vector<std::string> names_;
  std::vector<std::vector<int64_t>> ofClass_;  // indices into training_
  int64_t size_ = 0;
  Style zeros_{}, ones_{};
};

}  // namespace rivulet::training
