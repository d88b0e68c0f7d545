// rivulet-train likelihood: bits per dimension of a diffusion model on held-out pictures.
#include "training/likelihood.h"

#include <cstdio>

#include "training/augment.h"
#include "training/commands/command.h"
#include "training/error.h"
#include "training/example_source.h"
#include "training/export.h"

namespace rivulet::training {
namespace {

class LikelihoodCommand : public Command {
 public:
  explicit LikelihoodCommand(CLI::App& app) {
    app.add_option("--model", model_, "Weight file of `rivulet-train ddpm`")->required()->check(CLI::ExistingFile);
    app.add_option("--data", data_.root, "Folder of IDX files")->required()->check(CLI::ExistingDirectory);
    app.add_option("--count", count_, "Held-out pictures, evenly over all")
        ->capture_default_str()
        ->check(CLI::PositiveNumber);
    app.add_option("--variance", variance_, "Of each step; default: the model's own if it has one, else beta-tilde")
        ->check(CLI::IsMember({"learned", "beta", "beta-tilde"}));
    app.add_option("--every", every_, "Evaluate every n-th step, which stands for those up to the next; 1 is exact")
        ->capture_default_str()
        ->check(CLI::PositiveNumber);
    app.add_option("--seed", seed_, "Seed of the noise")->capture_default_str();
  }

  void run(const std::atomic<bool>&) override {
    const TextureUnetConfig config = readConfig(model_);
    if (config.schedule.value("kind", "") == "flow") {
      throw Error(model_.string() + " is a flow: bits per dimension are reckoned for models of `rivulet-train ddpm`");
    }
    if (config.whitened) {
      throw Error(model_.string() +
                  " works on whitened pictures, whose values are no bytes: the bound says nothing of them");
    }
    TextureUnet network(config, at::kCPU, false);
    importWeights(model_, network);
    const std::unique_ptr<ExampleSource> source = openSource(data_, AugmentOptions());
    const std::size_t count = std::min(source->heldOutCount(), static_cast<std::size_t>(count_));
    std::vector<at::Tensor> pictures, labels;
    for (std::size_t i = 0; i < count; ++i) {
      const Batch one = source->heldOut(i * source->heldOutCount() / count);
      pictures.push_back(one.x0);
      labels.push_back(one.label);
    }
    const GaussianDiffusion diffusion(
        {config.schedule.at("kind").get<std::string>(), config.schedule.at("train_timesteps").get<int>()});
    const std::string chosen = !variance_.empty() ? variance_ : config.learnedVariance ? "learned" : "beta-tilde";
    const Variance variance = chosen == "learned" ? Variance::Learned
                              : chosen == "beta"  ? Variance::Beta
                                                  : Variance::BetaTilde;
    const Likelihood result = likelihood(diffusion, network, {at::cat(pictures), at::cat(labels), {}}, variance, every_,
                                         seed_, [](double done) {
                                           std::fprintf(stderr, "\r%5.1f %%", 100 * done);
                                           std::fflush(stderr);
                                         });
    double steps = 0;
    for (const double term : result.steps) steps += term;
    std::fprintf(stderr, "\r");
    std::printf("%s: %.4f bits/dim (%zu pictures, %s variance): decoder %.4f, steps %.4f, prior %.6f\n",
                model_.filename().string().c_str(), result.total, count, chosen.c_str(), result.decoder, steps,
                result.prior);
  }

 private:
  std::filesystem::path model_;
  DatasetOptions data_;
  int count_ = 256, every_ = 1;
  std::string variance_;
  std::uint64_t seed_ = 1;
};

}  // namespace

std::unique_ptr<Command> makeLikelihoodCommand(CLI::App& app) {
  return std::make_unique<LikelihoodCommand>(app);
}

}  // namespace rivulet::training
