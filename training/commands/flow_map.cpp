// rivulet-train flow-map: an any-step student of a flow-matching teacher.
#include "training/cli/common_options.h"
#include "training/commands/command.h"
#include "training/flow_map_objective.h"

namespace rivulet::training {
namespace {

class FlowMapCommand : public Command {
 public:
  explicit FlowMapCommand(CLI::App& app) {
    FlowMapOptions& o = options_;
    common_.declare(app);
    app.add_option("--teacher", teacher_, "Weight file of `rivulet-train flow` to distil")
        ->required()
        ->check(CLI::ExistingFile);
    app.add_option("--model", o.student,
                   "The student's network: texture_unet-xs, -s or -m, no narrower than what it starts from; the "
                   "teacher's unless given");
    app.add_option("--init", common_.trainer.init, "Weight file to start from instead of the teacher's")
        ->check(CLI::ExistingFile);
    app.add_option("--class-dropout", o.flow.classDropout, "Part of the images trained without a class")
        ->capture_default_str()
        ->check(CLI::Range(0.0, 1.0));
    common_.declareLossBorder(app, o.flow.border);
    app.add_option("--anchor-part", o.anchorPart, "Part of the batch for plain flow matching on the data")
        ->capture_default_str()
        ->check(CLI::Range(0.0, 1.0));
    app.add_option("--trajectory-part", o.trajectoryPart, "Part of the batch for jumps on the teacher's trajectories")
        ->capture_default_str()
        ->check(CLI::Range(0.0, 1.0));
    app.add_option("--trajectory-steps", o.trajectories.solverSteps,
                   "Solver steps of the teacher for an eighth of a trajectory")
        ->capture_default_str()
        ->check(CLI::PositiveNumber);
    app.add_option("--trajectory-rounds", o.trajectories.rounds, "Rounds of eight trajectories that are kept for use")
        ->capture_default_str()
        ->check(CLI::PositiveNumber);
    app.add_option("--teacher-part", o.teacherPart, "Part of the batch for short jumps, the teacher's")
        ->capture_default_str()
        ->check(CLI::Range(0.0, 1.0));
    app.add_option("--teacher-span", o.teacherSpan, "Longest jump that is the teacher's; longer ones are two halves")
        ->capture_default_str()
        ->check(CLI::Range(0.001, 1.0));
    app.add_option("--teacher-steps", o.teacherSteps, "Solver steps of the teacher for a short jump")
        ->capture_default_str()
        ->check(CLI::PositiveNumber);
    app.add_option("--grid-part", o.gridPart,
                   "Part of the jumps on trajectories that are on the grids of 1, 2, 4 and 8 equal steps")
        ->capture_default_str()
        ->check(CLI::Range(0.0, 1.0));
    app.add_option("--noise-part", o.noisePart, "Part of the long jumps that start at t = 1")
        ->capture_default_str()
        ->check(CLI::Range(0.0, 1.0));
    app.add_option("--curriculum", o.curriculum, "Part of the run over which the longest jump grows to 1")
        ->capture_default_str()
        ->check(CLI::Range(0.0, 1.0));
    app.add_option("--guidance", guidance_, "Least and greatest guidance weight the student learns")
        ->capture_default_str()
        ->expected(2)
        ->check(CLI::Range(0.0, 10.0));
    app.add_option("--huber", o.huber, "c of the pseudo-Huber loss, in units of velocity")
        ->capture_default_str()
        ->check(CLI::PositiveNumber);
    app.add_option("--clip", o.clip, "Targets are clipped to this many deviations of the data")
        ->capture_default_str()
        ->check(CLI::PositiveNumber);
  }

  void run(const std::atomic<bool>& stop) override {
    common_.finish();
    options_.leastGuidance = std::min(guidance_[0], guidance_[1]);
    options_.mostGuidance = std::max(guidance_[0], guidance_[1]);
    TrainerOptions& options = common_.trainer;
    if (options.init.empty()) options.init = teacher_;
    auto teacher = std::make_shared<Teacher>(teacher_, deviceNamed(options.device), options.bf16);
    Trainer trainer(options, std::make_unique<FlowMapObjective>(options_, std::move(teacher)));
    trainer.run(stop);
    common_.writeReference(trainer);
  }

 private:
  CommonOptions common_;
  FlowMapOptions options_;
  std::filesystem::path teacher_;
  std::vector<double> guidance_ = {1.0, 3.0};
};

}  // namespace

std::unique_ptr<Command> makeFlowMapCommand(CLI::App& app) {
  return std::make_unique<FlowMapCommand>(app);
}

}  // namespace rivulet::training
