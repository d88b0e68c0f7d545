// Requests: asked for, asked about, stopped; and the images the plugin owns.
#include <algorithm>
#include <utility>

#include "context.h"
#include "core/error.h"
#include "engine/lanes.h"
#include "network_bytes.h"
#include "request_info.h"

namespace rivulet::plugin {
namespace {

std::string sizeOf(const Work& work) {
  return std::to_string(work.request->width) + "x" + std::to_string(work.request->height);
}

}  // namespace

Context::Sizing Context::sizingOf(const std::shared_ptr<Model>& model, const engine::LaneShape& shape) {
  {
    const std::lock_guard lock(mutex_);
    const Group* const group = scheduler_.find(*model, shape);
    if (group && group->minimumBytes != 0) return {group->minimumBytes, group->curve};
  }
  engine::LaneShape one = shape;
  one.lanes = 1;
  const engine::LaneGraph planned = engine::planLanes(*model->network, *device_, one, tunings_.kernels());
  const std::uint64_t bytes = recordings_.bytes() + networkBytes(*device_, planned.graph.memory(), one).peak();
  const std::string key = engine::curveKey(model->network->info(), shape, planned);
  const std::lock_guard lock(mutex_);
  Group& group = scheduler_.groupOf(model, shape);
  group.minimumBytes = bytes;
  group.curve = tunings_.curve(key);
  return {group.minimumBytes, group.curve};
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
  const std::optional<engine::GivenState> given = applyInitImage(info, *work);
  if (work->ownsImage) work->kind = vk::imageRequirements(*device_, imageInfo(*work));
  if (given)
    work->givenBytes =
        vk::Buffer::requiredSize(*device_, vk::BufferUse::Upload, given->x.size() + given->modelInput.size());
  const std::uint64_t imageBytes = work->ownsImage ? work->kind.bytes : 0;
  const Sizing sizing = sizingOf(work->model, work->shape);
  work->leastNetwork = sizing.minimumBytes;
  work->curve = sizing.curve;
  const std::uint64_t needed = work->leastNetwork + imageBytes + work->givenBytes;
  if (needed > memory_.limit() || imageBytes > textureLimit_) {
    throw Error(ErrorCode::OutOfDeviceMemory,
                "a texture of " + sizeOf(*work) + " needs " + std::to_string(needed) + " bytes, " +
                    std::to_string(imageBytes) + " of them for its image; memory_limit is " +
                    std::to_string(memory_.limit()) + " and texture_limit " + std::to_string(textureLimit_));
  }

  std::unique_lock lock(mutex_);
  requireAlive();
  makeObjects(lock, *work, given ? &*given : nullptr);
  std::uint64_t handle = 0;
  try {
    requireAlive();  // much may have happened meanwhile
    handle = works_.insert(work);
    scheduler_.enqueue(work);
  } catch (...) {
    if (handle != 0) works_.erase(handle);
    retire(*work);
    throw;
  }
  ++statistics_.requested;
  wakeBuilder();
  return handle;
}

/// Its image, and the buffer with the state it begins with, if it has them. They are made outside the lock; whatever
/// fails, nothing is left of them. Errors: OUT_OF_DEVICE_MEMORY.
void Context::makeObjects(std::unique_lock<std::mutex>& lock, Work& work, const engine::GivenState* given) {
  if (!work.ownsImage && !given) return;
  Need need;
  need.bytes = given ? work.givenBytes : 0;
  need.kind = work.ownsImage ? &work.kind : nullptr;
  need.leastNetwork = work.leastNetwork;
  const std::optional<Room> room = reserve(lock, need);
  if (!room) {
    throw Error(ErrorCode::OutOfDeviceMemory,
                (need.kind ? "an image of " + std::to_string(need.kind->bytes) + " bytes" : std::string()) +
                    (need.kind && given ? " and " : "") +
                    (given ? "an init image's state of " + std::to_string(need.bytes) + " bytes" : std::string()) +
                    " cannot be allocated now: " + std::to_string(memory_.used()) + " bytes of memory_limit " +
                    std::to_string(memory_.limit()) + " are in use, " + std::to_string(textureBytes_) +
                    " of texture_limit " + std::to_string(textureLimit_) +
                    " for images, and of those that are not needed not enough can go: unacquire or release some, or "
                    "wait for requests that are under way");
  }
  making_ += room->bytes;
  lock.unlock();
  std::unique_ptr<ImageSlab> slab;
  OwnedImage image;
  vk::Buffer state;
  image.place = room->place;
  try {
    if (given) {
      state = vk::Buffer(device_, vk::BufferUse::Upload, given->x.size() + given->modelInput.size(),
                         "init image " + sizeOf(work));
      std::copy(given->x.begin(), given->x.end(), state.mapped().begin());
      std::copy(given->modelInput.begin(), given->modelInput.end(),
                state.mapped().begin() + static_cast<std::ptrdiff_t>(given->x.size()));
      state.flush();
    }
    if (need.kind) {
      const std::string name = "texture " + sizeOf(work) + " seed " + std::to_string(work.request->seed);
      if (!image.place) {
        slab = std::make_unique<ImageSlab>();
        slab->kind = work.kind;
        slab->places = room->newPlaces;
        slab->memory = std::make_shared<vk::ImageMemory>(device_, work.kind, room->newPlaces, name);
      }
      const ImageSlab& in = slab ? *slab : *image.place.slab;
      image.image = vk::Image(device_, imageInfo(work), in.memory, image.place.index, name);
    }
    lock.lock();
    if (slab) image.place = images_.add(std::move(slab));
  } catch (...) {
    image.image = {};
    slab.reset();
    state = {};
    if (!lock.owns_lock()) lock.lock();
    making_ -= room->bytes;
    memory_.give(room->bytes);
    if (need.kind) textureBytes_ -= work.kind.bytes;
    if (image.place) trash_.put(std::move(image), images_);
    wakeBuilder();
    throw;
  }
  making_ -= room->bytes;
  if (need.kind) {
    work.image = std::move(image);
    work.target.image = work.image.image.handle();
  }
  if (given) work.givenState = std::move(state);
}

/// Begins to make an evicted image again.
void Context::remake(std::unique_lock<std::mutex>& lock, const std::shared_ptr<Work>& work) {
  work->state = RVL_STATE_WAITING;  // which is what other calls find while this one makes the image
  work->previews = 0;
  work->previewSerial = 0;
  try {
    makeObjects(lock, *work, nullptr);
  } catch (...) {
    if (work->state == RVL_STATE_WAITING) work->state = RVL_STATE_EVICTED;
    throw;
  }
  if (work->state != RVL_STATE_WAITING) {  // cancelled meanwhile
    retire(*work);
    return;
  }
  work->choices = {work->plan};  // the same steps again
  work->rank.reset();
  work->requested = Clock::now();
  scheduler_.enqueue(work);
  wakeBuilder();
}

RvlRequestStatus Context::poll(std::uint64_t request) {
  const std::lock_guard lock(mutex_);
  requireOpen();
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
  retired.image = std::exchange(work.image, {});
  retired.buffer = std::move(work.givenState);
  if (retired.image.place || retired.buffer.size() != 0) retired_.push_back(std::move(retired));
  emptyRetired();
  wakeBuilder();
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
  requireOpen();
  if (!lost_) collect(0);
  Work& work = *works_.at(request);
  if (work.over() || work.state == RVL_STATE_READY || work.state == RVL_STATE_EVICTED) return;
  stop(work, RVL_STATE_CANCELLED);
  ++statistics_.cancelled;
}

void Context::releaseRequest(std::uint64_t request) {
  const std::lock_guard lock(mutex_);
  requireOpen();
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
  std::unique_lock lock(mutex_);
  requireAlive();
  collect(0);
  const std::shared_ptr<Work> work = works_.at(request);
  if (work->state == RVL_STATE_FAILED) throw Failure(work->error, work->message);
  if (work->state == RVL_STATE_CANCELLED) throw Failure(RVL_ERROR_INVALID_STATE, "the request was cancelled");
  if (work->state == RVL_STATE_EVICTED) remake(lock, work);
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
  requireOpen();
  Work& work = *works_.at(request);
  if (work.pins == 0) throw Failure(RVL_ERROR_INVALID_STATE, "this request's image is not acquired");
  --work.pins;
  wakeBuilder();  // what waits for memory may have it now
}

}  // namespace rivulet::plugin
