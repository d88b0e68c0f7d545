#include "training/evaluation/evaluation.h"

#include <algorithm>
#include <numeric>

#include "training/error.h"
#include "training/evaluation/frechet.h"
#include "training/evaluation/kid.h"
#include "training/evaluation/nearest_neighbour.h"
#include "training/evaluation/seam_ratio.h"
#include "training/random.h"

namespace rivulet::training {
namespace {

constexpr int kAll = -1;           // instead of a class
constexpr int kBankCrops = 10000;  // of training images, at least one of each: their features' neighbours are sought
enum Seed : std::uint64_t { kPrompts = 1, kReference, kAgain, kTraining, kBank, kGenerated, kResample };

// Where `classes` has `wanted`; everywhere for kAll.
at::Tensor indicesOf(const std::vector<int>& classes, int wanted) {
  std::vector<int64_t> indices;
  for (std::size_t i = 0; i < classes.size(); ++i) {
    if (wanted == kAll || classes[i] == wanted) indices.push_back(static_cast<int64_t>(i));
  }
  return at::tensor(indices, at::kLong);
}

std::vector<int> take(const std::vector<int>& values, const at::Tensor& indices) {
  std::vector<int> taken;
  for (int64_t i = 0; i < indices.numel(); ++i) {
    taken.push_back(values[static_cast<std::size_t>(indices.data_ptr<int64_t>()[i])]);
  }
  return taken;
}

std::vector<const LabelledImage*> shuffled(const std::vector<LabelledImage>& images, std::uint64_t seed) {
  std::vector<const LabelledImage*> order;
  for (const LabelledImage& image : images) order.push_back(&image);
  Random random{seed, kPrompts};
  for (std::size_t i = order.size(); i > 1; --i) {
    std::swap(order[i - 1], order[static_cast<std::size_t>(random.below(static_cast<int>(i)))]);
  }
  return order;
}

}  // namespace

struct Evaluation::Distances {
  at::Tensor features, nearestFeature, nearestStructure;  // of each crop
  at::Tensor measuredStyles;                              // of each texture, where styles are measured
};

Evaluation::Evaluation(const ImageSet& images, const Classifier& classifier, at::Tensor styleDeviation,
                       const EvaluationOptions& options, const OnProgress& onProgress)
    : images_(images), classifier_(classifier), options_(options), styleDeviation_(std::move(styleDeviation)) {
  if (images.heldOut.empty()) throw Error("no images are held out to compare with: raise --holdout");
  prompts_ = shuffled(images.heldOut, options.seed);
  prompts_.resize(std::min(prompts_.size(), static_cast<std::size_t>(options.count)));

  onProgress("preparing the reference", 0, 3);
  if (styleDeviation_.defined()) promptStyles_ = stylesOf(prompts_);
  const PictureSet reference = crops(prompts_, kReference);
  reference_ = reference.crops;
  referenceClass_ = reference.cropClass;
  referenceGroup_ = reference.cropGroup;
  referenceFeatures_ = classifier_.features(reference_);
  const SlicedWassersteinOptions sliced{.seed = options.seed};
  for (int k = 0; k < static_cast<int>(images.classes.size()); ++k) {
    const at::Tensor indices = indicesOf(referenceClass_, k);
    slicedWasserstein_.emplace_back();
    if (indices.numel() > 1) slicedWasserstein_.back().emplace(reference_.index_select(0, indices), sliced);
  }
  slicedWasserstein_.emplace_back(std::in_place, reference_, sliced);

  onProgress("preparing the reference", 1, 3);
  const std::size_t each = std::max<std::size_t>(1, kBankCrops / images.training.size());
  std::vector<const LabelledImage*> bank;
  for (const LabelledImage& image : images.training) bank.insert(bank.end(), each, &image);
  bank_ = classifier_.features(randomCrops(bank, size(), mixSeed({options.seed, kBank})));
  onProgress("preparing the reference", 2, 3);
  referenceNearestFeature_ = nearestDistances(referenceFeatures_, bank_);
  referenceNearestStructure_ = nearestStructures(reference_, images.training);
}

int Evaluation::texturesOf(int size) const {
  const int across = size / this->size(), crops = across * across;
  if (crops == 1) return options_.count;
  const int prompts = static_cast<int>(prompts_.size());
  const int textures = (options_.count + crops - 1) / crops;
  return (textures + prompts - 1) / prompts * prompts;
}

PictureSet Evaluation::generated(const at::Tensor& textures) const {
  PictureSet set;
  set.textures = textures;
  const auto count = static_cast<std::size_t>(textures.size(0));
  std::vector<int64_t> rows;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t prompt = i % prompts_.size();
    rows.push_back(static_cast<int64_t>(prompt));
    set.textureClass.push_back(prompts_[prompt]->classIndex);
    set.textureUnit.push_back(static_cast<int>(i));
  }
  if (styleDeviation_.defined()) set.asked = promptStyles_.index_select(0, at::tensor(rows, at::kLong));
  std::vector<at::Tensor> crops;
  for (int i = 0; i < options_.count; ++i) {
    const std::size_t texture = static_cast<std::size_t>(i) % count;
    Random random{options_.seed, kGenerated, static_cast<std::uint64_t>(i)};
    const int64_t top = random.below(static_cast<int>(textures.size(2)) - size() + 1);
    const int64_t left = random.below(static_cast<int>(textures.size(3)) - size() + 1);
    crops.push_back(textures[static_cast<int64_t>(texture)].narrow(1, top, size()).narrow(2, left, size()));
    set.cropClass.push_back(set.textureClass[texture]);
    set.cropUnit.push_back(static_cast<int>(texture));
    set.cropGroup.push_back(static_cast<int>(texture % prompts_.size()));
  }
  set.crops = at::stack(crops);
  return set;
}

