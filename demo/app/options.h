// The command line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace demo {

struct Options {
  bool headless = false;
  std::uint32_t frames = 0;  // 0: until the window is closed, or the script ends
  std::string out;           // a folder for frames, screenshots and timing.csv
  std::string script;
  std::string model;
  std::string plugin, device;
  std::string settings;  // a file; empty: the user's, or none without a window
  bool validation = false;
  bool interface = true;
  bool vsync = true;
  std::uint32_t every = 1;  // headless: writes every so many frames
  std::uint32_t width = 1280, height = 720;
  std::vector<std::string> set;  // NAME=VALUE, controls as scripts set them
};

/// The exit status to leave with, if there is no demo to run: --help was given, or something was wrong.
std::optional<int> parseOptions(int argc, char** argv, Options& options);

}  // namespace demo
