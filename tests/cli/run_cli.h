#pragma once
// Runs the built program and reads what it says.

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#ifndef _WIN32
#include <sys/wait.h>
#endif

#include "support/temporary_folder.h"

namespace rivulet::test {

struct CliResult {
  int status = -1;
  std::string out, err;
};

/// One folder for the whole test program: compiled pipelines are found again, and the user's own cache is left alone.
inline const TemporaryFolder& cliFolder() {
  static const TemporaryFolder folder;
  return folder;
}

inline std::string readText(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// `arguments` as a shell reads them; `environment` as VARIABLE=value words.
inline CliResult runCli(const std::string& arguments, const std::string& environment = "") {
  const std::filesystem::path out = cliFolder() / "stdout", err = cliFolder() / "stderr";
  const std::string command = "RIVULET_CACHE_DIR='" + (cliFolder() / "cache").string() + "' " + environment +
                              " '" RIVULET_CLI "' " + arguments + " >'" + out.string() + "' 2>'" + err.string() +
                              "' </dev/null";
  const int status = std::system(command.c_str());
  CliResult result;
#ifndef _WIN32
  result.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
#else
  result.status = status;
#endif
  result.out = readText(out);
  result.err = readText(err);
  return result;
}

inline std::string quoted(const std::filesystem::path& path) {
  return "'" + path.string() + "'";
}

}  // namespace rivulet::test
