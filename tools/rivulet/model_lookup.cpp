#include "model_lookup.h"

#include <algorithm>
#include <cstdlib>
#include <system_error>

#include "core/error.h"

#ifdef _WIN32
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#elif defined(__APPLE__)
#include <mach-o/dyld.h>
#endif

namespace rivulet::cli {
namespace {

namespace fs = std::filesystem;

fs::path executablePath() {
  std::error_code error;
#ifdef _WIN32
  wchar_t buffer[32768];
  const DWORD length = GetModuleFileNameW(nullptr, buffer, static_cast<DWORD>(std::size(buffer)));
  return fs::path(std::wstring(buffer, length));
#elif defined(__APPLE__)
  char buffer[4096];
  std::uint32_t size = sizeof buffer;
  return _NSGetExecutablePath(buffer, &size) == 0 ? fs::weakly_canonical(buffer, error) : fs::path();
#else
  return fs::read_symlink("/proc/self/exe", error);
#endif
}

bool isModel(const fs::path& path) {
  std::error_code error;
  if (fs::is_directory(path, error))
    return fs::exists(path / "config.json", error) || fs::exists(path / "model_index.json", error);
  return path.extension() == ".safetensors" && fs::is_regular_file(path, error);
}

std::vector<std::string> modelsIn(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    if (isModel(it->path())) names.push_back(it->path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

std::vector<fs::path> modelFolders() {
  std::vector<fs::path> candidates;
  if (const char* variable = std::getenv("RIVULET_MODELS")) {
#ifdef _WIN32
    constexpr char kSeparator = ';';
#else
    constexpr char kSeparator = ':';
#endif
    std::string list = variable;
    for (std::size_t start = 0; start <= list.size();) {
      const std::size_t end = std::min(list.find(kSeparator, start), list.size());
      if (end > start) candidates.emplace_back(list.substr(start, end - start));
      start = end + 1;
    }
  }
  candidates.emplace_back("models");
  if (const fs::path program = executablePath(); !program.empty()) {
    const fs::path bin = program.parent_path();
    candidates.push_back((bin / "../share/rivulet/models").lexically_normal());
    candidates.push_back((bin / "../../../models").lexically_normal());  // <source>/build/<preset>/bin
  }
  std::vector<fs::path> folders;
  std::error_code error;
  for (const fs::path& folder : candidates) {
    if (!fs::is_directory(folder, error)) continue;
    const bool seen = std::any_of(folders.begin(), folders.end(),
                                  [&](const fs::path& f) { return fs::equivalent(f, folder, error); });
    if (!seen) folders.push_back(folder);
  }
  return folders;
}

fs::path findModel(const std::string& model) {
  std::error_code error;
  if (fs::exists(model, error)) return model;
  const fs::path asPath = model;
  const bool plainName = !model.empty() && !asPath.has_parent_path();
  const std::vector<fs::path> folders = modelFolders();
  std::string known, searched;
  for (const fs::path& folder : folders) {
    if (plainName) {
      for (const fs::path& candidate : {folder / model, folder / (model + ".safetensors")}) {
        if (isModel(candidate)) return candidate;
      }
    }
    for (const std::string& name : modelsIn(folder)) known += (known.empty() ? "" : ", ") + name;
    searched += (searched.empty() ? "" : ", ") + folder.string();
  }
  throw Error(ErrorCode::Io,
              "no model '" + model + "': it is neither a file or folder nor the name of a model in " +
                  (searched.empty() ? std::string("a models folder (none was found; RIVULET_MODELS can name some)")
                                    : searched + " (which " + (known.empty() ? "holds none" : "holds " + known) + ")"));
}

}  // namespace rivulet::cli
