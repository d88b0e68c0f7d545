#include "training/evaluation/classifier_trainer.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdio>
#include <limits>

#include "training/error.h"
#include "training/evaluation/progress_line.h"
#include "training/progress_bar.h"
#include "training/random.h"

namespace rivulet::training {
namespace {

constexpr double kDropout = 0.2, kLabelSmoothing = 0.05;
constexpr int kWarmup = 100;

// The network of classifier.h as it is trained: with batch normalisation and dropout.
struct Network : torch::nn::Module {
  explicit Network(const ClassifierConfig& config) {
    for (const ClassifierConfig::Layer& layer : config.layers()) {
      const std::string index = std::to_string(convolutions.size());
      convolutions.push_back(register_module(
          "conv" + index,
          torch::nn::Conv2d(
              torch::nn::Conv2dOptions(layer.in, layer.out, 3).stride(layer.stride).padding(1).bias(false))));
      norms.push_back(register_module("norm" + index, torch::nn::BatchNorm2d(layer.out)));
    }
    linear =
        register_module("linear", torch::nn::Linear(config.features(), static_cast<int64_t>(config.classes.size())));
  }

  at::Tensor forward(at::Tensor h) {
    for (std::size_t i = 0; i < convolutions.size(); ++i) h = norms[i](convolutions[i](h)).relu_();
    return linear(at::dropout(h.mean(at::IntArrayRef({2, 3})), kDropout, true));
  }

  // gamma (conv(x) - mean) / deviation + beta = conv'(x) + bias'
  Classifier folded(const ClassifierConfig& config) {
    std::vector<Classifier::Convolution> result;
    for (std::size_t i = 0; i < convolutions.size(); ++i) {
      const at::Tensor gain = norms[i]->weight / (norms[i]->running_var + norms[i]->options.eps()).sqrt();
      result.push_back({(convolutions[i]->weight * gain.view({-1, 1, 1, 1})).detach(),
                        (norms[i]->bias - norms[i]->running_mean * gain).detach()});
    }
    return {config, std::move(result), linear->weight.detach(), linear->bias.detach()};
  }

