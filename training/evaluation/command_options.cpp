#include <CLI/CLI.hpp>
#include <chrono>
#include <ctime>

#include "training/error.h"
#include "training/evaluation/commands.h"
#include "training/evaluation/image_set.h"

namespace rivulet::training {

void addImageSetOptions(CLI::App& command, ImageSetOptions& options) {
  command
      .add_option("--data", options.root,
                  "Folder of class folders of PNG or JPEG images, or of the IDX files of the MNIST family")
      ->required()
      ->check(CLI::ExistingDirectory);
  command.add_option("--inset", options.inset, "Pixels cut off each side of an image")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  CLI::Option* holdout =
      command.add_option("--holdout", options.holdout, "Part of the images held out, as for training")
          ->capture_default_str()
          ->check(CLI::Range(0.0, 0.9));
  command
      .add_option("--heldout", options.heldOutList,
                  "Instead of --holdout: a text file that lists the images held out, a \"class/file name\" a line")
      ->check(CLI::ExistingFile)
      ->excludes(holdout);
}

void checkFolderOf(const char* option, const std::string& file) {
  const std::filesystem::path folder = std::filesystem::path(file).parent_path();
  if (!folder.empty() && !std::filesystem::is_directory(folder)) {
    throw Error(std::string(option) + ": no such folder " + folder.string() + " (make it first)");
  }
}

std::string today() {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  char text[16];
  std::strftime(text, sizeof text, "%Y-%m-%d", std::gmtime(&now));
  return text;
}

}  // namespace rivulet::training
