#pragma once
// Reads options from a JSON object; every error names the owner, the key, the value and what is supported.

#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace rivulet {

class JsonOptions {
 public:
  /// `object` is borrowed and must outlive this. Throws CorruptFile if it is not an object.
  JsonOptions(std::string owner, const nlohmann::json& object);

  /// The value, or the default where the key is missing or null. Throws CorruptFile for a value of another type, and
  /// for a number that is not finite or, for integer, not whole and below 2^31.
  double number(const char* key, double otherwise);
  std::optional<double> number(const char* key);
  int integer(const char* key, int otherwise);
  bool flag(const char* key, bool otherwise);
  std::string text(const char* key, const char* otherwise);
  const nlohmann::json* array(const char* key);  // null where missing

  /// text() that throws Unsupported unless it is one of `supported`.
  std::string choice(const char* key, const char* otherwise, std::initializer_list<const char*> supported);

  /// Throws Unsupported if the flag is set: `why` ends the message.
  void mustBeOff(const char* key, const char* why);

  /// Marks keys as known although their values do not matter here.
  void ignore(std::initializer_list<const char*> keys);

  /// Throws Unsupported naming the first key that nothing asked for. Keys that begin with "_" are free.
  void refuseOthers() const;

 private:
  const nlohmann::json* find(const char* key);
  [[noreturn]] void wrongType(const char* key, const nlohmann::json& value, const char* expected) const;

  std::string owner_;
  const nlohmann::json& object_;
  std::set<std::string, std::less<>> known_;
};

}  // namespace rivulet
