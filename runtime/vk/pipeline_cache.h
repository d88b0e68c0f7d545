#pragma once
// Compute pipelines by (shader, specialization constants), created once per device and shared; and the driver's
// pipeline cache on disk, one file per device UUID, driver version and Rivulet version.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vk/buffer.h"
#include "vk/device.h"

namespace rivulet::vk {

/// Constant ids are the positions: spec[0] is constant_id 0. 32-bit words (int, uint, float bits or bool).
struct PipelineKey {
  std::string shader;  // name in the shader table, e.g. "ops/conv2d.f32_bda"
  std::vector<std::uint32_t> spec;
  std::uint32_t requiredSubgroupSize = 0;  // 0: the driver's choice; else needs caps().subgroupSizeControl
  auto operator<=>(const PipelineKey&) const = default;  // NOLINT(modernize-use-nullptr): clang-tidy 14 errs
};

struct Pipeline {
  VkPipeline handle = VK_NULL_HANDLE;
  VkPipelineLayout layout = VK_NULL_HANDLE;
};

/// What PipelineCache::blob() returned, from wherever it was kept. BORROWED for the call.
struct CacheBlob {
  explicit CacheBlob(std::span<const std::byte> data) : bytes(data) {}
  std::span<const std::byte> bytes;
};

/// All Rivulet kernels share one pipeline layout: push constants (all of caps().maxPushConstants up to 128 bytes,
/// compute stage) and, where bufferDeviceAddress is not used, set 0 with two storage buffers: binding 0 the
/// executable's arena, binding 1 its weights. With bufferDeviceAddress the layout has no sets and the first 16 bytes of
/// the push constants are the two addresses. Thread-safety: all members may be called from any thread.
class PipelineCache {
 public:
  /// `directory` empty: no disk file. The default directory is $RIVULET_CACHE_DIR, else the platform's user cache
  /// folder.
  explicit PipelineCache(std::shared_ptr<Device> device, const std::filesystem::path& directory = defaultDirectory());
  /// Without a disk file. A blob of another device or driver, or a damaged one, is ignored; an empty one is none.
  PipelineCache(std::shared_ptr<Device> device, const CacheBlob& blob);
  ~PipelineCache();
  PipelineCache(const PipelineCache&) = delete;
  PipelineCache& operator=(const PipelineCache&) = delete;

  static std::filesystem::path defaultDirectory();
  /// The disk file of a device in a directory.
  static std::filesystem::path fileIn(const std::filesystem::path& directory, const DeviceCaps& caps);

  /// Creates the pipeline, or returns the one made before; a pipeline being made by another thread is waited for. What
  /// could not be made is tried again by the next call.
  /// Errors: Internal for an unknown shader name, or a required subgroup size without caps().subgroupSizeControl;
  /// device errors from creation, naming the shader.
  Pipeline get(const PipelineKey& key);

  /// Creates many at once on several threads; `onDone(done, total)` is called after each, from one thread at a time and
  /// in order. Errors: as get(), the first of them, after all the others have been tried.
  void warm(std::span<const PipelineKey> keys, const std::function<void(std::size_t, std::size_t)>& onDone = {});

  VkDescriptorSetLayout setLayout() const { return setLayout_; }  // null with bufferDeviceAddress
  VkPipelineLayout layout() const { return layout_; }
  /// A descriptor set of that layout, from a pool of its own, which the caller destroys. Only without
  /// bufferDeviceAddress. Errors: out of memory.
  VkDescriptorSet makeDescriptorSet(const Buffer& arena, const Buffer& weights, const std::string& name,
                                    VkDescriptorPool& pool) const;
  const std::shared_ptr<Device>& device() const { return device_; }

  /// Writes the driver's cache to disk if it has grown (atomically). Called on destruction; never throws there. A
  /// corrupt or foreign file is ignored on load and replaced. Errors: Io naming the file.
  void save();

  /// The driver's cache as memory, for whoever keeps it somewhere else than in a file. Errors: out of memory.
  std::vector<std::byte> blob() const;

  /// Where save() writes; empty without a disk file.
  const std::filesystem::path& file() const { return file_; }
  /// Bytes of driver data that were loaded from, or last saved to, the disk file.
  std::size_t diskBytes() const;

 private:
  void open(std::span<const std::byte> data);
  std::vector<std::byte> driverData() const;
  VkPipeline create(const PipelineKey& key) const;
  void destroy();

  std::shared_ptr<Device> device_;
  std::filesystem::path file_;
  VkPipelineCache cache_ = VK_NULL_HANDLE;
  VkDescriptorSetLayout setLayout_ = VK_NULL_HANDLE;
  VkPipelineLayout layout_ = VK_NULL_HANDLE;
  std::size_t loadedBytes_ = 0;
  mutable std::mutex mutex_;
  std::map<PipelineKey, std::shared_future<VkPipeline>> pipelines_;
  std::mutex saveMutex_;  // one save at a time
};

}  // namespace rivulet::vk
