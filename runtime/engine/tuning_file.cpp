#include "engine/tuning_file.h"

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <span>
#include <stdexcept>

#include "core/fnv1a.h"
#include "core/log.h"
#include "core/replace_file.h"

namespace rivulet::engine {
namespace {

constexpr const char* kFormat = "rivulet-tuning-1";

BatchCurve toCurve(const std::string& key, const nlohmann::json& json) {
  BatchCurve curve;
  for (const auto& [text, microseconds] : json.items()) {
    std::uint32_t lanes = 0;
    const char* const end = text.data() + text.size();
    const auto [at, error] = std::from_chars(text.data(), end, lanes);
    if (error != std::errc() || at != end || !curve.measured(lanes, microseconds.get<double>()))
      throw std::runtime_error("of '" + key + "' it says that " + text + " lanes take " + microseconds.dump() + " us");
  }
  return curve;
}

nlohmann::ordered_json toJson(const BatchCurve& curve) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  for (std::uint32_t lanes = 1; lanes <= BatchCurve::kMostLanes; ++lanes)
    if (curve.has(lanes)) json[std::to_string(lanes)] = curve.microseconds(lanes);
  return json;
}

/// Errors: whatever is wrong, as std::exception.
DeviceTuning parse(std::istream& stream) {
  const nlohmann::json json = nlohmann::json::parse(stream);
  if (json.at("format") != kFormat) throw std::runtime_error("it has another format");
  DeviceTuning tuning;
  for (const auto& [key, candidate] : json.at("choices").items())
    tuning.kernels.set(key, candidate.get<std::uint32_t>());
  if (json.contains("matrix_units")) tuning.kernels.matrixUnits = json.at("matrix_units").get<bool>();
  if (json.contains("batches"))
    for (const auto& [key, curve] : json.at("batches").items()) tuning.curves[key] = toCurve(key, curve);
  return tuning;
}

/// Adds what `tuning` does not know.
void merge(DeviceTuning& tuning, const DeviceTuning& other) {
  for (const auto& [key, candidate] : other.kernels.choices())
    if (!tuning.kernels.has(key)) tuning.kernels.set(key, candidate);
  if (!tuning.kernels.matrixUnits) tuning.kernels.matrixUnits = other.kernels.matrixUnits;
  tuning.curves.insert(other.curves.begin(), other.curves.end());
}

}  // namespace

bool autotuneEnabled() {
  const char* const text = std::getenv("RIVULET_AUTOTUNE");
  return text == nullptr || std::string(text) != "0";
}

std::filesystem::path tuningFile(std::filesystem::path pipelineCache) {
  if (!pipelineCache.empty()) pipelineCache.replace_extension(".tuning.json");
  return pipelineCache;
}

DeviceTuning readTuning(const std::filesystem::path& file) {
  std::ifstream stream(file);
  if (!stream) return {};
  try {
    return parse(stream);
  } catch (const std::exception& error) {
    log(LogLevel::Warning,
        "what was measured on this device cannot be read from '" + file.string() + "', and is again: " + error.what());
    return {};
  }
}

void writeTuning(const std::filesystem::path& file, const DeviceTuning& tuning) {
  DeviceTuning all = tuning;
  if (std::ifstream stream(file); stream) {
    try {
      merge(all, parse(stream));
    } catch (const std::exception&) {
      // It is made again.
    }
  }
  nlohmann::ordered_json json = {{"format", kFormat}, {"choices", all.kernels.choices()}};
  if (all.kernels.matrixUnits) json["matrix_units"] = *all.kernels.matrixUnits;
  nlohmann::ordered_json& batches = json["batches"] = nlohmann::ordered_json::object();
  for (const auto& [key, curve] : all.curves)
    if (!curve.empty()) batches[key] = toJson(curve);
  // Names of networks are whatever their files are called.
  const std::string text = json.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  if (const std::string why = replaceFile(file, std::as_bytes(std::span(text))); !why.empty()) {
    log(LogLevel::Warning, "what was measured on this device cannot be kept in '" + file.string() +
                               "', and is measured again next time: " + why);
  }
}

std::string curveKey(const models::NetworkInfo& network, const LaneShape& shape, const LaneGraph& oneLane) {
  std::uint64_t kernels = fnv1a({});
  for (std::uint32_t i = oneLane.networkFirst; i < oneLane.networkEnd; ++i)
    kernels = fnv1a(std::as_bytes(std::span(oneLane.graph.dispatches()[i].kernel.shader)), kernels);
  char hex[17];
  std::snprintf(hex, sizeof hex, "%016llx", static_cast<unsigned long long>(kernels));
  return network.name + " " + std::to_string(network.parameters) + " " + std::to_string(shape.width) + "x" +
         std::to_string(shape.height) + " " + toString(shape.precision) + (shape.guided ? " guided" : "") + " " + hex;
}

}  // namespace rivulet::engine
