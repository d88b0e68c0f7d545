// rivulet-train progressive: students of half as many steps as their teacher, stage after stage.
#include "training/cli/common_options.h"
#include "training/commands/command.h"
#include "training/error.h"
#include "training/progressive_objective.h"

namespace rivulet::training {
namespace {

class ProgressiveCommand : public Command {
 public:
  explicit ProgressiveCommand(CLI::App& app) {
    common_.declare(app);
    app.add_option("--teacher", teacher_, "Weight file of `rivulet-train flow`; the students are its network")
        ->required()
        ->check(CLI::ExistingFile);
    app.add_option("--from-steps", from_, "Steps of the teacher. The first student has half of them")
        ->capture_default_str()
        ->check(CLI::Range(2, 1024));
    app.add_option(
           "--to-steps", to_,
           "Steps of the last student. A student of N steps is written to OUT-<N>; --steps and --time-limit are "
           "each student's")
        ->capture_default_str()
        ->check(CLI::Range(1, 512));
    app.add_option("--guidance", options_.guidance, "The teacher's guidance weight; the students have it built in")
        ->capture_default_str()
        ->check(CLI::Range(0.0, 10.0));
    app.add_option("--class-dropout", options_.classDropout, "Part of the images trained without a class")
        ->capture_default_str()
        ->check(CLI::Range(0.0, 1.0));
  }

  void run(const std::atomic<bool>& stop) override {
    std::vector<int> stages;
    for (int steps = from_; steps > to_ && steps % 2 == 0;) stages.push_back(steps /= 2);
    if (stages.empty() || stages.back() != to_) {
      throw Error("--from-steps " + std::to_string(from_) + " halved again and again does not come to --to-steps " +
                  std::to_string(to_) + ": use for example 16 and 1");
    }
    common_.finish(stages.front());
    std::filesystem::path teacherFile = teacher_;
    for (const int steps : stages) {
      TrainerOptions options = common_.stage(steps);
      auto teacher = std::make_shared<Teacher>(teacherFile, deviceNamed(options.device), options.bf16);
      options.init = teacherFile;
      ProgressiveOptions stage = options_;
      stage.steps = steps;
      if (steps != stages.front()) stage.guidance = 1.0;  // it is in the teacher's weights by now
      Trainer trainer(options, std::make_unique<ProgressiveObjective>(stage, std::move(teacher)));
      if (!trainer.finished() && !trainer.run(stop)) return;  // a finished one is not sampled and logged again
      if (steps == to_) common_.writeReference(trainer);
      teacherFile = options.out;
    }
  }

 private:
  CommonOptions common_;
  ProgressiveOptions options_;
  std::filesystem::path teacher_;
  int from_ = 16, to_ = 1;
};

}  // namespace

std::unique_ptr<Command> makeProgressiveCommand(CLI::App& app) {
  return std::make_unique<ProgressiveCommand>(app);
}

}  // namespace rivulet::training
