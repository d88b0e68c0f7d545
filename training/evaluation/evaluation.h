// Measures sets of pictures against images held out of training. The reference is crops of the held-out images, the
// generated textures are asked for in those images' classes and with their styles: both sides have the same classes and
// the same palettes, and what is left is how well the textures are made.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "training/evaluation/bootstrap.h"
#include "training/evaluation/classifier.h"
#include "training/evaluation/image_set.h"
#include "training/evaluation/sliced_wasserstein.h"
#include "training/evaluation/style_fidelity.h"

namespace rivulet::training {

struct EvaluationOptions {
  int count = 512;      // crops on either side of every comparison
  int resamples = 400;  // of the confidence intervals
  std::uint64_t seed = 1;
};

// Pictures to be measured.
struct PictureSet {
  at::Tensor textures;            // [T,C,H,W]: seams and styles are measured on these
  std::vector<int> textureClass;  // into the image set's classes
  at::Tensor asked;               // [T,10] styles asked for, or undefined
  at::Tensor crops;               // [n,C,S,S]: the rest is measured on these
  std::vector<int> cropClass;
  std::vector<int> textureUnit, cropUnit;  // for the confidence intervals (bootstrap.h)
  std::vector<int> cropGroup;              // for the kernel distance (kid.h)
};

// Of all pictures, or of those of one class.
struct QualityFigures {
  int textures = 0, crops = 0;
  Estimate kernelDistance;
  std::optional<Estimate> frechet;  // not with fewer crops than twice the number of features
  SlicedWassersteinResult slicedWasserstein;
  Estimate seamRatio;
  std::optional<StyleFidelity> style;
  Estimate nearestFeature, nearestStructure;  // distanceRatio of nearest_neighbour.h
};

struct Measurement {
  QualityFigures overall;
  std::vector<std::optional<QualityFigures>> perClass;  // none where there are fewer than two crops or reference crops
};

class Evaluation {
 public:
  using OnProgress = std::function<void(const std::string& what, int64_t done, int64_t total)>;
  // Keeps references to both. `styleDeviation` [10] are the units of style errors; undefined: styles are not measured.
  // Throws Error where no images are held out.
  Evaluation(const ImageSet& images, const Classifier& classifier, at::Tensor styleDeviation,
             const EvaluationOptions& options, const OnProgress& onProgress);

  // The held-out images (at most `count`, in an order chosen by the seed) that textures are to be asked for like: the
  // texture i is asked for like the image i modulo their number.
  const std::vector<const LabelledImage*>& prompts() const { return prompts_; }
  // Their styles [prompts, 10], measured on the whole images; undefined where styles are not measured.
  const at::Tensor& promptStyles() const { return promptStyles_; }
  // Textures of `size` pixels a side that give `count` crops: each gives as many as its area holds, all prompts have
  // equally many. With the classifier's size it is `count`.
  int texturesOf(int size) const;

  // Generated textures [T,C,size,size] in the order of the prompts.
  PictureSet generated(const at::Tensor& textures) const;
  // Other crops of the images that the reference is from: what a perfect model would reach.
  PictureSet heldOutAgain() const;
  // Crops of training images, of the same classes: what other real images reach.
  PictureSet training() const;

  Measurement measure(const PictureSet& set) const;

 private:
  at::Tensor stylesOf(const std::vector<const LabelledImage*>& images) const;
  PictureSet crops(const std::vector<const LabelledImage*>& sources, std::uint64_t seed) const;
  struct Distances;
  QualityFigures figures(const PictureSet& set, const Distances& distances, int classIndex) const;
  int size() const { return static_cast<int>(classifier_.config().size); }

  const ImageSet& images_;
  const Classifier& classifier_;
  EvaluationOptions options_;
  at::Tensor styleDeviation_;
  std::vector<const LabelledImage*> prompts_;
  at::Tensor promptStyles_;
  std::vector<int> referenceClass_, referenceGroup_;
  at::Tensor reference_, referenceFeatures_, bank_;                  // crops; features; features of training crops
  at::Tensor referenceNearestFeature_, referenceNearestStructure_;   // distances to the training images
  std::vector<std::optional<SlicedWasserstein>> slicedWasserstein_;  // per class, then overall
};

}  // namespace rivulet::training
