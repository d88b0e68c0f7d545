#include "app/app.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "app/input.h"
#include "rivulet/plugin_library.h"

namespace demo {
namespace fs = std::filesystem;
namespace {

constexpr double kHeadlessStep = 1.0 / 30;  // seconds of the scene's time
// Defaults of the controls that are 0: with a GPU, and without one, where drawing and generating share the processor.
constexpr float kCpuRenderScale = 0.5f, kCpuBudgetUs = 8000, kGpuBudgetUs = 1000;
constexpr std::uint32_t kCpuTextureSize = 128, kGpuTextureSize = 256;

bool isWindowNeeded(const Options& options) {
  return !options.headless;
}

}  // namespace

/// The window's surface, which goes before the instance.
struct App::Surfaces {
  Surfaces(const Instance& owner, Window& window) : instance(owner), handle(window.makeSurface(owner)) {}
  ~Surfaces() { instance.fn().DestroySurfaceKHR(instance.handle(), handle, nullptr); }
  Surfaces(const Surfaces&) = delete;
  Surfaces& operator=(const Surfaces&) = delete;
  const Instance& instance;
  VkSurfaceKHR handle;
};

App::App(const Options& options, const std::string& programFolder)
    : options_(options), plugin_(openPlugin(options.plugin, programFolder)) {
  modelFile_ = findModel(options_.model, programFolder);
  // A run without a window is to be the same whoever starts it: it only reads settings it is given.
  settingsFile_ = !options_.settings.empty() ? options_.settings : options_.headless ? "" : defaultSettingsFile();
  if (!settingsFile_.empty()) loadControls(controls_, settingsFile_);
  for (const std::string& pair : options_.set) {
    const std::size_t equals = pair.find('=');
    if (equals == std::string::npos) throw std::runtime_error("--set wants NAME=VALUE, not " + pair);
    setControl(controls_, pair.substr(0, equals), pair.substr(equals + 1));
  }
  if (!options_.script.empty()) script_.emplace(options_.script);
  if (!options_.out.empty()) {
    std::error_code error;
    fs::create_directories(options_.out, error);
    if (error) throw std::runtime_error("the folder " + options_.out + " cannot be made: " + error.message());
  }

  std::vector<const char*> extensions;
  if (isWindowNeeded(options_)) {
    window_ = std::make_unique<Window>(static_cast<int>(options_.width), static_cast<int>(options_.height),
                                       "Rivulet: every surface generated while it is drawn");
    extensions = Window::instanceExtensions();
  }
  instance_ = std::make_unique<Instance>(extensions, options_.validation);
  const VkPhysicalDevice physical = instance_->choose(options_.device);
  if (window_) surface_ = std::make_unique<Surfaces>(*instance_, *window_);
  device_ = std::make_unique<Device>(*instance_, physical, surface_ ? surface_->handle : VK_NULL_HANDLE, plugin_);
  output_ = window_ ? makeWindowOutput(*device_, *window_, surface_->handle, options_.vsync)
                    : makeOffscreenOutput(*device_, {options_.width, options_.height});
  ring_ = std::make_unique<FrameRing>(*device_);
  interface_ = std::make_unique<Interface>(*device_, window_ ? window_->handle() : nullptr, output_->format(),
                                           output_->imageCount());
  comparison_ = std::make_unique<ComparisonRun>(*device_);
  makeGenerator();
  makeScene();
  applied_ = controls_;
}

App::~App() {
  device_->waitIdle();
  interface_->forgetTextures();
  if (!settingsFile_.empty()) {
    try {
      saveControls(controls_, settingsFile_);
    } catch (const std::exception& error) {
      std::fprintf(stderr, "rivulet-demo: %s\n", error.what());
    }
  }
}

void App::makeGenerator() {
  GeneratorOptions options;
  options.model = modelFile_;
  options.mode = controls_.async ? RVL_MODE_ASYNC : RVL_MODE_RECORD;
  options.precision = controls_.precision == "float"  ? RVL_PRECISION_FLOAT
                      : controls_.precision == "half" ? RVL_PRECISION_HALF
                                                      : RVL_PRECISION_AUTO;
  options.plainKernels = controls_.plainKernels;
  if (textures_) textures_->dropRequests();
  interface_->forgetTextures();
  comparison_->reset();
  generator_.reset();
  generator_ = std::make_unique<Generator>(plugin_, *device_, options);
}

void App::makeScene() {
  renderer_.reset();
  interface_->forgetTextures();
  textures_.reset();
  const std::string before = model_.name;
  model_ = controls_.scene == "wall" ? makeVariationWall() : makeCourtyard();
  if (model_.name != before) {
    camera_ = model_.home;
    selection_ = {};
  }
  textures_ = std::make_unique<TextureStore>(*device_, textureSize(), std::move(model_.surfaces));
  textures_->regenerateAll();
  renderer_ = std::make_unique<SceneRenderer>(*device_, model_, *textures_, output_->format());
  fitPicture();
}

void App::fitPicture() {
  const VkExtent2D extent = output_->extent();
  const auto scaled = [&](std::uint32_t size) {
    return std::max(16u, static_cast<std::uint32_t>(static_cast<float>(size) * renderScale() + 0.5f));
  };
  renderer_->resize({scaled(extent.width), scaled(extent.height)});
}

float App::renderScale() const {
  if (controls_.renderScale > 0) return controls_.renderScale;
  return device_->isCpu() ? kCpuRenderScale : 1.0f;
}
double App::budget() const {
  if (controls_.budgetUs > 0) return static_cast<double>(controls_.budgetUs);
  return static_cast<double>(device_->isCpu() ? kCpuBudgetUs : kGpuBudgetUs);
}
std::uint32_t App::textureSize() const {
  if (controls_.textureSize > 0) return controls_.textureSize;
  return device_->isCpu() ? kCpuTextureSize : kGpuTextureSize;
}

void App::applyControls() {
  const bool generator = controls_.async != applied_.async || controls_.precision != applied_.precision ||
                         controls_.plainKernels != applied_.plainKernels;
  const bool scene = controls_.scene != applied_.scene || controls_.textureSize != applied_.textureSize;
  const VkExtent2D extent = output_->extent();
  const auto expected = static_cast<std::uint32_t>(static_cast<float>(extent.width) * renderScale() + 0.5f);
  if (generator || scene || comparison_->wanted()) {
    device_->waitIdle();
    if (comparison_->wanted()) {
      interface_->forgetTextures();
      comparison_->begin(textures_->surfaces()[selection_.surface].material, textureSize());
    }
    if (generator) makeGenerator();
    if (scene) makeScene();
  } else if (expected != renderer_->size().width) {
    device_->waitIdle();
    fitPicture();
  }
  applied_ = controls_;
}

bool App::finished() const {
  if (quit_ || (window_ && window_->closing())) return true;
  if (options_.frames > 0 && frames_ >= options_.frames) return true;
  return script_ && script_->finished() && capture_.empty() && (options_.headless && options_.frames == 0);
}

void App::run() {
  last_ = Clock::now();
  while (!finished()) frame();
  device_->waitIdle();
  if (!options_.out.empty()) history_.write(outFile("timing.csv"));
  if (!options_.out.empty() || options_.frames > 0) {
    std::printf("%llu frames; %s\n", static_cast<unsigned long long>(frames_), history_.summary().c_str());
  }
}

std::string App::outFile(const std::string& name) const {
  return (fs::path(options_.out.empty() ? "." : options_.out) / name).string();
}

std::string App::saveTexture(std::size_t surface) const {
  const Surface& saved = textures_->surfaces()[surface];
  const std::string file = outFile(saved.material.className + "-" + std::to_string(saved.seedShown) + ".png");
  try {
    writePng(file, textures_->read(surface));
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return file;
}

ScriptTarget App::scriptTarget() {
  return {controls_,
          selection_,
          camera_,
          textures_->surfaces(),
          [this](const std::string& file) { capture_ = outFile(file); },
          [this] { comparison_->shown().wanted = true; },
          [this] { quit_ = true; },
          textures_->settled() && !comparison_->shown().running && !comparison_->wanted()};
}

void App::animate() {
  // The next seed, as soon as the last one's texture is in.
  const std::size_t count = textures_->surfaces().size();
  for (std::size_t i = 0; i < count; ++i) {
    Surface& surface = textures_->surfaces()[i];
    const bool chosen = controls_.animateAll || (controls_.animate && i == selection_.surface);
    if (!chosen || surface.request || surface.wanted) continue;
    ++surface.material.seed;
    textures_->regenerate(i);
  }
}

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
  if (frames_ > 0) history_.add(sample);
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
  animate();
  textures_->update(*generator_, controls_.quality, seconds);
  comparison_->update(*generator_, controls_.quality, seconds);
  drawInterface(seconds);
  if (options_.headless && options_.every > 0 && frames_ % options_.every == 0 && capture_.empty()) {
    char name[32];
    std::snprintf(name, sizeof name, "frame-%05llu.png", static_cast<unsigned long long>(frames_));
    capture_ = outFile(name);
  }
  drawFrame(*output, frame);
  ++frames_;
}

void App::drawInterface(double seconds) {
  const float scale = controls_.interfaceScale > 0 ? controls_.interfaceScale
                      : window_                    ? window_->contentScale()
                                                   : 1.0f;
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
                         [this](std::size_t surface) { return saveTexture(surface); }};
    overlay(context);
    if (controls_.sidebar) sidebar(context);
    if (controls_.help) helpWindow(context);
  }
  interface_->end();
}

