// rivulet-train reflow: a student with a straighter flow, from the pairs its teacher makes; in rounds.
#include "training/cli/common_options.h"
#include "training/commands/command.h"
#include "training/reflow_objective.h"

namespace rivulet::training {
namespace {

class ReflowCommand : public Command {
 public:
  explicit ReflowCommand(CLI::App& app) {
    ReflowOptions& o = options_;
    common_.declare(app);
    app.add_option("--teacher", teacher_, "Weight file of `rivulet-train flow`; the student is its network")
        ->required()
        ->check(CLI::ExistingFile);
    app.add_option("--rounds", rounds_,
                   "Times to do it, each from the last one's student. --steps and --time-limit are a round's; all but "
                   "the last write OUT-<round>")
        ->capture_default_str()
        ->check(CLI::Range(1, 100));
    app.add_option("--guidance", guidance_,
                   "The teacher's guidance weight in the first round; the student has it built in")
        ->capture_default_str()
        ->check(CLI::Range(0.0, 10.0));
    app.add_option("--teacher-steps", o.pairs.solverSteps, "Solver steps of the teacher for a pair")
        ->capture_default_str()
        ->check(CLI::PositiveNumber);
    app.add_option("--pairs-kept", o.pairs.rounds,
                   "Latest pairs to draw from, in eights; eight are made every eight steps")
        ->capture_default_str()
        ->check(CLI::PositiveNumber);
    app.add_option("--class-dropout", o.pairs.classDropout, "Part of the pairs made without a class")
        ->capture_default_str()
        ->check(CLI::Range(0.0, 1.0));
  }

  void run(const std::atomic<bool>& stop) override {
    common_.finish(rounds_ > 1 ? std::optional<int>(1) : std::nullopt);
    std::filesystem::path teacherFile = teacher_;
    for (int round = 1; round <= rounds_; ++round) {
      TrainerOptions options = round < rounds_ ? common_.stage(round) : common_.trainer;
      auto teacher = std::make_shared<Teacher>(teacherFile, deviceNamed(options.device), options.bf16);
      options.init = teacherFile;
      ReflowOptions reflow = options_;
      // Once distilled, guidance is in the weights.
      reflow.pairs.leastGuidance = reflow.pairs.mostGuidance = round == 1 ? guidance_ : 1.0;
      Trainer trainer(options, std::make_unique<ReflowObjective>(reflow, std::move(teacher)));
      if (!trainer.finished() && !trainer.run(stop)) return;  // a finished one is not sampled and logged again
      if (round == rounds_) common_.writeReference(trainer);
      teacherFile = options.out;
    }
  }

 private:
  CommonOptions common_;
  ReflowOptions options_;
  std::filesystem::path teacher_;
  int rounds_ = 1;
  double guidance_ = 1.0;
};

}  // namespace

std::unique_ptr<Command> makeReflowCommand(CLI::App& app) {
  return std::make_unique<ReflowCommand>(app);
}

}  // namespace rivulet::training
