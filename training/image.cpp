#include "training/image.h"

#include "training/error.h"

#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_ONLY_PNG
#define STBI_ONLY_JPEG
#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#endif
#include <stb_image.h>
#include <stb_image_write.h>
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

namespace rivulet::training {

Image8 readImage(const std::filesystem::path& path) {
  Image8 image;
  int channels = 0;
  stbi_uc* pixels = stbi_load(path.string().c_str(), &image.width, &image.height, &channels, 3);
  if (pixels == nullptr) {
    throw Error("cannot read image " + path.string() + ": " + stbi_failure_reason() +
                " (PNG and JPEG are read; repair or remove it)");
  }
  const std::size_t size = static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.height) * 3;
  image.rgb.assign(pixels, pixels + size);
  stbi_image_free(pixels);
  return image;
}

void writePng(const std::filesystem::path& path, const Image8& image) {
  std::filesystem::path temporary = path;
  temporary += ".tmp";
  if (stbi_write_png(temporary.string().c_str(), image.width, image.height, 3, image.rgb.data(), image.width * 3) ==
      0) {
    throw Error("cannot write " + temporary.string());
  }
  std::filesystem::rename(temporary, path);
}

ImageF toFloat(const Image8& image) {
  ImageF result{image.width, image.height, {}};
  result.rgb.reserve(image.rgb.size());
  for (const std::uint8_t value : image.rgb) result.rgb.push_back(static_cast<float>(value) / 127.5f - 1.0f);
  return result;
}

}  // namespace rivulet::training
