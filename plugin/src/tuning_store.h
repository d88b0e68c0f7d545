#pragma once
// What is known of the device from earlier runs: which kernels are fastest, which only the library measures, and how
// long evaluations take by their lanes, which this context adds to.

#include <filesystem>
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
  /// What is known of evaluations, by engine::curveKey(), and what they are learned into: valid as long as the store.
  /// Null: nothing is to be learned. May allocate.
  engine::BatchCurve* curve(const std::string& key) { return learns_ ? &known_.curves[key] : nullptr; }
  /// Writes the file, if there is one.
  void keep() const;

 private:
  bool learns_;
  std::filesystem::path file_;
  engine::DeviceTuning known_;
  std::shared_ptr<const graph::Tuning> kernels_;
};

}  // namespace rivulet::plugin
