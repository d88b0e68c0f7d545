#include "training/sample_sheet.h"

#include <ATen/CPUGeneratorImpl.h>

#include <algorithm>
#include <cmath>

#include "training/image.h"
#include "training/random.h"

namespace rivulet::training {
namespace {

TextureUnetInput noiseFor(const TextureUnet& network, const ExampleSource& source, const std::vector<int64_t>& labels,
                          int64_t size, std::uint64_t seed) {
  const auto count = static_cast<int64_t>(labels.size());
  auto generator = at::make_generator<at::CPUGeneratorImpl>(mixSeed({seed, 0x2015e}));
  TextureUnetInput input;
  input.x =
      at::randn({count, network.config().channels, size, size}, generator, at::TensorOptions()).to(network.device());
  input.classWeights = network.oneHot(at::tensor(labels, at::kLong).to(network.device()));
  if (network.config().styleDim != 0) input.style = source.sampleStyles(labels, seed).to(network.device());
  if (network.config().guidance) input.guidance = at::full({count}, kSheetGuidance, input.x.options());
  return input;
}

// Places [N,3,H,W] images in a grid with a gap of two pixels, each repeated `repeat` x `repeat`.
Image8 grid(const at::Tensor& images, int columns, int repeat) {
  const at::Tensor bytes = ((images.to(at::kCPU).clamp(-1, 1) + 1) * 127.5).round().to(at::kByte).contiguous();
  const int count = static_cast<int>(bytes.size(0)), height = static_cast<int>(bytes.size(2)),
            width = static_cast<int>(bytes.size(3));
  const int cellWidth = width * repeat + 2, cellHeight = height * repeat + 2;
  Image8 sheet{columns * cellWidth, (count + columns - 1) / columns * cellHeight, {}};
  sheet.rgb.assign(static_cast<std::size_t>(sheet.width) * static_cast<std::size_t>(sheet.height) * 3, 0);
  const auto* source = bytes.data_ptr<std::uint8_t>();
  for (int n = 0; n < count; ++n) {
    for (int y = 0; y < height * repeat; ++y) {
      for (int x = 0; x < width * repeat; ++x) {
        const int top = n / columns * cellHeight + y, left = n % columns * cellWidth + x;
        for (int c = 0; c < 3; ++c) {
          sheet.rgb[static_cast<std::size_t>((top * sheet.width + left) * 3 + c)] =
              source[((n * 3 + c) * height + y % height) * width + x % width];
        }
      }
    }
  }
  return sheet;
}

}  // namespace

void writeClassSheet(const std::filesystem::path& path, const TextureUnet& network, const ExampleSource& source,
                     const Sampler& sampler, int steps, int columns, std::uint64_t seed) {
  std::vector<int64_t> labels;
  for (std::size_t k = 0; k < network.config().classes.size(); ++k) {
    labels.insert(labels.end(), static_cast<std::size_t>(columns), static_cast<int64_t>(k));
  }
  const TextureUnetInput input = noiseFor(network, source, labels, network.config().trainingSize, seed);
  // Two classes a line keep the sheet near a square.
  writePng(path, grid(source.pictures(sampler(network, input, steps), input.style), 2 * columns, 1));
}

void writeTiledSheet(const std::filesystem::path& path, const TextureUnet& network, const ExampleSource& source,
                     const Sampler& sampler, int steps, int count, std::uint64_t seed) {
  std::vector<int64_t> labels;
  const auto classes = static_cast<int64_t>(network.config().classes.size());
  for (int64_t i = 0; i < count; ++i) labels.push_back((i * classes / count + 1) % classes);
  const TextureUnetInput input = noiseFor(network, source, labels, 2 * network.config().trainingSize, seed);
  writePng(path, grid(source.pictures(sampler(network, input, steps), input.style), std::min(count, 4), 2));
}

}  // namespace rivulet::training
