// Reading and writing pictures (stb).
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "training/style.h"

namespace rivulet::training {

struct Image8 {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> rgb;
};

// Reads a PNG or JPEG as 8-bit RGB; throws Error naming the file.
Image8 readImage(const std::filesystem::path& path);

// Writes a PNG, atomically; throws Error naming the file.
void writePng(const std::filesystem::path& path, const Image8& image);

// byte b -> b / 127.5 - 1.
ImageF toFloat(const Image8& image);

}  // namespace rivulet::training
