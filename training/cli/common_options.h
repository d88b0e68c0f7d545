// The options every objective shares: data, run, optimiser, output.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <optional>
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

  // --loss-border, read into `border`, 8 unless it is given; 0 for IDX files, whose pictures are whole.
  void declareLossBorder(CLI::App& app, int& border);

  // Fills in what follows from what was given and sets the process up (threads). Call once, after parsing. Throws
  // Error, also where --resume finds no checkpoint, of the stage `first` where there are stages.
  void finish(std::optional<int> first = {});
  // The options of one stage of several: its weights, checkpoint and log have "-<number>" in their names.
  TrainerOptions stage(int number) const;
  // --dump-reference, where it was given.
  void writeReference(const Trainer& trainer) const;

 private:
  std::filesystem::path checkpoint_;
  std::string precision_ = "fp32", exportPrecision_ = "fp32";
  std::vector<std::string> rotateClasses_;
  int threads_ = 0;
  CLI::Option* borderOption_ = nullptr;  // none: the objective has no border
  int* border_ = nullptr;
};

}  // namespace rivulet::training
