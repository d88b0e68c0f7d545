#include "renderer.h"

#include <QVulkanFunctions>
#include <exception>

#include "window.h"

namespace shaders {
extern const std::uint32_t k_quad_vert[];
extern const std::size_t k_quad_vert_words;
extern const std::uint32_t k_quad_frag[];
extern const std::size_t k_quad_frag_words;
}  // namespace shaders

namespace {

/// As in quad.vert.
struct PushConstants {
  float left, top, width, height, repeats;
};

/// Row by row. The first and the last are the same request and come out the same; the two bricks differ by their seed.
const std::vector<Material> kMaterials = {{"brick", 1}, {"wood", 2},   {"grass", 3}, {"rust", 4},
                                          {"brick", 5}, {"fabric", 6}, {"roof", 7},  {"brick", 1}};
static_assert(Renderer::kColumns * Renderer::kRows == 8);

}  // namespace

void Renderer::preInitResources() {
  try {
    request_.apply(window_);
  } catch (const std::exception& error) {
    window_.fail(error.what());
  }
}

void Renderer::initResources() {
  fn_ = window_.vulkanInstance()->deviceFunctions(window_.device());
  try {
    textures_ = std::make_unique<Textures>(window_, request_.enabled(), kMaterials, options_);
    makeDescriptors();
    makePipeline();
  } catch (const std::exception& error) {
    window_.fail(error.what());
  }
}

void Renderer::makeDescriptors() {
  VkSamplerCreateInfo sampler{VK_STRUCTURE_TYPE_SAMPLER_CREATE_INFO};
  sampler.magFilter = sampler.minFilter = VK_FILTER_LINEAR;
  sampler.mipmapMode = VK_SAMPLER_MIPMAP_MODE_LINEAR;
  sampler.addressModeU = sampler.addressModeV = sampler.addressModeW = VK_SAMPLER_ADDRESS_MODE_REPEAT;
  sampler.maxLod = VK_LOD_CLAMP_NONE;
  check(fn_->vkCreateSampler(window_.device(), &sampler, nullptr, &sampler_), "vkCreateSampler");

  VkDescriptorSetLayoutBinding binding{};
  binding.descriptorType = VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER;
  binding.descriptorCount = 1;
  binding.stageFlags = VK_SHADER_STAGE_FRAGMENT_BIT;
  binding.pImmutableSamplers = &sampler_;
  VkDescriptorSetLayoutCreateInfo layout{VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO};
  layout.bindingCount = 1;
  layout.pBindings = &binding;
  check(fn_->vkCreateDescriptorSetLayout(window_.device(), &layout, nullptr, &setLayout_),
        "vkCreateDescriptorSetLayout");

  const std::vector<Image>& images = textures_->images();
  const auto count = static_cast<std::uint32_t>(images.size());
  const VkDescriptorPoolSize size{binding.descriptorType, count};
  VkDescriptorPoolCreateInfo pool{VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO};
  pool.maxSets = count;
  pool.poolSizeCount = 1;
  pool.pPoolSizes = &size;
  check(fn_->vkCreateDescriptorPool(window_.device(), &pool, nullptr, &pool_), "vkCreateDescriptorPool");
  const std::vector<VkDescriptorSetLayout> layouts(count, setLayout_);
  VkDescriptorSetAllocateInfo allocation{VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO};
  allocation.descriptorPool = pool_;
  allocation.descriptorSetCount = count;
  allocation.pSetLayouts = layouts.data();
  sets_.resize(count);
  check(fn_->vkAllocateDescriptorSets(window_.device(), &allocation, sets_.data()), "vkAllocateDescriptorSets");
  for (std::size_t i = 0; i < images.size(); ++i) {
    const VkDescriptorImageInfo image{VK_NULL_HANDLE, images[i].view(), VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL};
    VkWriteDescriptorSet write{VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET};
    write.dstSet = sets_[i];
    write.descriptorCount = 1;
    write.descriptorType = binding.descriptorType;
    write.pImageInfo = &image;
    fn_->vkUpdateDescriptorSets(window_.device(), 1, &write, 0, nullptr);
  }
}

VkShaderModule Renderer::makeShader(const std::uint32_t* words, std::size_t count) const {
  VkShaderModuleCreateInfo info{VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO};
  info.codeSize = count * sizeof *words;
  info.pCode = words;
  VkShaderModule shader = VK_NULL_HANDLE;
  check(fn_->vkCreateShaderModule(window_.device(), &info, nullptr, &shader), "vkCreateShaderModule");
  return shader;
}

