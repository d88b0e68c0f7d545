#include "rivulet/plugin_library.h"

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <vector>

#include "rivulet/shared_library.h"

namespace demo {
namespace fs = std::filesystem;
namespace {

#if defined(_WIN32)
constexpr const char* kLibrary = "rivulet-plugin.dll";
#elif defined(__APPLE__)
constexpr const char* kLibrary = "librivulet-plugin.0.dylib";
#else
constexpr const char* kLibrary = "librivulet-plugin.so.0";
#endif

std::string environment(const char* name) {
  const char* const value = std::getenv(name);
  return value ? value : "";
}

std::string listed(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += "\n  " + line;
  return text;
}

}  // namespace

std::string folderOfProgram(const char* argv0) {
  std::error_code error;
  fs::path path = fs::read_symlink("/proc/self/exe", error);
  if (error) path = fs::absolute(argv0, error);
  return path.parent_path().string();
}

rivulet::Plugin openPlugin(const std::string& path, const std::string& programFolder) {
  std::vector<std::string> candidates;
  if (const std::string named = path.empty() ? environment("RIVULET_PLUGIN") : path; !named.empty()) {
    candidates = {named};
  } else {
    const fs::path folder = programFolder;
    for (const fs::path& place : {folder, folder / "../plugin", folder / "../lib"}) {
      candidates.push_back((place / kLibrary).lexically_normal().string());
    }
    candidates.push_back(kLibrary);  // where the system looks
  }

  static SharedLibrary library;
  std::vector<std::string> reasons;
  for (const std::string& candidate : candidates) {
    std::string reason;
    if (!library.open(candidate, reason)) {
      reasons.push_back(reason);
      continue;
    }
    const auto getApi = library.function<PFN_rvlGetApi>("rvlGetApi");
    if (!getApi) throw std::runtime_error(candidate + " is not Rivulet's plugin: it has no function rvlGetApi");
    return rivulet::Plugin(getApi(RVL_API_VERSION));
  }
  throw std::runtime_error("Rivulet's plugin cannot be opened. Tried:" + listed(reasons) +
                           "\nBuild it (target rivulet-plugin), or say where it is with --plugin or RIVULET_PLUGIN.");
}

}  // namespace demo
