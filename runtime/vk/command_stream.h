#pragma once
// Rivulet's own submissions to a device's queue: records a command buffer, submits it, tells when it has finished.
// The command line, the tests and the async mode use it; a host that records Rivulet into its own command buffers does
// not.

#include <deque>
#include <functional>
#include <memory>
#include <span>

#include "vk/buffer.h"
#include "vk/device.h"
#include "vk/retire_queue.h"

namespace rivulet::vk {

/// Semaphores of somebody else that a submission waits for and signals; null: none. A value belongs to a timeline
/// semaphore and is ignored for a binary one.
struct SubmitSync {
  VkSemaphore wait = VK_NULL_HANDLE, signal = VK_NULL_HANDLE;
  std::uint64_t waitValue = 0, signalValue = 0;
};

/// Thread-safety: one thread at a time.
class CommandStream {
 public:
  explicit CommandStream(std::shared_ptr<Device> device);
  ~CommandStream();  // waits for what it submitted
  CommandStream(const CommandStream&) = delete;
  CommandStream& operator=(const CommandStream&) = delete;

  /// Begins a command buffer (reusing a finished one). One at a time: Error(Internal) if one is being recorded. `label`
  /// names it in captures and validation messages.
  VkCommandBuffer begin(const char* label);
  /// Ends and submits it. Returns its serial: 1, 2, 3, ... in order of submission. If that fails (DeviceLost, out of
  /// memory) the command buffer is dropped and no serial is used.
  std::uint64_t submit(const SubmitSync& sync = {});
  /// Ends the command buffer begun and drops it unsubmitted.
  void abandon();

  /// The serial up to which everything has finished; releases what it protected. Does not wait.
  std::uint64_t completed();
  /// Waits for a serial that submit() returned. Errors: DeviceLost.
  void wait(std::uint64_t serial);
  void waitIdle();
  /// Signalled with each serial as it finishes; null without timeline semaphores.
  VkSemaphore timeline() const { return timeline_; }

  /// Objects released when a serial has finished.
  RetireQueue& retire() { return retire_; }

  /// Conveniences: staging copy, submit and wait, with barriers against everything before and after on the queue.
  /// Offsets and sizes in bytes. Errors: InvalidArgument if the range is not inside the buffer.
  void upload(const Buffer& destination, std::uint64_t offset, std::span<const std::byte> bytes);
  void download(const Buffer& source, std::uint64_t offset, std::span<std::byte> bytes);

 private:
  struct Submission {
    VkCommandPool pool = VK_NULL_HANDLE;  // its own: pools are reset faster than buffers
    VkCommandBuffer commands = VK_NULL_HANDLE;
    VkFence fence = VK_NULL_HANDLE;  // null with a timeline semaphore
    std::uint64_t serial = 0;
  };
  void finished(std::uint64_t serial);
  Submission makeSubmission() const;
  void discard(const Submission& submission);
  void copyThrough(const char* label, VkBuffer from, std::uint64_t fromOffset, VkBuffer to, std::uint64_t toOffset,
                   std::uint64_t bytes);

  std::shared_ptr<Device> device_;
  VkSemaphore timeline_ = VK_NULL_HANDLE;  // null: fences
  std::deque<Submission> inFlight_;
  std::deque<Submission> free_;
  Submission recording_;
  bool labelled_ = false;
  Buffer upload_, readback_;  // staging, kept and grown
  std::uint64_t lastSerial_ = 0, completed_ = 0;
  RetireQueue retire_;
};

}  // namespace rivulet::vk
