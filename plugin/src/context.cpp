// A context's beginning and end, its models and its figures.
#include "context.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <utility>

#include "core/error.h"
#include "engine/lane_graph.h"
#include "request_info.h"
#include "vk/requirements.h"

namespace rivulet::plugin {
namespace {

constexpr std::uint32_t kDefaultLanes = 4, kMostLanes = 16, kDefaultInFlight = 4, kMostInFlight = 16;
// More than a frame ever finishes: recording does not allocate.
constexpr std::size_t kRoom = 4096;

std::uint32_t choose(std::uint32_t value, std::uint32_t usual, std::uint32_t least, std::uint32_t most,
                     const char* name) {
  if (value == 0) return usual;
  if (value < least || value > most) {
    invalid(std::string(name) + " " + std::to_string(value) + ": from " + std::to_string(least) + " to " +
            std::to_string(most) + ", or 0 for " + std::to_string(usual));
  }
  return value;
}

std::shared_ptr<vk::Device> importDevice(const RvlContextInfo& info) {
  if (info.mode != RVL_MODE_RECORD && info.mode != RVL_MODE_ASYNC) invalid("mode " + std::to_string(info.mode));
  vk::ImportDeviceInfo import;
  import.getInstanceProcAddr = info.get_instance_proc_addr;
  import.instance = info.instance;
  import.physicalDevice = info.physical_device;
  import.device = info.device;
  import.apiVersion = info.api_version;
  import.queueFamily = info.queue_family;
  import.queueIndex = info.mode == RVL_MODE_ASYNC ? info.queue_index : 0;
  import.enabled.storageBuffer16BitAccess = info.features.storage_buffer_16bit_access != VK_FALSE;
  import.enabled.bufferDeviceAddress = info.features.buffer_device_address != VK_FALSE;
  import.enabled.subgroupSizeControl = info.features.subgroup_size_control != VK_FALSE;
  import.enabled.shaderInt64 = info.features.shader_int64 != VK_FALSE;
  import.enabled.cooperativeMatrix = info.features.cooperative_matrix != VK_FALSE;
  import.enabled.timelineSemaphore = info.features.timeline_semaphore != VK_FALSE;
  import.enabled.textureCompressionBC = info.features.texture_compression_bc != VK_FALSE;
  import.enabled.debugUtils = info.features.debug_utils != VK_FALSE;
  import.enabled.shaderInt8 = info.byte_features.shader_int8 != VK_FALSE;
  import.enabled.integerDotProduct = info.byte_features.integer_dot_product != VK_FALSE;
  if ((info.lock_queue == nullptr) != (info.unlock_queue == nullptr)) {
    invalid("lock_queue and unlock_queue are given together or not at all");
  }
  if (info.lock_queue) {
    import.lockQueue = [ lock = info.lock_queue, user = info.lock_user ] { lock(user);
  };
  import.unlockQueue = [ unlock = info.unlock_queue, user = info.lock_user ] { unlock(user);
};
}  // namespace
return vk::Device::import(import);
}  // namespace rivulet::plugin

void requireFamily(std::uint32_t family, const vk::Device& device) {
  std::uint32_t count = 0;
  device.instanceFn().GetPhysicalDeviceQueueFamilyProperties(device.physicalDevice(), &count, nullptr);
  if (family == VK_QUEUE_FAMILY_IGNORED || family < count) return;
  invalid("consumer_queue_family " + std::to_string(family) + ": the device has families 0 to " +
          std::to_string(count - 1) + "; VK_QUEUE_FAMILY_IGNORED means no transfer");
}

/// Refuses what graphs would refuse later, in the words of the interface.
engine::Precision inBytes(engine::Precision precision, const char* name, const vk::DeviceCaps& caps) {
  if (caps.storage16 && caps.multipliesBytes()) return precision;
  throw Error(
      ErrorCode::MissingFeature,
      std::string(name) + " needs storage_buffer_16bit_access to be enabled, and integer_dot_product, or " +
          "cooperative_matrix, shader_int8 and subgroup_size_control on a device with cooperative matrices of " +
          "bytes; '" + caps.name + "' has " + (caps.storage16 ? "nothing that multiplies bytes" : "no 16-bit access") +
          " enabled");
}

engine::Precision precisionOf(RvlPrecision precision, const vk::DeviceCaps& caps) {
  switch (precision) {
    case RVL_PRECISION_AUTO:
      return engine::defaultPrecision(caps);
    case RVL_PRECISION_FLOAT:
      return engine::Precision::Fp32;
    case RVL_PRECISION_HALF:
      if (!caps.storage16)
        throw Error(ErrorCode::MissingFeature, "RVL_PRECISION_HALF needs storage_buffer_16bit_access to be enabled");
      return engine::Precision::Fp16;
    case RVL_PRECISION_INT8:
      return inBytes(engine::Precision::Int8, "RVL_PRECISION_INT8", caps);
    case RVL_PRECISION_MIXED:
      return inBytes(engine::Precision::Mixed, "RVL_PRECISION_MIXED", caps);
    case RVL_PRECISION_MAX_ENUM:
      break;
  }
  invalid("precision " + std::to_string(precision));
}

std::unique_ptr<vk::PipelineCache> makePipelines(const std::shared_ptr<vk::Device>& device,
                                                 const RvlContextInfo& info) {
  const auto* bytes = static_cast<const std::byte*>(info.pipeline_cache);
  return std::make_unique<vk::PipelineCache>(device,
                                             vk::CacheBlob(std::span(bytes, bytes ? info.pipeline_cache_size : 0)));
}

std::filesystem::path folderOf(const RvlContextInfo& info) {
  return info.tuning_folder ? std::filesystem::path(reinterpret_cast<const char8_t*>(info.tuning_folder))
                            : std::filesystem::path();
}

}  // namespace

Context::Context(const RvlContextInfo& info, std::uint16_t tag)
    : messages_{info.message_callback, info.message_user},
      mode_(info.mode),
      consumerFamily_(info.consumer_queue_family),
      textureLimit_(info.texture_limit == 0 ? UINT64_MAX : info.texture_limit),
      device_(importDevice(info)),
      pipelines_(makePipelines(device_, info)),
      precision_(precisionOf(info.precision, device_->caps())),
      memory_(info.memory_limit),
      tunings_(folderOf(info), device_->caps()),
      scheduler_(choose(info.max_lanes, kDefaultLanes, 1, kMostLanes, "max_lanes"), ops_),
      recordings_(device_, choose(info.max_in_flight, kDefaultInFlight, 2, kMostInFlight, "max_in_flight")),
      models_(tag, "model"),
      works_(tag, "request") {
  if (mode_ == RVL_MODE_ASYNC) requireFamily(consumerFamily_, *device_);
  recorded_.reserve(kRoom);
  retired_.reserve(kRoom);
  trash_.reserve();
  going_.reserve();
  if (!memory_.fits(recordings_.bytes())) {
    throw Error(ErrorCode::OutOfDeviceMemory, "memory_limit " + std::to_string(memory_.limit()) +
                                                  ": the context itself needs " + std::to_string(recordings_.bytes()) +
                                                  " bytes");
  }
  memory_.take(recordings_.bytes());
  if (mode_ == RVL_MODE_ASYNC) {
    stream_ = std::make_unique<vk::CommandStream>(device_);
  } else if (device_->caps().timelineSemaphore) {
    VkSemaphoreTypeCreateInfo type{VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO};
    type.semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE;
    VkSemaphoreCreateInfo semaphore{VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO};
    semaphore.pNext = &type;
    vk::check(device_->fn().CreateSemaphore(device_->handle(), &semaphore, nullptr, &timeline_),
              "vkCreateSemaphore(recordings)");
    device_->setName(VK_OBJECT_TYPE_SEMAPHORE, timeline_, "rivulet recordings");
  }
  try {
    builder_ = std::thread([this] { buildLoop(); });
  } catch (...) {
    if (timeline_) device_->fn().DestroySemaphore(device_->handle(), timeline_, nullptr);
    throw;
  }
}

Context::~Context() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  builder_.join();
  if (scheduler_.learned()) tunings_.keep();
  // close() has seen to it that the device has finished with everything; submissions of our own are waited for anyway.
  try {
    if (stream_) stream_->waitIdle();
  } catch (const std::exception&) {
    // The device is lost: nothing runs any more.
  }
  if (timeline_) device_->fn().DestroySemaphore(device_->handle(), timeline_, nullptr);
}

