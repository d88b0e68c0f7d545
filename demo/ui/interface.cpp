#include "ui/interface.h"

#include <backends/imgui_impl_glfw.h>
#include <backends/imgui_impl_vulkan.h>

#include <cstdio>
#include <cstdlib>

#include "gpu/descriptors.h"
#include "gpu/image.h"
#include "ui/theme.h"

namespace demo {
namespace {

void checkResult(VkResult result) {
  check(result, "Dear ImGui's Vulkan backend");
}

void VKAPI_CALL notThere() {
  std::fputs("rivulet-demo: Dear ImGui called a Vulkan function whose extension is not enabled\n", stderr);
  std::abort();
}

/// The back end gives up at the first function that is missing. Without a window those of surfaces are, and it never
/// calls them.
PFN_vkVoidFunction loadFunction(const char* name, void* user) {
  const auto& instance = *static_cast<const Instance*>(user);
  const PFN_vkVoidFunction function = instance.fn().GetInstanceProcAddr(instance.handle(), name);
  return function ? function : notThere;
}

}  // namespace

Interface::Interface(const Device& device, GLFWwindow* window, VkFormat outputFormat, std::uint32_t imageCount)
    : device_(device), window_(window != nullptr) {
  ImGui::CreateContext();
  ImGui::GetIO().IniFilename = nullptr;  // the demo keeps its settings itself
  loadFonts();
  if (window_) ImGui_ImplGlfw_InitForVulkan(window, true);

  void* const user = const_cast<Instance*>(&device_.instance());
  ImGui_ImplVulkan_LoadFunctions(device_.apiVersion(), loadFunction, user);
  ImGui_ImplVulkan_InitInfo info{};
  info.ApiVersion = device_.apiVersion();
  info.Instance = device_.instance().handle();
  info.PhysicalDevice = device_.physical();
  info.Device = device_.handle();
  info.QueueFamily = device_.queueFamily();
  info.Queue = device_.queue();
  info.DescriptorPoolSize = 1024;  // a set for each texture that panels show
  info.MinImageCount = 2;
  info.ImageCount = imageCount;
  info.UseDynamicRendering = true;
  info.PipelineRenderingCreateInfo.sType = VK_STRUCTURE_TYPE_PIPELINE_RENDERING_CREATE_INFO;
  info.PipelineRenderingCreateInfo.colorAttachmentCount = 1;
  info.PipelineRenderingCreateInfo.pColorAttachmentFormats = &outputFormat;
  info.CheckVkResultFn = checkResult;
  info.MinAllocationSize = 1024 * 1024;
  ImGui_ImplVulkan_Init(&info);
  sampler_ = makeSampler(device_, {VK_SAMPLER_ADDRESS_MODE_REPEAT, false, "textures in panels"});
}

Interface::~Interface() {
  forgetTextures();
  device_.fn().DestroySampler(device_.handle(), sampler_, nullptr);
  ImGui_ImplVulkan_Shutdown();
  if (window_) ImGui_ImplGlfw_Shutdown();
  ImGui::DestroyContext();
}

void Interface::begin(VkExtent2D size, double seconds, float scale) {
  if (scale != scale_) applyTheme(scale);
  scale_ = scale;
  ImGui_ImplVulkan_NewFrame();
  if (window_) {
    ImGui_ImplGlfw_NewFrame();
  } else {
    ImGuiIO& io = ImGui::GetIO();
    io.DisplaySize = {static_cast<float>(size.width), static_cast<float>(size.height)};
    io.DeltaTime = static_cast<float>(seconds);
  }
  ImGui::NewFrame();
}

void Interface::end() {
  ImGui::Render();
}

void Interface::draw(VkCommandBuffer commands) const {
  const Label label(device_, commands, "interface");
  ImGui_ImplVulkan_RenderDrawData(ImGui::GetDrawData(), commands);
}

ImTextureID Interface::texture(const TextureStore& store, std::uint32_t layer) {
  const VkImageView view = store.layerView(layer);
  VkDescriptorSet& set = textures_[view];
  if (!set) set = ImGui_ImplVulkan_AddTexture(sampler_, view, kSampled.layout);
  return reinterpret_cast<ImTextureID>(set);
}

void Interface::forgetTextures() {
  for (const auto& [view, set] : textures_) ImGui_ImplVulkan_RemoveTexture(set);
  textures_.clear();
}

}  // namespace demo
