// The options every objective shares: data, run, optimiser, output.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <string>
#include <vector>

#include "training/trainer.h"

namespace rivulet::training {

struct CommonOptions {
  TrainerOptions trainer;
  std::filesystem::path dumpReference;
  bool resume = false;

  void declare(CLI::App& app);
  // --model and --init: for objectives that start from nothing. Others take both from their teacher.
  void declareModel(CLI::App& app);

  // Fills in what follows from what was given and sets the process up (threads). Call once, after parsing; throws
  // Error.
  void finish();
  // --dump-reference, where it was given.
  void writeReference(const Trainer& trainer) const;

 private:
  std::string precision_ = "fp32", exportPrecision_ = "fp32";
  std::vector<std::string> rotateClasses_;
  int threads_ = 0;
};

}  // namespace rivulet::training
