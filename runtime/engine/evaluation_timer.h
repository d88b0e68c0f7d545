#pragma once
// How long evaluations take on the device, by its time stamps, without waiting for any of them.

#include <array>
#include <memory>
#include <vector>

#include "vk/buffer.h"
#include "vk/gpu_timer.h"

namespace rivulet::engine {

/// Of evaluations in submissions of their own, of which two may be unfinished. Does nothing on devices without time
/// stamps. Thread-safety: one thread at a time.
class EvaluationTimer {
 public:
  explicit EvaluationTimer(const std::shared_ptr<vk::Device>& device);

  /// Around what is timed, in one command buffer. At begin() the evaluation before the last one has finished.
  void begin(VkCommandBuffer commands);
  void end(VkCommandBuffer commands);
  /// Microseconds, the median since reset(); 0: of none. All have finished.
  double median();
  /// Forgets them, and those recorded: they may never have run.
  void reset();

 private:
  struct Slot {
    std::unique_ptr<vk::GpuTimer> timer;
    bool recorded = false;
  };
  void take(Slot& slot);

  std::array<Slot, 2> slots_;
  vk::Buffer marks_;  // two of each slot
  std::size_t next_ = 0;
  std::vector<double> microseconds_;
};

}  // namespace rivulet::engine
