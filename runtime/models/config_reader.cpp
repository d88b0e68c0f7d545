#include "models/config_reader.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/log.h"

namespace rivulet::models {
namespace {

using Json = nlohmann::json;

constexpr int kMaxDepth = 16;
constexpr std::size_t kMaxShown = 80;  // characters of a value in a message

const Json& null() {
  static const Json value;
  return value;
}

std::string shown(const Json& value) {
  if (value.is_null()) return "missing";
  std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (text.size() > kMaxShown) text = text.substr(0, kMaxShown) + "...";
  return text;
}

std::string rangeText(ConfigReader::Range range) {
  return "an integer of " + std::to_string(range.least) + " to " + std::to_string(range.most);
}

}  // namespace

ConfigReader::ConfigReader(std::string source, std::string_view text) : source_(std::move(source)) {
  const auto shallow = [&](int depth, Json::parse_event_t, Json&) {
    if (depth > kMaxDepth) {
      throw Error(ErrorCode::CorruptFile, source_ + ": nested more than " + std::to_string(kMaxDepth) + " levels deep");
    }
    return true;
  };
  try {
    object_ = Json::parse(text.begin(), text.end(), shallow);
  } catch (const Json::exception& e) {
    throw Error(ErrorCode::CorruptFile, source_ + ": not valid JSON: " + e.what());
  }
  if (!object_.is_object()) throw Error(ErrorCode::CorruptFile, source_ + ": expected a JSON object");
}

const Json& ConfigReader::find(const char* key) const {
  asked_.insert(key);
  const auto found = object_.find(key);
  return found == object_.end() ? null() : *found;
}

void ConfigReader::invalid(const char* key, const std::string& expected) const {
  throw Error(ErrorCode::CorruptFile, source_ + ": key '" + key + "': " + shown(find(key)) + ", expected " + expected);
}

void ConfigReader::unsupported(const char* key, const std::string& supported) const {
  throw Error(ErrorCode::Unsupported,
              source_ + ": key '" + key + "': " + shown(find(key)) + " is not supported, only " + supported);
}

bool ConfigReader::has(const char* key) const {
  return !find(key).is_null();
}

bool ConfigReader::contains(const char* key) const {
  asked_.insert(key);
  return object_.contains(key);
}

std::uint32_t ConfigReader::checked(const char* key, const Json& value, Range range) const {
  // Python writes 1.0 for an integer now and then.
  const bool integral = value.is_number_unsigned() ||
                        (value.is_number_float() && value.get<double>() >= 0 && value.get<double>() < 4294967296.0 &&
                         std::floor(value.get<double>()) == value.get<double>());
  if (!integral) invalid(key, rangeText(range));
  const auto number = value.get<std::uint64_t>();
  if (number < range.least || number > range.most) invalid(key, rangeText(range));
  return static_cast<std::uint32_t>(number);
}

std::uint32_t ConfigReader::integer(const char* key, Range range, std::optional<std::uint32_t> fallback) const {
  if (!has(key) && fallback) return *fallback;
  return checked(key, find(key), range);
}

std::optional<std::uint32_t> ConfigReader::optionalInteger(const char* key, Range range) const {
  if (!has(key)) return std::nullopt;
  return checked(key, find(key), range);
}

double ConfigReader::real(const char* key, double least, double most, std::optional<double> fallback) const {
  if (!has(key) && fallback) return *fallback;
  const Json& value = find(key);
  const std::string expected = "a number of " + Json(least).dump() + " to " + Json(most).dump();
  if (!value.is_number()) invalid(key, expected);
  const auto number = value.get<double>();
  if (!(number >= least && number <= most)) invalid(key, expected);
  return number;
}

bool ConfigReader::boolean(const char* key, bool fallback) const {
  if (!has(key)) return fallback;
  if (!find(key).is_boolean()) invalid(key, "true or false");
  return find(key).get<bool>();
}

std::string ConfigReader::text(const char* key, std::optional<std::string> fallback) const {
  if (!has(key) && fallback) return *fallback;
  if (!find(key).is_string()) invalid(key, "a string");
  return find(key).get<std::string>();
}

std::vector<std::uint32_t> ConfigReader::integers(const char* key, Range range) const {
  const Json& value = find(key);
  if (!value.is_array()) invalid(key, "an array, each " + rangeText(range));
  std::vector<std::uint32_t> numbers;
  for (const Json& element : value) numbers.push_back(checked(key, element, range));
  return numbers;
}

std::vector<std::string> ConfigReader::texts(const char* key) const {
  const Json& value = find(key);
  if (!value.is_array()) invalid(key, "an array of strings");
  std::vector<std::string> strings;
  for (const Json& element : value) {
    if (!element.is_string()) invalid(key, "an array of strings");
    strings.push_back(element.get<std::string>());
  }
  return strings;
}

std::string ConfigReader::raw(const char* key) const {
  return find(key).dump();
}

void ConfigReader::warnAboutUnknownKeys(std::initializer_list<std::string_view> known) const {
  for (const auto& [key, value] : object_.items()) {
    if (key.starts_with("_") || asked_.contains(key) || value.is_null()) continue;
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    log(LogLevel::Warning, source_ + ": key '" + key + "' is unknown and ignored");
  }
}

}  // namespace rivulet::models