void Context::deviceLost() {
  const std::lock_guard lock(mutex_);
  lost_ = true;
}

void Context::close(std::uint64_t completed, std::uint64_t timeoutNanoseconds) {
  const auto deadline =
      Clock::now() + std::chrono::nanoseconds(std::min<std::uint64_t>(timeoutNanoseconds, INT64_MAX / 2));
  std::unique_lock lock(mutex_);
  requireOpen();
  const std::uint64_t last = recordings_.lastSerial();
  if (!lost_ && completed != UINT64_MAX && completed > last) {
    invalid("completed " + std::to_string(completed) + ": the last serial is " + std::to_string(last));
  }
  closing_ = true;
  if (lost_ || completed == UINT64_MAX) return;
  try {
    collect(completed);
    while (!recordings_.empty() && !lost_ && Clock::now() < deadline) {
      lock.unlock();
      std::this_thread::sleep_for(std::chrono::microseconds(100));
      lock.lock();
      collect(0);
    }
  } catch (const Error& error) {
    if (error.code() == ErrorCode::DeviceLost) return;
    closing_ = false;
    throw;
  } catch (...) {
    closing_ = false;
    throw;
  }
  if (recordings_.empty() || lost_) return;
  closing_ = false;
  throw Failure(RVL_ERROR_BUSY, "recordings " + recordings_.unfinished() +
                                    " have not finished: wait for the device, discard what is not submitted, or pass "
                                    "UINT64_MAX for completed if nothing is running");
}

