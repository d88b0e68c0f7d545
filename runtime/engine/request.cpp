#include "engine/request.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "core/error.h"
#include "core/philox.h"
#include "samplers/registry.h"

namespace rivulet::engine {
namespace {

constexpr std::string_view kNone = "none";

[[noreturn]] void invalid(const std::string& message) {
  throw Error(ErrorCode::InvalidArgument, message);
}

std::string listClasses(const models::NetworkInfo& info) {
  std::string list;
  constexpr std::size_t kShown = 40;
  for (std::size_t i = 0; i < info.classes.size() && i < kShown; ++i) {
    if (i > 0) list += ", ";
    list += info.classes[i];
  }
  if (info.classes.size() > kShown) list += ", ... (" + std::to_string(info.classes.size()) + " in all)";
  if (info.nullClass) list += ", or 'none'";
  return list;
}

std::uint32_t findClass(const models::NetworkInfo& info, std::string_view name) {
  const auto found = std::find(info.classes.begin(), info.classes.end(), name);
  if (found != info.classes.end()) return static_cast<std::uint32_t>(found - info.classes.begin());
  std::uint32_t index = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), index);
  if (error == std::errc() && end == name.data() + name.size() && index < info.classes.size()) return index;
  invalid("'" + info.name + "' has no class '" + std::string(name) + "'; its classes are " + listClasses(info));
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

float parseWeight(std::string_view text, std::string_view whole) {
  // Not std::from_chars: libc++ has it for floats only since version 20.
  try {
    std::size_t used = 0;
    const float value = std::stof(std::string(text), &used);
    if (used == text.size() && std::isfinite(value) && value >= 0.0f) return value;
  } catch (const std::exception&) {
  }
  invalid("'" + std::string(text) + "' in the class blend '" + std::string(whole) +
          "' is not a weight: write name:weight,name:weight with weights of 0 or more");
}

void normalise(std::vector<ClassWeight>& classes) {
  double sum = 0.0;
  for (const ClassWeight& c : classes) {
    if (!std::isfinite(c.weight) || c.weight < 0.0f) invalid("class weights must be finite and not negative");
    sum += static_cast<double>(c.weight);
  }
  if (sum <= 0.0) invalid("the weights of a class blend must not all be 0");
  for (ClassWeight& c : classes) c.weight = static_cast<float>(static_cast<double>(c.weight) / sum);
}

/// One of `count` by seed; `which` tells draws of one seed apart.
std::size_t draw(std::uint64_t seed, std::uint32_t which, std::size_t count) {
  const NoiseKey key{seed, NoiseStream::StyleChoice, 0};
  const std::uint64_t bits = noiseBits(key, static_cast<std::int32_t>(which), 0, 0)[0];
  return static_cast<std::size_t>((bits * count) >> 32);
}

std::vector<float> drawStyle(const models::NetworkInfo& info, const Request& request, std::uint64_t seed) {
  const auto hasStyles = [&](std::size_t index) { return index < info.styles.size() && !info.styles[index].empty(); };
  std::vector<ClassWeight> from;
  for (const ClassWeight& c : request.classes) {
    if (hasStyles(c.index)) from.push_back(c);
  }
  if (from.empty()) {  // no class, or one without styles: any style of the model
    std::vector<std::uint32_t> candidates;
    for (std::uint32_t i = 0; i < info.styles.size(); ++i) {
      if (hasStyles(i)) candidates.push_back(i);
    }
    if (candidates.empty()) {
      invalid("'" + info.name + "' holds no style vectors to draw from: give one of " + std::to_string(info.styleDim) +
              " numbers, or a picture to measure");
    }
    const auto none = static_cast<std::uint32_t>(info.classes.size());
    from.push_back({candidates[draw(seed, none, candidates.size())], 1.0f});
  }
  normalise(from);
  std::vector<float> style(info.styleDim, 0.0f);
  for (const ClassWeight& c : from) {
    const auto& styles = info.styles[c.index];
    const std::vector<float>& one = styles[draw(seed, c.index, styles.size())];
    for (std::size_t i = 0; i < style.size(); ++i) style[i] += c.weight * one.at(i);
  }
  return style;
}

/// On a walk it changes evenly from one seed's to the other's.
std::vector<float> drawStyle(const models::NetworkInfo& info, const Request& request) {
  std::vector<float> style = drawStyle(info, request, request.seed);
  if (request.seedBlend == 0.0f) return style;
  const std::vector<float> other = drawStyle(info, request, request.seedB);
  for (std::size_t i = 0; i < style.size(); ++i) {
    style[i] = (1.0f - request.seedBlend) * style[i] + request.seedBlend * other[i];
  }
  return style;
}

void checkSize(const models::NetworkInfo& info, std::uint32_t width, std::uint32_t height) {
  const std::uint32_t multiple = std::max(info.sizeMultiple, 1u);
  const std::string size = std::to_string(width) + "x" + std::to_string(height);
  if (width > kMaxSize || height > kMaxSize) {
    invalid("size " + size + ": at most " + std::to_string(kMaxSize) + "x" + std::to_string(kMaxSize) +
            " can be asked for");
  }
  if (width % multiple != 0 || height % multiple != 0) {
    const auto up = [&](std::uint32_t v) { return (v / multiple + 1) * multiple; };
    invalid("size " + size + ": '" + info.name + "' makes widths and heights that are multiples of " +
            std::to_string(multiple) + "; " + std::to_string(width % multiple ? up(width) : width) + "x" +
            std::to_string(height % multiple ? up(height) : height) + " is the next");
  }
}

}  // namespace