void App::handleInput(double seconds) {
  if (!window_) return;
  const InputResult input = readInput(*window_, camera_, controls_, seconds);
  if (!input.click) return;
  const VkExtent2D size = output_->extent();
  const float aspect = static_cast<float>(size.width) / static_cast<float>(size.height);
  const Camera seen = view().camera;
  if (const auto object = model_.pick(seen.position, seen.ray(input.x, input.y, aspect))) {
    selection_.surface = model_.objects[*object].surface;
    ++textures_->surfaces()[selection_.surface].material.seed;
    textures_->regenerate(selection_.surface);
  }
}

void App::drawFrame(const OutputImage& output, Frame& frame) {
  const Functions& fn = device_->fn();
  std::vector<VkSemaphoreSubmitInfo> waits, signals;
  const std::uint32_t slot = ring_->slot();
  const VkCommandBuffer commands = frame.commands;
  ring_->begin(frame);
  textures_->prepare(commands);
  comparison_->prepare(commands);
  generated_ = controls_.paused ? Generated{} : generator_->record(commands, budget(), signals);
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
  if (!capture_.empty()) {
    imageBarrier(*device_, commands, output.image, kWholeColor, left, kCopySource);
    left = kCopySource;
    readback = std::make_unique<Readback>(*device_, output.extent, output_->format());
    readback->record(commands, output.image);
  }
  const ImageUse last = output_->finalUse();
  if (last.layout != left.layout) imageBarrier(*device_, commands, output.image, kWholeColor, left, last);
  output_->synchronise(frame, waits, signals);
  ring_->submit(frame, waits, signals);
  output_->present();
  if (readback) {
    device_->waitIdle();
    writePng(capture_, readback->read());
    capture_.clear();
  }
}

}  // namespace demo
