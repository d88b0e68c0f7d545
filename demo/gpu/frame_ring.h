// Two frames in flight: command buffers, fences, and time stamps that say where the device's time went.
#pragma once

#include <array>
#include <vector>

#include "gpu/device.h"

namespace demo {

/// Where in a frame the device's clock is read.
enum class Stamp : std::uint32_t { Begin, Generated, Drawn, End };

/// Milliseconds of the device in one frame that has finished.
struct DeviceTimes {
  double generation = 0, scene = 0, interface = 0;
  double total() const { return generation + scene + interface; }
};

struct Frame {
  VkCommandPool pool = VK_NULL_HANDLE;
  VkCommandBuffer commands = VK_NULL_HANDLE;
  VkFence fence = VK_NULL_HANDLE;
  VkSemaphore acquired = VK_NULL_HANDLE;  // by the swap chain's image
  VkQueryPool stamps = VK_NULL_HANDLE;
  bool used = false;  // there are time stamps of an earlier frame
};

class FrameRing {
 public:
  static constexpr std::uint32_t kInFlight = 2;

  explicit FrameRing(const Device& device);
  ~FrameRing();
  FrameRing(const FrameRing&) = delete;
  FrameRing& operator=(const FrameRing&) = delete;

  /// Which of the frames is next: for what the host keeps once for each.
  std::uint32_t slot() const { return next_; }
  /// Waits until the next frame's resources are free and gives them. Nothing is recorded yet.
  Frame& wait();
  void begin(Frame& frame);
  void stamp(const Frame& frame, Stamp at) const;
  void submit(Frame& frame, const std::vector<VkSemaphoreSubmitInfo>& waits,
              const std::vector<VkSemaphoreSubmitInfo>& signals);
  /// Of the latest frame known to have finished.
  const DeviceTimes& times() const { return times_; }

 private:
  void readStamps(const Frame& frame);

  const Device& device_;
  std::array<Frame, kInFlight> frames_;
  std::uint32_t next_ = 0;
  DeviceTimes times_;
};

}  // namespace demo