std::vector<ClassWeight> parseClasses(const models::NetworkInfo& info, std::string_view text) {
  const std::string_view whole = text;
  if (info.classes.empty()) {
    if (trim(text).empty() || trim(text) == kNone) return {};
    invalid("'" + info.name + "' has no classes: leave the class out");
  }
  if (trim(text) == kNone && info.nullClass) return {};
  std::vector<ClassWeight> classes;
  while (true) {
    const std::size_t comma = text.find(',');
    const std::string_view item = trim(text.substr(0, comma));
    const std::size_t colon = item.rfind(':');
    const std::string_view name = trim(item.substr(0, colon));
    ClassWeight entry;
    entry.index = findClass(info, name);
    if (colon != std::string_view::npos) entry.weight = parseWeight(trim(item.substr(colon + 1)), whole);
    classes.push_back(entry);
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
  }
  normalise(classes);
  return classes;
}

std::string classText(const models::NetworkInfo& info, const std::vector<ClassWeight>& classes) {
  if (classes.empty()) return std::string(kNone);
  if (classes.size() == 1) return info.classes.at(classes[0].index);
  std::string text;
  for (const ClassWeight& c : classes) {
    char weight[16];
    std::snprintf(weight, sizeof weight, " %.2f", static_cast<double>(c.weight));
    text += (text.empty() ? "" : " + ") + info.classes.at(c.index) + weight;
  }
  return text;
}

void resolveSize(const models::NetworkInfo& info, Request& request) {
  if (request.width == 0 && request.height == 0) request.width = request.height = info.nativeSize;
  if (request.width == 0 || request.height == 0) {
    invalid("size " + std::to_string(request.width) + "x" + std::to_string(request.height) +
            ": width and height must be at least " + std::to_string(std::max(info.sizeMultiple, 1u)));
  }
  checkSize(info, request.width, request.height);
}

SamplerConfig samplerConfig(const models::NetworkInfo& info, const Request& request) {
  return request.sampler.empty() ? info.scheduler : withSampler(info.scheduler, request.sampler);
}

