#pragma once
// FNV-1a, 64 bits (http://www.isthe.com/chongo/tech/comp/fnv/): the same on every machine, unlike std::hash. Against
// accidents, not against attackers.

#include <cstddef>
#include <cstdint>
#include <span>

namespace rivulet {

/// `hash`: of the bytes before these.
inline std::uint64_t fnv1a(std::span<const std::byte> bytes, std::uint64_t hash = 0xcbf29ce484222325u) {
  for (const std::byte byte : bytes) hash = (hash ^ std::to_integer<std::uint64_t>(byte)) * 0x100000001b3u;
  return hash;
}

}  // namespace rivulet
