// rivulet devices: what is there, what each device can do, and what is used instead of what it cannot.

#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>

#include "cli.h"
#include "core/error.h"

namespace rivulet::cli {
namespace {

struct Capability {
  const char* key;  // name of the DeviceCaps member
  const char* text;
  bool vk::DeviceCaps::*member;
  const char* use;
  const char* fallback;
};

// The fallbacks are those written down in vk/device_caps.h.
constexpr Capability kCapabilities[] = {
    {"storage16", "fp16 storage", &vk::DeviceCaps::storage16, "fp16 weights and activations", "fp32 storage"},
    {"bufferDeviceAddress", "buffer device address", &vk::DeviceCaps::bufferDeviceAddress, "pointers in push constants",
     "one descriptor set per executable"},
    {"subgroupBallot", "subgroup ballot", &vk::DeviceCaps::subgroupBallot, "weights broadcast across a subgroup",
     "plain kernels, every lane loads"},
    {"subgroupArithmetic", "subgroup arithmetic", &vk::DeviceCaps::subgroupArithmetic, "reductions across a subgroup",
     "reductions in shared memory"},
    {"subgroupSizeControl", "subgroup size control", &vk::DeviceCaps::subgroupSizeControl,
     "full subgroups of a known size", "kernels read the subgroup size"},
    {"int64", "64-bit integers", &vk::DeviceCaps::int64, "64-bit loads in convolutions", "32-bit loads"},
    {"cooperativeMatrix", "cooperative matrix", &vk::DeviceCaps::cooperativeMatrix, "matrix units", "subgroup kernels"},
    {"shaderInt8", "8-bit integers", &vk::DeviceCaps::shaderInt8, "matrix units for bytes", "dot products of bytes"},
    {"integerDotProduct", "integer dot product", &vk::DeviceCaps::integerDotProduct, "dot products of bytes",
     "weights of bytes are widened"},
    {"timelineSemaphore", "timeline semaphore", &vk::DeviceCaps::timelineSemaphore, "completion values of submissions",
     "one fence per submission"},
    {"timestamps", "GPU timestamps", &vk::DeviceCaps::timestamps, "GPU time per dispatch",
     "host clock around a submission"},
};

const char* componentText(VkComponentTypeKHR type) {
  switch (type) {
    case VK_COMPONENT_TYPE_FLOAT16_KHR:
      return "f16";
    case VK_COMPONENT_TYPE_FLOAT32_KHR:
      return "f32";
    case VK_COMPONENT_TYPE_SINT8_KHR:
      return "s8";
    case VK_COMPONENT_TYPE_UINT8_KHR:
      return "u8";
    case VK_COMPONENT_TYPE_SINT32_KHR:
      return "s32";
    case VK_COMPONENT_TYPE_UINT32_KHR:
      return "u32";
    default:
      return "?";
  }
}

const char* typeText(VkPhysicalDeviceType type) {
  switch (type) {
    case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU:
      return "discrete GPU";
    case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU:
      return "integrated GPU";
    case VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU:
      return "virtual GPU";
    case VK_PHYSICAL_DEVICE_TYPE_CPU:
      return "CPU (software)";
    default:
      return "other";
  }
}

std::string versionText(std::uint32_t version) {
  return std::to_string(VK_API_VERSION_MAJOR(version)) + "." + std::to_string(VK_API_VERSION_MINOR(version)) + "." +
         std::to_string(VK_API_VERSION_PATCH(version));
}

std::string uuidText(const std::uint8_t (&uuid)[VK_UUID_SIZE]) {
  std::string text;
  char byte[3];
  for (const std::uint8_t value : uuid) {
    std::snprintf(byte, sizeof byte, "%02x", value);
    text += byte;
  }
  return text;
}

/// Adapters can share a device UUID only if they are the same one, seen through two drivers: the driver tells them
/// apart.
bool same(const vk::DeviceCaps& a, const vk::DeviceCaps& b) {
  return std::memcmp(a.deviceUuid, b.deviceUuid, VK_UUID_SIZE) == 0 && a.name == b.name && a.driver == b.driver;
}

nlohmann::ordered_json toJson(std::size_t index, const vk::DeviceListing& listing, const vk::DeviceCaps* chosen) {
  // Of the device that would be used, what is really enabled (--disable); of the others, what they have.
  const vk::DeviceCaps& caps = chosen ? *chosen : listing.caps;
  nlohmann::ordered_json features;
  for (const Capability& capability : kCapabilities) {
    const bool has = caps.*capability.member;
    features[capability.key] = {
        {"used", has}, {"instead", has ? nlohmann::ordered_json() : nlohmann::ordered_json(capability.fallback)}};
  }
  nlohmann::ordered_json shapes = nlohmann::ordered_json::array();
  for (const vk::CooperativeMatrixShape& s : caps.cooperativeMatrixShapes)
    shapes.push_back({{"m", s.m},
                      {"n", s.n},
                      {"k", s.k},
                      {"a", componentText(s.a)},
                      {"b", componentText(s.b)},
                      {"result", componentText(s.result)}});
  return {{"index", index},
          {"name", caps.name},
          {"type", typeText(caps.type)},
          {"driver", caps.driver},
          {"api_version", versionText(caps.apiVersion)},
          {"vendor_id", caps.vendorId},
          {"device_id", caps.deviceId},
          {"uuid", uuidText(caps.deviceUuid)},
          {"usable", listing.usable},
          {"reason", listing.reason},
          {"selected", chosen != nullptr},
          {"features", features},
          {"subgroup_size", caps.subgroupSize},
          {"subgroup_size_range", {caps.minSubgroupSize, caps.maxSubgroupSize}},
          {"max_workgroup_invocations", caps.maxWorkgroupInvocations},
          {"shared_memory_bytes", caps.sharedMemory},
          {"max_storage_buffer_bytes", caps.maxStorageBufferRange},
          {"max_allocation_bytes", caps.maxAllocation},
          {"timestamp_period_ns", caps.timestampPeriodNs},
          {"cooperative_matrix_shapes", shapes}};
}

void print(std::size_t index, const vk::DeviceListing& listing, const vk::DeviceCaps* chosen) {
  const vk::DeviceCaps& caps = chosen ? *chosen : listing.caps;
  std::printf("%zu%c %s\n", index, chosen ? '*' : ' ', caps.name.c_str());
  if (!listing.usable) {
    std::printf("     not usable: %s\n", listing.reason.c_str());
    return;
  }
  std::printf("     %s, %s, Vulkan %s\n", typeText(caps.type), caps.driver.c_str(),
              versionText(caps.apiVersion).c_str());
  std::printf("     subgroups of %u (%u to %u), workgroups up to %u, %s shared memory\n", caps.subgroupSize,
              caps.minSubgroupSize, caps.maxSubgroupSize, caps.maxWorkgroupInvocations,
              bytesText(caps.sharedMemory).c_str());
  std::printf("     buffers up to %s\n",
              bytesText(caps.bufferDeviceAddress ? caps.maxAllocation
                                                 : std::min(caps.maxStorageBufferRange, caps.maxAllocation))
                  .c_str());
  for (const Capability& capability : kCapabilities) {
    const bool has = caps.*capability.member;
    std::printf("     %-22s %-3s  %s%s\n", capability.text, has ? "yes" : "no",
                has ? "" : "instead: ", has ? capability.use : capability.fallback);
  }
  if (caps.cooperativeMatrix) {
    std::printf("     matrix shapes          ");
    for (const vk::CooperativeMatrixShape& s : caps.cooperativeMatrixShapes)
      std::printf(" %ux%ux%u %s*%s+%s", s.m, s.n, s.k, componentText(s.a), componentText(s.b), componentText(s.result));
    std::printf("\n");
  }
}

int devices(const Globals& globals, bool json) {
  const std::vector<vk::DeviceListing> listings = vk::Device::list();
  std::shared_ptr<vk::Device> device;
  std::string whyNone;
  try {
    device = openDevice(globals);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::MissingFeature || globals.validation) throw;
    whyNone = error.what();
  }
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  for (std::size_t i = 0; i < listings.size(); ++i) {
    const vk::DeviceCaps* chosen = device && same(listings[i].caps, device->caps()) ? &device->caps() : nullptr;
    if (json) {
      rows.push_back(toJson(i, listings[i], chosen));
    } else {
      print(i, listings[i], chosen);
    }
  }
  if (json) {
    printJson({{"devices", rows}});
  } else if (device) {
    std::printf("* is what rivulet uses; --device chooses another.\n");
  }
  if (!device) throw Error(ErrorCode::MissingFeature, whyNone);
  return kOk;
}

}  // namespace

void addDevices(CLI::App& app, const Globals& globals, Run& run) {
  CLI::App* command = app.add_subcommand("devices", "List Vulkan devices, what they can do, and what is used instead");
  auto json = std::make_shared<bool>(false);
  command->add_flag("--json", *json, "Print JSON");
  command->callback([&globals, &run, json] { run = [&globals, json] { return devices(globals, *json); }; });
}

}  // namespace rivulet::cli
