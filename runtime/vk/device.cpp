#include "vk/device.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <string_view>

#include "core/error.h"
#include "vk/instance.h"
#include "vk/loader.h"
#include "vk/requirements.h"
#include "vk/vma.h"

namespace rivulet::vk {

namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

CreateDeviceInfo withEnvironment(CreateDeviceInfo info) {
  if (info.select.empty()) info.select = environment("RIVULET_DEVICE");
  const std::string validation = environment("RIVULET_VALIDATION");
  if (!validation.empty() && validation != "0") info.validation = true;
  const std::string disable = environment("RIVULET_DISABLE");
  for (std::size_t begin = 0; begin < disable.size();) {
    const std::size_t end = std::min(disable.find(',', begin), disable.size());
    if (end > begin) info.disable.push_back(disable.substr(begin, end - begin));
    begin = end + 1;
  }
  return info;
}

void printMessage(VkDebugUtilsMessageSeverityFlagBitsEXT severity, const char* message) {
  const bool error = (severity & VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT) != 0;
  std::fprintf(stderr, "Vulkan validation %s: %s\n", error ? "error" : "warning", message);
}

}  // namespace

VKAPI_ATTR VkBool32 VKAPI_CALL Device::onMessage(VkDebugUtilsMessageSeverityFlagBitsEXT severity,
                                                 VkDebugUtilsMessageTypeFlagsEXT,
                                                 const VkDebugUtilsMessengerCallbackDataEXT* data, void* messages) {
  Messages& target = *static_cast<Messages*>(messages);
  ++target.count;
  try {
    std::string message = data->pMessage ? data->pMessage : "";
    const std::string id = data->pMessageIdName ? data->pMessageIdName : "";
    if (message.find(id) == std::string::npos)
      message = "[" + id + "] " + message;  // older layers put it in themselves
    target.callback(severity, message.c_str());
  } catch (...) {  // an exception must not cross the driver
  }
  return VK_FALSE;
}

std::shared_ptr<Device> Device::create(const CreateDeviceInfo& given) {
  const CreateDeviceInfo info = withEnvironment(given);
  DeviceCaps scratch;
  for (const std::string& name : info.disable)
    disableCapability(scratch, name);  // names checked before anything is made

  std::shared_ptr<Device> device(new Device);
  device->owned_ = true;
  device->messages_.callback = info.onMessage ? info.onMessage : printMessage;
  VkDebugUtilsMessengerCreateInfoEXT messenger{VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT};
  messenger.messageSeverity =
      VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT;
  // Not the general ones: there the loader reports drivers of absent hardware.
  messenger.messageType =
      VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_TYPE_PERFORMANCE_BIT_EXT;
  messenger.pfnUserCallback = &Device::onMessage;
  messenger.pUserData = &device->messages_;

  const PFN_vkGetInstanceProcAddr getInstanceProcAddr =
      info.getInstanceProcAddr ? info.getInstanceProcAddr : openLoader();
  const OwnInstance instance = createInstance(getInstanceProcAddr, info.validation, &messenger);
  device->instance_ = instance.handle;
  device->apiVersion_ = instance.apiVersion;
  // Before anything can fail: the destructor needs it.
  device->instanceFn_.DestroyInstance =
      reinterpret_cast<PFN_vkDestroyInstance>(getInstanceProcAddr(instance.handle, "vkDestroyInstance"));
  device->instanceFn_ = InstanceFunctions::load(getInstanceProcAddr, instance.handle);
  device->debugUtils_ = instance.debugUtils;
  if (info.validation && instance.debugUtils && device->instanceFn_.CreateDebugUtilsMessengerEXT)
    check(device->instanceFn_.CreateDebugUtilsMessengerEXT(instance.handle, &messenger, nullptr, &device->messenger_),
          "vkCreateDebugUtilsMessengerEXT");

  const std::vector<Adapter> all = adapters(device->instanceFn_, instance.handle);
  const Adapter& adapter = chooseAdapter(all, info.select);
  device->physicalDevice_ = adapter.handle;
  device->queueFamily_ = adapter.queueFamily;
  device->createLogicalDevice(info.disable);
  device->initialise();
  return device;
}

