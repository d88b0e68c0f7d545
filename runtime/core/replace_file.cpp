#include "core/replace_file.h"

#include <atomic>
#include <fstream>
#include <random>
#include <system_error>

namespace rivulet {
namespace {

/// A name that no other thread or process is writing to.
std::filesystem::path temporaryBeside(const std::filesystem::path& file) {
  static const unsigned process = std::random_device{}();
  static std::atomic<unsigned> counter{0};
  std::filesystem::path path = file;
  path += "." + std::to_string(process) + "." + std::to_string(counter++) + ".tmp";
  return path;
}

}  // namespace

std::string replaceFile(const std::filesystem::path& file, std::span<const std::byte> bytes) {
  std::error_code error;
  std::filesystem::create_directories(file.parent_path(), error);
  if (error) return error.message();
  const std::filesystem::path temporary = temporaryBeside(file);
  {
    std::ofstream out(temporary, std::ios::binary | std::ios::trunc);
    out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    out.close();
    if (!out) {
      std::filesystem::remove(temporary, error);
      return "the disk is full, or the folder is read-only";
    }
  }
  std::filesystem::rename(temporary, file, error);
  if (!error) return {};
  const std::string why = error.message();
  std::filesystem::remove(temporary, error);
  return why;
}

}  // namespace rivulet
