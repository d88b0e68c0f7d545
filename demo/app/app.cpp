#include "app/app.h"

#include <algorithm>
#include <cstdio>
#include <exception>
#include <filesystem>

#include "app/report.h"
#include "rivulet/model_files.h"
#include "rivulet/plugin_library.h"
#include "rivulet/precision.h"

namespace demo {
namespace fs = std::filesystem;
namespace {

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
  // A run without a window is to be the same whoever starts it: it only reads settings it is given.
  settingsFile_ = !options_.settings.empty() ? options_.settings : options_.headless ? "" : defaultSettingsFile();
  if (!settingsFile_.empty()) loadControls(controls_, settingsFile_);
  for (const std::string& pair : options_.set) {
    const std::size_t equals = pair.find('=');
    if (equals == std::string::npos) throw std::runtime_error("--set wants NAME=VALUE, not " + pair);
    setControl(controls_, pair.substr(0, equals), pair.substr(equals + 1));
  }
  const bool precisionAsked = std::any_of(options_.set.begin(), options_.set.end(),
                                          [](const std::string& pair) { return pair.starts_with("precision="); });
  if (!options_.model.empty() && options_.model != controls_.model) {
    // A remembered precision may be one for models with layers in bytes only.
    if (!precisionAsked && multipliesBytes(precisionOf(controls_.precision))) controls_.precision = "auto";
    controls_.model = options_.model;
  }
  programFolder_ = programFolder;
  models_ = listModels(programFolder);
  static_cast<void>(findModel(controls_.model, programFolder_));  // a missing one is said before a window opens
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
  if (!precisionAsked && !offered(precisionOf(controls_.precision), *device_, controls_.plainKernels)) {
    controls_.precision = "auto";  // it was remembered of another device
  }
  output_ = window_ ? makeWindowOutput(*device_, *window_, surface_->handle, options_.vsync)
                    : makeOffscreenOutput(*device_, {options_.width, options_.height});
  ring_ = std::make_unique<FrameRing>(*device_);
  interface_ = std::make_unique<Interface>(*device_, window_ ? window_->handle() : nullptr, output_->format(),
                                           output_->imageCount());
  comparison_ = std::make_unique<ComparisonRun>(*device_);
  capture_ = std::make_unique<FrameCapture>(*device_, outFile("rivulet-demo"));
  makeGenerator();
  makeScene();
  applied_ = controls_;
}

App::~App() {
  device_->waitIdle();
  interface_->forgetTextures();
  // What ended in an error is not remembered: it would end the next run as well.
  if (!settingsFile_.empty() && std::uncaught_exceptions() == 0) {
    try {
      saveControls(controls_, settingsFile_);
    } catch (const std::exception& error) {
      std::fprintf(stderr, "rivulet-demo: %s\n", error.what());
    }
  }
}

void App::makeGenerator() {
  GeneratorOptions options;
  options.model = findModel(controls_.model, programFolder_);
  options.mode = controls_.async ? RVL_MODE_ASYNC : RVL_MODE_RECORD;
  options.precision = precisionOf(controls_.precision);
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
  std::vector<Surface> old;
  if (textures_) old = std::move(textures_->surfaces());
  textures_.reset();
  const std::string before = model_.name;
  model_ = controls_.scene == "wall" ? makeVariationWall() : makeCourtyard();
  if (model_.name != before) {
    camera_ = model_.home;
    selection_ = {};
  } else {  // the same scene in another size: its surfaces stay what they have been made
    for (std::size_t i = 0; i < old.size(); ++i) {
      model_.surfaces[i].material = old[i].material;
      model_.surfaces[i].priority = old[i].priority;
    }
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
  if (!device_->isCpu()) return 1.0f;
  return window_ ? autoScale_.scale() : kCpuRenderScale;  // pictures without a window are to be the same every time
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
                         controls_.plainKernels != applied_.plainKernels || controls_.model != applied_.model;
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
  return script_ && script_->finished() && screenshot_.empty() && !capture_->busy() &&
         (options_.headless && options_.frames == 0);
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

std::string App::styleFromPicture(const std::string& file) {
  Surface& surface = textures_->surfaces()[selection_.surface];
  try {
    const Pixels pixels = readPicture(file);
    surface.material.style = generator_->measureStyle({pixels.rgba.data(), pixels.width, pixels.height});
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  textures_->regenerate(selection_.surface);
  return "";
}

void App::capture() {
  if (!capture_->renderDoc().attached()) throw std::runtime_error(capture_->renderDoc().reason());
  capture_->want();
}

void App::report(const std::string& file) {
  writeReport(file, controls_, selection_, *generator_, *textures_, generated_,
              {output_->extent(), renderer_->size(), view().camera, frames_, budget(), interfaceScale()});
}

float App::interfaceScale() const {
  if (controls_.interfaceScale > 0) return controls_.interfaceScale;
  return window_ ? window_->contentScale() : 1.0f;
}

ScriptTarget App::scriptTarget() {
  return {controls_,
          selection_,
          camera_,
          *textures_,
          [this](const std::string& file) { screenshot_ = outFile(file); },
          [this](const std::string& file) { report(outFile(file)); },
          [this](const std::string& file) { return fs::exists(outFile(file)); },
          [this](std::size_t surface) { saveTexture(surface); },
          [this](const std::string& file) { return styleFromPicture(file); },
          [this] { capture(); },
          [this] { comparison_->shown().wanted = true; },
          [this] { quit_ = true; },
          generator_->model() && textures_->settled() && !comparison_->shown().running && !comparison_->wanted(),
          std::any_of(textures_->surfaces().begin(), textures_->surfaces().end(),
                      [](const Surface& surface) { return surface.request && surface.status.steps_done > 0; }),
          capture_->busy()};
}

}  // namespace demo