void Context::requireOpen() const {
  if (closing_)
    throw Failure(RVL_ERROR_INVALID_STATE,
                  "the context is being destroyed: destroyContext() is at work on another thread");
}

void Context::requireAlive() const {
  requireOpen();
  if (lost_)
    throw Error(ErrorCode::DeviceLost, "the device is lost: destroy the context, and make another on a new device");
}

void Context::requireMode(RvlMode mode) const {
  if (mode_ == mode) return;
  throw Failure(RVL_ERROR_INVALID_STATE, mode == RVL_MODE_RECORD
                                             ? "this context submits by itself (RVL_MODE_ASYNC): use tick()"
                                             : "this context records into the host's command buffers "
                                               "(RVL_MODE_RECORD): use record() and discard()");
}

std::uint64_t Context::loadModel(const RvlModelInfo& info) {
  if ((info.path != nullptr) == (info.data != nullptr)) invalid("a model is loaded from path or from data: give one");
  auto model = std::make_shared<Model>();
  if (info.path) {
    model->network = models::Network::load(std::filesystem::path(reinterpret_cast<const char8_t*>(info.path)));
  } else {
    model->network = models::Network::load(std::span(static_cast<const std::byte*>(info.data), info.size),
                                           info.name ? info.name : "model");
  }
  if (engine::multipliesBytes(precision_) && model->network->info().quantizedLayers == 0) {
    throw Failure(RVL_ERROR_UNSUPPORTED,
                  "'" + model->network->info().name + "' has no layers in bytes, which the context's precision, " +
                      toString(precision_) + ", is for: load a file that `rivulet quantize` made of it, or make the " +
                      "context with RVL_PRECISION_AUTO");
  }
  const std::lock_guard lock(mutex_);
  requireAlive();
  dying_.reserve(dying_.size() + 1);
  return models_.insert(std::move(model));
}

void Context::releaseModel(std::uint64_t model) {
  const std::lock_guard lock(mutex_);
  requireOpen();
  dying_.push_back(models_.at(model));
  models_.erase(model);
  wakeBuilder();
}

std::shared_ptr<const models::Network> Context::network(std::uint64_t model) {
  const std::lock_guard lock(mutex_);
  requireOpen();
  return models_.at(model)->network;
}

void Context::warmUp(const RvlWarmUpInfo& info) {
  std::unique_lock lock(mutex_);
  requireAlive();
  const std::shared_ptr<Model> model = models_.at(info.model.id);
  lock.unlock();
  engine::LaneShape shape = warmUpShape(info, model->network->info(), precision_);
  const std::uint32_t lanes = std::exchange(shape.lanes, 0);
  const Sizing sizing = sizingOf(model, shape);
  lock.lock();
  if (sizing.minimumBytes > memory_.limit()) {
    throw Error(ErrorCode::OutOfDeviceMemory, "'" + model->network->info().name + "' at this size needs " +
                                                  std::to_string(sizing.minimumBytes) + " bytes; memory_limit is " +
                                                  std::to_string(memory_.limit()));
  }
  requireAlive();
  Group& group = scheduler_.groupOf(model, shape);
  group.curve = sizing.curve;
  scheduler_.warmUp(group, lanes);
  wakeBuilder();
}

RvlResult Context::isReady(const RvlWarmUpInfo& info) {
  const std::lock_guard lock(mutex_);
  requireAlive();
  const std::shared_ptr<Model>& model = models_.at(info.model.id);
  engine::LaneShape shape = warmUpShape(info, model->network->info(), precision_);
  shape.lanes = 0;
  const Group* const group = scheduler_.find(*model, shape);
  if (!group) return RVL_NOT_READY;
  if (group->error != RVL_SUCCESS) throw Failure(group->error, group->message);
  return group->batches.empty() || group->building || group->wanted != 0 ? RVL_NOT_READY : RVL_SUCCESS;
}

RvlStatistics Context::statistics() {
  const std::lock_guard lock(mutex_);
  requireOpen();
  RvlStatistics result = statistics_;
  scheduler_.forEachGroup([&](const Group& group) {
    result.waiting += group.waiting.size();
    result.executables += group.batches.size();
    for (const std::unique_ptr<Batch>& batch : group.batches)
      result.longest_dispatch_us = std::max(result.longest_dispatch_us, batch->longestPiece());
  });
  works_.forEach([&](const std::shared_ptr<Work>& work) {
    if (work->state == RVL_STATE_RUNNING || work->state == RVL_STATE_RECORDED) ++result.running;
  });
  result.evaluations = scheduler_.evaluations();
  result.lane_evaluations = scheduler_.laneEvaluations();
  result.memory_bytes = memory_.used();
  result.texture_bytes = textureBytes_;
  return result;
}

std::vector<RvlOpStatistics> Context::opStatistics() {
  const std::lock_guard lock(mutex_);
  requireOpen();
  return ops_.all();
}

}  // namespace rivulet::plugin