void Renderer::makePipeline() {
  const VkPushConstantRange range{VK_SHADER_STAGE_VERTEX_BIT, 0, sizeof(PushConstants)};
  VkPipelineLayoutCreateInfo layout{VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO};
  layout.setLayoutCount = 1;
  layout.pSetLayouts = &setLayout_;
  layout.pushConstantRangeCount = 1;
  layout.pPushConstantRanges = &range;
  check(fn_->vkCreatePipelineLayout(window_.device(), &layout, nullptr, &layout_), "vkCreatePipelineLayout");

  VkPipelineShaderStageCreateInfo stages[2] = {{VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO},
                                               {VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO}};
  stages[0].stage = VK_SHADER_STAGE_VERTEX_BIT;
  stages[0].module = makeShader(shaders::k_quad_vert, shaders::k_quad_vert_words);
  stages[1].stage = VK_SHADER_STAGE_FRAGMENT_BIT;
  stages[1].module = makeShader(shaders::k_quad_frag, shaders::k_quad_frag_words);
  stages[0].pName = stages[1].pName = "main";
  const VkPipelineVertexInputStateCreateInfo vertices{VK_STRUCTURE_TYPE_PIPELINE_VERTEX_INPUT_STATE_CREATE_INFO};
  VkPipelineInputAssemblyStateCreateInfo assembly{VK_STRUCTURE_TYPE_PIPELINE_INPUT_ASSEMBLY_STATE_CREATE_INFO};
  assembly.topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_STRIP;
  VkPipelineViewportStateCreateInfo viewport{VK_STRUCTURE_TYPE_PIPELINE_VIEWPORT_STATE_CREATE_INFO};
  viewport.viewportCount = viewport.scissorCount = 1;
  VkPipelineRasterizationStateCreateInfo raster{VK_STRUCTURE_TYPE_PIPELINE_RASTERIZATION_STATE_CREATE_INFO};
  raster.lineWidth = 1.0f;
  VkPipelineMultisampleStateCreateInfo samples{VK_STRUCTURE_TYPE_PIPELINE_MULTISAMPLE_STATE_CREATE_INFO};
  samples.rasterizationSamples = window_.sampleCountFlagBits();
  const VkPipelineDepthStencilStateCreateInfo depth{VK_STRUCTURE_TYPE_PIPELINE_DEPTH_STENCIL_STATE_CREATE_INFO};
  VkPipelineColorBlendAttachmentState colour{};
  colour.colorWriteMask = 0xf;
  VkPipelineColorBlendStateCreateInfo blend{VK_STRUCTURE_TYPE_PIPELINE_COLOR_BLEND_STATE_CREATE_INFO};
  blend.attachmentCount = 1;
  blend.pAttachments = &colour;
  const VkDynamicState dynamics[] = {VK_DYNAMIC_STATE_VIEWPORT, VK_DYNAMIC_STATE_SCISSOR};
  VkPipelineDynamicStateCreateInfo dynamic{VK_STRUCTURE_TYPE_PIPELINE_DYNAMIC_STATE_CREATE_INFO};
  dynamic.dynamicStateCount = 2;
  dynamic.pDynamicStates = dynamics;

  VkGraphicsPipelineCreateInfo info{VK_STRUCTURE_TYPE_GRAPHICS_PIPELINE_CREATE_INFO};
  info.stageCount = 2;
  info.pStages = stages;
  info.pVertexInputState = &vertices;
  info.pInputAssemblyState = &assembly;
  info.pViewportState = &viewport;
  info.pRasterizationState = &raster;
  info.pMultisampleState = &samples;
  info.pDepthStencilState = &depth;
  info.pColorBlendState = &blend;
  info.pDynamicState = &dynamic;
  info.layout = layout_;
  info.renderPass = window_.defaultRenderPass();
  const VkResult result =
      fn_->vkCreateGraphicsPipelines(window_.device(), VK_NULL_HANDLE, 1, &info, nullptr, &pipeline_);
  for (const VkPipelineShaderStageCreateInfo& stage : stages) {
    fn_->vkDestroyShaderModule(window_.device(), stage.module, nullptr);
  }
  check(result, "vkCreateGraphicsPipelines");
}

void Renderer::releaseSwapChainResources() {
  if (textures_)
    textures_->deviceIdle();  // Qt has waited for it; swap chain images may be fewer, or others, after this
}

