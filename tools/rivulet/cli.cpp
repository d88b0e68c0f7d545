#include "cli.h"

#include <atomic>
#include <charconv>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "core/error.h"

namespace rivulet::cli {
namespace {

std::atomic<std::size_t> validationCount{0};

bool parseNumber(std::string_view text, std::uint32_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

std::shared_ptr<vk::Device> openDevice(const Globals& globals) {
  vk::CreateDeviceInfo info;
  info.select = globals.device;
  info.validation = globals.validation;
  info.disable = globals.disable;
  info.onMessage = [](VkDebugUtilsMessageSeverityFlagBitsEXT severity, const char* message) {
    if (severity >= VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT) ++validationCount;
    std::fprintf(stderr, "rivulet: validation: %s\n", message);
  };
  return vk::Device::create(info);
}

std::size_t validationMessages() {
  return validationCount;
}

Size parseSize(const std::string& text) {
  Size size;
  const std::size_t x = text.find_first_of("xX");
  const bool ok = x == std::string::npos ? parseNumber(text, size.width)
                                         : parseNumber(std::string_view(text).substr(0, x), size.width) &&
                                               parseNumber(std::string_view(text).substr(x + 1), size.height);
  if (!ok) {
    throw Error(ErrorCode::InvalidArgument,
                "'" + text + "' is not a size: write WIDTHxHEIGHT or one number, for example 256x256");
  }
  if (x == std::string::npos) size.height = size.width;
  return size;
}

std::string bytesText(std::uint64_t bytes) {
  static constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1024.0 && unit + 1 < std::size(kUnits)) {
    value /= 1024.0;
    ++unit;
  }
  char text[32];
  std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", value, kUnits[unit]);
  return text;
}

std::string countText(std::uint64_t count) {
  std::string digits = std::to_string(count);
  for (std::size_t i = digits.size(); i > 3; i -= 3) digits.insert(i - 3, ",");
  return digits;
}

void printJson(const nlohmann::ordered_json& json) {
  const std::string text = json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  std::printf("%s\n", text.c_str());
}

}  // namespace rivulet::cli
