#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

namespace rivulet {

/// Writes a file as a whole: creates its folder, writes beside it under a name of this process and call, renames. A
/// reader sees the old file or the new one, never a part. Returns why it could not be done, with nothing left behind;
/// empty: it is done. Thread-safety: any thread.
std::string replaceFile(const std::filesystem::path& file, std::span<const std::byte> bytes);

}  // namespace rivulet