void Renderer::releaseResources() {
  // In the middle of a texture or not, on a device that lives or is lost: everything goes, and initResources() makes it
  // anew if the window goes on.
  const VkDevice device = window_.device();
  textures_.reset();
  fn_->vkDestroyPipeline(device, pipeline_, nullptr);
  fn_->vkDestroyPipelineLayout(device, layout_, nullptr);
  fn_->vkDestroyDescriptorPool(device, pool_, nullptr);
  fn_->vkDestroyDescriptorSetLayout(device, setLayout_, nullptr);
  fn_->vkDestroySampler(device, sampler_, nullptr);
  pipeline_ = VK_NULL_HANDLE;
  layout_ = VK_NULL_HANDLE;
  pool_ = VK_NULL_HANDLE;
  setLayout_ = VK_NULL_HANDLE;
  sampler_ = VK_NULL_HANDLE;
}

void Renderer::logicalDeviceLost() {
  qCWarning(lcQuads, "the device was lost; the textures are made again on a new one");
}

void Renderer::startNextFrame() {
  const VkCommandBuffer commands = window_.currentCommandBuffer();
  bool drawable = pipeline_ != VK_NULL_HANDLE;
  if (drawable) {
    try {
      textures_->record(commands, window_.currentSwapChainImageIndex());
    } catch (const rivulet::PluginError& error) {
      drawable = false;
      // Of a lost device Qt learns from its own submission, and begins again.
      if (error.result() != RVL_ERROR_DEVICE_LOST) window_.fail(error.what());
    } catch (const std::exception& error) {
      drawable = false;
      window_.fail(error.what());
    }
  }

  VkClearValue clear[3] = {};  // colour, depth, and colour again where there is multisampling
  clear[0].color = clear[2].color = kBackground;
  clear[1].depthStencil = {1.0f, 0};
  const QSize size = window_.swapChainImageSize();
  VkRenderPassBeginInfo pass{VK_STRUCTURE_TYPE_RENDER_PASS_BEGIN_INFO};
  pass.renderPass = window_.defaultRenderPass();
  pass.framebuffer = window_.currentFramebuffer();
  pass.renderArea.extent = {static_cast<std::uint32_t>(size.width()), static_cast<std::uint32_t>(size.height())};
  pass.clearValueCount = window_.sampleCountFlagBits() > VK_SAMPLE_COUNT_1_BIT ? 3 : 2;
  pass.pClearValues = clear;
  fn_->vkCmdBeginRenderPass(commands, &pass, VK_SUBPASS_CONTENTS_INLINE);
  if (drawable) draw(commands);
  fn_->vkCmdEndRenderPass(commands);
  window_.frameReady();
  if (textures_) window_.frameDone(textures_->readyCount(), textures_->images().size());
}

void Renderer::draw(VkCommandBuffer commands) const {
  const auto width = static_cast<float>(window_.swapChainImageSize().width());
  const auto height = static_cast<float>(window_.swapChainImageSize().height());
  const VkViewport viewport{0, 0, width, height, 0, 1};
  const VkRect2D scissor{{0, 0}, {static_cast<std::uint32_t>(width), static_cast<std::uint32_t>(height)}};
  fn_->vkCmdSetViewport(commands, 0, 1, &viewport);
  fn_->vkCmdSetScissor(commands, 0, 1, &scissor);
  fn_->vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_GRAPHICS, pipeline_);

  // Clip space is two units wide.
  const float marginX = 2.0f * kMargin / width, marginY = 2.0f * kMargin / height;
  const float cellX = (2.0f - marginX) / kColumns, cellY = (2.0f - marginY) / kRows;
  for (std::size_t i = 0; i < sets_.size(); ++i) {
    const auto column = static_cast<float>(i % kColumns), row = static_cast<float>(i / kColumns);
    const PushConstants push{-1 + marginX + column * cellX, -1 + marginY + row * cellY, cellX - marginX,
                             cellY - marginY, kRepeats};
    fn_->vkCmdBindDescriptorSets(commands, VK_PIPELINE_BIND_POINT_GRAPHICS, layout_, 0, 1, &sets_[i], 0, nullptr);
    fn_->vkCmdPushConstants(commands, layout_, VK_SHADER_STAGE_VERTEX_BIT, 0, sizeof push, &push);
    fn_->vkCmdDraw(commands, 4, 1, 0, 0);
  }
}
