#pragma once
// Typed access to a JSON configuration: every value is checked for type and range, and every error names file and key.

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace rivulet::models {

/// Reads one JSON object. A key that is missing or null takes the fallback; without a fallback it is an error.
/// Errors of all getters: CorruptFile, "<source>: key '<key>': <found>, expected <what>".
class ConfigReader {
 public:
  struct Range {
    std::uint32_t least = 0, most = UINT32_MAX;
  };

  /// `source` names the configuration in messages. Errors: CorruptFile when `text` is not one JSON object of moderate
  /// depth.
  ConfigReader(std::string source, std::string_view text);

  const std::string& source() const { return source_; }
  /// True when the key is there and is not null.
  bool has(const char* key) const;
  /// True when the key is there, be it null.
  bool contains(const char* key) const;

  std::uint32_t integer(const char* key, Range range, std::optional<std::uint32_t> fallback = {}) const;
  std::optional<std::uint32_t> optionalInteger(const char* key, Range range) const;
  double real(const char* key, double least, double most, std::optional<double> fallback = {}) const;
  bool boolean(const char* key, bool fallback) const;
  std::string text(const char* key, std::optional<std::string> fallback = {}) const;
  std::vector<std::uint32_t> integers(const char* key, Range range) const;
  std::vector<std::string> texts(const char* key) const;
  /// The value as JSON text ("null" when it is missing), for those who parse it elsewhere.
  std::string raw(const char* key) const;

  /// Error(CorruptFile) about the value of `key`.
  [[noreturn]] void invalid(const char* key, const std::string& expected) const;
  /// Error(Unsupported): the value of `key` is legal, but only `supported` is.
  [[noreturn]] void unsupported(const char* key, const std::string& supported) const;

  /// Logs a warning for each key that nobody asked for and that does not start with "_". They are ignored, as diffusers
  /// does.
  void warnAboutUnknownKeys(std::initializer_list<std::string_view> known = {}) const;

 private:
  const nlohmann::json& find(const char* key) const;
  std::uint32_t checked(const char* key, const nlohmann::json& value, Range range) const;

  std::string source_;
  nlohmann::json object_;
  mutable std::set<std::string, std::less<>> asked_;
};

}  // namespace rivulet::models
