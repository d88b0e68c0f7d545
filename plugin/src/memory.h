#pragma once
// How much device memory a context has allocated or is about to, against the limit the host gave.

#include <algorithm>
#include <cstdint>

namespace rivulet::plugin {

/// Thread-safety: its owner's lock.
class Memory {
 public:
  explicit Memory(std::uint64_t limit) : limit_(limit == 0 ? UINT64_MAX : limit) {}
  bool fits(std::uint64_t bytes) const { return missing(bytes) == 0; }
  /// How many bytes would have to be given back before that many fit.
  std::uint64_t missing(std::uint64_t bytes) const {
    const std::uint64_t free = limit_ - std::min(limit_, used_);
    return bytes - std::min(bytes, free);
  }
  void take(std::uint64_t bytes) { used_ += bytes; }
  void give(std::uint64_t bytes) { used_ -= bytes; }
  std::uint64_t used() const { return used_; }
  std::uint64_t limit() const { return limit_; }

 private:
  std::uint64_t limit_, used_ = 0;
};

}  // namespace rivulet::plugin
