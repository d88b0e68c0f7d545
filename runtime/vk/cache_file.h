#pragma once
// The file that keeps a driver's pipeline cache between runs. Drivers trust what they are given, so nothing reaches one
// that was not written by this version of Rivulet for this device and driver, whole. Private to runtime/vk.
//
//   char[8]   magic "RVLPIPE1"
//   char[16]  Rivulet's version, zero-padded
//   byte[16]  device UUID
//   byte[16]  pipeline cache UUID
//   u32       vendor id, device id, driver version, 0
//   u64       bytes of driver data
//   u64       FNV-1a of the driver data
//   byte[]    driver data
// Numbers are in the machine's byte order: the file never leaves it.

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "vk/device_caps.h"

namespace rivulet::vk {

/// One per device UUID, driver version and Rivulet version.
std::string cacheFileName(const DeviceCaps& caps);

/// The driver data, or nothing if there is no file or it is not this device's, whole and unchanged (which is logged).
std::vector<std::byte> readCacheFile(const std::filesystem::path& file, const DeviceCaps& caps);

/// The same from memory that holds what a file would; and what a file would hold.
std::vector<std::byte> decodeCache(std::span<const std::byte> blob, const DeviceCaps& caps, const std::string& name);
std::vector<std::byte> encodeCache(const DeviceCaps& caps, std::span<const std::byte> data);

/// Creates the folder, writes beside the file and renames: a reader sees the old file or the new one, never a part.
/// Errors: Io naming the file.
void writeCacheFile(const std::filesystem::path& file, const DeviceCaps& caps, std::span<const std::byte> data);

}  // namespace rivulet::vk