StepPlan makePlan(const models::NetworkInfo& info, const Request& request) {
  const std::uint32_t steps = request.steps == 0 ? kDefaultSteps : request.steps;
  if (steps > kMaxSteps)
    invalid(std::to_string(steps) + " steps: at most " + std::to_string(kMaxSteps) + " can be asked for");
  if (info.outChannels != info.inChannels && info.outChannels != 2 * info.inChannels) {
    invalid("'" + info.name + "' cannot be sampled: it takes " + std::to_string(info.inChannels) +
            " channels and gives " + std::to_string(info.outChannels) +
            "; a sampler needs as many, or twice as many for a learned variance");
  }
  StepPlan plan = makeStepPlan(samplerConfig(info, request), static_cast<int>(steps));
  if (plan.usesLearnedVariance() && info.outChannels < 2 * info.inChannels) {
    invalid("sampler " + plan.sampler + " is set to learned variance, which '" + info.name +
            "' does not predict: it has " + std::to_string(info.outChannels) + " output channels, not " +
            std::to_string(2 * info.inChannels));
  }
  return plan;
}

Request resolve(const models::NetworkInfo& info, Request request) {
  resolveSize(info, request);
  for (const ClassWeight& c : request.classes) {
    if (c.index >= info.classes.size()) {
      invalid("class index " + std::to_string(c.index) + ": '" + info.name + "' has " +
              std::to_string(info.classes.size()) + " classes");
    }
  }
  if (request.classes.empty() && !info.classes.empty() && !info.nullClass) {
    invalid("'" + info.name + "' needs a class; its classes are " + listClasses(info));
  }
  if (!request.classes.empty()) normalise(request.classes);
  if (!std::isfinite(request.guidance) || request.guidance < 0.0f || request.guidance > kMaxGuidance) {
    invalid("guidance must be from 0 to " + std::to_string(static_cast<int>(kMaxGuidance)));
  }
  if (request.guidance != 1.0f && !info.guidanceInput && !info.nullClass) {
    invalid("'" + info.name +
            "' was trained without a null class, so guidance is not possible with it: leave guidance at 1");
  }
  if (!(request.seedBlend >= 0.0f && request.seedBlend <= 1.0f)) invalid("seed_blend must be from 0 to 1");
  if (info.styleDim == 0 && !request.style.empty()) invalid("'" + info.name + "' takes no style vector");
  if (info.styleDim > 0 && request.style.empty()) request.style = drawStyle(info, request);
  if (request.style.size() != info.styleDim) {
    invalid("a style vector of '" + info.name + "' has " + std::to_string(info.styleDim) + " numbers, not " +
            std::to_string(request.style.size()));
  }
  if (std::any_of(request.style.begin(), request.style.end(), [](float v) { return !std::isfinite(v); })) {
    invalid("a style vector must hold finite numbers");
  }
  return request;
}

bool needsGuidance(const models::NetworkInfo& info, const Request& request) {
  // Without a class the conditional and the unconditional output are the same one.
  return request.guidance != 1.0f && !info.guidanceInput && !request.classes.empty();
}

void fillConditioning(const models::Network& network, const Request& request, const ModelCall& call, bool unconditional,
                      std::span<float> row) {
  const models::ConditioningLayout layout = network.conditioning();
  if (row.size() < layout.channels) {
    throw Error(ErrorCode::Internal, "a conditioning row has " + std::to_string(layout.channels) + " channels, not " +
                                         std::to_string(row.size()));
  }
  std::fill(row.begin(), row.end(), 0.0f);
  row[layout.timestep] = static_cast<float>(call.timestep);
  row[layout.targetTime] = static_cast<float>(call.nextT);
  row[layout.guidance] = request.guidance;
  std::copy(request.style.begin(), request.style.end(), row.begin() + layout.style);
  const models::NetworkInfo& info = network.info();
  if (info.classes.empty()) return;
  if (unconditional || request.classes.empty()) {
    row[layout.classWeights + info.classes.size()] = 1.0f;
  } else {
    for (const ClassWeight& c : request.classes) row[layout.classWeights + c.index] += c.weight;
  }
}

}  // namespace rivulet::engine
