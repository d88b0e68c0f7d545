// What a host enables before there is a device, and what hosts compiled with an older header see of it.
#include <cstddef>
#include <cstring>
#include <map>
#include <set>
#include <string>

#include "plugin/plugin_host.h"
#include "vk/requirements.h"

namespace rivulet::test {
namespace {

constexpr VkBool32 RvlFeatures::*kFeatures[] = {
    &RvlFeatures::storage_buffer_16bit_access, &RvlFeatures::buffer_device_address,
    &RvlFeatures::subgroup_size_control,       &RvlFeatures::shader_int64,
    &RvlFeatures::cooperative_matrix,          &RvlFeatures::timeline_semaphore,
    &RvlFeatures::texture_compression_bc};
constexpr VkBool32 RvlByteFeatures::*kByteFeatures[] = {&RvlByteFeatures::shader_int8,
                                                        &RvlByteFeatures::integer_dot_product};

/// The structures of a chain by their types. A type that comes twice fails the test.
std::map<VkStructureType, const VkBaseInStructure*> structuresOf(const void* head) {
  std::map<VkStructureType, const VkBaseInStructure*> found;
  for (auto* at = static_cast<const VkBaseInStructure*>(head); at != nullptr; at = at->pNext) {
    EXPECT_TRUE(found.emplace(at->sType, at).second) << "structure type " << at->sType << " twice";
    if (found.size() > 20) break;
  }
  return found;
}

class PluginFeatures : public GpuTest {
 protected:
  /// Of the host's physical device, for an instance of this version.
  static RvlRequirements requirementsOf(const HostDevice& host, std::size_t size = sizeof(RvlRequirements)) {
    auto ask = sized<RvlRequirementsInfo>();
    ask.get_instance_proc_addr = host.info().getInstanceProcAddr;
    ask.instance = host.info().instance;
    ask.physical_device = host.info().physicalDevice;
    ask.api_version = host.info().apiVersion;
    RvlRequirements offer{};
    offer.byte_features = {77, 77};
    offer.struct_size = size;
    EXPECT_EQ(api().queryRequirements(&ask, &offer), RVL_SUCCESS) << api().lastError();
    return offer;
  }
};

TEST_F(PluginFeatures, AreThoseOfTheDevice) {
  for (const std::uint32_t version : {VK_API_VERSION_1_1, VK_API_VERSION_1_2, VK_API_VERSION_1_3}) {
    HostOptions options;
    options.apiVersion = version;
    options.everything = false;
    const HostDevice host(options);
    const RvlRequirements offer = requirementsOf(host);
    const vk::DeviceRequirements expected =
        vk::deviceRequirements(host.instanceFn(), host.info().physicalDevice, version);
    RvlFeatures features = featuresOf(expected.features);
    features.debug_utils = VK_FALSE;  // of the instance
    EXPECT_EQ(std::memcmp(&offer.features, &features, sizeof features), 0);
    EXPECT_EQ(offer.byte_features.shader_int8 == VK_TRUE, expected.features.shaderInt8);
    EXPECT_EQ(offer.byte_features.integer_dot_product == VK_TRUE, expected.features.integerDotProduct);
    ASSERT_EQ(offer.device_extension_count, expected.optionalDeviceExtensions.size()) << "they have room";
    for (std::uint32_t i = 0; i < offer.device_extension_count; ++i)
      EXPECT_STREQ(offer.device_extensions[i], expected.optionalDeviceExtensions[i]);
  }
}

/// Each feature in its structure, each structure once, and none for nothing.
TEST_F(PluginFeatures, EveryChoiceOfThemIsOneChain) {
  constexpr std::size_t kAll = std::size(kFeatures) + std::size(kByteFeatures);
  for (std::uint32_t choice = 0; choice < 1u << kAll; ++choice) {
    SCOPED_TRACE(choice);
    auto enabled = sized<RvlRequirements>();
    for (std::size_t i = 0; i < std::size(kFeatures); ++i) enabled.features.*kFeatures[i] = choice >> i & 1;
    for (std::size_t i = 0; i < std::size(kByteFeatures); ++i)
      enabled.byte_features.*kByteFeatures[i] = choice >> (std::size(kFeatures) + i) & 1;
    auto chain = sized<RvlFeatureChain2>();
    chain.dot_product.pNext = &chain;  // of an earlier use
    ASSERT_EQ(api().fillFeatureChain2(&enabled, &chain), RVL_SUCCESS) << api().lastError();
    EXPECT_EQ(chain.struct_size, sizeof chain);
    const RvlFeatures& f = enabled.features;
    const RvlByteFeatures& b = enabled.byte_features;
    EXPECT_EQ(chain.core.features.shaderInt64, f.shader_int64);
    EXPECT_EQ(chain.core.features.textureCompressionBC, f.texture_compression_bc);
    EXPECT_EQ(chain.storage16.storageBuffer16BitAccess, f.storage_buffer_16bit_access);
    EXPECT_EQ(chain.address.bufferDeviceAddress, f.buffer_device_address);
    EXPECT_EQ(chain.subgroups.subgroupSizeControl, f.subgroup_size_control);
    EXPECT_EQ(chain.subgroups.computeFullSubgroups, f.subgroup_size_control);
    EXPECT_EQ(chain.timeline.timelineSemaphore, f.timeline_semaphore);
    EXPECT_EQ(chain.matrices.cooperativeMatrix, f.cooperative_matrix);
    EXPECT_EQ(chain.memory_model.vulkanMemoryModel, f.cooperative_matrix);
    EXPECT_EQ(chain.float16.shaderFloat16, f.cooperative_matrix);
    EXPECT_EQ(chain.float16.shaderInt8, b.shader_int8);
    EXPECT_EQ(chain.dot_product.shaderIntegerDotProduct, b.integer_dot_product);

    std::set<const void*> expected;
    if (f.shader_int64 || f.texture_compression_bc) expected.insert(&chain.core);
    if (f.storage_buffer_16bit_access) expected.insert(&chain.storage16);
    if (f.buffer_device_address) expected.insert(&chain.address);
    if (f.subgroup_size_control) expected.insert(&chain.subgroups);
    if (f.timeline_semaphore) expected.insert(&chain.timeline);
    if (f.cooperative_matrix) expected.insert({&chain.matrices, &chain.memory_model});
    if (f.cooperative_matrix || b.shader_int8) expected.insert(&chain.float16);
    if (b.integer_dot_product) expected.insert(&chain.dot_product);
    std::set<const void*> linked;
    for (const auto& [type, structure] : structuresOf(chain.head)) linked.insert(structure);
    EXPECT_EQ(linked, expected);
    if (expected.count(&chain.core) != 0) {
      EXPECT_EQ(chain.head, &chain.core) << "where a host has one of its own, the rest is behind it";
    }

    // The older function enables what the older structure names.
    RvlFeatureChain older;
    ASSERT_EQ(api().fillFeatureChain(&f, &older), RVL_SUCCESS);
    const std::size_t bytesAlone = (b.shader_int8 && !f.cooperative_matrix) + (b.integer_dot_product ? 1u : 0u);
    EXPECT_EQ(structuresOf(older.head).size() + bytesAlone, expected.size());
    EXPECT_EQ(older.float16.shaderInt8, VK_FALSE);
  }
}

TEST_F(PluginFeatures, MakeADeviceThatMultipliesBytes) {
  for (const std::uint32_t version : {VK_API_VERSION_1_1, VK_API_VERSION_1_3}) {
    HostOptions options;
    options.apiVersion = version;
    HostDevice host(options);
    const RvlRequirements offer = requirementsOf(host);
    auto chain = sized<RvlFeatureChain2>();
    ASSERT_EQ(api().fillFeatureChain2(&offer, &chain), RVL_SUCCESS) << api().lastError();
    const float priority = 1.0f;
    VkDeviceQueueCreateInfo queue{VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO};
    queue.queueFamilyIndex = host.info().queueFamily;
    queue.queueCount = 1;
    queue.pQueuePriorities = &priority;
    VkDeviceCreateInfo create{VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO};
    create.pNext = chain.head;
    create.queueCreateInfoCount = 1;
    create.pQueueCreateInfos = &queue;
    create.enabledExtensionCount = offer.device_extension_count;
    create.ppEnabledExtensionNames = offer.device_extensions;
    VkDevice device = VK_NULL_HANDLE;
    ASSERT_EQ(host.instanceFn().CreateDevice(host.info().physicalDevice, &create, nullptr, &device), VK_SUCCESS);
    auto info = contextInfo(host);
    info.device = device;
    info.features = offer.features;
    info.byte_features = offer.byte_features;
    info.precision = RVL_PRECISION_MIXED;
    RvlContext context{};
    const RvlResult result = api().createContext(&info, &context);
    vk::DeviceCaps able = caps();  // an instance of this version may offer less of it
    able.integerDotProduct = offer.byte_features.integer_dot_product != VK_FALSE;
    able.shaderInt8 = offer.byte_features.shader_int8 != VK_FALSE;
    able.cooperativeMatrix = offer.features.cooperative_matrix != VK_FALSE;
    able.subgroupSizeControl = offer.features.subgroup_size_control != VK_FALSE;
    if (offer.features.storage_buffer_16bit_access && able.multipliesBytes()) {
      EXPECT_EQ(result, RVL_SUCCESS) << api().lastError();
      EXPECT_EQ(api().destroyContext(context, UINT64_MAX, 0), RVL_SUCCESS);
    } else {
      EXPECT_EQ(result, RVL_ERROR_MISSING_FEATURE);
    }
    vk::DeviceFunctions::load(host.instanceFn(), device, version).DestroyDevice(device, nullptr);
    EXPECT_TRUE(host.messages().take().empty());
  }
}

TEST_F(PluginFeatures, ChainsThatCannotBe) {
  auto enabled = sized<RvlRequirements>();
  auto chain = sized<RvlFeatureChain2>();
  const auto refused = [&](const char* part, RvlResult want = RVL_ERROR_INVALID_ARGUMENT) {
    EXPECT_EQ(api().fillFeatureChain2(&enabled, &chain), want);
    EXPECT_NE(std::strstr(api().lastError(), part), nullptr) << api().lastError();
  };
  EXPECT_EQ(api().fillFeatureChain2(nullptr, &chain), RVL_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(api().fillFeatureChain2(&enabled, nullptr), RVL_ERROR_INVALID_ARGUMENT);
  chain.struct_size = 0;
  refused("RvlFeatureChain2.struct_size");
  chain.struct_size = sizeof chain - 8;
  refused("RvlFeatureChain2.struct_size");
  chain.struct_size = sizeof chain;
  chain.next = &chain;
  refused("RvlFeatureChain2.next", RVL_ERROR_UNSUPPORTED);
  chain.next = nullptr;
  enabled.struct_size = 1;
  refused("RvlRequirements.struct_size");
}

// Where the structures ended in versions 1 and 2.
constexpr std::size_t kOlderRequirements = offsetof(RvlRequirements, byte_features);
constexpr std::size_t kOlderContextInfo = offsetof(RvlContextInfo, byte_features);
constexpr std::size_t kOlderProperties = offsetof(RvlModelProperties, quantized);
static_assert(kOlderRequirements == offsetof(RvlRequirements, device_extensions) + RVL_MAX_EXTENSIONS * sizeof(char*));
static_assert(kOlderContextInfo == offsetof(RvlContextInfo, tuning_folder) + sizeof(char*));
static_assert(kOlderProperties == offsetof(RvlModelProperties, any_step) + sizeof(VkBool32));

TEST_F(PluginFeatures, OlderHostsGetTheirTables) {
  for (std::uint32_t version = 1; version <= RVL_API_VERSION; ++version) {
    const RvlApi* const table = rvlGetApi(version);
    ASSERT_NE(table, nullptr);
    EXPECT_EQ(table->version, version);
    EXPECT_EQ(std::memcmp(&table->resultText, &api().resultText,
                          offsetof(RvlApi, fillFeatureChain2) - offsetof(RvlApi, resultText)),
              0)
        << "what they know is where it was";
  }
}

TEST_F(PluginFeatures, OlderHostsHaveNoneOfThoseForBytes) {
  PluginHost host;
  const RvlApi& older = *rvlGetApi(2);
  const RvlRequirements offer = requirementsOf(host.device(), kOlderRequirements);
  EXPECT_EQ(offer.struct_size, kOlderRequirements);
  EXPECT_EQ(offer.byte_features.shader_int8, 77u) << "beyond what they have room for";
  EXPECT_EQ(offer.byte_features.integer_dot_product, 77u);
  const RvlRequirements all = requirementsOf(host.device());
  EXPECT_EQ(std::memcmp(&offer.features, &all.features, sizeof offer.features), 0);
  auto enabled = offer;
  auto chain = sized<RvlFeatureChain2>();
  ASSERT_EQ(api().fillFeatureChain2(&enabled, &chain), RVL_SUCCESS);
  EXPECT_EQ(chain.float16.shaderInt8, VK_FALSE) << "what lies behind their structure is not theirs";
  EXPECT_EQ(structuresOf(chain.head).count(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_INTEGER_DOT_PRODUCT_FEATURES), 0u);

  auto info = contextInfo(host.device());
  info.struct_size = kOlderContextInfo;
  info.byte_features = {VK_TRUE, VK_TRUE};
  info.precision = RVL_PRECISION_INT8;
  RvlContext context{};
  EXPECT_EQ(older.createContext(&info, &context), RVL_ERROR_MISSING_FEATURE);
  info.precision = RVL_PRECISION_FLOAT;
  ASSERT_EQ(older.createContext(&info, &context), RVL_SUCCESS) << older.lastError();
  const std::vector<std::byte> file = TinyTextureUNet().bytes();
  auto modelInfo = sized<RvlModelInfo>();
  modelInfo.data = file.data();
  modelInfo.size = file.size();
  RvlModel model{};
  ASSERT_EQ(older.loadModel(context, &modelInfo, &model), RVL_SUCCESS) << older.lastError();
  RvlModelProperties properties{};
  properties.struct_size = kOlderProperties;
  properties.quantized = 77;
  ASSERT_EQ(older.getModelProperties(context, model, &properties), RVL_SUCCESS) << older.lastError();
  EXPECT_EQ(properties.class_count, 3u);
  EXPECT_EQ(properties.quantized, 77u) << "beyond what they have room for";
  EXPECT_EQ(older.destroyContext(context, UINT64_MAX, 0), RVL_SUCCESS);
}

}  // namespace
}  // namespace rivulet::test
