// What happens in a frame.
#include <algorithm>
#include <cstdio>
#include <utility>

#include "app/animation.h"
#include "app/app.h"
#include "app/input.h"

namespace demo {
namespace {

constexpr double kHeadlessStep = 1.0 / 30;  // seconds of the scene's time

}  // namespace

View App::view() const {
  View view;
  view.camera = controls_.tour ? tour(camera_, time_) : camera_;
  view.exposure = controls_.exposure;
  view.sunlight = controls_.sunlight;
  view.textureScale = controls_.textureScale;
  view.relief = controls_.relief;
  return view;
}

void App::measure(double seconds) {
  FrameSample sample;
  sample.wallMs = seconds * 1000;
  sample.device = ring_->times();
  sample.dispatches = generated_.dispatches;
  sample.busy = static_cast<std::uint32_t>(textures_->busy());
  sample.expectedMs = generated_.expectedUs / 1000;
  if (frames_ == 0) return;
  history_.add(sample);
  if (window_) autoScale_.update(sample.wallMs);
}

void App::frame() {
  if (window_) {
    const VkExtent2D size = window_->size();
    window_->poll(size.width == 0 || size.height == 0);
  }
  Frame& frame = ring_->wait();
  const std::optional<OutputImage> output = output_->acquire(frame);
  if (!output) {  // minimised, or being resized
    last_ = Clock::now();
    return;
  }
  const Clock::time_point now = Clock::now();
  const double wall = std::chrono::duration<double>(now - last_).count();
  const double seconds = options_.headless ? kHeadlessStep : std::min(wall, 0.1);
  last_ = now;
  time_ += seconds;
  measure(wall);

  if (script_) script_->step(scriptTarget());
  applyControls();
  handleInput(seconds);
  animate(*textures_, controls_, selection_, seconds);
  textures_->update(*generator_, controls_.quality, seconds);
  comparison_->update(*generator_, controls_.quality, seconds);
  drawInterface(seconds);
  if (options_.headless && options_.every > 0 && frames_ % options_.every == 0 && screenshot_.empty()) {
    char name[32];
    std::snprintf(name, sizeof name, "frame-%05llu.png", static_cast<unsigned long long>(frames_));
    screenshot_ = outFile(name);
  }
  capture_->begin();
  drawFrame(*output, frame);
  capture_->end();
  ++frames_;
}

void App::drawInterface(double seconds) {
  const float scale = interfaceScale();
  interface_->begin(output_->extent(), seconds, scale);
  if (options_.interface) {
    PanelContext context{controls_,
                         selection_,
                         *generator_,
                         *textures_,
                         comparison_->shown(),
                         history_,
                         generated_,
                         *interface_,
                         *device_,
                         budget(),
                         textureSize(),
                         scale,
                         models_,
                         *capture_,
                         [this](std::size_t surface) { return saveTexture(surface); },
                         [this](const std::string& file) { return styleFromPicture(file); }};
    overlay(context);
    if (controls_.sidebar) sidebar(context);
    if (controls_.help) helpWindow(context);
  }
  interface_->end();
}

void App::handleInput(double seconds) {
  if (!window_) return;
  const InputResult input = readInput(*window_, camera_, controls_, seconds);
  if (input.capture) capture_->want();
  for (const std::string& file : window_->takeDropped()) {
    const std::string trouble = styleFromPicture(file);
    if (!trouble.empty()) std::fprintf(stderr, "rivulet-demo: %s\n", trouble.c_str());
  }
  if (!input.click) return;
  const VkExtent2D size = output_->extent();
  const float aspect = static_cast<float>(size.width) / static_cast<float>(size.height);
  const Camera seen = view().camera;
  if (const auto object = model_.pick(seen.position, seen.ray(input.x, input.y, aspect))) {
    selection_.surface = model_.objects[*object].surface;
    Material& material = textures_->surfaces()[selection_.surface].material;
    material.takeSeed(material.seed + 1);
    textures_->regenerate(selection_.surface);
  }
}

void App::drawFrame(const OutputImage& output, Frame& frame) {
  const Functions& fn = device_->fn();
  std::vector<VkSemaphoreSubmitInfo> waits, signals;
  const std::uint32_t slot = ring_->slot();
  const VkCommandBuffer commands = frame.commands;
  ring_->begin(frame);
  char name[32];
  std::snprintf(name, sizeof name, "frame %llu", static_cast<unsigned long long>(frames_));
  std::optional<Label> label(std::in_place, *device_, commands, name);
  textures_->prepare(commands);
  comparison_->prepare(commands);
  generated_ = controls_.paused ? Generated{} : generator_->record(commands, budget(), signals);
  capture_->recorded(*generator_, budget());
  ring_->stamp(frame, Stamp::Generated);
  renderer_->draw(commands, slot, view());
  ring_->stamp(frame, Stamp::Drawn);

  imageBarrier(*device_, commands, output.image, kWholeColor,
               {VK_PIPELINE_STAGE_2_COLOR_ATTACHMENT_OUTPUT_BIT | VK_PIPELINE_STAGE_2_COPY_BIT, VK_ACCESS_2_NONE,
                VK_IMAGE_LAYOUT_UNDEFINED},
               kColorTarget);
  VkRenderingAttachmentInfo color{VK_STRUCTURE_TYPE_RENDERING_ATTACHMENT_INFO};
  color.imageView = output.view;
  color.imageLayout = kColorTarget.layout;
  color.loadOp = VK_ATTACHMENT_LOAD_OP_DONT_CARE;  // the picture covers all of it
  color.storeOp = VK_ATTACHMENT_STORE_OP_STORE;
  VkRenderingInfo info{VK_STRUCTURE_TYPE_RENDERING_INFO};
  info.renderArea.extent = output.extent;
  info.layerCount = 1;
  info.colorAttachmentCount = 1;
  info.pColorAttachments = &color;
  fn.CmdBeginRendering(commands, &info);
  renderer_->present(commands, output.extent);
  interface_->draw(commands);
  fn.CmdEndRendering(commands);

  std::unique_ptr<Readback> readback;
  ImageUse left = kColorTarget;
  if (!screenshot_.empty()) {
    imageBarrier(*device_, commands, output.image, kWholeColor, left, kCopySource);
    left = kCopySource;
    readback = std::make_unique<Readback>(*device_, output.extent, output_->format());
    readback->record(commands, output.image);
  }
  const ImageUse last = output_->finalUse();
  if (last.layout != left.layout) imageBarrier(*device_, commands, output.image, kWholeColor, left, last);
  label.reset();
  output_->synchronise(frame, waits, signals);
  ring_->submit(frame, waits, signals);
  output_->present();
  if (readback) {
    device_->waitIdle();
    writePng(screenshot_, readback->read());
    screenshot_.clear();
  }
}

}  // namespace demo
