#pragma once
// Which of its candidate kernels an op takes. Measured on the device by engine/autotuner.h; without, the usual one.

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace rivulet::graph {

/// What an op chose, kept with its dispatch so that candidates can be measured.
struct Choice {
  std::string key;               // what the op is: kind and shape. Empty: it had no choice
  std::uint32_t candidates = 1;  // how many there were
  std::uint32_t taken = 0;
};

/// Candidates by key. Immutable once it is shared; then any thread may read it.
class Tuning {
 public:
  void set(const std::string& key, std::uint32_t candidate) { choices_[key] = candidate; }
  /// Whether the device's matrix units are worth taking; unknown: they are believed. This choice alone changes bits.
  std::optional<bool> matrixUnits;
  bool has(const std::string& key) const { return choices_.contains(key); }
  const std::map<std::string, std::uint32_t>& choices() const { return choices_; }

  /// For measuring: every op without a choice takes this candidate, or the last it has.
  void takeAll(std::uint32_t candidate) { all_ = candidate; }

  /// Of `candidates`, of which `usual` is taken where nothing is known, or what is known no longer fits.
  std::uint32_t candidate(const std::string& key, std::uint32_t usual, std::uint32_t candidates) const {
    const auto found = choices_.find(key);
    if (found != choices_.end()) return found->second < candidates ? found->second : usual;
    return all_ ? std::min(*all_, candidates - 1) : usual;
  }

 private:
  std::map<std::string, std::uint32_t> choices_;
  std::optional<std::uint32_t> all_;
};

}  // namespace rivulet::graph
