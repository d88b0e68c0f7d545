#include "support/vulkan_spy.h"

#include <cstring>
#include <mutex>
#include <type_traits>
#include <utility>
#include <vector>

#include "vk/loader.h"

// Entry points that exist before there is an instance.
#define RVL_VK_GLOBAL_FUNCTIONS(X)        \
  X(EnumerateInstanceVersion)             \
  X(EnumerateInstanceExtensionProperties) \
  X(EnumerateInstanceLayerProperties)     \
  X(CreateInstance)

// Those that only the memory allocator calls.
#define RVL_VK_ALLOCATOR_FUNCTIONS(X)  \
  X(GetBufferMemoryRequirements2)      \
  X(GetDeviceBufferMemoryRequirements) \
  X(BindBufferMemory2)                 \
  X(GetImageMemoryRequirements2)       \
  X(GetDeviceImageMemoryRequirements)  \
  X(BindImageMemory2)

#define RVL_VK_SPIED_FUNCTIONS(X)       \
  RVL_VK_GLOBAL_FUNCTIONS(X)            \
  RVL_VK_INSTANCE_FUNCTIONS(X)          \
  RVL_VK_OPTIONAL_INSTANCE_FUNCTIONS(X) \
  RVL_VK_DEVICE_FUNCTIONS(X)            \
  RVL_VK_OPTIONAL_DEVICE_FUNCTIONS(X)   \
  RVL_VK_ALLOCATOR_FUNCTIONS(X)

