#include "engine/image_output.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "core/error.h"
#include "engine/cost_model.h"
#include "vk/label.h"

namespace rivulet::engine {
namespace {

constexpr std::uint32_t kUnit = 16;  // bytes; shaders/image/texels.glsl
constexpr std::uint32_t kImageLocal = 64, kTile = 8;
constexpr std::uint32_t kMostMipLevels = 16;
constexpr std::uint32_t kSmall = 32;  // longer side of levels that one workgroup makes sooner than many dispatches

std::uint32_t groups(std::uint32_t count, std::uint32_t local) {
  return (count + local - 1) / local;
}

std::uint64_t levelBytes(std::uint32_t width, std::uint32_t height, TexelFormat format) {
  if (isBlockFormat(format)) return std::uint64_t{groups(width, 4)} * groups(height, 4) * texelBytes(format);
  return std::uint64_t{width} * height * texelBytes(format);
}

/// Kernel arguments as they lie behind the two addresses.
struct PictureArguments {
  float rows[3][4];
  std::uint32_t source, destination, texels, quads, groups;
};
struct MipArguments {
  std::uint32_t source, width, height, levels, columns, rows;
};
struct PackArguments {
  std::uint32_t source, destination, width, height, levels, groups;
};
struct BlockArguments {
  std::uint32_t source, destination, width, height, levels, columns, rows;
};

std::size_t longerAxis(const std::array<std::uint32_t, 2>& groups) {
  return groups[1] > groups[0] ? 1 : 0;
}

/// What a host may do with an image, by pipeline stage and access.
struct Use {
  VkPipelineStageFlags stages = VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT;
  VkAccessFlags access = 0;
};

/// Before it is written: it may have been sampled, copied, stored to or drawn.
Use usesBefore(const vk::DeviceCaps& caps) {
  Use use;
  use.access = VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT;
  if (!caps.graphicsQueue) return use;
  use.stages |= VK_PIPELINE_STAGE_VERTEX_SHADER_BIT | VK_PIPELINE_STAGE_FRAGMENT_SHADER_BIT |
                VK_PIPELINE_STAGE_COLOR_ATTACHMENT_OUTPUT_BIT;
  use.access |= VK_ACCESS_COLOR_ATTACHMENT_WRITE_BIT;
  return use;
}

/// Afterwards: what `layout` is for.
Use usesAfter(const vk::DeviceCaps& caps, VkImageLayout layout) {
  Use use;
  if (layout == VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL || layout == VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL) {
    use.stages = VK_PIPELINE_STAGE_TRANSFER_BIT;
    use.access =
        layout == VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL ? VK_ACCESS_TRANSFER_READ_BIT : VK_ACCESS_TRANSFER_WRITE_BIT;
    return use;
  }
  use.stages = VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT;
  if (caps.graphicsQueue) use.stages |= VK_PIPELINE_STAGE_VERTEX_SHADER_BIT | VK_PIPELINE_STAGE_FRAGMENT_SHADER_BIT;
  use.access = VK_ACCESS_SHADER_READ_BIT;
  if (layout == VK_IMAGE_LAYOUT_GENERAL) {
    use.stages |= VK_PIPELINE_STAGE_TRANSFER_BIT;
    use.access |= VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_READ_BIT | VK_ACCESS_TRANSFER_WRITE_BIT;
  }
  return use;
}

}  // namespace

struct ImageOutput::Section {
  Groups base{}, count{}, whole{};
};

std::uint32_t texelBytes(TexelFormat format) {
  switch (format) {
    case TexelFormat::Rgba8:
      return 4;
    case TexelFormat::Rgba16F:
    case TexelFormat::Bc1:
      return 8;
    case TexelFormat::Bc7:
      return 16;
  }
  return 0;
}

bool isBlockFormat(TexelFormat format) {
  return format == TexelFormat::Bc1 || format == TexelFormat::Bc7;
}

std::uint32_t fullMipLevels(std::uint32_t width, std::uint32_t height) {
  std::uint32_t levels = 1;
  for (std::uint32_t side = std::max(width, height); side > 1; side /= 2) ++levels;
  return levels;
}

std::vector<ImageOutput::Level> ImageOutput::planLevels(std::uint32_t width, std::uint32_t height,
                                                        std::uint64_t& bytes) {
  std::vector<Level> levels(std::min(fullMipLevels(width, height), kMostMipLevels));
  std::uint64_t at = 0;  // in units
  for (std::size_t i = 0; i < levels.size(); ++i) {
    levels[i].width = std::max(1u, width >> i);
    levels[i].height = std::max(1u, height >> i);
    levels[i].picture = static_cast<std::uint32_t>(at);
    at += std::uint64_t{levels[i].width} * levels[i].height;
  }
  for (Level& level : levels) {
    std::uint64_t most = 0;
    for (const TexelFormat format : {TexelFormat::Rgba16F, TexelFormat::Bc7})
      most = std::max(most, levelBytes(level.width, level.height, format));
    level.texels = static_cast<std::uint32_t>(at);
    at += (most + kUnit - 1) / kUnit;
  }
  bytes = at * kUnit;
  return levels;
}

std::uint64_t ImageOutput::plannedBytes(std::uint32_t width, std::uint32_t height) {
  std::uint64_t bytes = 0;
  planLevels(width, height, bytes);
  return bytes;
}

ImageOutput::ImageOutput(vk::PipelineCache& pipelines, const graph::Executable& lanes, graph::Tensor state,
                         const std::string& name)
    : device_(pipelines.device()), lanes_(lanes), desc_(lanes.desc(state)) {
  if (desc_.c == 2) {
    throw Error(ErrorCode::Unsupported, "a state of two channels is no picture: one, or three and more, are");
  }
  std::uint64_t bytes = 0;
  levels_ = planLevels(desc_.w, desc_.h, bytes);
  while (++tail_ < levels_.size() && std::max(levels_[tail_].width, levels_[tail_].height) > kSmall) {
  }
  texels_ = vk::Buffer(device_, vk::BufferUse::Device, bytes, name + " texels");

  const std::string suffix = device_->caps().bufferDeviceAddress ? ".f32_bda" : ".f32";
  const vk::PipelineKey keys[kKernels] = {
      {"image/picture" + suffix, {}}, {"image/mip" + suffix, {}}, {"image/pack" + suffix, {0}},
      {"image/pack" + suffix, {1}},   {"image/bc1" + suffix, {}}, {"image/bc7" + suffix, {}},
  };
  for (std::size_t i = 0; i < kKernels; ++i) kernels_[i] = pipelines.get(keys[i]);
  if (!device_->caps().bufferDeviceAddress)
    descriptorSet_ = pipelines.makeDescriptorSet(texels_, lanes_.arena(), name + " texels and arena", descriptorPool_);
}

ImageOutput::~ImageOutput() {
  if (descriptorPool_) device_->fn().DestroyDescriptorPool(device_->handle(), descriptorPool_, nullptr);
}

std::uint32_t ImageOutput::costIndex(const ImageTarget& target, std::uint32_t unit) const {
  // picture and mips: a row of levels; texels: one row per format; the copy.
  const auto rows = static_cast<std::uint32_t>(levels_.size());
  const std::uint32_t rungs = this->rungs(target);
  if (unit < rungs) return unit;
  if (unit < 2 * rungs) return rows * (1 + static_cast<std::uint32_t>(target.format)) + unit - rungs;
  return rows * 5;
}

std::vector<double> ImageOutput::guesses() const {
  std::vector<double> result(costCount());
  for (std::size_t row = 0; row < 5; ++row) {
    for (std::size_t i = 0; i < levels_.size(); ++i) {
      std::uint64_t texels = std::uint64_t{levels_[i].width} * levels_[i].height;
      if (i == tail_) texels *= 2;                                       // and all below it
      const std::uint64_t work = row >= 3 ? texels * 200 : texels * 40;  // block compression looks at each texel often
      result[row * levels_.size() + i] = guessMicroseconds(device_->caps(), work, texels * 32);
    }
  }
  result.back() = guessMicroseconds(device_->caps(), 0, std::uint64_t{desc_.w} * desc_.h * 11);
  return result;
}

/// Workgroups of a unit that is a dispatch; the copy has one part.
ImageOutput::Groups ImageOutput::groupsOf(const ImageTarget& target, std::uint32_t unit) const {
  const std::uint32_t rungs = this->rungs(target), rung = unit % rungs;
  if (unit == 2 * rungs || rung == tail_) return {1, 1};
  const Level& level = levels_[rung];
  if (unit > 0 && unit < rungs) return {groups(level.width, kTile), groups(level.height, kTile)};
  if (unit != 0 && isBlockFormat(target.format))
    return {groups(groups(level.width, 4), kTile), groups(groups(level.height, 4), kTile)};
  return {std::min(groups(level.width * level.height, kImageLocal), device_->caps().maxWorkgroupCount[0]), 1};
}

std::uint32_t ImageOutput::partCount(const ImageTarget& target, std::uint32_t unit) const {
  const Groups all = groupsOf(target, unit);
  return all[longerAxis(all)];
}

void ImageOutput::record(VkCommandBuffer commands, const Parts& parts, graph::Tensor state, std::uint32_t lane,
                         const ColourMap& map, const ImageTarget& target) const {
  const std::uint32_t unit = parts.unit;
  Section section;
  section.whole = section.count = groupsOf(target, unit);
  section.base[longerAxis(section.whole)] = parts.first;
  section.count[longerAxis(section.whole)] = parts.count;
  const std::uint32_t rungs = this->rungs(target);
  // Everything of ours before, against this unit; later units' barriers cover what this one does.
  VkMemoryBarrier barrier{VK_STRUCTURE_TYPE_MEMORY_BARRIER};
  barrier.srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT;
  barrier.dstAccessMask = VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_READ_BIT;
  const VkPipelineStageFlags stages = VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT;
  device_->fn().CmdPipelineBarrier(commands, stages, stages, 0, 1, &barrier, 0, nullptr, 0, nullptr);

  if (unit == 0) {
    recordPicture(commands, section, state, lane, map);
  } else if (unit < rungs) {
    const Level& from = levels_[unit - 1];
    const MipArguments words{from.picture,           from.width,       from.height,
                             levelsOf(target, unit), section.whole[0], section.whole[1]};
    dispatch(commands, kMip, unit == tail_ ? "image: small mip levels" : "image: mip level", &words, sizeof words,
             section);
  } else if (unit < 2 * rungs) {
    recordTexels(commands, section, unit - rungs, target);
  } else {
    recordCopy(commands, target);
  }
}

void ImageOutput::dispatch(VkCommandBuffer commands, Kernel kernel, const char* label, const void* words,
                           std::uint32_t bytes, const Section& section) const {
  const vk::DeviceFunctions& fn = device_->fn();
  const vk::Label scope(*device_, commands, label);
  std::array<std::byte, 128> push{};
  const std::uint64_t addresses[2] = {texels_.address(), lanes_.arena().address()};
  std::memcpy(push.data(), addresses, sizeof addresses);
  std::memcpy(push.data() + sizeof addresses, words, bytes);
  if (descriptorSet_) {
    fn.CmdBindDescriptorSets(commands, VK_PIPELINE_BIND_POINT_COMPUTE, kernels_[kernel].layout, 0, 1, &descriptorSet_,
                             0, nullptr);
  }
  fn.CmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE, kernels_[kernel].handle);
  fn.CmdPushConstants(commands, kernels_[kernel].layout, VK_SHADER_STAGE_COMPUTE_BIT, 0,
                      static_cast<std::uint32_t>(sizeof addresses) + bytes, push.data());
  const auto& [base, count, whole] = section;
  if (base == Groups{}) {
    fn.CmdDispatch(commands, count[0], count[1], 1);
  } else {
    fn.CmdDispatchBase(commands, base[0], base[1], 0, count[0], count[1], 1);
  }
}

