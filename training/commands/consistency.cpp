// rivulet-train consistency: one-step samples from a network trained by flow matching, without a teacher.
#include "training/cli/common_options.h"
#include "training/commands/command.h"
#include "training/consistency_objective.h"

namespace rivulet::training {
namespace {

class ConsistencyCommand : public Command {
 public:
  explicit ConsistencyCommand(CLI::App& app) {
    ConsistencyOptions& o = options_;
    common_.declare(app);
    common_.declareModel(app);
    app.get_option("--init")->required();  // it is a way of tuning: from nothing it would need many times as long
    app.add_option("--stages", o.stages, "Times the gap between the two points of a pair is halved")
        ->capture_default_str()
        ->check(CLI::Range(1, 20));
    app.add_option("--class-dropout", o.flow.classDropout, "Part of the images trained without a class")
        ->capture_default_str()
        ->check(CLI::Range(0.0, 1.0));
    common_.declareLossBorder(app, o.flow.border);
    app.add_option("--t-mean", o.flow.timeMean, "Mean of logit(t); t = 1 is noise")->capture_default_str();
    app.add_option("--t-deviation", o.flow.timeDeviation, "Deviation of logit(t)")
        ->capture_default_str()
        ->check(CLI::PositiveNumber);
    app.add_option("--t-uniform", o.flow.timeUniform, "Part of the images with t uniform instead")
        ->capture_default_str()
        ->check(CLI::Range(0.0, 1.0));
    app.add_option("--huber", o.huber, "c of the pseudo-Huber loss, in units of the data's deviation")
        ->capture_default_str()
        ->check(CLI::PositiveNumber);
  }

  void run(const std::atomic<bool>& stop) override {
    common_.finish();
    Trainer trainer(common_.trainer, std::make_unique<ConsistencyObjective>(options_));
    trainer.run(stop);
    common_.writeReference(trainer);
  }

 private:
  CommonOptions common_;
  ConsistencyOptions options_;
};

}  // namespace

std::unique_ptr<Command> makeConsistencyCommand(CLI::App& app) {
  return std::make_unique<ConsistencyCommand>(app);
}

}  // namespace rivulet::training
