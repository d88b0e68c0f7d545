#include "samplers/json_options.h"

#include <cmath>

#include "core/error.h"

namespace rivulet {
namespace {

std::string shown(const nlohmann::json& value) {
  std::string text = value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  if (text.size() > 60) text = text.substr(0, 57) + "...";
  return text;
}

}  // namespace

JsonOptions::JsonOptions(std::string owner, const nlohmann::json& object) : owner_(std::move(owner)), object_(object) {
  if (object.is_object()) return;
  throw Error(ErrorCode::CorruptFile, owner_ + ": expected a JSON object, found " + shown(object));
}

const nlohmann::json* JsonOptions::find(const char* key) {
  known_.insert(key);
  const auto found = object_.find(key);
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

void JsonOptions::wrongType(const char* key, const nlohmann::json& value, const char* expected) const {
  throw Error(ErrorCode::CorruptFile, owner_ + ": " + key + " is " + shown(value) + ", expected " + expected);
}

std::optional<double> JsonOptions::number(const char* key) {
  const nlohmann::json* value = find(key);
  if (!value) return std::nullopt;
  if (!value->is_number() || !std::isfinite(value->get<double>())) wrongType(key, *value, "a number");
  return value->get<double>();
}

double JsonOptions::number(const char* key, double otherwise) {
  return number(key).value_or(otherwise);
}

int JsonOptions::integer(const char* key, int otherwise) {
  const nlohmann::json* value = find(key);
  if (!value) return otherwise;
  const double number = value->is_number() ? value->get<double>() : 0.5;
  if (number != std::floor(number) || std::abs(number) > 2147483647.0) wrongType(key, *value, "an integer");
  return static_cast<int>(number);
}

bool JsonOptions::flag(const char* key, bool otherwise) {
  const nlohmann::json* value = find(key);
  if (!value) return otherwise;
  if (!value->is_boolean()) wrongType(key, *value, "true or false");
  return value->get<bool>();
}

std::string JsonOptions::text(const char* key, const char* otherwise) {
  const nlohmann::json* value = find(key);
  if (!value) return otherwise;
  if (!value->is_string()) wrongType(key, *value, "a string");
  return value->get<std::string>();
}

const nlohmann::json* JsonOptions::array(const char* key) {
  const nlohmann::json* value = find(key);
  if (value && !value->is_array()) wrongType(key, *value, "an array");
  return value;
}

std::string JsonOptions::choice(const char* key, const char* otherwise, std::initializer_list<const char*> supported) {
  std::string value = text(key, otherwise);
  std::string list;
  for (const char* candidate : supported) {
    if (value == candidate) return value;
    list += (list.empty() ? "" : ", ") + std::string(candidate);
  }
  throw Error(ErrorCode::Unsupported,
              owner_ + ": " + key + " " + shown(value) + " is not supported; supported: " + list);
}

void JsonOptions::mustBeOff(const char* key, const char* why) {
  const nlohmann::json* value = find(key);
  if (!value || (value->is_boolean() && !value->get<bool>()) || (value->is_array() && value->empty()) || *value == 0)
    return;
  throw Error(ErrorCode::Unsupported, owner_ + ": " + key + " = " + shown(*value) + " is not supported: " + why);
}

void JsonOptions::ignore(std::initializer_list<const char*> keys) {
  for (const char* key : keys) known_.insert(key);
}

void JsonOptions::refuseOthers() const {
  for (const auto& [key, value] : object_.items()) {
    if (key.starts_with("_") || known_.contains(key)) continue;
    throw Error(ErrorCode::Unsupported, owner_ + ": option " + key + " = " + shown(value) +
                                            " is not known; remove it if the scheduler does not need it");
  }
}

}  // namespace rivulet
