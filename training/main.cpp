// rivulet-train: the command line. `rivulet-train flow` trains a texture network by flow matching.
#include <CLI/CLI.hpp>
#include <csignal>
#include <iostream>
#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include "training/error.h"
#include "training/evaluation/commands.h"
#include "training/export.h"
#include "training/reference_dump.h"
#include "training/trainer.h"

namespace {

using namespace rivulet::training;

std::atomic<bool> stopRequested{false};

void requestStop(int) {
  stopRequested.store(true);
}

struct FlowCommand {
  TrainerOptions options;
  std::string precision = "fp32", exportPrecision = "fp32", coupling = "independent";
  std::vector<std::string> rotateClasses;
  std::filesystem::path dumpReference;
  int threads = 0;
  bool resume = false;

  void declare(CLI::App& app);
  void run();
};

void FlowCommand::declare(CLI::App& app) {
  TrainerOptions& o = options;
  app.add_option("--data", o.data.root, "Folder of class folders of PNG or JPEG images")
      ->required()
      ->check(CLI::ExistingDirectory);
  app.add_option("--model", o.model, "Network")
      ->capture_default_str()
      ->check(CLI::IsMember({"texture_unet-s", "texture_unet-m"}));
  app.add_option("--out", o.out, "Weight file to write (.safetensors)")->required();
  app.add_option("--init", o.init, "Weight file to start from instead of random weights; same network and classes")
      ->check(CLI::ExistingFile);
  app.add_option("--steps", o.steps, "Training steps")->capture_default_str()->check(CLI::PositiveNumber);
  app.add_option("--time-limit", o.timeLimitMinutes,
                 "Minutes of training after which to end, learning rate decayed; 0: none")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  app.add_option("--batch", o.batch, "Images a step")->capture_default_str()->check(CLI::PositiveNumber);
  app.add_option("--lr", o.learningRate, "Peak learning rate")->capture_default_str()->check(CLI::PositiveNumber);
  app.add_option("--warmup", o.warmup, "Steps of linear warm-up")->capture_default_str()->check(CLI::NonNegativeNumber);
  app.add_option("--seed", o.seed, "Seed of everything random")->capture_default_str();
  app.add_option("--ema", o.ema, "Decay of the weights' average")->capture_default_str()->check(CLI::Range(0.0, 1.0));
  app.add_option("--class-dropout", o.flow.classDropout, "Part of the images trained without a class")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 1.0));
  app.add_option("--crop", o.data.crop, "Crop in pixels, a multiple of 8")
      ->capture_default_str()
      ->check(CLI::Range(8, 4096))
      ->check(
          [](const std::string& text) { return std::stoi(text) % 8 == 0 ? std::string() : "must be a multiple of 8"; });
  app.add_option("--inset", o.data.inset, "Pixels cut off each side of an image")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  app.add_option("--holdout", o.data.holdout, "Part of the images kept out of training")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 0.9));
  app.add_option("--palette-augment", o.augment.paletteAugment, "Part of the images given another image's palette")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 1.0));
  app.add_option("--style-noise", o.augment.styleNoise, "Noise on the styles, in units of their deviation")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  app.add_option("--rotate-classes", rotateClasses,
                 "Classes to turn by quarters and upside down (comma-separated; \"none\"). Default: common materials "
                 "without an up")
      ->delimiter(',');
  app.add_option("--loss-border", o.flow.border,
                 "Pixels along a crop's edges that the loss leaves out: crops do not tile")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  app.add_option("--coupling", coupling, "How noise is paired with images")
      ->capture_default_str()
      ->check(CLI::IsMember({"independent", "ot"}));
  app.add_option("--t-mean", o.flow.timeMean, "Mean of logit(t); t = 1 is noise")->capture_default_str();
  app.add_option("--t-deviation", o.flow.timeDeviation, "Deviation of logit(t)")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--t-uniform", o.flow.timeUniform, "Part of the images with t uniform instead")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 1.0));
  app.add_option("--device", o.device, "Where to train")->capture_default_str()->check(CLI::IsMember({"cpu", "cuda"}));
  app.add_option("--threads", threads, "CPU threads; 0: libtorch's choice")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  app.add_option("--precision", precision, "Precision of the convolutions")
      ->capture_default_str()
      ->check(CLI::IsMember({"fp32", "bf16"}));
  app.add_option("--checkpoint", o.checkpoint, "Checkpoint file (default: OUT.ckpt)");
  app.add_option("--checkpoint-every", o.checkpointEvery, "Steps between checkpoints (weights are exported too)")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_flag("--resume", resume, "Fail where there is no checkpoint (one that exists is always resumed)");
  app.add_option("--sample-every", o.sampleEvery, "Steps between sample sheets, in OUT's folder; 0: none")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  app.add_option("--log", o.log, "Log file, a JSON object a line (appended to)");
  app.add_option("--log-every", o.logEvery, "Steps between log lines")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--dump-reference", dumpReference, "Also write DIR/<OUT's name>/ for the runtime's verification");
  app.add_option("--export-precision", exportPrecision, "Type of the exported weights")
      ->capture_default_str()
      ->check(CLI::IsMember({"fp32", "fp16"}));
}

