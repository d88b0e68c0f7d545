#include "host.h"

#include "core/error.h"
#include "vk/loader.h"
#include "vk/requirements.h"

namespace rivulet::bench {

Host::Host(std::uint64_t loadBytes) {
  const PFN_vkGetInstanceProcAddr loader = vk::openLoader();
  const vk::GlobalFunctions global = vk::GlobalFunctions::load(loader);
  vk::ImportDeviceInfo import;
  import.getInstanceProcAddr = loader;
  import.apiVersion = VK_API_VERSION_1_2;
  VkApplicationInfo application{VK_STRUCTURE_TYPE_APPLICATION_INFO};
  application.apiVersion = import.apiVersion;
  VkInstanceCreateInfo instance{VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO};
  instance.pApplicationInfo = &application;
  vk::check(global.CreateInstance(&instance, nullptr, &import.instance), "vkCreateInstance");
  instanceFn_ = vk::InstanceFunctions::load(loader, import.instance);
  std::uint32_t count = 1;
  vk::check(instanceFn_.EnumeratePhysicalDevices(import.instance, &count, &import.physicalDevice),
            "vkEnumeratePhysicalDevices");
  const vk::DeviceRequirements requirements =
      vk::deviceRequirements(instanceFn_, import.physicalDevice, import.apiVersion);
  import.enabled = requirements.features;
  const vk::FeatureChain chain(import.enabled);
  const float priority = 1.0f;
  VkDeviceQueueCreateInfo queue{VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO};
  queue.queueCount = 1;
  queue.pQueuePriorities = &priority;
  VkDeviceCreateInfo device{VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO};
  device.pNext = chain.head();
  device.queueCreateInfoCount = 1;
  device.pQueueCreateInfos = &queue;
  device.enabledExtensionCount = static_cast<std::uint32_t>(requirements.optionalDeviceExtensions.size());
  device.ppEnabledExtensionNames = requirements.optionalDeviceExtensions.data();
  vk::check(instanceFn_.CreateDevice(import.physicalDevice, &device, nullptr, &import.device), "vkCreateDevice");
  device_ = vk::Device::import(import);
  destroyDevice_ = device_->fn().DestroyDevice;
  stream_ = std::make_unique<vk::CommandStream>(device_);
  load_ = vk::Buffer(device_, vk::BufferUse::Device, loadBytes, "the host's load");

  contextInfo_.struct_size = sizeof contextInfo_;
  contextInfo_.get_instance_proc_addr = loader;
  contextInfo_.instance = import.instance;
  contextInfo_.physical_device = import.physicalDevice;
  contextInfo_.device = import.device;
  contextInfo_.api_version = import.apiVersion;
  contextInfo_.consumer_queue_family = VK_QUEUE_FAMILY_IGNORED;
  // What was enabled above is all that the plugin could ask for.
  const RvlRequirementsInfo ask{sizeof ask, nullptr, loader, import.instance, import.physicalDevice, import.apiVersion};
  RvlRequirements offer{};
  offer.struct_size = sizeof offer;
  const RvlApi* api = rvlGetApi(RVL_API_VERSION);
  if (api->queryRequirements(&ask, &offer) < 0) throw Error(ErrorCode::Internal, api->lastError());
  contextInfo_.features = offer.features;
  contextInfo_.byte_features = offer.byte_features;
}

Host::~Host() {
  stream_.reset();
  load_ = {};
  device_.reset();
  destroyDevice_(contextInfo_.device, nullptr);
  instanceFn_.DestroyInstance(contextInfo_.instance, nullptr);
}

VkCommandBuffer Host::beginFrame() {
  const VkCommandBuffer commands = stream_->begin("frame");
  const vk::DeviceFunctions& fn = device_->fn();
  VkMemoryBarrier barrier{VK_STRUCTURE_TYPE_MEMORY_BARRIER};
  barrier.srcAccessMask = barrier.dstAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT;
  fn.CmdPipelineBarrier(commands, VK_PIPELINE_STAGE_TRANSFER_BIT, VK_PIPELINE_STAGE_TRANSFER_BIT, 0, 1, &barrier, 0,
                        nullptr, 0, nullptr);
  fn.CmdFillBuffer(commands, load_.handle(), 0, VK_WHOLE_SIZE, 0x3f800000);
  return commands;
}

void Host::endFrame(const vk::SubmitSync& sync) {
  const std::uint64_t serial = stream_->submit(sync);
  if (serial > 1) stream_->wait(serial - 1);
}

}  // namespace rivulet::bench
