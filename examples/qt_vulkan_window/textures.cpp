#include "textures.h"

#include <QVulkanFunctions>
#include <algorithm>
#include <chrono>
#include <string>

namespace {

const rivulet::Plugin& plugin() {
  static const rivulet::Plugin table(rvlGetApi(RVL_API_VERSION));
  return table;
}

PFN_vkGetInstanceProcAddr loader(QVulkanInstance& instance) {
  return reinterpret_cast<PFN_vkGetInstanceProcAddr>(instance.getInstanceProcAddr("vkGetInstanceProcAddr"));
}

std::uint32_t apiVersion(const QVulkanInstance& instance) {
  const QVersionNumber version = instance.apiVersion();
  return VK_MAKE_API_VERSION(0, static_cast<std::uint32_t>(version.majorVersion()),
                             static_cast<std::uint32_t>(version.minorVersion()), 0);
}

void RVL_CALL logMessage(void* /*user*/, RvlSeverity severity, const char* message) {
  if (severity >= RVL_SEVERITY_WARNING) {
    qCWarning(lcQuads, "Rivulet: %s", message);
  } else {
    qCDebug(lcQuads, "Rivulet: %s", message);
  }
}

std::vector<Image> makeImages(const QVulkanWindow& window, std::size_t count) {
  std::vector<Image> images;
  images.reserve(count);
  for (std::size_t i = 0; i < count; ++i) images.emplace_back(window, Textures::kSize);
  return images;
}

RvlContextInfo contextInfo(QVulkanWindow& window, const RvlRequirements& enabled) {
  auto info = rivulet::make<RvlContextInfo>();
  info.get_instance_proc_addr = loader(*window.vulkanInstance());
  info.instance = window.vulkanInstance()->vkInstance();
  info.physical_device = window.physicalDevice();
  info.device = window.device();
  info.api_version = apiVersion(*window.vulkanInstance());
  info.features = enabled.features;
  info.byte_features = enabled.byte_features;
  info.queue_family = window.graphicsQueueFamilyIndex();
  info.message_callback = logMessage;
  return info;
}

}  // namespace

void DeviceRequest::apply(QVulkanWindow& window) {
  auto info = rivulet::make<RvlRequirementsInfo>();
  info.get_instance_proc_addr = loader(*window.vulkanInstance());
  info.instance = window.vulkanInstance()->vkInstance();
  info.physical_device = window.physicalDevice();
  info.api_version = apiVersion(*window.vulkanInstance());
  auto offer = rivulet::make<RvlRequirements>();
  plugin().check(plugin()->queryRequirements(&info, &offer));

#if QT_VERSION >= QT_VERSION_CHECK(6, 7, 0)
  enabled_ = offer;
  enabled_.features.debug_utils = VK_FALSE;  // of the instance, and not asked for there
  plugin().check(plugin()->fillFeatureChain2(&enabled_, &chain_));
  QByteArrayList extensions;
  for (std::uint32_t i = 0; i < offer.device_extension_count; ++i) extensions << offer.device_extensions[i];
  window.setDeviceExtensions(extensions);
  window.setEnabledFeaturesModifier([this](VkPhysicalDeviceFeatures2& features) {
    features.features = chain_.core.features;
    features.pNext = chain_.head == &chain_.core ? chain_.core.pNext : const_cast<void*>(chain_.head);
  });
#elif QT_VERSION >= QT_VERSION_CHECK(6, 4, 0)
  // This Qt enables the features of Vulkan 1.0 and no others. Rivulet makes do; extensions would have nothing to serve.
  enabled_ = rivulet::make<RvlRequirements>();
  enabled_.features.shader_int64 = offer.features.shader_int64;
  enabled_.features.texture_compression_bc = offer.features.texture_compression_bc;
  plugin().check(plugin()->fillFeatureChain2(&enabled_, &chain_));
  window.setEnabledFeaturesModifier([this](VkPhysicalDeviceFeatures& features) { features = chain_.core.features; });
#else
  enabled_ = rivulet::make<RvlRequirements>();  // this Qt decides by itself
#endif
}

Textures::Textures(QVulkanWindow& window, const RvlRequirements& enabled, const std::vector<Material>& materials,
                   const Options& options)
    : budget_(options.budget),
      images_(makeImages(window, materials.size())),
      context_(plugin(), contextInfo(window, enabled)),
      loader_(std::async(std::launch::async, [this, materials, options] { return ask(materials, options); })) {}

Textures::Requests Textures::ask(const std::vector<Material>& materials, const Options& options) const {
  // The requests keep the model alive: its handle may go.
  const rivulet::ModelHandle model = context_.loadModel(options.model.toStdString());
  Requests requests;
  for (std::size_t i = 0; i < materials.size(); ++i) {
    auto want = rivulet::make<RvlRequestInfo>();
    want.model = model.get();
    want.class_count = 1;
    want.classes[0].weight = 1.0f;
    plugin().check(plugin()->findClass(context_.get(), model.get(), materials[i].name, &want.classes[0].index));
    want.seed = materials[i].seed;
    want.width = want.height = kSize;
    want.steps = options.steps;
    want.preview = VK_TRUE;
    want.target.image = images_[i].handle();
    want.target.format = Image::kFormat;
    want.target.mip_levels = images_[i].mipLevels();
    requests.push_back(context_.request(want));
  }
  return requests;
}

void Textures::record(VkCommandBuffer commands, int slot) {
  // The first previews come some frames from now, and a quad is not to wait for them. From here on an image is always
  // there to be sampled: Rivulet only writes it within its recordings, which come before the render pass on the same
  // queue.
  if (!cleared_) {
    for (const Image& image : images_) image.clear(commands, kPlaceholder);
    cleared_ = true;
  }
  if (loader_.valid() && loader_.wait_for(std::chrono::seconds(0)) == std::future_status::ready) {
    requests_ = loader_.get();
  }

  // QVulkanWindow submits by itself, so nobody signals Rivulet's semaphore. It has however waited for the fence of the
  // latest command buffer that drew to this swap chain image (the fence of currentFrame() is another one: it says that
  // an image was acquired).
  const auto index = static_cast<std::size_t>(slot);
  if (serials_.size() <= index) serials_.resize(index + 1, 0);
  completed_ = std::max(completed_, serials_[index]);
  const RvlRecordResult recorded = context_.record(commands, budget_, completed_);
  if (recorded.serial != 0) serials_[index] = latest_ = recorded.serial;
  if (!allReady()) poll();
}

void Textures::poll() {
  std::size_t ready = 0;
  for (const rivulet::RequestHandle& request : requests_) {
    const RvlRequestStatus status = context_.poll(request);
    if (status.state == RVL_STATE_READY) ++ready;
    if (status.state == RVL_STATE_FAILED) {
      throw rivulet::PluginError(status.error, std::string("a texture failed: ") + plugin()->resultText(status.error));
    }
  }
  readyCount_ = ready;
  if (!requests_.empty() && allReady()) {
    auto statistics = rivulet::make<RvlStatistics>();
    plugin().check(plugin()->getStatistics(context_.get(), &statistics));
    qCInfo(lcQuads,
           "%zu textures in %llu recordings: %.0f ms on the device, %llu network evaluations for %llu textures' steps",
           ready, static_cast<unsigned long long>(latest_), statistics.device_us / 1000,
           static_cast<unsigned long long>(statistics.evaluations),
           static_cast<unsigned long long>(statistics.lane_evaluations));
  }
}
