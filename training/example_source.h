// Where training examples come from: what the trainer, the sheets and the weight file need to know of a data set.
// TileSource reads folders of pictures, IdxSource the MNIST family.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "training/objective.h"
#include "training/style.h"
#include "training/texture_unet.h"

namespace rivulet::training {

// Thread-safety: immutable after construction.
class ExampleSource {
 public:
  virtual ~ExampleSource() = default;

  // "1289 training images and 50 held out in 16 classes"
  virtual std::string describe() const = 0;
  // What of the network the data decide: classes, channels, style, size.
  virtual void configure(TextureUnetConfig& config) const = 0;
  // Mean and deviation of the styles; of data without styles, 0 and 1.
  virtual const Style& styleMean() const = 0;
  virtual const Style& styleStd() const = 0;

  // The batch of a step: a function of its arguments.
  virtual Batch batch(int64_t count, std::uint64_t seed, std::uint64_t step) const = 0;
  virtual std::size_t heldOutCount() const = 0;
  // One held-out image, as it is.
  virtual Batch heldOut(std::size_t index) const = 0;

  // Styles [N,10] to sample classes with, drawn by `seed`; undefined where there are none.
  virtual at::Tensor sampleStyles(const std::vector<int64_t>& labels, std::uint64_t seed) const = 0;
  // Samples [N,C,H,W] of these styles as RGB pictures [N,3,H,W] in [-1, 1], on the CPU.
  virtual at::Tensor pictures(const at::Tensor& samples, const at::Tensor& styles) const = 0;

  // The weight file's `styles`.
  virtual nlohmann::ordered_json stylesJson() const = 0;
  // For its `training`: counts, augmentation.
  virtual nlohmann::ordered_json summary() const = 0;
};

struct DatasetOptions;
struct AugmentOptions;
// Of a folder of class folders of pictures, or one of IDX files. Throws Error naming the folder or the file at fault.
std::unique_ptr<ExampleSource> openSource(const DatasetOptions& data, const AugmentOptions& augment);

}  // namespace rivulet::training
