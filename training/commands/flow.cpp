// rivulet-train flow: a teacher that samples in any number of steps.
#include "training/cli/common_options.h"
#include "training/commands/command.h"
#include "training/flow_objective.h"

namespace rivulet::training {
namespace {

class FlowCommand : public Command {
 public:
  explicit FlowCommand(CLI::App& app) {
    common_.declare(app);
    common_.declareModel(app);
    app.add_option("--class-dropout", options_.classDropout, "Part of the images trained without a class")
        ->capture_default_str()
        ->check(CLI::Range(0.0, 1.0));
    common_.declareLossBorder(app, options_.border);
    app.add_option("--coupling", coupling_, "How noise is paired with images")
        ->capture_default_str()
        ->check(CLI::IsMember({"independent", "ot"}));
    app.add_option("--t-mean", options_.timeMean, "Mean of logit(t); t = 1 is noise")->capture_default_str();
    app.add_option("--t-deviation", options_.timeDeviation, "Deviation of logit(t)")
        ->capture_default_str()
        ->check(CLI::PositiveNumber);
    app.add_option("--t-uniform", options_.timeUniform, "Part of the images with t uniform instead")
        ->capture_default_str()
        ->check(CLI::Range(0.0, 1.0));
  }

  void run(const std::atomic<bool>& stop) override {
    common_.finish();
    options_.optimalTransport = coupling_ == "ot";
    Trainer trainer(common_.trainer, std::make_unique<FlowObjective>(options_));
    trainer.run(stop);
    common_.writeReference(trainer);
  }

 private:
  CommonOptions common_;
  FlowOptions options_;
  std::string coupling_ = "independent";
};

}  // namespace

std::unique_ptr<Command> makeFlowCommand(CLI::App& app) {
  return std::make_unique<FlowCommand>(app);
}

}  // namespace rivulet::training