namespace rivulet::test {

namespace {

enum Id : std::size_t {
#define RVL_ID(name) kId##name,
  RVL_VK_SPIED_FUNCTIONS(RVL_ID)
#undef RVL_ID
      kIds
};

constexpr const char* kNames[] = {
#define RVL_NAME(name) "vk" #name,
    RVL_VK_SPIED_FUNCTIONS(RVL_NAME)
#undef RVL_NAME
};

template <std::size_t id, class Function>
struct Wrapper;

template <std::size_t id, class Result, class... Arguments>
struct Wrapper<id, Result(VKAPI_PTR*)(Arguments...)> {
  static inline Result(VKAPI_PTR* real)(Arguments...) = nullptr;
  static VKAPI_ATTR Result VKAPI_CALL call(Arguments... arguments) {
    VkResult failure = VK_SUCCESS;
    if (VulkanSpy::enter(id, std::is_same_v<Result, VkResult>, failure))
      if constexpr (std::is_same_v<Result, VkResult>) return failure;
    return real(arguments...);
  }
};

struct State {
  std::mutex mutex;
  std::uint64_t calls[kIds] = {};
  std::uint64_t resultCalls = 0, failResultAt = 0;
  std::vector<std::size_t> resultCallIds;
  VkResult failResultWith = VK_SUCCESS;
  std::map<std::size_t, std::pair<std::uint64_t, VkResult>> failFrom;
  std::set<std::string> lookups, hidden;
  std::map<std::string, PFN_vkVoidFunction> replaced, real;
  std::string failed;
} state;

/// Waiting, asking for a status and looking around: what fails there is tested by name.
bool isQuery(std::size_t id) {
  constexpr std::size_t kQueries[] = {
      kIdEnumerateInstanceVersion,
      kIdEnumerateInstanceExtensionProperties,
      kIdEnumerateInstanceLayerProperties,
      kIdEnumeratePhysicalDevices,
      kIdEnumerateDeviceExtensionProperties,
      kIdGetPhysicalDeviceCooperativeMatrixPropertiesKHR,
      kIdGetFenceStatus,
      kIdWaitForFences,
      kIdWaitSemaphores,
      kIdGetSemaphoreCounterValue,
      kIdGetQueryPoolResults,
      kIdQueueWaitIdle,
      kIdDeviceWaitIdle,
      kIdSetDebugUtilsObjectNameEXT,
      kIdGetPipelineCacheData,
      kIdGetPhysicalDeviceImageFormatProperties,
  };
  for (const std::size_t query : kQueries)
    if (query == id) return true;
  return false;
}

PFN_vkGetInstanceProcAddr realGetInstanceProcAddr() {
  static const PFN_vkGetInstanceProcAddr real = vk::openLoader();
  return real;
}

/// Remembers the real function behind a wrapper and returns the wrapper; names that are not wrapped pass through.
PFN_vkVoidFunction wrap(const char* name, PFN_vkVoidFunction real) {
  {
    const std::lock_guard lock(state.mutex);
    state.lookups.insert(name);
    if (state.hidden.count(name) != 0) return nullptr;
    const auto replacement = state.replaced.find(name);
    if (replacement != state.replaced.end()) {
      state.real[name] = real;
      return replacement->second;
    }
  }
  if (!real) return nullptr;
  // An extension's name for a function leads to the same wrapper.
  std::string core = name;
  if (core.ends_with("KHR") && VulkanSpy::wrapper(core) == nullptr) core.resize(core.size() - 3);
#define RVL_WRAP(function)                                 \
  if (core == "vk" #function) {                            \
    using W = Wrapper<kId##function, PFN_vk##function>;    \
    W::real = reinterpret_cast<PFN_vk##function>(real);    \
    return reinterpret_cast<PFN_vkVoidFunction>(&W::call); \
  }
  RVL_VK_SPIED_FUNCTIONS(RVL_WRAP)
#undef RVL_WRAP
  return real;
}

PFN_vkGetDeviceProcAddr realGetDeviceProcAddr = nullptr;

PFN_vkVoidFunction VKAPI_CALL getDeviceProcAddr(VkDevice device, const char* name) {
  return wrap(name, realGetDeviceProcAddr(device, name));
}

std::size_t idOf(const std::string& name) {
  for (std::size_t id = 0; id < kIds; ++id)
    if (name == kNames[id]) return id;
  return kIds;
}

}  // namespace

void VulkanSpy::reset() {
  const std::lock_guard lock(state.mutex);
  std::memset(state.calls, 0, sizeof state.calls);
  state.resultCalls = state.failResultAt = 0;
  state.resultCallIds.clear();
  state.failFrom.clear();
  state.lookups.clear();
  state.hidden.clear();
  state.replaced.clear();
  state.failed.clear();
}

PFN_vkVoidFunction VKAPI_CALL VulkanSpy::getInstanceProcAddr(VkInstance instance, const char* name) {
  const PFN_vkVoidFunction real = realGetInstanceProcAddr()(instance, name);
  if (std::strcmp(name, "vkGetInstanceProcAddr") == 0)
    return reinterpret_cast<PFN_vkVoidFunction>(&VulkanSpy::getInstanceProcAddr);
  if (std::strcmp(name, "vkGetDeviceProcAddr") == 0) {
    realGetDeviceProcAddr = reinterpret_cast<PFN_vkGetDeviceProcAddr>(real);
    return reinterpret_cast<PFN_vkVoidFunction>(&getDeviceProcAddr);
  }
  return wrap(name, real);
}

PFN_vkVoidFunction VulkanSpy::wrapper(const std::string& name) {
  if (name == "vkGetDeviceProcAddr") return reinterpret_cast<PFN_vkVoidFunction>(&getDeviceProcAddr);
#define RVL_FIND(function)    \
  if (name == "vk" #function) \
    return reinterpret_cast<PFN_vkVoidFunction>(&Wrapper<kId##function, PFN_vk##function>::call);
  RVL_VK_SPIED_FUNCTIONS(RVL_FIND)
#undef RVL_FIND
  return nullptr;
}

std::uint64_t VulkanSpy::calls(const std::string& name) {
  const std::lock_guard lock(state.mutex);
  const std::size_t id = idOf(name);
  return id < kIds ? state.calls[id] : 0;
}

std::uint64_t VulkanSpy::resultCalls() {
  const std::lock_guard lock(state.mutex);
  return state.resultCalls;
}

std::vector<std::string> VulkanSpy::resultCallNames() {
  const std::lock_guard lock(state.mutex);
  std::vector<std::string> names;
  for (const std::size_t id : state.resultCallIds) names.emplace_back(kNames[id]);
  return names;
}

std::set<std::string> VulkanSpy::lookups() {
  const std::lock_guard lock(state.mutex);
  return state.lookups;
}

void VulkanSpy::failFrom(const std::string& name, std::uint64_t first, VkResult result) {
  const std::lock_guard lock(state.mutex);
  const std::size_t id = idOf(name);
  state.failFrom[id] = {state.calls[id] + first, result};
}

void VulkanSpy::failResultCall(std::uint64_t index, VkResult result) {
  const std::lock_guard lock(state.mutex);
  state.failResultAt = state.resultCalls + index;
  state.failResultWith = result;
}

std::vector<std::string> VulkanSpy::unbalanced() {
  constexpr std::pair<const char*, const char*> kPairs[] = {
      {"vkCreateInstance", "vkDestroyInstance"},
      {"vkCreateDevice", "vkDestroyDevice"},
      {"vkCreateDebugUtilsMessengerEXT", "vkDestroyDebugUtilsMessengerEXT"},
      {"vkAllocateMemory", "vkFreeMemory"},
      {"vkCreateBuffer", "vkDestroyBuffer"},
      {"vkCreateImage", "vkDestroyImage"},
      {"vkCreateFence", "vkDestroyFence"},
      {"vkCreateSemaphore", "vkDestroySemaphore"},
      {"vkCreateQueryPool", "vkDestroyQueryPool"},
      {"vkCreateShaderModule", "vkDestroyShaderModule"},
      {"vkCreatePipelineCache", "vkDestroyPipelineCache"},
      {"vkCreateComputePipelines", "vkDestroyPipeline"},
      {"vkCreatePipelineLayout", "vkDestroyPipelineLayout"},
      {"vkCreateDescriptorSetLayout", "vkDestroyDescriptorSetLayout"},
      {"vkCreateDescriptorPool", "vkDestroyDescriptorPool"},
      {"vkCreateCommandPool", "vkDestroyCommandPool"},
  };
  std::vector<std::string> result;
  for (const auto& [create, destroy] : kPairs) {
    const std::uint64_t made = calls(create) - (failed() == create ? 1 : 0);  // what fails creates nothing
    if (made != calls(destroy)) {
      result.push_back(std::string(create) + " " + std::to_string(made) + ", " + destroy + " " +
                       std::to_string(calls(destroy)));
    }
  }
  return result;
}

std::string VulkanSpy::failed() {
  const std::lock_guard lock(state.mutex);
  return state.failed;
}

void VulkanSpy::hide(const std::string& name) {
  const std::lock_guard lock(state.mutex);
  state.hidden.insert(name);
}

void VulkanSpy::replace(const std::string& name, PFN_vkVoidFunction function) {
  const std::lock_guard lock(state.mutex);
  state.replaced[name] = function;
}

PFN_vkVoidFunction VulkanSpy::real(const std::string& name) {
  const std::lock_guard lock(state.mutex);
  return state.real[name];
}

bool VulkanSpy::enter(std::size_t id, bool hasResult, VkResult& result) {
  const std::lock_guard lock(state.mutex);
  ++state.calls[id];
  if (!hasResult) return false;
  const auto planned = state.failFrom.find(id);
  if (planned != state.failFrom.end() && state.calls[id] >= planned->second.first) {
    result = planned->second.second;
    return true;
  }
  if (isQuery(id)) return false;
  state.resultCallIds.push_back(id);
  if (++state.resultCalls != state.failResultAt) return false;
  state.failed = kNames[id];
  result = state.failResultWith;
  return true;
}

}  // namespace rivulet::test
