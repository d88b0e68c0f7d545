#pragma once
// What is known of the device from earlier runs: which kernels are fastest, which only the library measures, and how
// long evaluations take by their lanes, which this context adds to.

#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "engine/tuning_file.h"

namespace rivulet::plugin {

/// Thread-safety: the context's lock, but for kernels().
class TuningStore {
 public:
  /// Reads the device's file in `folder`; empty: there is none, and what is learned goes with the context. With
  /// RIVULET_AUTOTUNE=0 nothing is known or learned.
  TuningStore(const std::filesystem::path& folder, const vk::DeviceCaps& caps);

  /// Never null; never changes.
  const std::shared_ptr<const graph::Tuning>& kernels() const { return kernels_; }
  /// What is known of evaluations, by engine::curveKey(), and what more is learned into; null: nothing is to be
  /// learned. May allocate.
  std::shared_ptr<engine::BatchCurve> curve(const std::string& key);
  /// Curves that have learned nothing and that nobody holds.
  void forgetUnused();
  /// Writes the file, if there is one.
  void keep() const;

 private:
  bool learns_;
  std::filesystem::path file_;
  std::shared_ptr<const graph::Tuning> kernels_;
  std::map<std::string, std::shared_ptr<engine::BatchCurve>> curves_;
};

}  // namespace rivulet::plugin
