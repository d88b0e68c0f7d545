#include "vk/pipeline_cache.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <exception>
#include <thread>
#include <utility>

#include "core/error.h"
#include "core/log.h"
#include "vk/cache_file.h"
#include "vk/shader_table.h"

namespace rivulet::vk {

namespace {

/// What the kernels of Rivulet share; Vulkan guarantees at least this much.
constexpr std::uint32_t kPushConstantBytes = 128;

std::filesystem::path environmentPath(const char* name) {
  const char* value = std::getenv(name);
  return value ? std::filesystem::path(value) : std::filesystem::path();
}

}  // namespace

std::filesystem::path PipelineCache::defaultDirectory() {
  if (auto path = environmentPath("RIVULET_CACHE_DIR"); !path.empty()) return path;
#if defined(_WIN32)
  if (auto path = environmentPath("LOCALAPPDATA"); !path.empty()) return path / "rivulet" / "cache";
#elif defined(__APPLE__)
  if (auto path = environmentPath("HOME"); !path.empty()) return path / "Library" / "Caches" / "rivulet";
#else
  if (auto path = environmentPath("XDG_CACHE_HOME"); !path.empty()) return path / "rivulet";
  if (auto path = environmentPath("HOME"); !path.empty()) return path / ".cache" / "rivulet";
#endif
  return {};
}

std::filesystem::path PipelineCache::fileIn(const std::filesystem::path& directory, const DeviceCaps& caps) {
  return directory / cacheFileName(caps);
}

PipelineCache::PipelineCache(std::shared_ptr<Device> device, const std::filesystem::path& directory)
    : device_(std::move(device)) {
  const DeviceCaps& caps = device_->caps();
  std::vector<std::byte> data;
  if (!directory.empty()) {
    file_ = fileIn(directory, caps);
    data = readCacheFile(file_, caps);
  }
  open(data);
}

PipelineCache::PipelineCache(std::shared_ptr<Device> device, const CacheBlob& blob) : device_(std::move(device)) {
  open(blob.bytes.empty() ? std::vector<std::byte>()
                          : decodeCache(blob.bytes, device_->caps(), "the pipeline cache given"));
}

void PipelineCache::open(std::span<const std::byte> data) {
  const DeviceCaps& caps = device_->caps();
  loadedBytes_ = data.size();
  const DeviceFunctions& fn = device_->fn();
  try {
    VkPipelineCacheCreateInfo cache{VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO};
    cache.initialDataSize = data.size();
    cache.pInitialData = data.data();
    check(fn.CreatePipelineCache(device_->handle(), &cache, nullptr, &cache_), "vkCreatePipelineCache");

    if (!caps.bufferDeviceAddress) {
      VkDescriptorSetLayoutBinding bindings[2] = {};
      for (std::uint32_t i = 0; i < 2; ++i) {
        bindings[i].binding = i;
        bindings[i].descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER;
        bindings[i].descriptorCount = 1;
        bindings[i].stageFlags = VK_SHADER_STAGE_COMPUTE_BIT;
      }
      VkDescriptorSetLayoutCreateInfo sets{VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO};
      sets.bindingCount = 2;
      sets.pBindings = bindings;
      check(fn.CreateDescriptorSetLayout(device_->handle(), &sets, nullptr, &setLayout_),
            "vkCreateDescriptorSetLayout(arena, weights)");
      device_->setName(VK_OBJECT_TYPE_DESCRIPTOR_SET_LAYOUT, setLayout_, "rivulet arena and weights");
    }
    const VkPushConstantRange push{VK_SHADER_STAGE_COMPUTE_BIT, 0, std::min(caps.maxPushConstants, kPushConstantBytes)};
    VkPipelineLayoutCreateInfo layout{VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO};
    layout.setLayoutCount = setLayout_ ? 1 : 0;
    layout.pSetLayouts = &setLayout_;
    layout.pushConstantRangeCount = 1;
    layout.pPushConstantRanges = &push;
    check(fn.CreatePipelineLayout(device_->handle(), &layout, nullptr, &layout_), "vkCreatePipelineLayout(kernels)");
    device_->setName(VK_OBJECT_TYPE_PIPELINE_LAYOUT, layout_, "rivulet kernels");
  } catch (...) {
    destroy();
    throw;
  }
}

PipelineCache::~PipelineCache() {
  try {
    save();
  } catch (const std::exception& error) {
    log(LogLevel::Warning, error.what());
  }
  destroy();
}

void PipelineCache::destroy() {
  const DeviceFunctions& fn = device_->fn();
  for (const auto& [key, pipeline] : pipelines_) fn.DestroyPipeline(device_->handle(), pipeline.get(), nullptr);
  if (layout_) fn.DestroyPipelineLayout(device_->handle(), layout_, nullptr);
  if (setLayout_) fn.DestroyDescriptorSetLayout(device_->handle(), setLayout_, nullptr);
  if (cache_) fn.DestroyPipelineCache(device_->handle(), cache_, nullptr);
}

Pipeline PipelineCache::get(const PipelineKey& key) {
  std::promise<VkPipeline> promise;
  std::shared_future<VkPipeline> made;
  bool mine = false;
  {
    const std::lock_guard lock(mutex_);
    const auto found = pipelines_.find(key);
    mine = found == pipelines_.end();
    made = mine ? pipelines_.emplace(key, promise.get_future().share()).first->second : found->second;
  }
  if (mine) {
    try {
      promise.set_value(create(key));
    } catch (...) {
      {
        const std::lock_guard lock(mutex_);
        pipelines_.erase(key);
      }
      promise.set_exception(std::current_exception());
    }
  }
  return {made.get(), layout_};
}

VkPipeline PipelineCache::create(const PipelineKey& key) const {
  const DeviceFunctions& fn = device_->fn();
  const ShaderBinary* shader = findShader(key.shader);
  if (!shader) throw Error(ErrorCode::Internal, "no shader is called '" + key.shader + "'");
  if (key.requiredSubgroupSize != 0 && !device_->caps().subgroupSizeControl)
    throw Error(ErrorCode::Internal, "shader '" + key.shader + "' asks for subgroups of " +
                                         std::to_string(key.requiredSubgroupSize) +
                                         ", but subgroupSizeControl is not in use");

  std::vector<VkSpecializationMapEntry> entries;
  for (std::uint32_t i = 0; i < key.spec.size(); ++i)
    entries.push_back({i, i * static_cast<std::uint32_t>(sizeof(std::uint32_t)), sizeof(std::uint32_t)});
  const VkSpecializationInfo specialization{static_cast<std::uint32_t>(entries.size()), entries.data(),
                                            key.spec.size() * sizeof(std::uint32_t), key.spec.data()};

  VkShaderModuleCreateInfo moduleInfo{VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO};
  moduleInfo.codeSize = shader->words.size_bytes();
  moduleInfo.pCode = shader->words.data();
  VkShaderModule module = VK_NULL_HANDLE;
  check(fn.CreateShaderModule(device_->handle(), &moduleInfo, nullptr, &module),
        ("vkCreateShaderModule(" + key.shader + ")").c_str());

  VkPipelineShaderStageRequiredSubgroupSizeCreateInfo size{
      VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_REQUIRED_SUBGROUP_SIZE_CREATE_INFO};
  size.requiredSubgroupSize = key.requiredSubgroupSize;
  VkComputePipelineCreateInfo info{VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO};
  info.flags = VK_PIPELINE_CREATE_DISPATCH_BASE_BIT;  // long dispatches are recorded in parts
  info.layout = layout_;
  info.stage.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO;
  info.stage.stage = VK_SHADER_STAGE_COMPUTE_BIT;
  info.stage.module = module;
  info.stage.pName = "main";
  info.stage.pSpecializationInfo = key.spec.empty() ? nullptr : &specialization;
  if (key.requiredSubgroupSize != 0) {
    info.stage.pNext = &size;
    info.stage.flags = VK_PIPELINE_SHADER_STAGE_CREATE_REQUIRE_FULL_SUBGROUPS_BIT;
  }
  VkPipeline pipeline = VK_NULL_HANDLE;
  const VkResult result = fn.CreateComputePipelines(device_->handle(), cache_, 1, &info, nullptr, &pipeline);
  fn.DestroyShaderModule(device_->handle(), module, nullptr);
  check(result, ("vkCreateComputePipelines(" + key.shader + ")").c_str());
  device_->setName(VK_OBJECT_TYPE_PIPELINE, pipeline, key.shader);
  return pipeline;
}

VkDescriptorSet PipelineCache::makeDescriptorSet(const Buffer& arena, const Buffer& weights, const std::string& name,
                                                 VkDescriptorPool& pool) const {
  const DeviceFunctions& fn = device_->fn();
  const VkDescriptorPoolSize poolSize{VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 2};
  VkDescriptorPoolCreateInfo poolInfo{VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO};
  poolInfo.maxSets = 1;
  poolInfo.poolSizeCount = 1;
  poolInfo.pPoolSizes = &poolSize;
  check(fn.CreateDescriptorPool(device_->handle(), &poolInfo, nullptr, &pool),
        ("vkCreateDescriptorPool(" + name + ")").c_str());
  device_->setName(VK_OBJECT_TYPE_DESCRIPTOR_POOL, pool, name);

  VkDescriptorSetAllocateInfo allocateInfo{VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO};
  allocateInfo.descriptorPool = pool;
  allocateInfo.descriptorSetCount = 1;
  allocateInfo.pSetLayouts = &setLayout_;
  VkDescriptorSet set = VK_NULL_HANDLE;
  const VkResult result = fn.AllocateDescriptorSets(device_->handle(), &allocateInfo, &set);
  if (result != VK_SUCCESS) {
    fn.DestroyDescriptorPool(device_->handle(), pool, nullptr);
    pool = VK_NULL_HANDLE;
    check(result, ("vkAllocateDescriptorSets(" + name + ")").c_str());
  }
  device_->setName(VK_OBJECT_TYPE_DESCRIPTOR_SET, set, name);

  const VkDescriptorBufferInfo buffers[2] = {{arena.handle(), 0, VK_WHOLE_SIZE}, {weights.handle(), 0, VK_WHOLE_SIZE}};
  VkWriteDescriptorSet writes[2]{};
  for (std::uint32_t binding = 0; binding < 2; ++binding) {
    writes[binding].sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET;
    writes[binding].dstSet = set;
    writes[binding].dstBinding = binding;
    writes[binding].descriptorCount = 1;
    writes[binding].descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER;
    writes[binding].pBufferInfo = &buffers[binding];
  }
  fn.UpdateDescriptorSets(device_->handle(), 2, writes, 0, nullptr);
  return set;
}

void PipelineCache::warm(std::span<const PipelineKey> keys,
                         const std::function<void(std::size_t, std::size_t)>& onDone) {
  std::atomic<std::size_t> next{0};
  std::mutex mutex;
  std::size_t done = 0;
  std::exception_ptr failure;
  const auto work = [&] {
    for (std::size_t i = next++; i < keys.size(); i = next++) {
      std::exception_ptr failed;
      try {
        get(keys[i]);
      } catch (...) {
        failed = std::current_exception();
      }
      const std::lock_guard lock(mutex);
      try {
        if (!failed && onDone) onDone(++done, keys.size());
      } catch (...) {
        failed = std::current_exception();
      }
      if (failed && !failure) failure = failed;
    }
  };
  const std::size_t threads = std::min<std::size_t>(keys.size(), std::max(1u, std::thread::hardware_concurrency()));
  {
    std::vector<std::jthread> helpers;
    for (std::size_t i = 1; i < threads; ++i) helpers.emplace_back(work);
    work();
  }
  if (failure) std::rethrow_exception(failure);
}

void PipelineCache::save() {
  if (file_.empty()) return;
  const std::lock_guard saving(saveMutex_);
  const std::vector<std::byte> data = driverData();
  if (data.size() <= diskBytes()) return;
  writeCacheFile(file_, device_->caps(), data);
  const std::lock_guard lock(mutex_);
  loadedBytes_ = data.size();
}

std::vector<std::byte> PipelineCache::driverData() const {
  const DeviceFunctions& fn = device_->fn();
  std::size_t bytes = 0;
  check(fn.GetPipelineCacheData(device_->handle(), cache_, &bytes, nullptr), "vkGetPipelineCacheData");
  std::vector<std::byte> data(bytes);
  // The cache may have grown since: what fits is complete in itself (VK_INCOMPLETE is no error).
  check(fn.GetPipelineCacheData(device_->handle(), cache_, &bytes, data.data()), "vkGetPipelineCacheData");
  data.resize(bytes);
  return data;
}

std::vector<std::byte> PipelineCache::blob() const {
  return encodeCache(device_->caps(), driverData());
}

std::size_t PipelineCache::diskBytes() const {
  const std::lock_guard lock(mutex_);
  return loadedBytes_;
}

}  // namespace rivulet::vk
