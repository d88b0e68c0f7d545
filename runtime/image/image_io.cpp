#include "image/image_io.h"

#include <fstream>
#include <limits>
#include <string>
#include <system_error>

#include "core/error.h"
#include "image/stb.h"
#include "tensor/mapped_file.h"

namespace rivulet {

Image readImage(const std::filesystem::path& path, std::uint32_t channels) {
  constexpr std::uint64_t kMaxPixels = std::uint64_t{1} << 28;
  if (channels < 1 || channels > 4) {
    throw Error(ErrorCode::InvalidArgument, "a picture is read with 1 to 4 channels, not " + std::to_string(channels));
  }
  const MappedFile file(path);
  const auto unreadable = [&] {
    const char* reason = stbi_failure_reason();
    return Error(ErrorCode::CorruptFile,
                 path.string() + ": cannot be read as a picture: " + (reason != nullptr ? reason : "unknown reason") +
                     " (PNG and JPEG are read)");
  };
  if (file.bytes().size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) {
    throw Error(ErrorCode::Unsupported, path.string() + ": a picture file of more than 2 GiB");
  }
  const auto* bytes = reinterpret_cast<const stbi_uc*>(file.bytes().data());
  const int size = static_cast<int>(file.bytes().size());
  int width = 0, height = 0, found = 0;
  if (size == 0) throw Error(ErrorCode::CorruptFile, path.string() + ": an empty file, expected a PNG or JPEG");
  if (stbi_info_from_memory(bytes, size, &width, &height, &found) == 0) throw unreadable();
  if (static_cast<std::uint64_t>(width) * static_cast<std::uint64_t>(height) > kMaxPixels) {
    throw Error(ErrorCode::Unsupported, path.string() + ": " + std::to_string(width) + "x" + std::to_string(height) +
                                            " pixels, expected at most 2^28: scale it down");
  }
  stbi_uc* pixels = stbi_load_from_memory(bytes, size, &width, &height, &found, static_cast<int>(channels));
  if (pixels == nullptr) throw unreadable();
  Image image{static_cast<std::uint32_t>(width), static_cast<std::uint32_t>(height), channels, {}};
  image.pixels.assign(pixels, pixels + image.rowBytes() * image.height);
  stbi_image_free(pixels);
  return image;
}

std::vector<std::byte> encodePng(const Image& image) {
  checkImage(image);
  std::vector<std::byte> bytes;
  const auto append = [](void* target, void* data, int size) {
    const auto* first = static_cast<const std::byte*>(data);
    auto& out = *static_cast<std::vector<std::byte>*>(target);
    out.insert(out.end(), first, first + size);
  };
  const int written =
      stbi_write_png_to_func(append, &bytes, static_cast<int>(image.width), static_cast<int>(image.height),
                             static_cast<int>(image.channels), image.pixels.data(), static_cast<int>(image.rowBytes()));
  if (written == 0) throw Error(ErrorCode::OutOfHostMemory, "not enough memory to write a PNG");
  return bytes;
}

void writePng(const std::filesystem::path& path, const Image& image) {
  const std::vector<std::byte> bytes = encodePng(image);
  std::filesystem::path temporary = path;
  temporary += ".part";
  const auto fail = [&](const std::string& why) {
    std::error_code ignored;
    std::filesystem::remove(temporary, ignored);
    throw Error(ErrorCode::Io, path.string() + ": cannot be written: " + why);
  };
  {
    std::ofstream stream(temporary, std::ios::binary);
    if (!stream) fail("is its folder there, and writable?");
    stream.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    stream.close();
    if (!stream) fail("is the disk full?");
  }
  std::error_code error;
  std::filesystem::rename(temporary, path, error);
  if (error) fail(error.message());
}

}  // namespace rivulet
