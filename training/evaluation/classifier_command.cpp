// rivulet-train classifier: the network whose features evaluate measures in.
#include <CLI/CLI.hpp>
#include <cmath>
#include <cstdio>

#include "training/augment.h"
#include "training/error.h"
#include "training/evaluation/classifier_trainer.h"
#include "training/evaluation/commands.h"

namespace rivulet::training {
namespace {

constexpr int kCropsPerImage = 16;  // for the accuracy

struct ClassifierOptions {
  ImageSetOptions images;
  ClassifierTrainerOptions trainer;
  std::string out;
  std::vector<int64_t> widths = ClassifierConfig{}.widths;
  int size = 64, threads = 0;
};

double rounded(double value) {
  return std::round(value * 1e4) / 1e4;
}

nlohmann::ordered_json notes(const ClassifierOptions& options, const ImageSet& images, const TrainedClassifier& trained,
                             const ClassifierAccuracy& accuracy) {
  nlohmann::ordered_json perClass;
  for (std::size_t k = 0; k < images.classes.size(); ++k) {
    if (std::isfinite(accuracy.perClass[k])) perClass[images.classes[k]] = rounded(accuracy.perClass[k]);
  }
  nlohmann::ordered_json json = {{"images", images.training.size()},
                                 {"held_out_images", images.heldOut.size()},
                                 {"held_out_rule", images.heldOutRule},
                                 {"inset", isIdxFolder(options.images.root) ? 0 : options.images.inset},
                                 {"steps", trained.steps},
                                 {"batch", options.trainer.batch},
                                 {"learning_rate", options.trainer.learningRate},
                                 {"seed", options.trainer.seed},
                                 {"minutes", rounded(trained.minutes)},
                                 {"final_loss", rounded(trained.loss)},
                                 {"crops_per_image", kCropsPerImage},
                                 {"held_out_accuracy_crops", rounded(accuracy.crops)},
                                 {"held_out_accuracy_images", rounded(accuracy.images)},
                                 {"held_out_accuracy_per_class", perClass},
                                 {"date", today()}};
  // Whoever measures with the file can check that its reference images were not trained on. IDX files have a test set.
  if (!isIdxFolder(options.images.root)) {
    auto& names = json["held_out"] = nlohmann::ordered_json::array();
    for (const LabelledImage& image : images.heldOut) names.push_back(image.name);
  }
  return json;
}

void train(ClassifierOptions& options) {
  checkFolderOf("--out", options.out);
  if (options.threads > 0) at::set_num_threads(options.threads);
  at::globalContext().setFlushDenormal(true);
  options.images.size = options.size;
  const ImageSet images = readImageSet(options.images);
  if (images.heldOut.empty()) throw Error("no images are held out to measure the classifier on: raise --holdout");
  std::printf("%zu images of %zu classes to train on, %zu held out\n", images.training.size(), images.classes.size(),
              images.heldOut.size());
  std::fflush(stdout);

  ClassifierConfig config;
  config.size = options.size;
  config.widths = options.widths;
  const TrainedClassifier trained = trainClassifier(images, config, options.trainer);
  // Measured as it will be used: with the weights of the file, rounded to float16.
  trained.classifier.save(options.out, nlohmann::ordered_json::object());
  const Classifier classifier = Classifier::load(options.out);
  const ClassifierAccuracy accuracy = measureAccuracy(classifier, images.heldOut, kCropsPerImage, options.trainer.seed);
  classifier.save(options.out, notes(options, images, trained, accuracy));

  std::printf("%d steps in %.1f minutes, loss %.3f\n", trained.steps, trained.minutes, trained.loss);
  std::printf("right on %.1f %% of the held-out images, %.1f %% of their crops\n", 100 * accuracy.images,
              100 * accuracy.crops);
  for (std::size_t k = 0; k < images.classes.size(); ++k) {
    if (std::isfinite(accuracy.perClass[k])) {
      std::printf("  %-12s %5.1f %%\n", images.classes[k].c_str(), 100 * accuracy.perClass[k]);
    }
  }
  std::printf("%s, %.2f MB\n", options.out.c_str(), static_cast<double>(std::filesystem::file_size(options.out)) / 1e6);
}

}  // namespace

void addClassifier(CLI::App& app, Run& run) {
  CLI::App* command =
      app.add_subcommand("classifier", "A classifier of texture classes, whose features evaluate measures in");
  auto options = std::make_shared<ClassifierOptions>();
  options->trainer.rotateClasses = defaultRotateClasses();
  addImageSetOptions(*command, options->images);
  command->add_option("--out", options->out, "Weight file to write (.safetensors)")->required();
  command->add_option("--size", options->size, "Pixels a side of what it classifies: crops, or whole IDX images")
      ->capture_default_str()
      ->check(CLI::Range(16, 512));
  command->add_option("--widths", options->widths, "Channels of its levels, comma-separated; the last is of features")
      ->delimiter(',')
      ->capture_default_str()
      ->check(CLI::Range(1, 1024));
  command->add_option("--steps", options->trainer.steps, "Training steps")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  command->add_option("--time-limit", options->trainer.timeLimitMinutes, "Minutes after which to end; 0: none")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  command->add_option("--batch", options->trainer.batch, "Crops a step")
      ->capture_default_str()
      ->check(CLI::Range(2, 4096));
  command->add_option("--lr", options->trainer.learningRate, "Peak learning rate")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  command->add_option("--seed", options->trainer.seed, "Seed of everything random")->capture_default_str();
  command->add_option("--threads", options->threads, "CPU threads; 0: libtorch's choice")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  command->callback([&run, options] { run = [options] { train(*options); }; });
}

}  // namespace rivulet::training
