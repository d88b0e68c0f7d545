// Examples from a folder of class folders of pictures: crops whitened by their styles.
#pragma once

#include "training/augment.h"
#include "training/dataset.h"
#include "training/example_source.h"

namespace rivulet::training {

class TileSource : public ExampleSource {
 public:
  // Reads everything. Throws Error naming the folder or the file at fault.
  TileSource(const DatasetOptions& data, const AugmentOptions& augment);

  std::string describe() const override;
  void configure(TextureUnetConfig& config) const override;
  const Style& styleMean() const override { return dataset_.styleMean(); }
  const Style& styleStd() const override { return dataset_.styleStd(); }
  Batch batch(int64_t count, std::uint64_t seed, std::uint64_t step) const override;
  std::size_t heldOutCount() const override { return dataset_.heldOut().size(); }
  Batch heldOut(std::size_t index) const override;
  at::Tensor sampleStyles(const std::vector<int64_t>& labels, std::uint64_t seed) const override;
  at::Tensor pictures(const at::Tensor& samples, const at::Tensor& styles) const override;
  // At most 64 of each class.
  nlohmann::ordered_json stylesJson() const override;
  nlohmann::ordered_json summary() const override;

 private:
  Dataset dataset_;
  AugmentOptions options_;
  Augment augment_;
};

}  // namespace rivulet::training
