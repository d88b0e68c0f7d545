#include "vk/cache_file.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>

#include "core/error.h"
#include "core/fnv1a.h"
#include "core/log.h"
#include "core/replace_file.h"

namespace rivulet::vk {

namespace {

struct Header {
  std::array<char, 8> magic;
  std::array<char, 16> rivulet;
  std::array<std::uint8_t, VK_UUID_SIZE> device, cache;
  std::uint32_t vendorId, deviceId, driverVersion, zero;
  std::uint64_t bytes, checksum;
};
static_assert(sizeof(Header) == 88, "no padding: the header is compared and written as bytes");

Header headerFor(const DeviceCaps& caps, std::span<const std::byte> data) {
  Header header{};
  std::memcpy(header.magic.data(), "RVLPIPE1", header.magic.size());
  const std::string_view version = RIVULET_VERSION;
  std::copy_n(version.begin(), std::min(version.size(), header.rivulet.size()), header.rivulet.begin());
  std::copy(std::begin(caps.deviceUuid), std::end(caps.deviceUuid), header.device.begin());
  std::copy(std::begin(caps.pipelineCacheUuid), std::end(caps.pipelineCacheUuid), header.cache.begin());
  header.vendorId = caps.vendorId;
  header.deviceId = caps.deviceId;
  header.driverVersion = caps.driverVersion;
  header.bytes = data.size();
  header.checksum = fnv1a(data);
  return header;
}

/// The driver's own header, which starts its data (VkPipelineCacheHeaderVersionOne).
bool driverHeaderMatches(std::span<const std::byte> data, const DeviceCaps& caps) {
  VkPipelineCacheHeaderVersionOne header;
  if (data.size() < sizeof header) return false;
  std::memcpy(&header, data.data(), sizeof header);
  return header.headerVersion == VK_PIPELINE_CACHE_HEADER_VERSION_ONE && header.vendorID == caps.vendorId &&
         header.deviceID == caps.deviceId &&
         std::memcmp(header.pipelineCacheUUID, caps.pipelineCacheUuid, VK_UUID_SIZE) == 0;
}

[[noreturn]] void cannotWrite(const std::filesystem::path& file, const std::string& why) {
  throw Error(ErrorCode::Io, "cannot write the pipeline cache '" + file.string() + "': " + why +
                                 "; set RIVULET_CACHE_DIR to a folder that can be written");
}

}  // namespace

std::string cacheFileName(const DeviceCaps& caps) {
  std::string uuid;
  for (const std::uint8_t byte : caps.deviceUuid) {
    char hex[3];
    std::snprintf(hex, sizeof hex, "%02x", byte);
    uuid += hex;
  }
  return "pipelines-" + uuid + "-" + std::to_string(caps.driverVersion) + "-" RIVULET_VERSION ".bin";
}

std::vector<std::byte> decodeCache(std::span<const std::byte> blob, const DeviceCaps& caps, const std::string& name) {
  const auto ignore = [&](const char* why) {
    log(LogLevel::Info, "ignoring " + name + ": " + why);
    return std::vector<std::byte>();
  };
  if (blob.size() < sizeof(Header)) return ignore("too short");
  Header header{};
  std::memcpy(&header, blob.data(), sizeof header);
  const std::span<const std::byte> data = blob.subspan(sizeof header);
  if (header.bytes != data.size()) return ignore("truncated, or with something after its end");
  const Header expected = headerFor(caps, data);
  if (header.checksum != expected.checksum) return ignore("its checksum does not match");
  if (std::memcmp(&header, &expected, sizeof header) != 0)
    return ignore("written for another device, driver or version of Rivulet");
  if (!driverHeaderMatches(data, caps)) return ignore("the driver's part is for another device");
  return {data.begin(), data.end()};
}

std::vector<std::byte> encodeCache(const DeviceCaps& caps, std::span<const std::byte> data) {
  const Header header = headerFor(caps, data);
  std::vector<std::byte> blob(sizeof header + data.size());
  std::memcpy(blob.data(), &header, sizeof header);
  std::copy(data.begin(), data.end(), blob.begin() + sizeof header);
  return blob;
}

std::vector<std::byte> readCacheFile(const std::filesystem::path& file, const DeviceCaps& caps) {
  std::ifstream in(file, std::ios::binary | std::ios::ate);
  if (!in) return {};
  const std::string name = "the pipeline cache '" + file.string() + "'";
  std::vector<std::byte> blob(static_cast<std::size_t>(std::max<std::streamoff>(in.tellg(), 0)));
  in.seekg(0);
  in.read(reinterpret_cast<char*>(blob.data()), static_cast<std::streamsize>(blob.size()));
  if (!in) {
    log(LogLevel::Info, "ignoring " + name + ": cannot be read");
    return {};
  }
  return decodeCache(blob, caps, name);
}

void writeCacheFile(const std::filesystem::path& file, const DeviceCaps& caps, std::span<const std::byte> data) {
  if (const std::string why = replaceFile(file, encodeCache(caps, data)); !why.empty()) cannotWrite(file, why);
}

}  // namespace rivulet::vk
