#include "gpu/pipeline.h"

namespace demo {
namespace {

VkShaderModule makeModule(const Device& device, const Shader& shader) {
  if (!shader.words) return VK_NULL_HANDLE;
  VkShaderModuleCreateInfo info{VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO};
  info.codeSize = shader.count * sizeof *shader.words;
  info.pCode = shader.words;
  VkShaderModule module = VK_NULL_HANDLE;
  check(device.fn().CreateShaderModule(device.handle(), &info, nullptr, &module), "vkCreateShaderModule");
  return module;
}

}  // namespace

Pipeline::Pipeline(const Device& device, const PipelineInfo& info) : device_(device) {
  const Functions& fn = device_.fn();
  const VkPushConstantRange range{VK_SHADER_STAGE_VERTEX_BIT | VK_SHADER_STAGE_FRAGMENT_BIT, 0, info.pushConstantBytes};
  VkPipelineLayoutCreateInfo layout{VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO};
  layout.setLayoutCount = info.setLayout ? 1 : 0;
  layout.pSetLayouts = &info.setLayout;
  layout.pushConstantRangeCount = info.pushConstantBytes > 0 ? 1 : 0;
  layout.pPushConstantRanges = &range;
  check(fn.CreatePipelineLayout(device_.handle(), &layout, nullptr, &layout_), "vkCreatePipelineLayout");
  device_.name(VK_OBJECT_TYPE_PIPELINE_LAYOUT, layout_, info.name);
  const VkShaderModule vertex = makeModule(device_, info.vertex), fragment = makeModule(device_, info.fragment);
  create(info, vertex, fragment);
  fn.DestroyShaderModule(device_.handle(), vertex, nullptr);
  fn.DestroyShaderModule(device_.handle(), fragment, nullptr);
}

void Pipeline::create(const PipelineInfo& info, VkShaderModule vertex, VkShaderModule fragment) {
  std::vector<VkSpecializationMapEntry> entries;
  for (std::uint32_t i = 0; i < info.constants.size(); ++i) entries.push_back({i, i * 4, 4});
  const VkSpecializationInfo constants{static_cast<std::uint32_t>(entries.size()), entries.data(),
                                       info.constants.size() * 4, info.constants.data()};
  VkPipelineShaderStageCreateInfo stages[2] = {{VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO},
                                               {VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO}};
  stages[0].stage = VK_SHADER_STAGE_VERTEX_BIT;
  stages[0].module = vertex;
  stages[1].stage = VK_SHADER_STAGE_FRAGMENT_BIT;
  stages[1].module = fragment;
  for (VkPipelineShaderStageCreateInfo& stage : stages) {
    stage.pName = "main";
    stage.pSpecializationInfo = &constants;
  }

  const VkVertexInputBindingDescription binding{0, info.vertexStride, VK_VERTEX_INPUT_RATE_VERTEX};
  VkPipelineVertexInputStateCreateInfo input{VK_STRUCTURE_TYPE_PIPELINE_VERTEX_INPUT_STATE_CREATE_INFO};
  input.vertexBindingDescriptionCount = info.vertexStride > 0 ? 1 : 0;
  input.pVertexBindingDescriptions = &binding;
  input.vertexAttributeDescriptionCount = static_cast<std::uint32_t>(info.attributes.size());
  input.pVertexAttributeDescriptions = info.attributes.data();
  VkPipelineInputAssemblyStateCreateInfo assembly{VK_STRUCTURE_TYPE_PIPELINE_INPUT_ASSEMBLY_STATE_CREATE_INFO};
  assembly.topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST;
  VkPipelineViewportStateCreateInfo viewport{VK_STRUCTURE_TYPE_PIPELINE_VIEWPORT_STATE_CREATE_INFO};
  viewport.viewportCount = viewport.scissorCount = 1;
  VkPipelineRasterizationStateCreateInfo raster{VK_STRUCTURE_TYPE_PIPELINE_RASTERIZATION_STATE_CREATE_INFO};
  raster.cullMode = info.cull;
  raster.frontFace = VK_FRONT_FACE_COUNTER_CLOCKWISE;
  raster.lineWidth = 1.0f;
  raster.depthBiasEnable = info.depthBias;
  raster.depthBiasConstantFactor = 1.5f;
  raster.depthBiasSlopeFactor = 2.0f;
  VkPipelineMultisampleStateCreateInfo samples{VK_STRUCTURE_TYPE_PIPELINE_MULTISAMPLE_STATE_CREATE_INFO};
  samples.rasterizationSamples = info.samples;
  VkPipelineDepthStencilStateCreateInfo depth{VK_STRUCTURE_TYPE_PIPELINE_DEPTH_STENCIL_STATE_CREATE_INFO};
  depth.depthTestEnable = depth.depthWriteEnable = info.depthFormat != VK_FORMAT_UNDEFINED;
  depth.depthCompareOp = VK_COMPARE_OP_LESS_OR_EQUAL;
  VkPipelineColorBlendAttachmentState color{};
  color.colorWriteMask = 0xf;
  VkPipelineColorBlendStateCreateInfo blend{VK_STRUCTURE_TYPE_PIPELINE_COLOR_BLEND_STATE_CREATE_INFO};
  blend.attachmentCount = info.colorFormat != VK_FORMAT_UNDEFINED ? 1 : 0;
  blend.pAttachments = &color;
  const VkDynamicState dynamics[] = {VK_DYNAMIC_STATE_VIEWPORT, VK_DYNAMIC_STATE_SCISSOR};
  VkPipelineDynamicStateCreateInfo dynamic{VK_STRUCTURE_TYPE_PIPELINE_DYNAMIC_STATE_CREATE_INFO};
  dynamic.dynamicStateCount = 2;
  dynamic.pDynamicStates = dynamics;
  VkPipelineRenderingCreateInfo rendering{VK_STRUCTURE_TYPE_PIPELINE_RENDERING_CREATE_INFO};
  rendering.colorAttachmentCount = blend.attachmentCount;
  rendering.pColorAttachmentFormats = &info.colorFormat;
  rendering.depthAttachmentFormat = info.depthFormat;

  VkGraphicsPipelineCreateInfo create{VK_STRUCTURE_TYPE_GRAPHICS_PIPELINE_CREATE_INFO};
  create.pNext = &rendering;
  create.stageCount = fragment ? 2 : 1;
  create.pStages = stages;
  create.pVertexInputState = &input;
  create.pInputAssemblyState = &assembly;
  create.pViewportState = &viewport;
  create.pRasterizationState = &raster;
  create.pMultisampleState = &samples;
  create.pDepthStencilState = &depth;
  create.pColorBlendState = &blend;
  create.pDynamicState = &dynamic;
  create.layout = layout_;
  check(device_.fn().CreateGraphicsPipelines(device_.handle(), VK_NULL_HANDLE, 1, &create, nullptr, &pipeline_),
        "vkCreateGraphicsPipelines");
  device_.name(VK_OBJECT_TYPE_PIPELINE, pipeline_, info.name);
}

Pipeline::~Pipeline() {
  device_.fn().DestroyPipeline(device_.handle(), pipeline_, nullptr);
  device_.fn().DestroyPipelineLayout(device_.handle(), layout_, nullptr);
}

void Pipeline::bind(VkCommandBuffer commands) const {
  device_.fn().CmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_GRAPHICS, pipeline_);
}

void setViewport(const Device& device, VkCommandBuffer commands, VkExtent2D extent) {
  const VkViewport viewport{0, 0, static_cast<float>(extent.width), static_cast<float>(extent.height), 0, 1};
  const VkRect2D scissor{{0, 0}, extent};
  device.fn().CmdSetViewport(commands, 0, 1, &viewport);
  device.fn().CmdSetScissor(commands, 0, 1, &scissor);
}

}  // namespace demo
