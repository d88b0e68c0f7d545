#pragma once
// Recordings that the device may still be working on: in what order they finish, how long their parts took, and whether
// they ran at all.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/cost_model.h"
#include "op_statistics.h"
#include "vk/buffer.h"
#include "vk/gpu_timer.h"
#include "work.h"

namespace rivulet::plugin {

/// A piece of work with the time stamps around it.
struct Timed {
  engine::CostModel* costs;
  engine::CostShare share;
  std::uint32_t mark;   // before it; the next one is after it
  OpTotal* op;          // what kind of work it is
  double multiplyAdds;  // of this share
};

struct Recording {
  static constexpr std::uint32_t kMostUnits = 512;
  static constexpr std::uint32_t kMostMarks = 2 * kMostUnits + 2;  // around each unit and around all

  std::uint64_t serial = 0;  // 0: unused
  std::uint64_t since = 0;   // a probe's: the serial of the first whose place it has
  std::unique_ptr<vk::GpuTimer> timer;
  std::vector<Timed> timed;
  Clock::time_point began;
  double budget = 0, expected = 0, overhead = 0;
  std::uint32_t dispatches = 0;
  bool probe = false;  // of nothing: see Recordings::probe()
};

/// Thread-safety: the context's lock. Allocates nothing after construction.
class Recordings {
 public:
  /// `count` at once, and a probe.
  Recordings(std::shared_ptr<vk::Device> device, std::uint32_t count);

  bool full() const { return inFlight_ >= ring_.size() - 1; }
  bool empty() const { return inFlight_ == 0; }
  /// Whether one with this serial may still be running, or yet be submitted; and which ones those are.
  bool unfinished(std::uint64_t serial) const;
  std::string unfinished() const;
  std::uint64_t lastSerial() const { return lastSerial_; }
  std::uint64_t completed() const { return completed_; }
  /// Of device memory.
  std::uint64_t bytes() const { return written_.allocatedSize(); }

  /// Microseconds of a recording beside its units: barriers, parameters, getting started. Measured; 0 without time
  /// stamps.
  double overhead() const { return overhead_; }

  /// Takes a place; begin() gives it the next serial and resets its timer from inside the command buffer.
  Recording& begin(VkCommandBuffer commands);
  /// Nothing has been recorded in so many calls of waited() that those unfinished may never have been submitted, with
  /// nobody to say so. Only a later one's end can tell.
  bool overdue() const { return !empty() && waited_ >= ring_.size(); }
  void waited() { ++waited_; }
  /// That later one, when there is nothing to be recorded or no place for it: no more than the mark. There is a place
  /// for one; a second takes the first one's, which has been forgotten as well.
  Recording& probe(VkCommandBuffer commands);
  /// Leaves the mark that shows it ran.
  void end(VkCommandBuffer commands, const Recording& recording);
  /// It could not be submitted, or nothing was recorded: as if begin() had not been called.
  void undo();
  /// Forgets those from `serial` on: they will never run. False: they were probes, and nothing is lost.
  bool drop(std::uint64_t serial);

  /// What finish() found out.
  struct Finished {
    double microseconds = 0, budget = 0;
    std::uint64_t missing = 0;  // the first serial of those finished that never ran; 0: all did
  };
  /// All up to `serial` have finished, or were never submitted: their measurements go to the cost models.
  Finished finish(std::uint64_t serial);

 private:
  Recording& oldest() { return ring_[first_]; }
  const Recording& inFlight(std::size_t index) const { return ring_[(first_ + index) % ring_.size()]; }
  std::uint64_t slotOf(const Recording& recording) const {
    return static_cast<std::uint64_t>(&recording - ring_.data());
  }
  std::uint64_t marksOf(const Recording& recording) const;  // bytes into written_
  double measure(Recording& recording);

  std::shared_ptr<vk::Device> device_;
  std::vector<Recording> ring_;
  std::vector<double> marks_;
  std::vector<engine::CostShare> shares_;
  vk::Buffer written_;  // by the device: a serial per place in the ring, then the marks of each
  std::size_t first_ = 0, inFlight_ = 0, waited_ = 0;
  std::uint64_t lastSerial_ = 0, completed_ = 0;
  double overhead_ = 0;
  double shortest_ = 0;  // microseconds a recording took by the host's clock
  Clock::time_point lastFinished_;
};

}  // namespace rivulet::plugin
