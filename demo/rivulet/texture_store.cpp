#include "rivulet/texture_store.h"

#include <algorithm>
#include <bit>
#include <functional>
#include <stdexcept>

#include "gpu/one_time.h"

namespace demo {
namespace {

constexpr double kFadeIn = 0.4, kRetreat = 0.2;        // seconds
constexpr double kMakingWeight = 0.3;                  // of a new measurement
constexpr std::uint32_t kLayers = 3;                   // of a surface
constexpr std::uint32_t kAnyStep = 4, kManySteps = 8;  // what a model is made for, by its kind
// Frames after which nothing that was recorded for a cancelled request is still to run.
constexpr std::uint32_t kIdleFrames = 3;
constexpr VkClearColorValue kPlaceholder = {{0.30f, 0.30f, 0.31f, 1.0f}};  // linear

ImageInfo imageInfo(std::uint32_t size, std::size_t surfaces) {
  ImageInfo info;
  info.name = "textures of all surfaces";
  info.extent = {size, size};
  info.format = TextureStore::kFormat;
  info.otherFormat = VK_FORMAT_R8G8B8A8_UNORM;
  info.usage = VK_IMAGE_USAGE_SAMPLED_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT | VK_IMAGE_USAGE_TRANSFER_SRC_BIT;
  info.mipLevels = static_cast<std::uint32_t>(std::bit_width(size));
  info.layers = static_cast<std::uint32_t>(kLayers * surfaces);
  return info;
}

std::uint32_t classIndex(const Model& model, const std::string& name) {
  const auto found = std::find(model.classes.begin(), model.classes.end(), name);
  if (found != model.classes.end()) return static_cast<std::uint32_t>(found - model.classes.begin());
  // Another model knows other classes: spread the names over them, always alike.
  return static_cast<std::uint32_t>(std::hash<std::string>{}(name) % model.classes.size());
}

}  // namespace

std::uint32_t stepsFor(const Model& model, const Quality& quality) {
  return quality.steps != 0 ? quality.steps : model.properties.any_step ? kAnyStep : kManySteps;
}

TextureStore::TextureStore(const Device& device, std::uint32_t size, std::vector<Surface> surfaces)
    : device_(device), size_(size), surfaces_(std::move(surfaces)), image_(device, imageInfo(size, surfaces_.size())) {
  const std::uint32_t layers = image_.info().layers;
  if (layers > device_.properties().limits.maxImageArrayLayers) {
    throw std::runtime_error("the device allows " + std::to_string(device_.properties().limits.maxImageArrayLayers) +
                             " layers in an image; the demo needs " + std::to_string(layers));
  }
  for (std::uint32_t layer = 0; layer < layers; ++layer) {
    VkImageViewCreateInfo view{VK_STRUCTURE_TYPE_IMAGE_VIEW_CREATE_INFO};
    view.image = image_.handle();
    view.viewType = VK_IMAGE_VIEW_TYPE_2D;
    view.format = image_.info().otherFormat;
    view.subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 0, image_.info().mipLevels, layer, 1};
    check(device_.fn().CreateImageView(device_.handle(), &view, nullptr, &views_.emplace_back()), "vkCreateImageView");
    device_.name(VK_OBJECT_TYPE_IMAGE_VIEW, views_.back(),
                 surfaces_[layer / kLayers].name + ", layer " + std::to_string(layer % kLayers));
  }
}

TextureStore::~TextureStore() {
  for (const VkImageView view : views_) device_.fn().DestroyImageView(device_.handle(), view, nullptr);
}

std::uint32_t TextureStore::shownLayer(std::size_t surface) const {
  return static_cast<std::uint32_t>(kLayers * surface) + surfaces_[surface].shown;
}
std::uint32_t TextureStore::comingLayer(std::size_t surface) const {
  return static_cast<std::uint32_t>(kLayers * surface) + (surfaces_[surface].shown + 1) % kLayers;
}

void TextureStore::regenerateAll() {
  for (std::size_t i = 0; i < surfaces_.size(); ++i) regenerate(i);
}

void TextureStore::cancel(std::size_t index) {
  Surface& surface = surfaces_[index];
  surface.wanted = surface.flowing = false;
  surface.idleFrames = 0;
  surface.request.reset();
}

void TextureStore::dropRequests() {
  for (Surface& surface : surfaces_) {
    if (surface.request || !surface.made) surface.wanted = true;
    surface.request.reset();
    surface.mix = 0;
    surface.fading = false;
    surface.idleFrames = 0;
  }
}

bool TextureStore::flow(std::size_t index) {
  Surface& surface = surfaces_[index];
  if (surface.request || surface.wanted || !surface.made) return false;
  surface.flowing = surface.wanted = true;
  return true;
}

std::size_t TextureStore::busy() const {
  return static_cast<std::size_t>(std::count_if(
      surfaces_.begin(), surfaces_.end(), [](const Surface& surface) { return surface.wanted || surface.request; }));
}

bool TextureStore::settled() const {
  return std::none_of(surfaces_.begin(), surfaces_.end(), [](const Surface& surface) {
    return surface.wanted || surface.request || surface.mix > 0 || surface.fading;
  });
}

void TextureStore::prepare(VkCommandBuffer commands) {
  if (prepared_) return;
  prepared_ = true;
  const VkImageSubresourceRange range = image_.range();
  imageBarrier(device_, commands, image_.handle(), range, kUndefined, kCleared);
  device_.fn().CmdClearColorImage(commands, image_.handle(), kCleared.layout, &kPlaceholder, 1, &range);
  imageBarrier(device_, commands, image_.handle(), range, kCleared, kSampled);
}

