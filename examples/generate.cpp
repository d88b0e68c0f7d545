// The library in one page: two bricks and a blend, as PNG files.
//
//   generate MODEL.safetensors OUT_FOLDER

#include <cstdio>
#include <filesystem>

#include "core/error.h"
#include "engine/generator.h"
#include "image/image_io.h"

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: %s MODEL.safetensors OUT_FOLDER\n", argv[0]);
    return 2;
  }
  try {
    using namespace rivulet;
    const std::shared_ptr<const models::Network> network = models::Network::load(argv[1]);
    // A device of its own; vk::Device::import takes a renderer's instead.
    const std::shared_ptr<vk::Device> device = vk::Device::create();
    vk::PipelineCache pipelines(device);  // remembers compiled kernels on disk
    engine::GeneratorOptions options;
    options.precision = engine::defaultPrecision(device->caps());
    engine::Generator generator(network, pipelines, options);

    std::vector<engine::Request> requests(3);
    for (engine::Request& request : requests) request.steps = 8;
    requests[0].classes = engine::parseClasses(network->info(), network->info().classes.at(0));
    requests[0].seed = 7;
    requests[1] = requests[0];
    requests[1].seed = 8;
    requests[2] = requests[0];
    requests[2].classes = {{0, 0.5f}, {1, 0.5f}};

    const std::filesystem::path folder = argv[2];
    std::filesystem::create_directories(folder);
    const std::vector<engine::Texture> textures = generator.generate(requests);
    for (std::size_t i = 0; i < textures.size(); ++i) {
      const engine::Texture& texture = textures[i];
      writePng(folder / (std::to_string(i) + ".png"),
               imageFromChw(texture.pixels, texture.channels, texture.height, texture.width));
      std::printf("%zu: %s, seed %llu\n", i, engine::classText(network->info(), texture.request.classes).c_str(),
                  static_cast<unsigned long long>(texture.request.seed));
    }
    return 0;
  } catch (const rivulet::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
