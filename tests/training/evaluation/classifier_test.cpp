// Trains on data that a few steps tell apart, in colour and in grey; a file gives back what was saved.
#include "training/evaluation/classifier.h"

#include "../scratch.h"
#include "idx_files.h"
#include "samples.h"
#include "training/evaluation/classifier_trainer.h"
#include "training/safetensors.h"

namespace rivulet::training {
namespace {

ClassifierTrainerOptions fewSteps() {
  ClassifierTrainerOptions options;
  options.steps = 40;
  options.batch = 8;
  options.quiet = true;
  return options;
}

ClassifierConfig tiny(int size) {
  ClassifierConfig config;
  config.size = size;
  config.widths = {4, 8};
  return config;
}

ImageSet greyImages(const Scratch& scratch) {
  writeIdxSet(scratch.path(), 16, 20, 8);
  ImageSetOptions options;
  options.root = scratch.path();
  options.size = 16;
  return readImageSet(options);
}

TEST(Classifier, LearnsWhatIsEasy) {
  const Scratch scratch;
  const ImageSet images = greyImages(scratch);
  const TrainedClassifier trained = trainClassifier(images, tiny(16), fewSteps());
  EXPECT_EQ(trained.steps, 40);
  const ClassifierAccuracy accuracy = measureAccuracy(trained.classifier, images.heldOut, 2, 1);
  EXPECT_EQ(accuracy.images, 1.0);
  EXPECT_EQ(accuracy.crops, 1.0);
  EXPECT_EQ(accuracy.perClass, (std::vector<double>{1.0, 1.0}));
}

TEST(Classifier, KeepsASeedAndScalesItsFeatures) {
  const Scratch scratch;
  const ImageSet images = greyImages(scratch);
  const at::Tensor pictures = normal({70, 1, 16, 16}, 3) * 0.5;
  const Classifier one = trainClassifier(images, tiny(16), fewSteps()).classifier;
  Classifier again = trainClassifier(images, tiny(16), fewSteps()).classifier;
  EXPECT_TRUE(at::equal(one.features(pictures), again.features(pictures)));
  EXPECT_EQ(one.features(pictures).sizes(), (at::IntArrayRef{70, 8}));

  std::vector<const LabelledImage*> all;
  for (const LabelledImage& image : images.training) all.push_back(&image);
  EXPECT_NEAR(one.features(randomCrops(all, 16, 1)).square().mean().item<double>(), 1, 1e-3);
  again.scaleFeatures(4);
  EXPECT_TRUE(at::allclose(one.features(pictures), 4 * again.features(pictures), 1e-4, 1e-6));
  EXPECT_TRUE(at::allclose(one.logits(one.features(pictures)), again.logits(again.features(pictures)), 1e-4, 1e-5));
}

TEST(Classifier, ReadsBackWhatItSaved) {
  const Scratch scratch;
  ClassifierConfig config = tiny(16);
  config.classes = {"a", "b", "c"};
  std::vector<Classifier::Convolution> convolutions;
  for (const ClassifierConfig::Layer& layer : config.layers()) {
    convolutions.push_back({normal({layer.out, layer.in, 3, 3}, 1) * 0.2, normal({layer.out}, 2)});
  }
  const Classifier saved(config, convolutions, normal({3, 8}, 4), normal({3}, 5));
  const auto path = scratch.path() / "classifier.safetensors";
  saved.save(path, {{"date", "today"}});
  const Classifier read = Classifier::load(path);
  EXPECT_EQ(read.config().widths, config.widths);
  EXPECT_EQ(read.config().classes, config.classes);
  EXPECT_EQ(read.training().at("date"), "today");
  const at::Tensor pictures = normal({3, 3, 16, 16}, 6);
  EXPECT_TRUE(at::allclose(read.features(pictures), saved.features(pictures), 1e-2, 1e-2));
  EXPECT_NE(errorOf([&] { read.features(normal({1, 3, 8, 8}, 1)); }).find("16x16"), std::string::npos);
}

TEST(Classifier, NamesAFileThatIsNone) {
  const Scratch scratch;
  const auto path = scratch.path() / "weights.safetensors";
  writeSafetensors(path, {{{"x", at::ones({2})}}, {{"format", "rivulet-1"}}});
  const std::string message = errorOf([&] { Classifier::load(path); });
  EXPECT_NE(message.find(path.string()), std::string::npos) << message;
  EXPECT_NE(message.find("no classifier"), std::string::npos) << message;
  EXPECT_NE(errorOf([] { Classifier::load("/no/such/file"); }).find("/no/such/file"), std::string::npos);
}

TEST(Classifier, NeedsHeldOutImagesToBeMeasured) {
  const Scratch scratch;
  const TrainedClassifier trained = trainClassifier(greyImages(scratch), tiny(16), [] {
    ClassifierTrainerOptions options = fewSteps();
    options.steps = 1;
    return options;
  }());
  EXPECT_NE(errorOf([&] { measureAccuracy(trained.classifier, {}, 2, 1); }).find("--holdout"), std::string::npos);
}

}  // namespace
}  // namespace rivulet::training
