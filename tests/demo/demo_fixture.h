#pragma once
// Runs the demo as a user does, from a shell, and keeps what it says.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>

#include "support/gpu_fixture.h"
#include "support/temporary_folder.h"

namespace rivulet::test {

class Demo : public testing::Test {
 protected:
  struct Outcome {
    int status = -1;
    std::string log;
  };
  /// `environment`: words before the command.
  Outcome run(const std::string& arguments, const std::string& environment = "") const {
    const std::filesystem::path log = folder_ / "log";
    const std::string command = "RIVULET_MODELS='" RIVULET_SOURCE_DIR "/models' " + environment +
                                " '" RIVULET_DEMO "' " + arguments + " >'" + log.string() + "' 2>&1 </dev/null";
    const int status = std::system(command.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read(log)};
  }
  /// For a small picture in the test's own folder.
  std::string out() const { return " --headless --width 320 --height 200 --out '" + folder_.path().string() + "' "; }
  std::string script(const std::string& text) const {
    std::ofstream(folder_ / "script.txt") << text;
    return " --every 0 --script '" + (folder_ / "script.txt").string() + "' ";
  }
  nlohmann::json report(const std::string& name) const { return nlohmann::json::parse(read(folder_ / name)); }
  static std::string read(const std::filesystem::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  static std::string validation() { return validationInstalled() ? " --validation " : ""; }

  TemporaryFolder folder_;
};

}  // namespace rivulet::test
