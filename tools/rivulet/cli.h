#pragma once
// What the subcommands share. Each lives in a file of its own and adds itself to the application; the one that was
// chosen leaves what is to be done in `run`.

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "tensor/tensor_desc.h"
#include "vk/device.h"

namespace rivulet::cli {

// Exit statuses. kFailed: a check did not hold, or the device failed. kBadInput: usage, arguments or files.
constexpr int kOk = 0, kFailed = 1, kBadInput = 2;

/// Options before or after the subcommand.
struct Globals {
  std::string device;
  bool validation = false;
  std::vector<std::string> disable;
};

using Run = std::function<int()>;

void addBench(CLI::App& app, const Globals& globals, Run& run);
void addDevices(CLI::App& app, const Globals& globals, Run& run);
void addGenerate(CLI::App& app, const Globals& globals, Run& run);
void addInspect(CLI::App& app, const Globals& globals, Run& run);
void addQuantize(CLI::App& app, const Globals& globals, Run& run);
void addVerify(CLI::App& app, const Globals& globals, Run& run);

/// The device that --device names, with validation where --validation asks for it. Errors: as vk::Device::create.
std::shared_ptr<vk::Device> openDevice(const Globals& globals);
/// Validation messages of warning severity or worse since the program started.
std::size_t validationMessages();

/// "256x128" or "256". Errors: InvalidArgument saying what a size looks like.
struct Size {
  std::uint32_t width = 0, height = 0;
};
Size parseSize(const std::string& text);

/// "1.4 MiB".
std::string bytesText(std::uint64_t bytes);
/// "4,194,304".
std::string countText(std::uint64_t count);

/// Prints to standard output; text that is not UTF-8 is replaced, never thrown at.
void printJson(const nlohmann::ordered_json& json);

}  // namespace rivulet::cli
