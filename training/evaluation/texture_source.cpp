#include "training/evaluation/texture_source.h"

#include <algorithm>
#include <chrono>

#include "engine/generator.h"
#include "engine/lane_graph.h"
#include "training/error.h"
#include "vk/device.h"
#include "vk/pipeline_cache.h"

namespace rivulet::training {
namespace {

engine::Request requestOf(const TextureRecipe& recipe, const TexturePrompt& prompt) {
  engine::Request request;
  if (prompt.classIndex >= 0) request.classes = {{static_cast<std::uint32_t>(prompt.classIndex), 1.0f}};
  request.seed = prompt.seed;
  request.steps = static_cast<std::uint32_t>(recipe.steps);
  request.sampler = recipe.sampler;
  request.width = request.height = static_cast<std::uint32_t>(recipe.size);
  request.guidance = static_cast<float>(recipe.guidance);
  request.style = prompt.style;
  return request;
}

}  // namespace

struct TextureSource::Impl {
  Impl(const std::filesystem::path& model, const TextureSourceOptions& options)
      : network(models::Network::load(model)), device(openDevice(options)), pipelines(device) {
    generatorOptions.precision = engine::parsePrecision(options.precision, device->caps());
    generatorOptions.lanes = static_cast<std::uint32_t>(options.lanes);
    generator = std::make_unique<engine::Generator>(network, pipelines, generatorOptions);
  }

  static std::shared_ptr<vk::Device> openDevice(const TextureSourceOptions& options) {
    vk::CreateDeviceInfo info;
    info.select = options.device;
    return vk::Device::create(info);
  }

  std::shared_ptr<const models::Network> network;
  std::shared_ptr<vk::Device> device;
  vk::PipelineCache pipelines;
  engine::GeneratorOptions generatorOptions;
  std::unique_ptr<engine::Generator> generator;
};

TextureSource::TextureSource(const std::filesystem::path& model, const TextureSourceOptions& options)
    : impl_(std::make_unique<Impl>(model, options)) {}

TextureSource::~TextureSource() = default;

const std::vector<std::string>& TextureSource::classes() const {
  return impl_->network->info().classes;
}

int TextureSource::channels() const {
  return static_cast<int>(impl_->network->info().inChannels);
}

int TextureSource::nativeSize() const {
  return static_cast<int>(impl_->network->info().nativeSize);
}

bool TextureSource::takesStyle() const {
  return impl_->network->info().styleDim > 0;
}

std::string TextureSource::sampler() const {
  return impl_->network->info().scheduler.sampler;
}

std::string TextureSource::modelName() const {
  return impl_->network->info().name;
}

std::string TextureSource::deviceName() const {
  return impl_->device->caps().name;
}

std::string TextureSource::precision() const {
  return engine::toString(impl_->generatorOptions.precision);
}

int64_t TextureSource::parameters() const {
  return static_cast<int64_t>(impl_->network->info().parameters);
}

void TextureSource::check(const TextureRecipe& recipe, const TexturePrompt& prompt) const {
  const models::NetworkInfo& info = impl_->network->info();
  engine::makePlan(info, engine::resolve(info, requestOf(recipe, prompt)));
}

TextureBatch TextureSource::make(const std::vector<TexturePrompt>& prompts, const TextureRecipe& recipe,
                                 const OnProgress& onProgress) const {
  std::vector<engine::Request> requests;
  for (const TexturePrompt& prompt : prompts) requests.push_back(requestOf(recipe, prompt));
  const auto tell = [&](const engine::Progress& progress) {
    onProgress(engine::toString(progress.stage), static_cast<int64_t>(progress.done),
               static_cast<int64_t>(progress.total));
  };
  // As many as are worked on at once, so that what is timed finds the same executable compiled and warm.
  const std::size_t first = std::min<std::size_t>(requests.size(), impl_->generatorOptions.lanes);
  impl_->generator->generate(std::span(requests).first(first), tell);

  TextureBatch batch;
  const int64_t count = static_cast<int64_t>(prompts.size());
  batch.images = at::empty({count, channels(), recipe.size, recipe.size}, at::kFloat);
  const auto start = std::chrono::steady_clock::now();
  impl_->generator->generate(requests, tell, [&](std::size_t index, engine::Texture& texture) {
    std::copy(texture.pixels.begin(), texture.pixels.end(),
              batch.images[static_cast<int64_t>(index)].data_ptr<float>());
    texture.pixels = {};
    batch.evaluations = static_cast<int>(texture.evaluations);
    batch.notFinite += texture.finite ? 0 : 1;
  });
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  batch.millisecondsPerTexture = 1e3 * seconds / static_cast<double>(count);
  return batch;
}

}  // namespace rivulet::training