Pixels TextureStore::read(std::size_t surface) const {
  const Readback readback(device_, image_.extent(), kFormat);
  const std::uint32_t layer = shownLayer(surface);
  const VkImageSubresourceRange range = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, layer, 1};
  runOnce(device_, [&](VkCommandBuffer commands) {
    imageBarrier(device_, commands, image_.handle(), range, kSampled, kCopySource);
    readback.record(commands, image_.handle(), layer);
    imageBarrier(device_, commands, image_.handle(), range, kCopySource, kSampled);
  });
  return readback.read();
}

/// What a request is to have; null: what its seed draws.
const Style* TextureStore::styleOf(const Material& material) const {
  if (material.style) return &*material.style;
  if (!material.palette) return nullptr;
  const Surface& other = surfaces_[*material.palette];
  return other.material.style ? &*other.material.style : other.made || other.request ? &other.style : nullptr;
}

void TextureStore::begin(Generator& generator, const Quality& quality, std::size_t index) {
  Surface& surface = surfaces_[index];
  const Model& model = *generator.model();
  auto info = rivulet::make<RvlRequestInfo>();
  const Material& material = surface.material;
  if (!model.classes.empty()) {
    info.classes[info.class_count++] = {classIndex(model, material.className), 1.0f};
    if (!material.blendName.empty() && material.blend > 0) {
      info.classes[0].weight = 1.0f - material.blend;
      info.classes[info.class_count++] = {classIndex(model, material.blendName), material.blend};
    }
  }
  info.seed = material.seed;
  info.seed_b = material.seed + 1;
  info.seed_blend = material.walk;
  info.width = info.height = size_;
  info.steps = surface.steps != 0 ? surface.steps : stepsFor(model, quality);
  info.sampler = quality.sampler.empty() ? nullptr : quality.sampler.c_str();
  info.guidance = model.properties.null_class ? quality.guidance : 0.0f;
  info.priority = surface.priority;
  if (const Style* const style = styleOf(material); style && model.properties.style_size == RVL_STYLE_SIZE) {
    info.style_count = RVL_STYLE_SIZE;
    std::copy(style->begin(), style->end(), info.style);
  }
  // One kind of request whether it is a step of an animation or not: those of one kind share a network.
  info.preview = VK_TRUE;
  info.target.image = image_.handle();
  info.target.format = kFormat;
  info.target.array_layer =
      static_cast<std::uint32_t>(kLayers * index) + (surface.shown + (surface.fading ? 2 : 1)) % kLayers;
  surface.wanted = false;
  surface.error.clear();
  surface.requestSeconds = 0;
  try {
    surface.request = generator.request(info);
    surface.status = generator.poll(surface.request);
    std::copy(std::begin(surface.status.style), std::end(surface.status.style), surface.style.begin());
  } catch (const rivulet::PluginError& error) {
    if (error.result() == RVL_ERROR_DEVICE_LOST) throw;
    surface.error = error.what();  // of this request alone: a sampler the model does not have, say
    surface.flowing = false;
  }
}

void TextureStore::follow(Generator& generator, Surface& surface, double seconds) {
  surface.status = generator.poll(surface.request);
  surface.requestSeconds += seconds;
  const RvlRequestStatus& status = surface.status;
  if (status.state == RVL_STATE_FAILED) {
    surface.error = generator.plugin()->resultText(status.error);
    surface.request.reset();
    surface.flowing = false;
    surface.idleFrames = 0;
    return;
  }
  if (status.state != RVL_STATE_READY) {
    if (surface.flowing || surface.fading) return;
    // Each preview lets a little more of the texture through: the first ones are no more than a colour.
    const float target = status.previews > 0 && status.steps > 0
                             ? static_cast<float>(status.previews) / static_cast<float>(status.steps + 1)
                             : 0.0f;
    surface.mix = std::min(target, surface.mix + static_cast<float>(seconds / kFadeIn));
    return;
  }
  if (surface.fading) return;  // the one before it is not all there yet
  surface.fading = true;
  surface.fadeSeconds = kFadeIn;
  if (surface.flowing) {
    surface.makingSeconds +=
        (surface.makingSeconds == 0 ? 1 : kMakingWeight) * (surface.requestSeconds - surface.makingSeconds);
    surface.fadeSeconds = std::max(surface.makingSeconds, seconds);
  }
  surface.flowing = false;
  surface.made = true;
  surface.seedShown = surface.material.seed;
  surface.latencyUs = status.latency_us;
  surface.stepsMade = status.steps;
  surface.request.reset();
  surface.idleFrames = kIdleFrames;
}

void TextureStore::fade(Surface& surface, double seconds) {
  surface.mix += static_cast<float>(seconds / surface.fadeSeconds);
  if (surface.mix < 1.0f) return;
  surface.shown = (surface.shown + 1) % kLayers;
  surface.mix = 0;
  surface.fading = false;
}

void TextureStore::update(Generator& generator, const Quality& quality, double seconds) {
  if (!generator.model()) return;
  for (std::size_t i = 0; i < surfaces_.size(); ++i) {
    Surface& surface = surfaces_[i];
    if (surface.fading) fade(surface, seconds);
    if (surface.request && surface.wanted && surface.status.state < RVL_STATE_RECORDED) {
      surface.request.reset();
      surface.flowing = false;
      surface.idleFrames = 0;
    }
    if (surface.request) {
      follow(generator, surface, seconds);
      continue;
    }
    // What was to be seen of a dropped request goes before the next one writes over it.
    if (!surface.fading) surface.mix = std::max(0.0f, surface.mix - static_cast<float>(seconds / kRetreat));
    ++surface.idleFrames;
    const bool free = surface.flowing ? surface.mix <= 0 || surface.fading : surface.mix <= 0 && !surface.fading;
    if (surface.wanted && free && surface.idleFrames >= kIdleFrames) begin(generator, quality, i);
  }
}

}  // namespace demo