void ImageOutput::recordPicture(VkCommandBuffer commands, const Section& section, graph::Tensor state,
                                std::uint32_t lane, const ColourMap& map) const {
  PictureArguments words{};
  for (std::size_t row = 0; row < 3; ++row) {
    if (desc_.c == 1) {  // grey
      words.rows[row][0] = 1;
      continue;
    }
    for (std::size_t column = 0; column < 3; ++column) words.rows[row][column] = map.matrix[3 * row + column];
    words.rows[row][3] = map.offset[row];
  }
  TensorDesc one = desc_;
  one.n = 1;
  words.source = static_cast<std::uint32_t>((lanes_.offset(state) + lane * one.bytes()) / kUnit);
  words.destination = levels_[0].picture;
  words.texels = desc_.w * desc_.h;
  words.quads = desc_.stride() / 4;
  words.groups = section.whole[0];
  dispatch(commands, kPicture, "image: picture", &words, sizeof words, section);
}

void ImageOutput::recordTexels(VkCommandBuffer commands, const Section& section, std::uint32_t rung,
                               const ImageTarget& target) const {
  const Level& level = levels_[rung];
  const std::uint32_t levels = levelsOf(target, rung);
  if (isBlockFormat(target.format)) {
    const BlockArguments words{level.picture, level.texels,     level.width,     level.height,
                               levels,        section.whole[0], section.whole[1]};
    dispatch(commands, target.format == TexelFormat::Bc1 ? kBc1 : kBc7, "image: block compression", &words,
             sizeof words, section);
    return;
  }
  const PackArguments words{level.picture, level.texels, level.width, level.height, levels, section.whole[0]};
  dispatch(commands, target.format == TexelFormat::Rgba8 ? kRgba8 : kRgba16F, "image: texels", &words, sizeof words,
           section);
}

