#include "rivulet/generator.h"

#include <chrono>

namespace demo {
namespace {

constexpr std::size_t kMessagesKept = 50;

RvlContextInfo contextInfo(const Device& device, const GeneratorOptions& options) {
  auto info = rivulet::make<RvlContextInfo>();
  info.get_instance_proc_addr = device.fn().GetInstanceProcAddr;
  info.instance = device.instance().handle();
  info.physical_device = device.physical();
  info.device = device.handle();
  info.api_version = Instance::kApiVersion;
  info.features = device.rivuletFeatures();
  info.byte_features = device.rivuletByteFeatures();
  if (options.plainKernels) {
    // What is not named here is not used. The semaphore stays: the frames signal it.
    info.features = {};
    info.byte_features = {};
    info.features.timeline_semaphore = device.rivuletFeatures().timeline_semaphore;
    info.features.debug_utils = device.rivuletFeatures().debug_utils;
  }
  info.queue_family = device.queueFamily();
  info.mode = options.mode;
  info.consumer_queue_family = VK_QUEUE_FAMILY_IGNORED;
  info.max_lanes = options.lanes;
  info.precision = options.precision;
  return info;
}

}  // namespace

// The context is made last but for the model, so that the message callback finds what it needs.
Generator::Generator(const rivulet::Plugin& plugin, const Device& device, const GeneratorOptions& options)
    : plugin_(plugin), options_(options), context_(plugin, [&] {
        RvlContextInfo info = contextInfo(device, options);
        info.message_callback = onMessage;
        info.message_user = this;
        return info;
      }()) {
  loading_ = std::async(std::launch::async, [this] { return load(); });
}

Generator::~Generator() {
  if (loading_.valid()) loading_.wait();  // it uses the context
}

Model Generator::load() const {
  Model model;
  model.handle = context_.loadModel(options_.model);
  model.properties = rivulet::make<RvlModelProperties>();
  plugin_.check(plugin_->getModelProperties(context_.get(), model.handle.get(), &model.properties));
  for (std::uint32_t i = 0; i < model.properties.class_count; ++i) {
    char name[RVL_NAME_SIZE];
    plugin_.check(plugin_->getClassName(context_.get(), model.handle.get(), i, name, sizeof name));
    model.classes.emplace_back(name);
  }
  return model;
}

const Model* Generator::model() {
  if (loading_.valid() && loading_.wait_for(std::chrono::seconds(0)) == std::future_status::ready) {
    model_ = loading_.get();
  }
  return model_ ? &*model_ : nullptr;
}

void Generator::warmUp(std::uint32_t size, bool preview) {
  auto info = rivulet::make<RvlWarmUpInfo>();
  info.model = model_->handle.get();
  info.width = info.height = size;
  info.preview = preview;
  plugin_.check(plugin_->warmUp(context_.get(), &info));
}

rivulet::RequestHandle Generator::request(RvlRequestInfo info) {
  info.model = model_->handle.get();
  return context_.request(info);
}

void Generator::cancel(const rivulet::RequestHandle& request) const {
  plugin_.check(plugin_->cancel(context_.get(), request.get()));
}

RvlStatistics Generator::statistics() const {
  auto statistics = rivulet::make<RvlStatistics>();
  plugin_.check(plugin_->getStatistics(context_.get(), &statistics));
  return statistics;
}

std::vector<RvlOpStatistics> Generator::opStatistics() const {
  std::uint32_t count = 0;
  plugin_.check(plugin_->getOpStatistics(context_.get(), nullptr, &count));
  std::vector<RvlOpStatistics> ops(count, rivulet::make<RvlOpStatistics>());
  if (count > 0) plugin_.check(plugin_->getOpStatistics(context_.get(), ops.data(), &count));
  ops.resize(count);
  return ops;
}

std::array<float, RVL_STYLE_SIZE> Generator::measureStyle(const RvlPixels& pixels) const {
  std::array<float, RVL_STYLE_SIZE> style{};
  plugin_.check(plugin_->measureStyle(&pixels, style.data()));
  return style;
}

Generated Generator::record(VkCommandBuffer commands, double budgetUs, std::vector<VkSemaphoreSubmitInfo>& signals) {
  if (options_.mode == RVL_MODE_ASYNC) {
    // One queue and one thread for everything here: no lock is lent, and what is submitted first is visible to the
    // frame that follows.
    auto info = rivulet::make<RvlTickInfo>();
    info.budget_us = budgetUs;
    auto result = rivulet::make<RvlTickResult>();
    plugin_.check(plugin_->tick(context_.get(), &info, &result));
    return {result.dispatches, result.expected_us, result.more == VK_TRUE};
  }
  const RvlRecordResult result = context_.record(commands, budgetUs);
  if (result.serial != 0) {
    VkSemaphoreSubmitInfo signal{VK_STRUCTURE_TYPE_SEMAPHORE_SUBMIT_INFO};
    signal.semaphore = result.semaphore;
    signal.value = result.serial;
    signal.stageMask = VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT;
    signals.push_back(signal);
  }
  return {result.dispatches, result.expected_us, result.more == VK_TRUE};
}

std::vector<std::string> Generator::messages() const {
  const std::lock_guard lock(mutex_);
  return {messages_.begin(), messages_.end()};
}

void RVL_CALL Generator::onMessage(void* user, RvlSeverity severity, const char* message) {
  static const char* const kSeverities[] = {"debug", "info", "warning", "error"};
  auto& self = *static_cast<Generator*>(user);
  const std::lock_guard lock(self.mutex_);
  self.messages_.push_back(std::string(kSeverities[severity]) + ": " + message);
  if (self.messages_.size() > kMessagesKept) self.messages_.pop_front();
}

}  // namespace demo
