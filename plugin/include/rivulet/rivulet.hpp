// The plugin interface for C++11 and newer: handles that release themselves, errors as exceptions. Header only; every
// call is one call of rivulet.h, whose comments hold.
//
//   rivulet::Plugin plugin(rvlGetApi(RVL_API_VERSION));
//   rivulet::ContextHandle context(plugin, info);
//   rivulet::ModelHandle model = context.loadModel("materials-s.safetensors");
#ifndef RIVULET_HPP
#define RIVULET_HPP

#include <rivulet/rivulet.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>

namespace rivulet {

/// A negative RvlResult with its message.
class PluginError : public std::runtime_error {
 public:
  PluginError(RvlResult result, const std::string& message) : std::runtime_error(message), result_(result) {}
  RvlResult result() const noexcept { return result_; }

 private:
  RvlResult result_;
};

/// A zeroed structure of the interface with struct_size set.
template <class T>
T make() {
  T value = T();
  value.struct_size = sizeof(T);
  return value;
}

/// The table of functions. Copies are cheap.
class Plugin {
 public:
  /// Throws PluginError for a null table: the library does not know the header's version.
  explicit Plugin(const RvlApi* api) : api_(api) {
    if (!api) throw PluginError(RVL_ERROR_UNSUPPORTED, "the Rivulet library does not know this version of its header");
  }
  const RvlApi& api() const noexcept { return *api_; }
  const RvlApi* operator->() const noexcept { return api_; }

  /// Throws for an error; passes SUCCESS and NOT_READY on.
  RvlResult check(RvlResult result) const {
    if (result < 0) throw PluginError(result, api_->lastError());
    return result;
  }

 private:
  const RvlApi* api_;
};

/// Released when it goes out of scope. Movable. Must not outlive its context.
template <class Handle, RvlResult (RVL_CALL* RvlApi::*Release)(RvlContext, Handle)>
class Released {
 public:
  Released() noexcept : api_(nullptr), context_(), handle_() {}
  Released(const Plugin& plugin, RvlContext context, Handle handle) noexcept
      : api_(&plugin.api()), context_(context), handle_(handle) {}
  Released(Released&& other) noexcept : api_(other.api_), context_(other.context_), handle_(other.handle_) {
    other.handle_.id = 0;
  }
  Released& operator=(Released&& other) noexcept {
    std::swap(api_, other.api_);
    std::swap(context_, other.context_);
    std::swap(handle_, other.handle_);
    return *this;
  }
  Released(const Released&) = delete;
  Released& operator=(const Released&) = delete;
  ~Released() { reset(); }

  void reset() noexcept {
    if (handle_.id != 0) (api_->*Release)(context_, handle_);
    handle_.id = 0;
  }
  Handle get() const noexcept { return handle_; }
  explicit operator bool() const noexcept { return handle_.id != 0; }

 private:
  const RvlApi* api_;
  RvlContext context_;
  Handle handle_;
};

typedef Released<RvlModel, &RvlApi::releaseModel> ModelHandle;
typedef Released<RvlRequest, &RvlApi::releaseRequest> RequestHandle;

/// Destroyed when it goes out of scope, which is right only once the device has finished with everything of it:
/// destroy() says otherwise.
class ContextHandle {
 public:
  ContextHandle(const Plugin& plugin, const RvlContextInfo& info) : plugin_(plugin), context_() {
    plugin_.check(plugin_->createContext(&info, &context_));
  }
  ContextHandle(ContextHandle&& other) noexcept : plugin_(other.plugin_), context_(other.context_) {
    other.context_.id = 0;
  }
  ContextHandle(const ContextHandle&) = delete;
  ContextHandle& operator=(const ContextHandle&) = delete;
  ~ContextHandle() {
    if (context_.id != 0) plugin_->destroyContext(context_, UINT64_MAX, 0);
  }

  /// As RvlApi::destroyContext. Throws PluginError (RVL_ERROR_BUSY) and keeps the context.
  void destroy(std::uint64_t completed, std::uint64_t timeoutNanoseconds) {
    plugin_.check(plugin_->destroyContext(context_, completed, timeoutNanoseconds));
    context_.id = 0;
  }

  ModelHandle loadModel(const std::string& path) const {
    RvlModelInfo info = make<RvlModelInfo>();
    info.path = path.c_str();
    RvlModel model = RvlModel();
    plugin_.check(plugin_->loadModel(context_, &info, &model));
    return ModelHandle(plugin_, context_, model);
  }
  RequestHandle request(const RvlRequestInfo& info) const {
    RvlRequest request = RvlRequest();
    plugin_.check(plugin_->request(context_, &info, &request));
    return RequestHandle(plugin_, context_, request);
  }
  RvlRequestStatus poll(const RequestHandle& request) const {
    RvlRequestStatus status = make<RvlRequestStatus>();
    plugin_.check(plugin_->poll(context_, request.get(), &status));
    return status;
  }
  RvlRecordResult record(VkCommandBuffer commands, double budgetMicroseconds, std::uint64_t completed = 0) const {
    RvlRecordInfo info = make<RvlRecordInfo>();
    info.command_buffer = commands;
    info.budget_us = budgetMicroseconds;
    info.completed = completed;
    RvlRecordResult result = make<RvlRecordResult>();
    plugin_.check(plugin_->record(context_, &info, &result));
    return result;
  }

  RvlContext get() const noexcept { return context_; }
  const Plugin& plugin() const noexcept { return plugin_; }

 private:
  Plugin plugin_;
  RvlContext context_;
};

}  // namespace rivulet

#endif