void ImageOutput::recordCopy(VkCommandBuffer commands, const ImageTarget& target) const {
  const vk::DeviceFunctions& fn = device_->fn();
  const vk::Label scope(*device_, commands, "image: copy");
  const Use before = usesBefore(device_->caps()), after = usesAfter(device_->caps(), target.layout);
  VkImageMemoryBarrier image{VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER};
  image.srcAccessMask = before.access;
  image.dstAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT;
  image.oldLayout = VK_IMAGE_LAYOUT_UNDEFINED;
  image.newLayout = VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL;
  image.srcQueueFamilyIndex = image.dstQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED;
  image.image = target.image;
  image.subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 0, target.mipLevels, target.arrayLayer, 1};
  fn.CmdPipelineBarrier(commands, before.stages, VK_PIPELINE_STAGE_TRANSFER_BIT, 0, 0, nullptr, 0, nullptr, 1, &image);

  std::array<VkBufferImageCopy, kMostMipLevels> regions{};
  for (std::uint32_t i = 0; i < target.mipLevels; ++i) {
    regions[i].bufferOffset = std::uint64_t{levels_[i].texels} * kUnit;
    regions[i].imageSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, i, target.arrayLayer, 1};
    regions[i].imageExtent = {levels_[i].width, levels_[i].height, 1};
  }
  fn.CmdCopyBufferToImage(commands, texels_.handle(), target.image, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL,
                          target.mipLevels, regions.data());

  const bool handOver = target.releaseTo != VK_QUEUE_FAMILY_IGNORED && target.releaseTo != device_->queueFamily();
  image.srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT;
  image.dstAccessMask = handOver ? 0 : after.access;
  image.oldLayout = VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL;
  image.newLayout = target.layout;
  if (handOver) {
    image.srcQueueFamilyIndex = device_->queueFamily();
    image.dstQueueFamilyIndex = target.releaseTo;
  }
  fn.CmdPipelineBarrier(commands, VK_PIPELINE_STAGE_TRANSFER_BIT,
                        handOver ? VkPipelineStageFlags{VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT} : after.stages, 0, 0,
                        nullptr, 0, nullptr, 1, &image);
}

}  // namespace rivulet::engine
