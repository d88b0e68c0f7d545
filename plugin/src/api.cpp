// The table of functions: structures in and out, handles looked up, exceptions stopped. Everything else is elsewhere.
#include <algorithm>
#include <atomic>
#include <cstring>
#include <iterator>
#include <mutex>
#include <thread>

#include "context.h"
#include "failure.h"
#include "handles.h"
#include "image/style.h"
#include "messages.h"
#include "request_info.h"
#include "requirements.h"
#include "rivulet/rivulet.h"
#include "structures.h"

namespace rivulet::plugin {
namespace {

/// All contexts of the process.
struct Contexts {
  std::mutex mutex;
  HandleTable<Context> table{0, "context"};
  std::uint16_t nextTag = 1;

  static Contexts& get() {
    static auto* const all = new Contexts;  // never destroyed: a host may destroy contexts while the process ends
    return *all;
  }
};

std::shared_ptr<Context> contextOf(RvlContext context) {
  Contexts& all = Contexts::get();
  const std::lock_guard lock(all.mutex);
  return all.table.at(context.id);
}

/// Runs `action` on a context, its messages going to the host.
template <class Action>
RvlResult with(RvlContext handle, Action&& action) noexcept {
  return guarded([&] {
    const std::shared_ptr<Context> context = contextOf(handle);
    const MessageScope scope(context->messages());
    try {
      if constexpr (std::is_void_v<decltype(action(*context))>) {
        action(*context);
        return RVL_SUCCESS;
      } else {
        return action(*context);
      }
    } catch (const Error& error) {
      if (error.code() == ErrorCode::DeviceLost) context->deviceLost();
      throw;
    }
  });
}

void copyText(char* target, std::size_t size, const std::string& text) {
  const std::size_t count = std::min(size - 1, text.size());
  std::memcpy(target, text.data(), count);
  target[count] = 0;
}

RvlResult RVL_CALL createContext(const RvlContextInfo* info, RvlContext* context) {
  return guarded([&] {
    const RvlContextInfo given = readStruct(info, "RvlContextInfo");
    requireTarget(context, "context");
    Contexts& all = Contexts::get();
    std::uint16_t tag = 0;
    {
      const std::lock_guard lock(all.mutex);
      tag = all.nextTag++;
      if (all.nextTag == 0) all.nextTag = 1;
    }
    const MessageTarget target{given.message_callback, given.message_user};
    const MessageScope scope(target);
    auto made = std::make_shared<Context>(given, tag);
    const std::lock_guard lock(all.mutex);
    context->id = all.table.insert(std::move(made));
    return RVL_SUCCESS;
  });
}

RvlResult RVL_CALL destroyContext(RvlContext handle, std::uint64_t completed, std::uint64_t timeout) {
  return guarded([&] {
    std::shared_ptr<Context> context = contextOf(handle);
    const MessageTarget target = context->messages();
    const MessageScope scope(target);
    context->close(completed, timeout);
    Contexts& all = Contexts::get();
    {
      const std::lock_guard lock(all.mutex);
      all.table.erase(handle.id);
    }
    // Calls of other threads that were on their way end first: the host may destroy its device next.
    while (context.use_count() != 1) std::this_thread::yield();
    context.reset();
    return RVL_SUCCESS;
  });
}

RvlResult RVL_CALL loadModel(RvlContext handle, const RvlModelInfo* info, RvlModel* model) {
  return with(handle, [&](Context& context) {
    const RvlModelInfo given = readStruct(info, "RvlModelInfo");
    requireTarget(model, "model");
    model->id = context.loadModel(given);
  });
}

RvlResult RVL_CALL releaseModel(RvlContext handle, RvlModel model) {
  return with(handle, [&](Context& context) { context.releaseModel(model.id); });
}

RvlResult RVL_CALL getModelProperties(RvlContext handle, RvlModel model, RvlModelProperties* properties) {
  return with(handle, [&](Context& context) {
    const auto network = context.network(model.id);
    const models::NetworkInfo& info = network->info();
    RvlModelProperties result{};
    copyText(result.name, sizeof result.name, info.name);
    result.class_count = static_cast<std::uint32_t>(info.classes.size());
    result.native_size = info.nativeSize;
    result.size_multiple = info.sizeMultiple;
    result.style_size = info.styleDim;
    result.null_class = info.nullClass ? VK_TRUE : VK_FALSE;
    result.any_step = info.targetTime ? VK_TRUE : VK_FALSE;
    result.quantized = info.quantizedLayers != 0 ? VK_TRUE : VK_FALSE;
    writeStruct(properties, result, "RvlModelProperties");
  });
}

RvlResult RVL_CALL getClassName(RvlContext handle, RvlModel model, std::uint32_t index, char* name, std::size_t size) {
  return with(handle, [&](Context& context) {
    const auto network = context.network(model.id);
    const std::vector<std::string>& classes = network->info().classes;
    requireTarget(name, "name");
    if (size == 0) invalid("size is 0: the name needs room");
    if (index >= classes.size()) {
      invalid("class " + std::to_string(index) + ": '" + network->info().name + "' has " +
              std::to_string(classes.size()));
    }
    copyText(name, size, classes[index]);
  });
}

RvlResult RVL_CALL findClass(RvlContext handle, RvlModel model, const char* name, std::uint32_t* index) {
  return with(handle, [&](Context& context) {
    if (!name) invalid("name is null");
    requireTarget(index, "index");
    const auto network = context.network(model.id);
    const std::vector<engine::ClassWeight> found = engine::parseClasses(network->info(), name);
    if (found.size() != 1) invalid("'" + std::string(name) + "' is not the name of one class");
    *index = found.front().index;
  });
}

RvlResult RVL_CALL warmUp(RvlContext handle, const RvlWarmUpInfo* info) {
  return with(handle, [&](Context& context) { context.warmUp(readStruct(info, "RvlWarmUpInfo")); });
}

RvlResult RVL_CALL isReady(RvlContext handle, const RvlWarmUpInfo* info) {
  return with(handle, [&](Context& context) { return context.isReady(readStruct(info, "RvlWarmUpInfo")); });
}

RvlResult RVL_CALL request(RvlContext handle, const RvlRequestInfo* info, RvlRequest* request) {
  return with(handle, [&](Context& context) {
    const RvlRequestInfo given = readStruct(info, "RvlRequestInfo");
    requireTarget(request, "request");
    request->id = context.request(given);
  });
}

RvlResult RVL_CALL poll(RvlContext handle, RvlRequest request, RvlRequestStatus* status) {
  return with(handle, [&](Context& context) { writeStruct(status, context.poll(request.id), "RvlRequestStatus"); });
}

RvlResult RVL_CALL cancel(RvlContext handle, RvlRequest request) {
  return with(handle, [&](Context& context) { context.cancel(request.id); });
}

RvlResult RVL_CALL releaseRequest(RvlContext handle, RvlRequest request) {
  return with(handle, [&](Context& context) { context.releaseRequest(request.id); });
}

RvlResult RVL_CALL acquireImage(RvlContext handle, RvlRequest request, RvlImage* image) {
  return with(handle, [&](Context& context) {
    static_cast<void>(readStruct(image, "RvlImage"));
    RvlImage result{};
    const RvlResult code = context.acquireImage(request.id, result);
    if (code == RVL_SUCCESS) writeStruct(image, result, "RvlImage");
    return code;
  });
}

RvlResult RVL_CALL unacquireImage(RvlContext handle, RvlRequest request) {
  return with(handle, [&](Context& context) { context.unacquireImage(request.id); });
}

RvlResult RVL_CALL record(RvlContext handle, const RvlRecordInfo* info, RvlRecordResult* result) {
  return with(handle, [&](Context& context) {
    static_cast<void>(readStruct(result, "RvlRecordResult"));
    writeStruct(result, context.record(readStruct(info, "RvlRecordInfo")), "RvlRecordResult");
  });
}

RvlResult RVL_CALL discard(RvlContext handle, std::uint64_t serial) {
  return with(handle, [&](Context& context) { context.discard(serial); });
}

RvlResult RVL_CALL tick(RvlContext handle, const RvlTickInfo* info, RvlTickResult* result) {
  return with(handle, [&](Context& context) {
    static_cast<void>(readStruct(result, "RvlTickResult"));
    writeStruct(result, context.tick(readStruct(info, "RvlTickInfo")), "RvlTickResult");
  });
}

RvlResult RVL_CALL getStatistics(RvlContext handle, RvlStatistics* statistics) {
  return with(handle, [&](Context& context) { writeStruct(statistics, context.statistics(), "RvlStatistics"); });
}

/// The host's array has the stride of its own header's structure.
RvlResult RVL_CALL getOpStatistics(RvlContext handle, RvlOpStatistics* ops, std::uint32_t* count) {
  return with(handle, [&](Context& context) {
    requireTarget(count, "count");
    const std::vector<RvlOpStatistics> all = context.opStatistics();
    const std::size_t written = ops ? std::min<std::size_t>(*count, all.size()) : 0;
    auto* const bytes = reinterpret_cast<std::byte*>(ops);
    for (std::size_t i = 0; i < written; ++i)
      writeStruct(reinterpret_cast<RvlOpStatistics*>(bytes + i * ops->struct_size), all[i], "RvlOpStatistics");
    *count = static_cast<std::uint32_t>(ops ? written : all.size());
  });
}

RvlResult RVL_CALL getPipelineCache(RvlContext handle, void* data, std::size_t* size) {
  return with(handle, [&](Context& context) {
    requireTarget(size, "size");
    const std::vector<std::byte> blob = context.pipelineCache();
    if (data && *size < blob.size()) {
      invalid("the pipeline cache has " + std::to_string(blob.size()) + " bytes, *size is " + std::to_string(*size));
    }
    if (data) std::memcpy(data, blob.data(), blob.size());
    *size = blob.size();
  });
}

RvlResult RVL_CALL measureStyleOf(const RvlPixels* pixels, float style[RVL_STYLE_SIZE]) {
  return guarded([&] {
    if (!pixels) invalid("pixels is null");
    requireTarget(style, "style");
    const Style measured = styleOf(imageOf(*pixels, "pixels"));
    std::copy(measured.begin(), measured.end(), style);
    return RVL_SUCCESS;
  });
}

constexpr RvlApi tableOf(std::uint32_t version) {
  return {
      version,
      resultText,
      lastError,
      queryRequirements,
      fillFeatureChain,
      createContext,
      destroyContext,
      loadModel,
      releaseModel,
      getModelProperties,
      getClassName,
      findClass,
      warmUp,
      isReady,
      request,
      poll,
      cancel,
      releaseRequest,
      acquireImage,
      unacquireImage,
      record,
      discard,
      tick,
      getStatistics,
      getPipelineCache,
      measureStyleOf,
      getOpStatistics,
      fillFeatureChain2,
  };
}

// What is new in a version stands at the end of the table: an older host sees what its header has.
constexpr RvlApi kApis[] = {tableOf(1), tableOf(2), tableOf(3)};
static_assert(std::size(kApis) == RVL_API_VERSION);

}  // namespace
}  // namespace rivulet::plugin

const RvlApi* RVL_CALL rvlGetApi(std::uint32_t version) {
  if (version == 0 || version > RVL_API_VERSION) return nullptr;
  static const bool routed = [] {
    rivulet::plugin::routeMessages();
    return true;
  }();
  return routed ? &rivulet::plugin::kApis[version - 1] : nullptr;
}
