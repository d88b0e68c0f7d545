// Requests: asked for, asked about, stopped; and the images the plugin owns.
#include <algorithm>

#include "context.h"
#include "core/error.h"
#include "engine/lanes.h"
#include "request_info.h"

namespace rivulet::plugin {

std::uint64_t Context::minimumBytes(const std::shared_ptr<Model>& model, const engine::LaneShape& shape) {
  {
    const std::lock_guard lock(mutex_);
    if (const std::uint64_t known = scheduler_.groupOf(model, shape).minimumBytes; known != 0) return known;
  }
  engine::LaneShape one = shape;
  one.lanes = 1;
  const graph::MemoryPlan plan = engine::planLanes(*model->network, *device_, one).graph.memory();
  const std::uint64_t bytes =
      plan.arenaBytes + plan.weightBytes + engine::ImageOutput::plannedBytes(shape.width, shape.height);
  const std::lock_guard lock(mutex_);
  return scheduler_.groupOf(model, shape).minimumBytes = bytes;
}

std::uint64_t Context::request(const RvlRequestInfo& info) {
  std::shared_ptr<Model> model;
  {
    const std::lock_guard lock(mutex_);
    requireAlive();
    model = models_.at(info.model.id);
  }
  const std::shared_ptr<Work> work = makeWork(info, std::move(model), precision_);
  if (consumerFamily_ != device_->queueFamily() && mode_ == RVL_MODE_ASYNC &&
      consumerFamily_ != VK_QUEUE_FAMILY_IGNORED) {
    if (work->preview) {
      throw Failure(RVL_ERROR_UNSUPPORTED,
                    "previews change hands after every step: not with a consumer_queue_family of another family");
    }
    work->target.releaseTo = consumerFamily_;
  }
  if (engine::isBlockFormat(work->target.format) && !device_->caps().textureCompressionBC) {
    throw Error(ErrorCode::MissingFeature, "target.format is compressed, but texture_compression_bc is not enabled");
  }
  const engine::Request& request = *work->request;
  if (work->ownsImage)
    work->imageBytes = imageBytes(request.width, request.height, work->target.mipLevels, work->target.format);
  const std::uint64_t needed = minimumBytes(work->model, work->shape) + work->imageBytes;
  if (needed > memory_.limit() || work->imageBytes > textureLimit_) {
    throw Error(ErrorCode::OutOfDeviceMemory,
                "a texture of " + std::to_string(request.width) + "x" + std::to_string(request.height) + " needs " +
                    std::to_string(needed) + " bytes, " + std::to_string(work->imageBytes) +
                    " of them for its image; memory_limit is " + std::to_string(memory_.limit()) +
                    " and texture_limit " + std::to_string(textureLimit_));
  }
  if (const std::optional<engine::GivenState> given = applyInitImage(info, *work)) {
    work->givenState = vk::Buffer(device_, vk::BufferUse::Upload, given->x.size() + given->modelInput.size(),
                                  "init image " + std::to_string(request.width) + "x" + std::to_string(request.height));
    const std::span<std::byte> mapped = work->givenState.mapped();
    std::copy(given->x.begin(), given->x.end(), mapped.begin());
    std::copy(given->modelInput.begin(), given->modelInput.end(),
              mapped.begin() + static_cast<std::ptrdiff_t>(given->x.size()));
    work->givenState.flush();
  }

  const std::lock_guard lock(mutex_);
  requireAlive();
  if (work->ownsImage) makeImage(*work);
  std::uint64_t handle = 0;
  try {
    handle = works_.insert(work);
    scheduler_.enqueue(work);
  } catch (...) {
    if (handle != 0) works_.erase(handle);
    retire(*work);
    throw;
  }
  ++statistics_.requested;
  wake_.notify_one();
  return handle;
}

void Context::makeImage(Work& work) {
  const std::uint64_t planned = work.imageBytes;
  if (!makeRoom(planned, planned)) {
    throw Error(ErrorCode::OutOfDeviceMemory,
                "an image of " + std::to_string(planned) +
                    " bytes does not fit now: " + std::to_string(memory_.used()) + " bytes of memory_limit " +
                    std::to_string(memory_.limit()) + " are in use, " + std::to_string(textureBytes_) +
                    " of texture_limit " + std::to_string(textureLimit_) + " for images, and none of them can go");
  }
  vk::ImageInfo info;
  info.width = work.request->width;
  info.height = work.request->height;
  info.mipLevels = work.target.mipLevels;
  info.format = work.format;
  info.usage = VK_IMAGE_USAGE_SAMPLED_BIT | VK_IMAGE_USAGE_TRANSFER_SRC_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT;
  work.image = vk::Image(device_, info,
                         "texture " + std::to_string(info.width) + "x" + std::to_string(info.height) + " seed " +
                             std::to_string(work.request->seed));
  work.target.image = work.image.handle();
  memory_.take(planned);
  textureBytes_ += planned;
}

/// Evicts what is longest unused until that many bytes fit both limits.
bool Context::makeRoom(std::uint64_t bytes, std::uint64_t textureBytes) {
  const auto fits = [&] {
    return memory_.fits(bytes) && (textureBytes_ <= textureLimit_ - std::min(textureLimit_, textureBytes));
  };
  while (!fits())
    if (!evictOldest()) break;
  if (!memory_.fits(bytes)) scheduler_.collectUnused(bytes, recordings_.completed(), trash_.batches);
  if (!trash_.empty()) wake_.notify_one();
  return fits();
}

bool Context::evictOldest() {
  Work* oldest = nullptr;
  works_.forEach([&](const std::shared_ptr<Work>& work) {
    if (work->state != RVL_STATE_READY || !work->image || work->pins != 0) return;
    if (!oldest || work->lastUse < oldest->lastUse) oldest = work.get();
  });
  if (!oldest) return false;
  oldest->state = RVL_STATE_EVICTED;
  oldest->target.image = VK_NULL_HANDLE;
  trash_.images.push_back(std::move(oldest->image));
  memory_.give(oldest->imageBytes);
  textureBytes_ -= oldest->imageBytes;
  ++statistics_.evicted;
  return true;
}

RvlRequestStatus Context::poll(std::uint64_t request) {
  const std::lock_guard lock(mutex_);
  if (!lost_) collect(0);
  const Work& work = *works_.at(request);
  RvlRequestStatus status{};
  status.state = lost_ && !work.over() && work.state != RVL_STATE_READY ? RVL_STATE_FAILED : work.state;
  status.error = lost_ && status.state == RVL_STATE_FAILED ? RVL_ERROR_DEVICE_LOST : work.error;
  status.steps_done = work.stepsDone;
  status.steps = work.plan ? static_cast<std::uint32_t>(work.plan->calls.size()) : 0;
  status.previews = work.previews;
  status.preview_serial = work.previewSerial;
  status.serial = work.serial;
  status.width = work.request->width;
  status.height = work.request->height;
  std::copy_n(work.request->style.begin(), std::min<std::size_t>(work.request->style.size(), RVL_STYLE_SIZE),
              status.style);
  status.latency_us = work.latencyMicroseconds;
  return status;
}

/// Gives what GPU objects it has to the queue of things to destroy.
void Context::retire(Work& work) {
  Retired retired;
  retired.serial = recordings_.lastSerial();
  if (work.image) retired.bytes = retired.textureBytes = work.imageBytes;
  retired.image = std::move(work.image);
  retired.buffer = std::move(work.givenState);
  if (retired.image || retired.buffer.size() != 0) retired_.push_back(std::move(retired));
  emptyRetired();
  wake_.notify_one();
}

void Context::stop(Work& work, RvlRequestState state) {
  const std::shared_ptr<Work> kept = scheduler_.cancel(work);
  // A cancelled evaluation may have been recorded up to now, and write the target.
  if (kept) work.serial = std::max(work.serial, work.stepsDone > 0 || work.previews > 0 ? recordings_.lastSerial() : 0);
  work.state = state;
  retire(work);
}

void Context::cancel(std::uint64_t request) {
  const std::lock_guard lock(mutex_);
  if (!lost_) collect(0);
  Work& work = *works_.at(request);
  if (work.over() || work.state == RVL_STATE_READY || work.state == RVL_STATE_EVICTED) return;
  stop(work, RVL_STATE_CANCELLED);
  ++statistics_.cancelled;
}

void Context::releaseRequest(std::uint64_t request) {
  const std::lock_guard lock(mutex_);
  if (!lost_) collect(0);
  const std::shared_ptr<Work> work = works_.erase(request);
  if (work->over() || work->state == RVL_STATE_READY || work->state == RVL_STATE_EVICTED) {
    retire(*work);
    return;
  }
  stop(*work, RVL_STATE_CANCELLED);
  ++statistics_.cancelled;
}

RvlResult Context::acquireImage(std::uint64_t request, RvlImage& image) {
  const std::lock_guard lock(mutex_);
  requireAlive();
  collect(0);
  const std::shared_ptr<Work> work = works_.at(request);
  if (work->state == RVL_STATE_FAILED) throw Failure(work->error, work->message);
  if (work->state == RVL_STATE_CANCELLED) throw Failure(RVL_ERROR_INVALID_STATE, "the request was cancelled");
  if (work->state == RVL_STATE_EVICTED) {
    makeImage(*work);
    work->choices = {work->plan};  // the same steps again
    work->rank.reset();
    work->requested = Clock::now();
    scheduler_.enqueue(work);
    wake_.notify_one();
  }
  const bool preview = work->preview && work->previews > 0 && work->state != RVL_STATE_EVICTED;
  if (work->state != RVL_STATE_READY && !preview) return RVL_NOT_READY;
  ++work->pins;
  work->lastUse = ++uses_;
  image.image = work->target.image;
  image.format = work->format;
  image.layout = work->target.layout;
  image.width = work->request->width;
  image.height = work->request->height;
  image.mip_levels = work->target.mipLevels;
  const bool released = work->target.releaseTo != VK_QUEUE_FAMILY_IGNORED && !work->handedOver;
  image.needs_acquire = released ? VK_TRUE : VK_FALSE;
  work->handedOver = true;
  image.source_family = device_->queueFamily();
  image.serial = work->serial;
  return RVL_SUCCESS;
}

void Context::unacquireImage(std::uint64_t request) {
  const std::lock_guard lock(mutex_);
  Work& work = *works_.at(request);
  if (work.pins == 0) throw Failure(RVL_ERROR_INVALID_STATE, "this request's image is not acquired");
  --work.pins;
  wake_.notify_one();  // what waits for memory may have it now
}

}  // namespace rivulet::plugin