  std::vector<torch::nn::Conv2d> convolutions;
  std::vector<torch::nn::BatchNorm2d> norms;
  torch::nn::Linear linear{nullptr};
};

// Draws training crops; each is a function of (seed, step, its place in the batch).
class CropSource {
 public:
  CropSource(const ImageSet& images, int64_t size, const ClassifierTrainerOptions& options)
      : images_(images), size_(size), seed_(options.seed), ofClass_(images.classes.size()) {
    for (std::size_t i = 0; i < images.training.size(); ++i) {
      ofClass_[static_cast<std::size_t>(images.training[i].classIndex)].push_back(static_cast<int>(i));
    }
    double total = 0;
    for (std::size_t k = 0; k < ofClass_.size(); ++k) {
      if (ofClass_[k].empty()) throw Error("no training images of class " + images.classes[k]);
      // Small classes more often than in proportion, large ones less.
      reached_.push_back(total += std::sqrt(static_cast<double>(ofClass_[k].size())));
      std::string name = images.classes[k];
      std::transform(name.begin(), name.end(), name.begin(),
                     [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
      mayRotate_.push_back(options.rotateClasses.count(name) != 0);
    }
  }

  // [C,S,S] in about [-1, 1], and its class.
  std::pair<at::Tensor, int64_t> draw(std::uint64_t step, std::uint64_t place) const {
    Random random{seed_, 0xc1a55, step, place};
    const double at = random.uniform() * reached_.back();
    const auto k =
        static_cast<std::size_t>(std::upper_bound(reached_.begin(), reached_.end() - 1, at) - reached_.begin());
    const std::vector<int>& members = ofClass_[k];
    const at::Tensor& image =
        images_
            .training[static_cast<std::size_t>(
                members[static_cast<std::size_t>(random.below(static_cast<int>(members.size())))])]
            .pixels;
    const int64_t top = random.below(static_cast<int>(image.size(1) - size_) + 1);
    const int64_t left = random.below(static_cast<int>(image.size(2) - size_) + 1);
    at::Tensor crop = image.narrow(1, top, size_).narrow(2, left, size_);
    if (random.chance(0.5)) crop = crop.flip({2});
    if (mayRotate_[k]) {
      if (random.chance(0.5)) crop = crop.flip({1});
      if (random.chance(0.5)) crop = crop.transpose(1, 2);
    }
    const auto contrast = static_cast<float>(std::exp(0.15 * random.normal()));
    const auto brightness = static_cast<float>(0.1 * random.normal());
    return {toPlanes(crop).mul_(contrast).add_(brightness), static_cast<int64_t>(k)};
  }

 private:
  const ImageSet& images_;
  int64_t size_;
  std::uint64_t seed_;
  std::vector<std::vector<int>> ofClass_;
  std::vector<double> reached_;  // cumulative weights of the classes
  std::vector<bool> mayRotate_;
};

// Warm-up, then a cosine to zero. `fraction` of the run that is done.
double learningRate(double peak, int step, double fraction) {
  const double warm = std::min(1.0, (step + 1.0) / kWarmup);
  return peak * warm * 0.5 * (1 + std::cos(3.141592653589793 * std::min(1.0, fraction)));
}

double meanSquareFeature(const Classifier& classifier, const std::vector<LabelledImage>& images, std::uint64_t seed) {
  std::vector<const LabelledImage*> some;
  const std::size_t most = std::min<std::size_t>(images.size(), 2048);
  for (std::size_t i = 0; i < most; ++i) some.push_back(&images[i * images.size() / most]);
  return classifier.features(randomCrops(some, static_cast<int>(classifier.config().size), seed))
      .square()
      .mean()
      .item<double>();
}

}  // namespace

TrainedClassifier trainClassifier(const ImageSet& images, ClassifierConfig config,
                                  const ClassifierTrainerOptions& options) {
  config.channels = images.channels;
  config.classes = images.classes;
  const CropSource source(images, config.size, options);
  torch::manual_seed(mixSeed({options.seed, 0x1417}));
  Network network(config);
  network.train();
  std::vector<at::Tensor> decayed, others;  // biases and gains are not pulled to zero
  for (const at::Tensor& parameter : network.parameters())
    (parameter.dim() > 1 ? decayed : others).push_back(parameter);
  torch::optim::AdamW optimiser(
      std::vector<torch::optim::OptimizerParamGroup>{
          {decayed, std::make_unique<torch::optim::AdamWOptions>(
                        torch::optim::AdamWOptions(options.learningRate).weight_decay(options.weightDecay))},
          {others, std::make_unique<torch::optim::AdamWOptions>(
                       torch::optim::AdamWOptions(options.learningRate).weight_decay(0))}},
      torch::optim::AdamWOptions(options.learningRate));

  ProgressLine progress(options.quiet);
  const double start = steadySeconds();
  double loss = std::log(static_cast<double>(config.classes.size()));
  int step = 0;
  const auto fraction = [&] {
    const double timed =
        options.timeLimitMinutes > 0 ? (steadySeconds() - start) / (60 * options.timeLimitMinutes) : 0.0;
    return std::max(timed, static_cast<double>(step) / options.steps);
  };
  for (double done = 0; done < 1; done = fraction()) {
    std::vector<at::Tensor> crops;
    std::vector<int64_t> labels;
    for (int i = 0; i < options.batch; ++i) {
      const auto [crop, label] = source.draw(static_cast<std::uint64_t>(step), static_cast<std::uint64_t>(i));
      crops.push_back(crop);
      labels.push_back(label);
    }
    for (auto& group : optimiser.param_groups()) {
      static_cast<torch::optim::AdamWOptions&>(group.options()).lr(learningRate(options.learningRate, step, done));
    }
    optimiser.zero_grad();
    const at::Tensor batchLoss =
        at::cross_entropy_loss(network.forward(at::stack(crops)), at::tensor(labels, at::kLong), {},
                               at::Reduction::Mean, -100, kLabelSmoothing);
    batchLoss.backward();
    optimiser.step();
    loss += 0.02 * (batchLoss.item<double>() - loss);
    ++step;
    char note[32];
    std::snprintf(note, sizeof note, "loss %.3f", loss);
    progress.update("training", static_cast<int64_t>(done * 1000), 1000, note);
  }
  const torch::NoGradGuard guard;
  TrainedClassifier trained{network.folded(config), step, (steadySeconds() - start) / 60, loss};
  trained.classifier.scaleFeatures(std::sqrt(meanSquareFeature(trained.classifier, images.training, options.seed)));
  return trained;
}

ClassifierAccuracy measureAccuracy(const Classifier& classifier, const std::vector<LabelledImage>& images,
                                   int cropsPerImage, std::uint64_t seed) {
  if (images.empty()) throw Error("no images are held out to measure the classifier on: raise --holdout");
  std::vector<const LabelledImage*> sources;
  for (const LabelledImage& image : images)
    sources.insert(sources.end(), static_cast<std::size_t>(cropsPerImage), &image);
  const at::Tensor crops = randomCrops(sources, static_cast<int>(classifier.config().size), seed);
  const at::Tensor probabilities = classifier.logits(classifier.features(crops)).softmax(1);
  const auto classes = static_cast<int64_t>(classifier.config().classes.size());
  const at::Tensor byImage = probabilities.view({-1, cropsPerImage, classes}).mean(1).argmax(1);
  const at::Tensor byCrop = probabilities.argmax(1).view({-1, cropsPerImage});

  ClassifierAccuracy accuracy;
  std::vector<int> right(static_cast<std::size_t>(classes)), all(right.size());
  int64_t rightCrops = 0, rightImages = 0;
  for (std::size_t i = 0; i < images.size(); ++i) {
    const auto k = static_cast<std::size_t>(images[i].classIndex);
    const bool hit = byImage[static_cast<int64_t>(i)].item<int64_t>() == images[i].classIndex;
    ++all[k];
    right[k] += hit ? 1 : 0;
    rightImages += hit ? 1 : 0;
    rightCrops += (byCrop[static_cast<int64_t>(i)] == images[i].classIndex).sum().item<int64_t>();
  }
  accuracy.images = static_cast<double>(rightImages) / static_cast<double>(images.size());
  accuracy.crops = static_cast<double>(rightCrops) / static_cast<double>(sources.size());
  for (std::size_t k = 0; k < all.size(); ++k) {
    accuracy.perClass.push_back(all[k] > 0 ? static_cast<double>(right[k]) / all[k]
                                           : std::numeric_limits<double>::quiet_NaN());
  }
  return accuracy;
}

}  // namespace rivulet::training
