// rivulet-train ddpm: denoising diffusion, with a fixed or a learned variance.
#include "training/cli/common_options.h"
#include "training/commands/command.h"
#include "training/ddpm_objective.h"

namespace rivulet::training {
namespace {

class DdpmCommand : public Command {
 public:
  explicit DdpmCommand(CLI::App& app) {
    common_.declare(app);
    common_.declareModel(app);
    app.add_option("--prediction", options_.prediction, "What the network says")
        ->capture_default_str()
        ->check(CLI::IsMember({"epsilon", "v", "sample"}));
    app.add_option("--schedule", options_.diffusion.schedule, "How noise grows with the steps")
        ->capture_default_str()
        ->check(CLI::IsMember({"vp_linear", "vp_cosine"}));
    app.add_option("--diffusion-steps", options_.diffusion.steps, "T, steps from data to noise")
        ->capture_default_str()
        ->check(CLI::Range(2, 10000));
    app.add_flag("--learned-variance", options_.learnedVariance,
                 "The network says the variance of each step too, trained by the variational bound");
    app.add_option("--bound-weight", options_.boundWeight, "Weight of the bound beside the mean square error")
        ->capture_default_str()
        ->check(CLI::NonNegativeNumber);
    app.add_option("--timesteps", timesteps_, "How the steps of a batch are drawn: evenly, or in proportion to losses")
        ->capture_default_str()
        ->check(CLI::IsMember({"uniform", "importance"}));
    app.add_option("--class-dropout", options_.classDropout, "Part of the images trained without a class")
        ->capture_default_str()
        ->check(CLI::Range(0.0, 1.0));
    common_.declareLossBorder(app, options_.border);
  }

  void run(const std::atomic<bool>& stop) override {
    common_.finish();
    options_.importance = timesteps_ == "importance";
    Trainer trainer(common_.trainer, std::make_unique<DdpmObjective>(options_));
    trainer.run(stop);
    common_.writeReference(trainer);
  }

 private:
  CommonOptions common_;
  DdpmOptions options_;
  std::string timesteps_ = "uniform";
};

}  // namespace

std::unique_ptr<Command> makeDdpmCommand(CLI::App& app) {
  return std::make_unique<DdpmCommand>(app);
}

}  // namespace rivulet::training
