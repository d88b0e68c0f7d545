#include "scene/renderer.h"

#include <algorithm>

#include "scene/shaders.h"

namespace demo {
namespace {

constexpr VkFormat kColor = VK_FORMAT_R8G8B8A8_UNORM, kDepth = VK_FORMAT_D32_SFLOAT;
constexpr std::uint32_t kShadowSize = 2048;

/// As in scene.glsl.
struct SceneUniforms {
  Mat4 viewProjection, inverseViewProjection, shadow;
  std::array<float, 4> eye, sun;
};
/// As in surface.frag.
struct Draw {
  float layers[4], surface[4];
};

Mat4 inverse(const Mat4& matrix) {
  // Gauss and Jordan's elimination with pivoting.
  Mat4 a = matrix, b;
  for (int i = 0; i < 4; ++i) b.at(i, i) = 1;
  for (int column = 0; column < 4; ++column) {
    int pivot = column;
    for (int row = column + 1; row < 4; ++row) {
      if (std::abs(a.at(row, column)) > std::abs(a.at(pivot, column))) pivot = row;
    }
    for (int k = 0; k < 4; ++k) {
      std::swap(a.at(column, k), a.at(pivot, k));
      std::swap(b.at(column, k), b.at(pivot, k));
    }
    const float scale = 1 / a.at(column, column);
    for (int k = 0; k < 4; ++k) {
      a.at(column, k) *= scale;
      b.at(column, k) *= scale;
    }
    for (int row = 0; row < 4; ++row) {
      const float factor = a.at(row, column);
      for (int k = 0; row != column && k < 4; ++k) {
        a.at(row, k) -= factor * a.at(column, k);
        b.at(row, k) -= factor * b.at(column, k);
      }
    }
  }
  return b;
}

std::vector<VkVertexInputAttributeDescription> attributes() {
  return {{0, 0, VK_FORMAT_R32G32B32_SFLOAT, offsetof(Vertex, position)},
          {1, 0, VK_FORMAT_R32G32B32_SFLOAT, offsetof(Vertex, normal)},
          {2, 0, VK_FORMAT_R32G32_SFLOAT, offsetof(Vertex, u)},
          {3, 0, VK_FORMAT_R32_SFLOAT, offsetof(Vertex, open)}};
}

struct Variant {
  bool fading, glossy, open;
  std::size_t index() const { return (fading ? 4u : 0u) + (glossy ? 2u : 0u) + (open ? 1u : 0u); }
};

PipelineInfo surfacePipeline(const Device& device, const Descriptors& sets, VkSampleCountFlagBits samples,
                             Variant variant) {
  PipelineInfo info;
  info.name = std::string(variant.open ? "open " : "") + (variant.glossy ? "glossy " : "") + "surfaces" +
              (variant.fading ? " between two textures" : "");
  info.cull = variant.open ? VK_CULL_MODE_NONE : VK_CULL_MODE_BACK_BIT;
  info.vertex = DEMO_SHADER(surface_vert);
  info.fragment = DEMO_SHADER(surface_frag);
  info.setLayout = sets.layout();
  info.pushConstantBytes = sizeof(Draw);
  info.vertexStride = sizeof(Vertex);
  info.attributes = attributes();
  info.colorFormat = kColor;
  info.depthFormat = kDepth;
  info.samples = samples;
  info.constants = {variant.fading, !device.isCpu(), variant.glossy};
  return info;
}

PipelineInfo skyPipeline(const Descriptors& sets, VkSampleCountFlagBits samples) {
  PipelineInfo info;
  info.name = "sky";
  info.vertex = DEMO_SHADER(sky_vert);
  info.fragment = DEMO_SHADER(sky_frag);
  info.setLayout = sets.layout();
  info.colorFormat = kColor;
  info.depthFormat = kDepth;
  info.samples = samples;
  return info;
}

PipelineInfo shadowPipeline() {
  PipelineInfo info;
  info.name = "shadow map";
  info.vertex = DEMO_SHADER(shadow_vert);
  info.pushConstantBytes = sizeof(Mat4);
  info.vertexStride = sizeof(Vertex);
  info.attributes = {attributes().front()};
  info.depthFormat = kDepth;
  info.depthBias = true;
  return info;
}

PipelineInfo presentPipeline(const Descriptors& sets, VkFormat output) {
  PipelineInfo info;
  info.name = "picture to window";
  info.vertex = DEMO_SHADER(present_vert);
  info.fragment = DEMO_SHADER(present_frag);
  info.setLayout = sets.layout();
  info.colorFormat = output;
  return info;
}

ImageInfo imageInfo(const char* name, VkExtent2D size, VkFormat format, VkImageUsageFlags usage) {
  ImageInfo info;
  info.name = name;
  info.extent = size;
  info.format = format;
  info.usage = usage;
  return info;
}

VkRenderingAttachmentInfo attachment(const Image& image, VkImageLayout layout, bool store) {
  VkRenderingAttachmentInfo info{VK_STRUCTURE_TYPE_RENDERING_ATTACHMENT_INFO};
  info.imageView = image.view();
  info.imageLayout = layout;
  info.loadOp = VK_ATTACHMENT_LOAD_OP_CLEAR;
  info.storeOp = store ? VK_ATTACHMENT_STORE_OP_STORE : VK_ATTACHMENT_STORE_OP_DONT_CARE;
  return info;
}

void depthOnly(VkRenderingInfo& info, const VkRenderingAttachmentInfo& depth, VkExtent2D size) {
  info.renderArea.extent = size;
  info.layerCount = 1;
  info.pDepthAttachment = &depth;
}

}  // namespace

SceneRenderer::SceneRenderer(const Device& device, const SceneModel& model, const TextureStore& textures,
                             VkFormat outputFormat)
    : device_(device),
      model_(model),
      textures_(textures),
      vertices_(device, model.vertices.size() * sizeof(Vertex), VK_BUFFER_USAGE_VERTEX_BUFFER_BIT, Buffer::Host::Writes,
                "the scene's vertices"),
      indices_(device, model.indices.size() * sizeof(std::uint32_t), VK_BUFFER_USAGE_INDEX_BUFFER_BIT,
               Buffer::Host::Writes, "the scene's indices"),
      repeat_(makeSampler(device, {VK_SAMPLER_ADDRESS_MODE_REPEAT, false, "textures"})),
      clamp_(makeSampler(device, {VK_SAMPLER_ADDRESS_MODE_CLAMP_TO_EDGE, false, "picture"})),
      compare_(makeSampler(device, {VK_SAMPLER_ADDRESS_MODE_CLAMP_TO_BORDER, true, "shadow map"})),
      sceneSets_(device,
                 {VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER, VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER,
                  VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER},
                 FrameRing::kInFlight, "the scene"),
      presentSet_(device, {VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER}, 1, "picture to window"),
      sky_(device, skyPipeline(sceneSets_, samples())),
      shadow_(device, shadowPipeline()),
      present_(device, presentPipeline(presentSet_, outputFormat)),
      shadowMap_(device, imageInfo("shadow map", {kShadowSize, kShadowSize}, kDepth,
                                   VK_IMAGE_USAGE_DEPTH_STENCIL_ATTACHMENT_BIT | VK_IMAGE_USAGE_SAMPLED_BIT)) {
  for (const bool fading : {false, true}) {
    for (const bool glossy : {false, true}) {
      for (const bool open : {false, true}) {
        const Variant variant{fading, glossy, open};
        surfaces_[variant.index()] =
            std::make_unique<Pipeline>(device, surfacePipeline(device, sceneSets_, samples(), variant));
      }
    }
  }
  vertices_.write(model.vertices.data(), model.vertices.size() * sizeof(Vertex));
  indices_.write(model.indices.data(), model.indices.size() * sizeof(std::uint32_t));
  for (std::uint32_t i = 0; i < FrameRing::kInFlight; ++i) {
    uniforms_[i] = std::make_unique<Buffer>(device, sizeof(SceneUniforms), VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT,
                                            Buffer::Host::Writes, "the scene's uniforms " + std::to_string(i));
    sceneSets_.write(i, 0, uniforms_[i]->handle(), sizeof(SceneUniforms));
    sceneSets_.write(i, 1, repeat_, textures.image().view(), kSampled.layout);
    sceneSets_.write(i, 2, compare_, shadowMap_.view(), kSampled.layout);
  }
}

SceneRenderer::~SceneRenderer() {
  for (const VkSampler sampler : {repeat_, clamp_, compare_}) {
    device_.fn().DestroySampler(device_.handle(), sampler, nullptr);
  }
}

VkSampleCountFlagBits SceneRenderer::samples() const {
  return device_.isCpu() ? VK_SAMPLE_COUNT_1_BIT : VK_SAMPLE_COUNT_4_BIT;
}

void SceneRenderer::resize(VkExtent2D size) {
  color_ = std::make_unique<Image>(
      device_, imageInfo("picture", size, kColor, VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT | VK_IMAGE_USAGE_SAMPLED_BIT));
  ImageInfo depth = imageInfo("picture's depth", size, kDepth, VK_IMAGE_USAGE_DEPTH_STENCIL_ATTACHMENT_BIT);
  depth.samples = samples();
  depth_ = std::make_unique<Image>(device_, depth);
  if (samples() != VK_SAMPLE_COUNT_1_BIT) {
    ImageInfo multisampled = imageInfo("picture, multisampled", size, kColor, VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT);
    multisampled.samples = samples();
    multisampled_ = std::make_unique<Image>(device_, multisampled);
  }
  presentSet_.write(0, 0, clamp_, color_->view(), kSampled.layout);
}

Mat4 SceneRenderer::fromSun() const {
  const float reach = model_.reach;
  const Vec3 middle = {0, 1.0f, 0};
  return orthographic(reach, reach, 1, 4 * reach) *
         lookAlong(middle + model_.sun * (2 * reach), -model_.sun, {0, 1, 0});
}

void SceneRenderer::makeShadowMap(VkCommandBuffer commands) {
  // Sun and scene stand still: once is enough.
  const Label label(device_, commands, "shadow map");
  const Functions& fn = device_.fn();
  imageBarrier(device_, commands, shadowMap_.handle(), shadowMap_.range(), kUndefined, kDepthTarget);
  VkRenderingAttachmentInfo depth = attachment(shadowMap_, kDepthTarget.layout, true);
  depth.clearValue.depthStencil.depth = 1.0f;
  VkRenderingInfo info{VK_STRUCTURE_TYPE_RENDERING_INFO};
  depthOnly(info, depth, shadowMap_.extent());
  fn.CmdBeginRendering(commands, &info);
  setViewport(device_, commands, shadowMap_.extent());
  shadow_.bind(commands);
  const Mat4 matrix = fromSun();
  fn.CmdPushConstants(commands, shadow_.layout(), VK_SHADER_STAGE_VERTEX_BIT | VK_SHADER_STAGE_FRAGMENT_BIT, 0,
                      sizeof matrix, &matrix);
  const VkBuffer buffer = vertices_.handle();
  const VkDeviceSize offset = 0;
  fn.CmdBindVertexBuffers(commands, 0, 1, &buffer, &offset);
  fn.CmdBindIndexBuffer(commands, indices_.handle(), 0, VK_INDEX_TYPE_UINT32);
  fn.CmdDrawIndexed(commands, static_cast<std::uint32_t>(model_.indices.size()), 1, 0, 0, 0);
  fn.CmdEndRendering(commands);
  imageBarrier(device_, commands, shadowMap_.handle(), shadowMap_.range(), kDepthTarget, kSampled);
  shadowMade_ = true;
}

void SceneRenderer::draw(VkCommandBuffer commands, std::uint32_t slot, const View& view) {
  if (!shadowMade_) makeShadowMap(commands);
  const Label label(device_, commands, "scene");
  const VkExtent2D size = color_->extent();
  const float aspect = static_cast<float>(size.width) / static_cast<float>(size.height);

  SceneUniforms uniforms{};
  uniforms.viewProjection = view.camera.viewProjection(aspect);
  uniforms.inverseViewProjection = inverse(uniforms.viewProjection);
  Mat4 toTexture;  // from clip space
  toTexture.at(0, 0) = toTexture.at(0, 3) = toTexture.at(1, 1) = toTexture.at(1, 3) = 0.5f;
  toTexture.at(2, 2) = toTexture.at(3, 3) = 1;
  uniforms.shadow = toTexture * fromSun();
  const Vec3 eye = view.camera.position, sun = model_.sun;
  uniforms.eye = {eye.x, eye.y, eye.z, view.exposure};
  uniforms.sun = {sun.x, sun.y, sun.z, view.sunlight};
  uniforms_[slot]->write(&uniforms, sizeof uniforms);

  imageBarrier(
      device_, commands, color_->handle(), color_->range(),
      {kSampled.stages | kColorTarget.stages, VK_ACCESS_2_COLOR_ATTACHMENT_WRITE_BIT, VK_IMAGE_LAYOUT_UNDEFINED},
      kColorTarget);
  imageBarrier(device_, commands, depth_->handle(), depth_->range(),
               {kDepthTarget.stages, kDepthTarget.access, VK_IMAGE_LAYOUT_UNDEFINED}, kDepthTarget);
  if (multisampled_) {
    imageBarrier(device_, commands, multisampled_->handle(), multisampled_->range(),
                 {kColorTarget.stages, kColorTarget.access, VK_IMAGE_LAYOUT_UNDEFINED}, kColorTarget);
  }
  VkRenderingAttachmentInfo color = attachment(multisampled_ ? *multisampled_ : *color_, kColorTarget.layout, true);
  color.loadOp = VK_ATTACHMENT_LOAD_OP_DONT_CARE;  // the sky covers what nothing else does
  if (multisampled_) {
    color.storeOp = VK_ATTACHMENT_STORE_OP_DONT_CARE;
    color.resolveMode = VK_RESOLVE_MODE_AVERAGE_BIT;
    color.resolveImageView = color_->view();
    color.resolveImageLayout = kColorTarget.layout;
  }
  VkRenderingAttachmentInfo depth = attachment(*depth_, kDepthTarget.layout, false);
  depth.clearValue.depthStencil.depth = 1.0f;
  VkRenderingInfo info{VK_STRUCTURE_TYPE_RENDERING_INFO};
  depthOnly(info, depth, size);
  info.colorAttachmentCount = 1;
  info.pColorAttachments = &color;
  device_.fn().CmdBeginRendering(commands, &info);
  setViewport(device_, commands, size);
  drawObjects(commands, slot, view);
  device_.fn().CmdEndRendering(commands);
  imageBarrier(device_, commands, color_->handle(), color_->range(), kColorTarget, kSampled);
}

void SceneRenderer::drawObjects(VkCommandBuffer commands, std::uint32_t slot, const View& view) const {
  const Functions& fn = device_.fn();
  const VkDescriptorSet set = sceneSets_.set(slot);
  const VkBuffer buffer = vertices_.handle();
  const VkDeviceSize offset = 0;
  fn.CmdBindVertexBuffers(commands, 0, 1, &buffer, &offset);
  fn.CmdBindIndexBuffer(commands, indices_.handle(), 0, VK_INDEX_TYPE_UINT32);
  constexpr VkShaderStageFlags kStages = VK_SHADER_STAGE_VERTEX_BIT | VK_SHADER_STAGE_FRAGMENT_BIT;
  constexpr float kGlossy = 0.5f;  // rougher than this nothing is mirrored that could be told from a plain light
  const Pipeline* bound = nullptr;
  // Scenes name what is large first, ground and walls; drawn last, they cost nothing where something stands before
  // them.
  for (auto at = model_.objects.rbegin(); at != model_.objects.rend(); ++at) {
    const Object& object = *at;
    const Surface& surface = textures_.surfaces()[object.surface];
    const Variant variant{surface.mix > 0, object.roughness < kGlossy, object.open};
    const Pipeline& pipeline = *surfaces_[variant.index()];
    if (bound != &pipeline) {
      pipeline.bind(commands);
      fn.CmdBindDescriptorSets(commands, VK_PIPELINE_BIND_POINT_GRAPHICS, pipeline.layout(), 0, 1, &set, 0, nullptr);
      bound = &pipeline;
    }
    const Draw draw = {
        {static_cast<float>(textures_.shownLayer(object.surface)),
         static_cast<float>(textures_.comingLayer(object.surface)), surface.mix, object.relief * view.relief},
        {object.roughness, object.metallic, view.textureScale,
         static_cast<int>(object.surface) == view.highlighted ? 1.0f : 0.0f}};
    fn.CmdPushConstants(commands, pipeline.layout(), kStages, 0, sizeof draw, &draw);
    fn.CmdDrawIndexed(commands, object.indexCount, 1, object.firstIndex, 0, 0);
  }
  sky_.bind(commands);
  fn.CmdBindDescriptorSets(commands, VK_PIPELINE_BIND_POINT_GRAPHICS, sky_.layout(), 0, 1, &set, 0, nullptr);
  fn.CmdDraw(commands, 3, 1, 0, 0);
}

void SceneRenderer::present(VkCommandBuffer commands, VkExtent2D output) const {
  const Functions& fn = device_.fn();
  const VkDescriptorSet set = presentSet_.set(0);
  setViewport(device_, commands, output);
  present_.bind(commands);
  fn.CmdBindDescriptorSets(commands, VK_PIPELINE_BIND_POINT_GRAPHICS, present_.layout(), 0, 1, &set, 0, nullptr);
  fn.CmdDraw(commands, 3, 1, 0, 0);
}

}  // namespace demo
