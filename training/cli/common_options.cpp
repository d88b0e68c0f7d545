#include "training/cli/common_options.h"

#include "training/error.h"
#include "training/export.h"
#include "training/idx_source.h"
#include "training/reference_dump.h"

namespace rivulet::training {

void CommonOptions::declareModel(CLI::App& app) {
  app.add_option("--model", trainer.model, "Network")
      ->capture_default_str()
      ->check(CLI::IsMember({"texture_unet-xs", "texture_unet-s", "texture_unet-m"}));
  app.add_option("--init", trainer.init,
                 "Weight file to start from instead of random weights; same network and classes")
      ->check(CLI::ExistingFile);
}

void CommonOptions::declare(CLI::App& app) {
  TrainerOptions& o = trainer;
  app.add_option("--data", o.data.root, "Folder of class folders of PNG or JPEG images, or of IDX files")
      ->required()
      ->check(CLI::ExistingDirectory);
  app.add_option("--out", o.out, "Weight file to write (.safetensors)")->required();
  app.add_option("--steps", o.steps, "Training steps")->capture_default_str()->check(CLI::PositiveNumber);
  app.add_option("--time-limit", o.timeLimitMinutes,
                 "Minutes of training after which to end, learning rate decayed; 0: none")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  app.add_option("--batch", o.batch, "Images a step, in each process")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--accumulate", o.accumulate,
                 "Batches a step, one after another: as many processes with one each do the same")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--lr", o.learningRate, "Peak learning rate")->capture_default_str()->check(CLI::PositiveNumber);
  app.add_option("--warmup", o.warmup, "Steps of linear warm-up")->capture_default_str()->check(CLI::NonNegativeNumber);
  app.add_option("--seed", o.seed, "Seed of everything random")->capture_default_str();
  app.add_option("--ema", o.ema, "Decay of the weights' average")->capture_default_str()->check(CLI::Range(0.0, 1.0));
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
  app.add_option("--rotate-classes", rotateClasses_,
                 "Classes to turn by quarters and upside down (comma-separated; \"none\"). Default: common materials "
                 "without an up")
      ->delimiter(',');
  app.add_option("--device", o.device, "Where to train")->capture_default_str()->check(CLI::IsMember({"cpu", "cuda"}));
  app.add_option("--threads", threads_, "CPU threads; 0: libtorch's choice")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  app.add_option("--precision", precision_, "Precision of the convolutions")
      ->capture_default_str()
      ->check(CLI::IsMember({"fp32", "bf16"}));
  app.add_option("--checkpoint", checkpoint_, "Checkpoint file (default: OUT.ckpt)");
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
  app.add_option("--export-precision", exportPrecision_, "Type of the exported weights")
      ->capture_default_str()
      ->check(CLI::IsMember({"fp32", "fp16"}));
}

void CommonOptions::declareLossBorder(CLI::App& app, int& border) {
  border_ = &border;
  borderOption_ = app.add_option("--loss-border", border,
                                 "Pixels along a crop's edges that the loss leaves out: crops do not tile. 0 for IDX "
                                 "files, unless it is given")
                      ->capture_default_str()
                      ->check(CLI::NonNegativeNumber);
}

TrainerOptions CommonOptions::stage(int number) const {
  const auto numbered = [&](const std::filesystem::path& path) {
    const std::string name = path.stem().string() + "-" + std::to_string(number) + path.extension().string();
    return path.empty() ? path : path.parent_path() / name;
  };
  TrainerOptions options = trainer;
  options.out = numbered(trainer.out);
  options.log = numbered(trainer.log);
  options.checkpoint =
      checkpoint_.empty() ? std::filesystem::path(options.out.string() + ".ckpt") : numbered(checkpoint_);
  return options;
}

void CommonOptions::finish(std::optional<int> first) {
  TrainerOptions& o = trainer;
  o.checkpoint = checkpoint_.empty() ? std::filesystem::path(o.out.string() + ".ckpt") : checkpoint_;
  const std::filesystem::path checkpoint = first ? stage(*first).checkpoint : o.checkpoint;
  o.processes = std::make_shared<const DataParallel>(DataParallel::fromEnvironment(deviceNamed(o.device)));
  if (resume && o.processes->leads() && !std::filesystem::exists(checkpoint)) {
    throw Error("--resume: no checkpoint " + checkpoint.string());
  }
  const std::filesystem::path folder = o.out.parent_path();
  if (!folder.empty() && !std::filesystem::is_directory(folder)) {
    throw Error("--out: no such folder " + folder.string() + " (make it first)");
  }
  o.bf16 = precision_ == "bf16";
  o.exportHalf = exportPrecision_ == "fp16";
  o.augment.crop = o.data.crop;
  o.augment.rotateClasses = rotateClasses_.empty()
                                ? defaultRotateClasses()
                                : std::set<std::string>(rotateClasses_.begin(), rotateClasses_.end());
  if (borderOption_ && borderOption_->empty() && IdxSource::isIdx(o.data.root)) *border_ = 0;
  if (threads_ > 0) at::set_num_threads(threads_);
  at::globalContext().setFlushDenormal(true);  // before the pool's threads, which inherit it
}

void CommonOptions::writeReference(const Trainer& trained) const {
  if (dumpReference.empty() || !trainer.processes->leads()) return;
  rivulet::training::dumpReference(dumpReference / trainer.out.stem(), trained.average(), trained.source().stylesJson(),
                                   trainer.seed);
}

}  // namespace rivulet::training
