#pragma once
// Where `--model NAME` looks.

#include <filesystem>
#include <string>
#include <vector>

namespace rivulet::cli {

/// Folders searched for a model's name, in order: those of RIVULET_MODELS (separated as in PATH), ./models, the
/// installed <prefix>/share/rivulet/models, and the source tree's models/ when the program runs from a build tree.
/// Existing ones only.
std::vector<std::filesystem::path> modelFolders();

/// `model` as a path if there is such a file or folder; else NAME.safetensors or the folder NAME in one of
/// modelFolders(). Errors: Io listing the folders searched and the models found in them.
std::filesystem::path findModel(const std::string& model);

}  // namespace rivulet::cli
