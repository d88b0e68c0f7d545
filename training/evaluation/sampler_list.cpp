#include "training/evaluation/sampler_list.h"

#include <charconv>

#include "training/error.h"

namespace rivulet::training {
namespace {

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::size_t start = 0;
  for (std::size_t end = 0; end != std::string::npos; start = end + 1) {
    end = text.find(separator, start);
    parts.push_back(text.substr(start, end == std::string::npos ? end : end - start));
  }
  return parts;
}

}  // namespace

std::vector<SamplerSteps> parseSamplers(const std::string& text, const std::string& own) {
  const auto wrong = [&](const std::string& part) {
    return Error("--samplers " + text + ": '" + part + "' is not a list of steps; write for example " +
                 "\"flow_euler:1,2,4,8,50;flow_heun:4,8\", or \"1,2,4\" for the model's own sampler");
  };
  std::vector<SamplerSteps> result;
  for (const std::string& group : split(text, ';')) {
    const std::size_t colon = group.find(':');
    const std::string name = colon == std::string::npos ? own : group.substr(0, colon);
    const std::string list = colon == std::string::npos ? group : group.substr(colon + 1);
    if (name.empty()) throw wrong(group);
    for (const std::string& number : split(list, ',')) {
      int steps = 0;
      const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), steps);
      if (error != std::errc() || end != number.data() + number.size() || steps < 1) throw wrong(group);
      result.push_back({name, steps});
    }
  }
  return result;
}

}  // namespace rivulet::training
