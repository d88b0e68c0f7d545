#pragma once
// Pictures from and to files.

#include <cstdint>
#include <filesystem>
#include <vector>

#include "image/image.h"

namespace rivulet {

/// Reads a PNG or JPEG (also BMP and TGA), converted to `channels`, 8 bits each.
/// Errors: Io when it cannot be opened; CorruptFile naming the file and the reason; Unsupported above 2^28 pixels.
/// Thread-safety: any thread.
Image readImage(const std::filesystem::path& path, std::uint32_t channels = 3);

/// A PNG file's bytes; the same image gives the same bytes. Errors: InvalidArgument (checkImage).
std::vector<std::byte> encodePng(const Image& image);

/// Writes a PNG beside its final place and renames it, so that a reader never sees half a file.
/// Errors: InvalidArgument; Io naming the file.
void writePng(const std::filesystem::path& path, const Image& image);

}  // namespace rivulet
