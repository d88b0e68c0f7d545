#pragma once
// A whole file as read-only memory.

#include <cstddef>
#include <filesystem>
#include <span>

namespace rivulet {

/// Maps a file for reading; unmaps it when destroyed. The file must not be shortened by anybody meanwhile (the
/// operating system then faults the reader); replacing it by renaming another over it is fine. Thread-safety: immutable
/// after opening.
class MappedFile {
 public:
  /// Errors: Io naming the file and the system's reason.
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  /// Empty for an empty file.
  std::span<const std::byte> bytes() const { return {data_, size_}; }

 private:
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace rivulet