void Device::createLogicalDevice(const std::vector<std::string>& disable) {
  const DeviceRequirements requirements = deviceRequirements(instanceFn_, physicalDevice_, apiVersion_);
  caps_ = queryDeviceCaps(instanceFn_, physicalDevice_, queueFamily_, &requirements.features);
  for (const std::string& name : disable) disableCapability(caps_, name);

  // What is not used is not enabled: the validation layer then catches whoever uses it all the same.
  EnabledFeatures enabled;
  enabled.storageBuffer16BitAccess = caps_.storage16;
  enabled.bufferDeviceAddress = caps_.bufferDeviceAddress;
  enabled.subgroupSizeControl = caps_.subgroupSizeControl;
  enabled.shaderInt64 = caps_.int64;
  enabled.cooperativeMatrix = caps_.cooperativeMatrix;
  enabled.shaderInt8 = caps_.shaderInt8;
  enabled.integerDotProduct = caps_.integerDotProduct;
  enabled.timelineSemaphore = caps_.timelineSemaphore;
  enabled.textureCompressionBC = caps_.textureCompressionBC;
  const FeatureChain chain(enabled);

  std::vector<const char*> extensions = requirements.optionalDeviceExtensions;
  std::uint32_t count = 0;
  check(instanceFn_.EnumerateDeviceExtensionProperties(physicalDevice_, nullptr, &count, nullptr),
        "vkEnumerateDeviceExtensionProperties");
  std::vector<VkExtensionProperties> present(count);
  check(instanceFn_.EnumerateDeviceExtensionProperties(physicalDevice_, nullptr, &count, present.data()),
        "vkEnumerateDeviceExtensionProperties");
  constexpr const char* kPortabilitySubset = "VK_KHR_portability_subset";  // must be enabled where it is advertised
  for (const VkExtensionProperties& extension : present)
    if (std::strcmp(extension.extensionName, kPortabilitySubset) == 0) extensions.push_back(kPortabilitySubset);

  const float priority = 1.0f;
  VkDeviceQueueCreateInfo queue{VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO};
  queue.queueFamilyIndex = queueFamily_;
  queue.queueCount = 1;
  queue.pQueuePriorities = &priority;
  VkDeviceCreateInfo info{VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO};
  info.pNext = chain.head();
  info.queueCreateInfoCount = 1;
  info.pQueueCreateInfos = &queue;
  info.enabledExtensionCount = static_cast<std::uint32_t>(extensions.size());
  info.ppEnabledExtensionNames = extensions.data();
  check(instanceFn_.CreateDevice(physicalDevice_, &info, nullptr, &device_),
        ("vkCreateDevice(" + caps_.name + ")").c_str());
}

std::shared_ptr<Device> Device::import(const ImportDeviceInfo& info) {
  const auto require = [](bool condition, const char* what) {
    if (!condition) throw Error(ErrorCode::InvalidArgument, std::string("importing a Vulkan device: ") + what);
  };
  require(info.getInstanceProcAddr != nullptr, "getInstanceProcAddr is null");
  require(info.instance != VK_NULL_HANDLE, "instance is null");
  require(info.physicalDevice != VK_NULL_HANDLE, "physicalDevice is null");
  require(info.device != VK_NULL_HANDLE, "device is null");
  require(info.apiVersion >= VK_API_VERSION_1_1, "apiVersion is below 1.1; create the instance with 1.1 or newer");

  std::shared_ptr<Device> device(new Device);
  device->instance_ = info.instance;
  device->physicalDevice_ = info.physicalDevice;
  device->queueFamily_ = info.queueFamily;
  device->queueIndex_ = info.queueIndex;
  device->apiVersion_ = info.apiVersion;
  device->debugUtils_ = info.enabled.debugUtils;
  if (info.queueMutex) device->queueMutex_ = info.queueMutex;
  require(static_cast<bool>(info.lockQueue) == static_cast<bool>(info.unlockQueue),
          "lockQueue and unlockQueue are given together or not at all");
  device->lockQueue_ = info.lockQueue;
  device->unlockQueue_ = info.unlockQueue;
  device->instanceFn_ = InstanceFunctions::load(info.getInstanceProcAddr, info.instance);
  const InstanceFunctions& functions = device->instanceFn_;

  device->caps_ = queryDeviceCaps(functions, info.physicalDevice, info.queueFamily, &info.enabled);
  if (device->caps_.apiVersion < VK_API_VERSION_1_1)
    throw Error(ErrorCode::MissingFeature, "'" + device->caps_.name + "' has Vulkan 1.0 only; Rivulet needs 1.1");
  std::uint32_t count = 0;
  functions.GetPhysicalDeviceQueueFamilyProperties(info.physicalDevice, &count, nullptr);
  std::vector<VkQueueFamilyProperties> families(count);
  functions.GetPhysicalDeviceQueueFamilyProperties(info.physicalDevice, &count, families.data());
  require(info.queueFamily < count, "queueFamily does not exist on the physical device");
  require((families[info.queueFamily].queueFlags & VK_QUEUE_COMPUTE_BIT) != 0, "queueFamily has no compute");
  require(info.queueIndex < families[info.queueFamily].queueCount, "queueIndex is beyond the queue family's queues");

  device->device_ = info.device;
  device->initialise();
  return device;
}

std::vector<DeviceListing> Device::list(PFN_vkGetInstanceProcAddr getInstanceProcAddr) {
  if (!getInstanceProcAddr) getInstanceProcAddr = openLoader();
  OwnInstance instance;
  try {
    instance = createInstance(getInstanceProcAddr, false, nullptr);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::MissingFeature) return {};
    throw;
  }
  const auto destroy =
      reinterpret_cast<PFN_vkDestroyInstance>(getInstanceProcAddr(instance.handle, "vkDestroyInstance"));
  const std::shared_ptr<void> guard(nullptr, [&](void*) { destroy(instance.handle, nullptr); });
  std::vector<DeviceListing> result;
  for (const Adapter& adapter :
       adapters(InstanceFunctions::load(getInstanceProcAddr, instance.handle), instance.handle))
    result.push_back(adapter.listing);
  return result;
}

