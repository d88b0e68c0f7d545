// Trains a classifier (classifier.h) on random crops of an image set, and measures it on the images held out.
#pragma once

#include <cstdint>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "training/evaluation/classifier.h"
#include "training/evaluation/image_set.h"

namespace rivulet::training {

struct ClassifierTrainerOptions {
  int steps = 4000;
  double timeLimitMinutes = 0;  // 0: none; else the learning rate falls to zero by whichever end comes first
  int batch = 32;
  double learningRate = 2e-3;
  double weightDecay = 0.02;
  std::uint64_t seed = 1;
  std::set<std::string> rotateClasses;  // as AugmentOptions
  bool quiet = false;
};

// Right answers, as parts of 1; of single crops, and of whole images by the mean over several crops' probabilities.
struct ClassifierAccuracy {
  double crops = 0, images = 0;
  std::vector<double> perClass;  // of images; NaN where none of the class is held out
};

struct TrainedClassifier {
  Classifier classifier;
  int steps = 0;  // that were run
  double minutes = 0, loss = 0;
};

// Cross entropy, AdamW, batch normalisation folded into the convolutions at the end. Classes are drawn in proportion to
// the root of their size. Augmented by place, flips, quarter turns where the class allows, brightness and contrast.
// Features are scaled so that their mean square over training crops is 1: the kernel of the kernel distance expects
// products of the size of their dimension. Same options and threads give the same weights, unless a time limit ends it.
TrainedClassifier trainClassifier(const ImageSet& images, ClassifierConfig config,
                                  const ClassifierTrainerOptions& options);

// On `cropsPerImage` random crops of each image.
ClassifierAccuracy measureAccuracy(const Classifier& classifier, const std::vector<LabelledImage>& images,
                                   int cropsPerImage, std::uint64_t seed);

}  // namespace rivulet::training