at::Tensor Evaluation::stylesOf(const std::vector<const LabelledImage*>& images) const {
  std::vector<at::Tensor> styles;
  for (const LabelledImage* image : images) styles.push_back(measureStyles(toPlanes(image->pixels).unsqueeze(0)));
  return at::cat(styles);
}

// `count` crops, of the sources in turn.
PictureSet Evaluation::crops(const std::vector<const LabelledImage*>& sources, std::uint64_t seed) const {
  PictureSet set;
  std::vector<const LabelledImage*> turn;
  std::vector<int64_t> rows;
  for (int i = 0; i < options_.count; ++i) {
    const std::size_t source = static_cast<std::size_t>(i) % sources.size();
    turn.push_back(sources[source]);
    rows.push_back(static_cast<int64_t>(source));
    set.cropClass.push_back(sources[source]->classIndex);
    set.cropUnit.push_back(i);
    set.cropGroup.push_back(static_cast<int>(source));
  }
  if (styleDeviation_.defined()) set.asked = stylesOf(sources).index_select(0, at::tensor(rows, at::kLong));
  set.textures = set.crops = randomCrops(turn, size(), mixSeed({options_.seed, seed}));
  set.textureClass = set.cropClass;
  set.textureUnit = set.cropUnit;
  return set;
}

PictureSet Evaluation::heldOutAgain() const {
  return crops(prompts_, kAgain);
}

PictureSet Evaluation::training() const {
  std::vector<std::vector<const LabelledImage*>> ofClass(images_.classes.size());
  for (const LabelledImage& image : images_.training)
    ofClass[static_cast<std::size_t>(image.classIndex)].push_back(&image);
  std::vector<const LabelledImage*> sources;
  Random random{options_.seed, kTraining};
  for (int i = 0; i < options_.count; ++i) {
    const LabelledImage& prompt = *prompts_[static_cast<std::size_t>(i) % prompts_.size()];
    const auto& members = ofClass[static_cast<std::size_t>(prompt.classIndex)];
    sources.push_back(members[static_cast<std::size_t>(random.below(static_cast<int>(members.size())))]);
  }
  PictureSet set = crops(sources, kTraining);
  // So many of each class were drawn, images at random; one that was drawn twice is one unit.
  set.cropGroup = set.cropClass;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    set.cropUnit[i] = set.textureUnit[i] = static_cast<int>(sources[i] - images_.training.data());
  }
  return set;
}

QualityFigures Evaluation::figures(const PictureSet& set, const Distances& distances, int classIndex) const {
  const at::Tensor crops = indicesOf(set.cropClass, classIndex), textures = indicesOf(set.textureClass, classIndex),
                   reference = indicesOf(referenceClass_, classIndex);
  const std::uint64_t seed = mixSeed({options_.seed, kResample});
  const Bootstrap cropDraws(take(set.cropUnit, crops), take(set.cropClass, crops), options_.resamples, seed);
  const Bootstrap textureDraws(take(set.textureUnit, textures), take(set.textureClass, textures), options_.resamples,
                               seed);
  const auto ofCrops = [&](const at::Tensor& values) { return values.index_select(0, crops); };
  const auto ofReference = [&](const at::Tensor& values) { return values.index_select(0, reference); };

  QualityFigures f;
  f.textures = static_cast<int>(textures.numel());
  f.crops = static_cast<int>(crops.numel());
  const at::Tensor features = ofCrops(distances.features), expected = ofReference(referenceFeatures_);
  f.kernelDistance =
      kernelDistance({features, take(set.cropGroup, crops)}, {expected, take(referenceGroup_, reference)}, cropDraws);
  if (std::min(crops.numel(), reference.numel()) >= 2 * features.size(1)) {
    f.frechet = frechetDistance(features, expected, cropDraws);
  }
  const auto& sliced =
      classIndex == kAll ? slicedWasserstein_.back() : slicedWasserstein_[static_cast<std::size_t>(classIndex)];
  f.slicedWasserstein = sliced->distance(ofCrops(set.crops), cropDraws);
  f.seamRatio = seamRatio(set.textures.index_select(0, textures), textureDraws);
  if (set.asked.defined()) {
    f.style = styleFidelity(set.asked.index_select(0, textures), distances.measuredStyles.index_select(0, textures),
                            styleDeviation_, textureDraws);
  }
  f.nearestFeature = distanceRatio(ofCrops(distances.nearestFeature), ofReference(referenceNearestFeature_), cropDraws);
  f.nearestStructure =
      distanceRatio(ofCrops(distances.nearestStructure), ofReference(referenceNearestStructure_), cropDraws);
  return f;
}

Measurement Evaluation::measure(const PictureSet& set) const {
  const torch::NoGradGuard guard;
  Distances distances;
  distances.features = classifier_.features(set.crops);
  distances.nearestFeature = nearestDistances(distances.features, bank_);
  distances.nearestStructure = nearestStructures(set.crops, images_.training);
  if (set.asked.defined()) distances.measuredStyles = measureStyles(set.textures);
  Measurement measurement;
  measurement.overall = figures(set, distances, kAll);
  for (int k = 0; k < static_cast<int>(images_.classes.size()); ++k) {
    measurement.perClass.emplace_back();
    if (std::count(set.cropClass.begin(), set.cropClass.end(), k) > 1 &&
        std::count(referenceClass_.begin(), referenceClass_.end(), k) > 1) {
      measurement.perClass.back() = figures(set, distances, k);
    }
  }
  return measurement;
}

}  // namespace rivulet::training