void Device::initialise() {
  const std::uint32_t version = std::min(apiVersion_, caps_.apiVersion);
  fn_ = DeviceFunctions::load(instanceFn_, device_, version);

  // A host that says a feature is enabled has to have it enabled.
  const auto require = [this](bool present, const char* feature, const char* function) {
    if (!present)
      throw Error(ErrorCode::InvalidArgument, std::string(feature) + " is said to be enabled on '" + caps_.name +
                                                  "', but the device has no " + function +
                                                  "; enable the feature and its extension at vkCreateDevice");
  };
  if (caps_.timelineSemaphore)
    require(fn_.WaitSemaphores && fn_.GetSemaphoreCounterValue && fn_.CreateSemaphore && fn_.DestroySemaphore,
            "timelineSemaphore", "vkWaitSemaphores");
  if (caps_.bufferDeviceAddress)
    require(fn_.GetBufferDeviceAddress != nullptr, "bufferDeviceAddress", "vkGetBufferDeviceAddress");
  // And what is not in use is not called by accident: loaders and layers hand out more than is enabled.
  if (!caps_.timelineSemaphore) {
    fn_.WaitSemaphores = nullptr;
    fn_.SignalSemaphore = nullptr;
    fn_.GetSemaphoreCounterValue = nullptr;
  }
  if (!caps_.bufferDeviceAddress) fn_.GetBufferDeviceAddress = nullptr;
  if (!debugUtils_) {
    fn_.SetDebugUtilsObjectNameEXT = nullptr;
    fn_.CmdBeginDebugUtilsLabelEXT = nullptr;
    fn_.CmdEndDebugUtilsLabelEXT = nullptr;
  }

  fn_.GetDeviceQueue(device_, queueFamily_, queueIndex_, &queue_);
  if (queue_ == VK_NULL_HANDLE)
    throw Error(ErrorCode::InvalidArgument, "queue " + std::to_string(queueIndex_) + " of family " +
                                                std::to_string(queueFamily_) + " was not created with the device");

  VmaVulkanFunctions entryPoints{};
  entryPoints.vkGetInstanceProcAddr = instanceFn_.GetInstanceProcAddr;
  entryPoints.vkGetDeviceProcAddr = instanceFn_.GetDeviceProcAddr;
  VmaAllocatorCreateInfo info{};
  if (caps_.bufferDeviceAddress) info.flags = VMA_ALLOCATOR_CREATE_BUFFER_DEVICE_ADDRESS_BIT;
  info.physicalDevice = physicalDevice_;
  info.device = device_;
  info.instance = instance_;
  info.pVulkanFunctions = &entryPoints;
  info.vulkanApiVersion = std::min<std::uint32_t>(version, VK_API_VERSION_1_3);
  check(vmaCreateAllocator(&info, &allocator_), "vmaCreateAllocator");
}

Device::~Device() {
  if (allocator_) vmaDestroyAllocator(allocator_);
  if (!owned_) return;
  if (device_) {
    if (!fn_.DestroyDevice && instanceFn_.GetDeviceProcAddr)  // loading the functions failed half-way
      fn_.DestroyDevice =
          reinterpret_cast<PFN_vkDestroyDevice>(instanceFn_.GetDeviceProcAddr(device_, "vkDestroyDevice"));
    if (fn_.DestroyDevice) fn_.DestroyDevice(device_, nullptr);
  }
  if (messenger_) instanceFn_.DestroyDebugUtilsMessengerEXT(instance_, messenger_, nullptr);
  if (instance_ && instanceFn_.DestroyInstance) instanceFn_.DestroyInstance(instance_, nullptr);
}

void Device::submit(const VkSubmitInfo& info, VkFence fence) const {
  VkResult result = VK_SUCCESS;
  if (lockQueue_) {
    lockQueue_();
    result = fn_.QueueSubmit(queue_, 1, &info, fence);
    unlockQueue_();
  } else {
    const std::lock_guard lock(*queueMutex_);
    result = fn_.QueueSubmit(queue_, 1, &info, fence);
  }
  check(result, "vkQueueSubmit");
}

void Device::setNameImpl(VkObjectType type, std::uint64_t handle, const std::string& name) const {
  if (!fn_.SetDebugUtilsObjectNameEXT || handle == 0) return;
  VkDebugUtilsObjectNameInfoEXT info{VK_STRUCTURE_TYPE_DEBUG_UTILS_OBJECT_NAME_INFO_EXT};
  info.objectType = type;
  info.objectHandle = handle;
  info.pObjectName = name.c_str();
  fn_.SetDebugUtilsObjectNameEXT(device_, &info);  // a name that cannot be set is no failure
}

}  // namespace rivulet::vk
