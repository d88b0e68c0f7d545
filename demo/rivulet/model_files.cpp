#include "rivulet/model_files.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <stdexcept>

namespace demo {
namespace fs = std::filesystem;
namespace {

#if defined(_WIN32)
constexpr char kListSeparator = ';';
#else
constexpr char kListSeparator = ':';
#endif
constexpr const char* kExtension = ".safetensors";
// What the demo shows unless told otherwise, the best first: one that needs few steps.
constexpr const char* kDefaults[] = {"materials-s", "materials-s-teacher"};

std::vector<fs::path> modelFolders(const std::string& programFolder) {
  std::vector<fs::path> folders;
  const char* const value = std::getenv("RIVULET_MODELS");
  const std::string list = value ? value : "";
  for (std::size_t begin = 0; begin < list.size();) {
    const std::size_t end = std::min(list.find(kListSeparator, begin), list.size());
    if (end > begin) folders.emplace_back(list.substr(begin, end - begin));
    begin = end + 1;
  }
  folders.emplace_back("models");
  fs::path up = programFolder;
  for (int level = 0; level < 4; ++level, up = up.parent_path()) {
    folders.push_back(up / "models");
    folders.push_back(up / "share/rivulet/models");
  }
  return folders;
}

std::optional<std::string> find(const std::string& model, const std::vector<fs::path>& folders) {
  std::vector<fs::path> candidates = {model};
  if (!fs::path(model).has_parent_path()) {
    for (const fs::path& folder : folders) {
      candidates.push_back(folder / model);
      candidates.push_back(folder / (model + kExtension));
    }
  }
  std::error_code error;
  for (const fs::path& candidate : candidates) {
    if (fs::exists(candidate, error)) return candidate.string();
  }
  return std::nullopt;
}

}  // namespace

std::string findModel(const std::string& model, const std::string& programFolder) {
  const std::vector<fs::path> folders = modelFolders(programFolder);
  if (!model.empty()) {
    if (const auto found = find(model, folders)) return *found;
  } else {
    for (const char* const name : kDefaults) {
      if (const auto found = find(name, folders)) return *found;
    }
  }
  std::string places;
  if (!fs::path(model).has_parent_path()) {
    places = ". Looked in:";
    for (const fs::path& folder : folders) places += "\n  " + fs::absolute(folder).lexically_normal().string();
  }
  throw std::runtime_error("there is no model " + (model.empty() ? std::string(kDefaults[0]) : model) + places +
                           "\nGive the path of a weight file with --model, or its folder in RIVULET_MODELS.");
}

std::vector<std::string> listModels(const std::string& programFolder) {
  std::vector<std::string> names;
  std::error_code error;
  for (const fs::path& folder : modelFolders(programFolder)) {
    for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
      if (entry.path().extension() == kExtension) names.push_back(entry.path().stem().string());
    }
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

}  // namespace demo