void FlowCommand::run() {
  if (options.checkpoint.empty()) options.checkpoint = options.out.string() + ".ckpt";
  if (resume && !std::filesystem::exists(options.checkpoint)) {
    throw Error("--resume: no checkpoint " + options.checkpoint.string());
  }
  const std::filesystem::path folder = options.out.parent_path();
  if (!folder.empty() && !std::filesystem::is_directory(folder)) {
    throw Error("--out: no such folder " + folder.string() + " (make it first)");
  }
  options.bf16 = precision == "bf16";
  options.exportHalf = exportPrecision == "fp16";
  options.flow.optimalTransport = coupling == "ot";
  options.augment.crop = options.data.crop;
  options.augment.rotateClasses = rotateClasses.empty()
                                      ? defaultRotateClasses()
                                      : std::set<std::string>(rotateClasses.begin(), rotateClasses.end());
  if (threads > 0) at::set_num_threads(threads);
  at::globalContext().setFlushDenormal(true);  // before the pool's threads, which inherit it
  std::signal(SIGINT, requestStop);
  std::signal(SIGTERM, requestStop);

  Trainer trainer(options);
  trainer.run(stopRequested);
  if (!dumpReference.empty()) {
    rivulet::training::dumpReference(dumpReference / options.out.stem(), trainer.average(),
                                     stylesJson(trainer.dataset()), options.seed);
  }
}

// The activations of a step are freed and asked for again at the next. Without this, glibc gives the larger ones back
// to the kernel each time, and a fifth of the run went into faulting them in again.
void keepFreedMemory() {
#if defined(__GLIBC__)
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
  mallopt(M_TOP_PAD, 256 << 20);
#endif
}

}  // namespace

int main(int argc, char** argv) {
  keepFreedMemory();
  CLI::App app("Trains Rivulet's texture networks on a folder of pictures.", "rivulet-train");
  app.set_version_flag("--version", std::string("rivulet-train ") + RIVULET_VERSION + " (libtorch " TORCH_VERSION ")");
  app.require_subcommand(1);
  FlowCommand flow;
  Run run;
  CLI::App* flowCommand = app.add_subcommand("flow", "Flow matching: a teacher that samples in any number of steps");
  flow.declare(*flowCommand);
  flowCommand->callback([&] { run = [&] { flow.run(); }; });
  addClassifier(app, run);
  addEvaluate(app, run);
  CLI11_PARSE(app, argc, argv);
  try {
    run();
  } catch (const std::exception& error) {
    std::cerr << "rivulet-train: " << error.what() << '\n';
    return 1;
  }
  return 0;
}
