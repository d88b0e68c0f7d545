#include "request_info.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "failure.h"
#include "image/style.h"
#include "samplers/registry.h"

namespace rivulet::plugin {
namespace {

constexpr std::array<std::uint32_t, 4> kDeadlineSteps = {1, 2, 4, 8};
constexpr std::int32_t kMaxPriority = 1000;

engine::LaneShape shapeOf(const models::NetworkInfo& network, const engine::Request& request,
                          engine::Precision precision) {
  engine::LaneShape shape;
  shape.lanes = 0;
  shape.width = request.width;
  shape.height = request.height;
  shape.precision = precision;
  shape.guided = engine::needsGuidance(network, request);
  if (network.wraps) shape.wrap = request.wrap;
  return shape;
}

models::Wrap wrapOf(RvlWrap wrap) {
  if (wrap == RVL_WRAP_REPEAT) return models::Wrap::Repeat;
  if (wrap == RVL_WRAP_CLAMP) return models::Wrap::Clamp;
  invalid("wrap " + std::to_string(wrap) + ": RVL_WRAP_REPEAT and RVL_WRAP_CLAMP are there");
}

engine::Request requestOf(const RvlRequestInfo& info, const models::NetworkInfo& network) {
  engine::Request request;
  if (info.class_count > RVL_MAX_CLASSES) {
    invalid("class_count " + std::to_string(info.class_count) + ": at most " + std::to_string(RVL_MAX_CLASSES));
  }
  for (std::uint32_t i = 0; i < info.class_count; ++i) {
    const RvlClassWeight& c = info.classes[i];
    if (!std::isfinite(c.weight) || c.weight < 0) invalid("class weights must be 0 or more");
    request.classes.push_back({c.index, c.weight});
  }
  request.seed = info.seed;
  request.wrap = wrapOf(info.wrap);
  request.seedB = info.seed_b;
  request.seedBlend = info.seed_blend;
  request.steps = info.steps;
  if (info.sampler) request.sampler = info.sampler;
  request.width = info.width;
  request.height = info.height;
  request.guidance = info.guidance == 0 ? 1.0f : info.guidance;
  if (info.style_count > RVL_STYLE_SIZE) {
    invalid("style_count " + std::to_string(info.style_count) + ": a style vector has " +
            std::to_string(RVL_STYLE_SIZE) + " numbers");
  }
  if (info.style_count != 0) {
    request.style.assign(info.style, info.style + info.style_count);
  } else if (info.style_pixels.rgba) {
    const Style style = styleOf(imageOf(info.style_pixels, "style_pixels"));
    request.style.assign(style.begin(), style.end());
  }
  return engine::resolve(network, std::move(request));
}

/// The end of a plan, from the first call whose noise level is at most `strength`.
std::shared_ptr<const StepPlan> shortened(const StepPlan& plan, double strength) {
  auto result = std::make_shared<StepPlan>(plan);
  auto first = std::find_if(result->calls.begin(), result->calls.end(),
                            [&](const ModelCall& call) { return call.t <= strength + 1e-6; });
  if (first == result->calls.end()) first = result->calls.end() - 1;
  result->calls.erase(result->calls.begin(), first);
  result->initialNoiseScale = result->calls.front().sigma;
  try {
    validate(*result);
  } catch (const Error&) {
    invalid("sampler " + plan.sampler +
            " cannot begin in the middle: what it remembers of earlier steps is missing; use a sampler of one "
            "evaluation a step, ddim, euler or flow_euler");
  }
  return result;
}

}  // namespace

engine::TexelFormat texelFormat(VkFormat format) {
  switch (format) {
    case VK_FORMAT_R8G8B8A8_UNORM:
    case VK_FORMAT_R8G8B8A8_SRGB:
      return engine::TexelFormat::Rgba8;
    case VK_FORMAT_R16G16B16A16_SFLOAT:
      return engine::TexelFormat::Rgba16F;
    case VK_FORMAT_BC1_RGB_UNORM_BLOCK:
    case VK_FORMAT_BC1_RGB_SRGB_BLOCK:
    case VK_FORMAT_BC1_RGBA_UNORM_BLOCK:
    case VK_FORMAT_BC1_RGBA_SRGB_BLOCK:
      return engine::TexelFormat::Bc1;
    case VK_FORMAT_BC7_UNORM_BLOCK:
    case VK_FORMAT_BC7_SRGB_BLOCK:
      return engine::TexelFormat::Bc7;
    default:
      invalid("target.format " + std::to_string(static_cast<int>(format)) +
              ": it must be VK_FORMAT_R8G8B8A8_UNORM or _SRGB, VK_FORMAT_R16G16B16A16_SFLOAT, VK_FORMAT_BC1_RGB_ or "
              "BC1_RGBA_UNORM_BLOCK or _SRGB_BLOCK, VK_FORMAT_BC7_UNORM_BLOCK or _SRGB_BLOCK");
  }
}

vk::ImageInfo imageInfo(const Work& work) {
  vk::ImageInfo info;
  info.width = work.request->width;
  info.height = work.request->height;
  info.mipLevels = work.target.mipLevels;
  info.format = work.format;
  info.usage = VK_IMAGE_USAGE_SAMPLED_BIT | VK_IMAGE_USAGE_TRANSFER_SRC_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT;
  return info;
}

Image imageOf(const RvlPixels& pixels, const char* name) {
  if (!pixels.rgba || pixels.width == 0 || pixels.height == 0 || pixels.width > RVL_MAX_SIZE ||
      pixels.height > RVL_MAX_SIZE) {
    invalid(std::string(name) + " of " + std::to_string(pixels.width) + "x" + std::to_string(pixels.height) +
            ": pixels are needed, 1 to " + std::to_string(RVL_MAX_SIZE) + " a side");
  }
  Image image{pixels.width, pixels.height, 4, {}};
  image.pixels.assign(pixels.rgba, pixels.rgba + image.rowBytes() * image.height);
  return image;
}

std::shared_ptr<Work> makeWork(const RvlRequestInfo& info, std::shared_ptr<Model> model, engine::Precision precision) {
  const models::NetworkInfo& network = model->network->info();
  if (info.priority < -kMaxPriority || info.priority > kMaxPriority) {
    invalid("priority " + std::to_string(info.priority) + ": from -1000 to 1000");
  }
  auto work = std::make_shared<Work>();
  work->requested = Clock::now();
  engine::Request request = requestOf(info, network);
  work->shape = shapeOf(network, request, precision);

  if (info.deadline_us != 0) {
    constexpr std::uint64_t kNever = 1'000'000'000'000'000;  // thirty years: what a clock in nanoseconds can add
    work->deadline = work->requested + std::chrono::microseconds(std::min(std::uint64_t{info.deadline_us}, kNever));
  }
  const bool choose = info.deadline_us != 0 && info.steps == 0;
  for (const std::uint32_t steps : kDeadlineSteps) {
    if (choose) request.steps = steps;
    work->choices.push_back(std::make_shared<const StepPlan>(engine::makePlan(network, request)));
    if (!choose) break;
  }
  for (const auto& plan : work->choices) work->shape.needs = work->shape.needs | engine::needsOf(*plan);
  work->shape.needs.x0 = info.preview != VK_FALSE;

  work->map = colourMap(network.whitening, request.style);
  work->priority = info.priority;
  work->preview = info.preview != VK_FALSE;
  work->format = info.target.format;
  work->ownsImage = info.target.image == VK_NULL_HANDLE;
  engine::ImageTarget& target = work->target;
  target.image = info.target.image;
  target.format = texelFormat(info.target.format);
  const std::uint32_t most = engine::fullMipLevels(request.width, request.height);
  target.mipLevels = info.target.mip_levels == 0 ? most : info.target.mip_levels;
  if (target.mipLevels > most) {
    invalid("target.mip_levels " + std::to_string(info.target.mip_levels) + ": an image of " +
            std::to_string(request.width) + "x" + std::to_string(request.height) + " has " + std::to_string(most));
  }
  if (work->ownsImage && info.target.array_layer != 0) {
    invalid("target.array_layer " + std::to_string(info.target.array_layer) +
            ": an image of the plugin's has one layer");
  }
  target.arrayLayer = info.target.array_layer;
  switch (info.target.layout) {
    case VK_IMAGE_LAYOUT_UNDEFINED:
    case VK_IMAGE_LAYOUT_GENERAL:
    case VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL:
    case VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL:
    case VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL:
      break;
    default:  // others need usages that are the host's to know, or are not layouts at all
      invalid("target.layout " + std::to_string(info.target.layout) +
              ": GENERAL, SHADER_READ_ONLY_OPTIMAL, TRANSFER_SRC_OPTIMAL or TRANSFER_DST_OPTIMAL");
  }
  if (info.target.layout != VK_IMAGE_LAYOUT_UNDEFINED) target.layout = info.target.layout;
  work->request = std::make_shared<const engine::Request>(std::move(request));
  work->model = std::move(model);
  return work;
}

std::optional<engine::GivenState> applyInitImage(const RvlRequestInfo& info, Work& work) {
  if (!info.init_pixels.rgba) return std::nullopt;
  const engine::Request& request = *work.request;
  const models::NetworkInfo& network = work.model->network->info();
  const std::string size = std::to_string(request.width) + "x" + std::to_string(request.height);
  if (info.init_pixels.width != request.width || info.init_pixels.height != request.height) {
    invalid("init_pixels of " + std::to_string(info.init_pixels.width) + "x" + std::to_string(info.init_pixels.height) +
            ": they must have the request's size, " + size);
  }
  if (!(info.init_strength > 0 && info.init_strength <= 1)) invalid("init_strength must be above 0, and at most 1");
  if (network.inChannels != 3) {
    throw Failure(RVL_ERROR_UNSUPPORTED, "'" + network.name + "' does not make RGB: it cannot begin from a picture");
  }
  for (std::shared_ptr<const StepPlan>& plan : work.choices) plan = shortened(*plan, info.init_strength);
  // There is one state to begin from, so what a deadline chooses among begins at one noise level: that of most steps,
  // which comes nearest to the strength.
  const double level = work.choices.back()->calls.front().t;
  std::erase_if(work.choices, [&](const auto& plan) { return std::abs(plan->calls.front().t - level) > 1e-6; });

  Image image = imageOf(info.init_pixels, "init_pixels");
  std::vector<float> state = chwFromImage(image);
  state.resize(state.size() / 4 * 3);  // without alpha
  applyColourMap(inverse(work.map), state);
  return engine::Lanes::givenState(*work.model->network, work.shape, *work.choices.front(), engine::walkOf(request),
                                   state);
}

engine::LaneShape warmUpShape(const RvlWarmUpInfo& info, const models::NetworkInfo& network,
                              engine::Precision precision) {
  engine::Request request;
  request.width = info.width;
  request.height = info.height;
  if (info.sampler) request.sampler = info.sampler;
  request.guidance = info.guidance == 0 ? 1.0f : info.guidance;
  request.wrap = wrapOf(info.wrap);
  if (!network.classes.empty()) request.classes = {{0, 1.0f}};
  engine::resolveSize(network, request);
  engine::LaneShape shape = shapeOf(network, request, precision);
  shape.needs = engine::needsOf(engine::makePlan(network, request));
  shape.needs.x0 = info.preview != VK_FALSE;
  shape.lanes = info.lanes;
  return shape;
}

}  // namespace rivulet::plugin
