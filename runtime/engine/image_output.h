#pragma once
// From a lane's state to an image: the picture it stands for, its mip levels, their texels in the image's format, and
// the copy (shaders/image/). Recorded unit by unit, so that a frame's budget may end between any two.

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "graph/executable.h"
#include "image/whitening.h"
#include "vk/buffer.h"
#include "vk/pipeline_cache.h"

namespace rivulet::engine {

enum class TexelFormat : std::uint8_t {
  Rgba8,    // the encoded bytes, alpha 255
  Rgba16F,  // linear light, alpha 1
  Bc1,
  Bc7,
};

/// What one texel, or one 4x4 block of them, takes.
std::uint32_t texelBytes(TexelFormat format);
bool isBlockFormat(TexelFormat format);
/// Down to 1x1.
std::uint32_t fullMipLevels(std::uint32_t width, std::uint32_t height);

/// Where a picture goes. The image is BORROWED until the device has finished with what was recorded.
struct ImageTarget {
  VkImage image = VK_NULL_HANDLE;  // usage TRANSFER_DST, of the lanes' size
  TexelFormat format = TexelFormat::Rgba8;
  std::uint32_t mipLevels = 1, arrayLayer = 0;
  // What it is left ready for. Whatever it held, in whatever layout, is discarded.
  VkImageLayout layout = VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL;
  std::uint32_t releaseTo = VK_QUEUE_FAMILY_IGNORED;  // queue family that takes it over
};

/// Lives beside one executable and reads its states. Thread-safety: one thread at a time.
class ImageOutput {
 public:
  /// `lanes` is BORROWED; `state` is one of its persistent tensors, [N,H,W,C] float, C of 1 or at least 3. Errors:
  /// OutOfDeviceMemory.
  ImageOutput(vk::PipelineCache& pipelines, const graph::Executable& lanes, graph::Tensor state,
              const std::string& name);
  ~ImageOutput();
  ImageOutput(const ImageOutput&) = delete;
  ImageOutput& operator=(const ImageOutput&) = delete;

  /// Bytes of device memory one needs for pictures of this size, whatever their format.
  static std::uint64_t plannedBytes(std::uint32_t width, std::uint32_t height);
  std::uint64_t bytes() const { return texels_.size(); }

  /// Units of one image: the picture, levels below it, their texels, the copy. Small levels count as one.
  std::uint32_t unitCount(const ImageTarget& target) const { return 2 * rungs(target) + 1; }
  /// Index of a unit among the costCount() kinds with a cost of their own.
  std::uint32_t costIndex(const ImageTarget& target, std::uint32_t unit) const;
  std::uint32_t costCount() const { return static_cast<std::uint32_t>(levels_.size()) * 5 + 1; }
  std::vector<double> guesses() const;

  /// How many parts a unit can be recorded in: workgroups along its longer axis. The copy is always whole: an image is
  /// not left half written.
  std::uint32_t partCount(const ImageTarget& target, std::uint32_t unit) const;

  /// Some parts of a unit.
  struct Parts {
    std::uint32_t unit = 0, first = 0, count = 0;
  };
  /// Records some parts of one unit, with the barriers against everything before them. `state` is the tensor given
  /// above or another of the same shape. Units of one image are recorded in order and not mixed with another's.
  /// Allocates nothing.
  void record(VkCommandBuffer commands, const Parts& parts, graph::Tensor state, std::uint32_t lane,
              const ColourMap& map, const ImageTarget& target) const;

 private:
  struct Level {
    std::uint32_t width = 0, height = 0;
    std::uint32_t picture = 0;  // offsets in units of 16 bytes
    std::uint32_t texels = 0;
  };
  enum Kernel : std::uint8_t { kPicture, kMip, kRgba8, kRgba16F, kBc1, kBc7, kKernels };
  static std::vector<Level> planLevels(std::uint32_t width, std::uint32_t height, std::uint64_t& bytes);
  /// Levels that are made one by one, and 1 for those from tail_ on, which are made by one workgroup in one go.
  std::uint32_t rungs(const ImageTarget& target) const { return std::min<std::uint32_t>(target.mipLevels, tail_ + 1); }
  /// How many levels a rung is.
  std::uint32_t levelsOf(const ImageTarget& target, std::uint32_t rung) const {
    return rung == tail_ ? target.mipLevels - tail_ : 1;
  }
  using Groups = std::array<std::uint32_t, 2>;
  struct Section;  // the workgroups to record
  Groups groupsOf(const ImageTarget& target, std::uint32_t unit) const;
  void dispatch(VkCommandBuffer commands, Kernel kernel, const char* label, const void* words, std::uint32_t bytes,
                const Section& section) const;
  void recordPicture(VkCommandBuffer commands, const Section& section, graph::Tensor state, std::uint32_t lane,
                     const ColourMap& map) const;
  void recordTexels(VkCommandBuffer commands, const Section& section, std::uint32_t rung,
                    const ImageTarget& target) const;
  void recordCopy(VkCommandBuffer commands, const ImageTarget& target) const;

  std::shared_ptr<vk::Device> device_;
  const graph::Executable& lanes_;
  TensorDesc desc_;
  std::vector<Level> levels_;
  std::uint32_t tail_ = 0;  // the first small level
  vk::Buffer texels_;
  vk::Pipeline kernels_[kKernels];
  VkDescriptorPool descriptorPool_ = VK_NULL_HANDLE;
  VkDescriptorSet descriptorSet_ = VK_NULL_HANDLE;
};

}  // namespace rivulet::engine
