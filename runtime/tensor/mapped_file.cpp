#include "tensor/mapped_file.h"

#include <cstdint>
#include <string>
#include <system_error>

#include "core/error.h"

#ifdef _WIN32
#ifndef NOMINMAX
#define NOMINMAX
#endif
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#else
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#endif

namespace rivulet {
namespace {

[[noreturn]] void fail(const std::filesystem::path& path, const char* what, int code) {
  throw Error(ErrorCode::Io,
              path.string() + ": cannot " + what + ": " + std::error_code(code, std::system_category()).message());
}

}  // namespace

#ifdef _WIN32

MappedFile::MappedFile(const std::filesystem::path& path) {
  const auto lastError = [] { return static_cast<int>(GetLastError()); };
  const HANDLE file = CreateFileW(path.c_str(), GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_DELETE, nullptr,
                                  OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, nullptr);
  if (file == INVALID_HANDLE_VALUE) fail(path, "open the file", lastError());
  LARGE_INTEGER size{};
  if (!GetFileSizeEx(file, &size)) {
    const int code = lastError();
    CloseHandle(file);
    fail(path, "read the file's size", code);
  }
  size_ = static_cast<std::size_t>(size.QuadPart);
  if (size_ != 0) {
    // The view keeps the mapping and the file alive: both handles may be closed.
    const HANDLE mapping = CreateFileMappingW(file, nullptr, PAGE_READONLY, 0, 0, nullptr);
    const void* view = mapping != nullptr ? MapViewOfFile(mapping, FILE_MAP_READ, 0, 0, 0) : nullptr;
    const int code = lastError();
    if (mapping != nullptr) CloseHandle(mapping);
    if (view == nullptr) {
      CloseHandle(file);
      fail(path, "map the file", code);
    }
    data_ = static_cast<const std::byte*>(view);
  }
  CloseHandle(file);
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) UnmapViewOfFile(data_);
}

#else

MappedFile::MappedFile(const std::filesystem::path& path) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) fail(path, "open the file", errno);
  struct stat status {};
  if (fstat(file, &status) != 0) {
    const int code = errno;
    close(file);
    fail(path, "read the file's size", code);
  }
  if (!S_ISREG(status.st_mode)) {
    close(file);
    throw Error(ErrorCode::Io, path.string() + ": not a file" + (S_ISDIR(status.st_mode) ? " but a folder" : ""));
  }
  size_ = static_cast<std::size_t>(status.st_size);
  if (size_ != 0) {
    void* data = mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file, 0);
    const int code = errno;
    if (data == MAP_FAILED) {  // NOLINT(performance-no-int-to-ptr): the system's macro
      close(file);
      fail(path, "map the file", code);
    }
    data_ = static_cast<const std::byte*>(data);
  }
  close(file);  // the mapping stays
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) munmap(const_cast<std::byte*>(data_), size_);
}

#endif

}  // namespace rivulet
