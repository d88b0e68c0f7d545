#pragma once
// Decides what is recorded next: which requests share a network, which get a lane, which network goes on. No Vulkan
// objects of its own and no threads: the context calls it under its lock, the builder makes what it asks for.

#include <cstdint>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "batch.h"
#include "engine/request_queue.h"
#include "memory.h"
#include "slice.h"
#include "work.h"

namespace rivulet::plugin {

/// Requests that can share a network: of one model and one shape.
struct Group {
  std::shared_ptr<Model> model;
  engine::LaneShape shape;       // lanes 0
  WeightSet* weights = nullptr;  // the model's, that fit this size; null until the first batch is built
  engine::RequestQueue<std::shared_ptr<Work>> waiting;
  std::vector<std::unique_ptr<Batch>> batches;  // at most two: a larger one takes over from a smaller one
  std::uint32_t wanted = 0;                     // lanes of a batch the builder is to make; 0: none
  std::uint32_t atLeast = 0;                    // lanes asked for by warm-up
  bool building = false;
  std::uint64_t minimumBytes = 0;  // of one lane with the model's weights; 0: not known yet
  RvlResult error = RVL_SUCCESS;   // that building met with last
  std::string message;

  std::uint32_t lanes() const;  // of the largest batch
  bool copyingWeights() const { return weights != nullptr && weights->copying(); }
};

/// Thread-safety: the context's lock.
class Scheduler {
 public:
  Scheduler(Memory& memory, std::uint32_t maxLanes) : memory_(memory), maxLanes_(maxLanes) {}

  /// The group of a model and a shape, made if there is none. May allocate.
  Group& groupOf(const std::shared_ptr<Model>& model, const engine::LaneShape& shape);
  /// Puts a request into its group's queue, anew if it comes back. May allocate.
  void enqueue(const std::shared_ptr<Work>& work);
  /// Takes a request out, wherever it is; returned where recordings may still use it.
  std::shared_ptr<Work> cancel(Work& work);

  /// Records until the slice is full or nothing is left to do. Allocates nothing.
  void record(Slice& slice, std::vector<std::shared_ptr<Work>>& recorded);
  /// Something could be recorded now, or once the builder is done.
  bool hasWork() const;
  /// Something could be recorded now.
  bool canRecord() const;
  /// Whatever was recorded from `serial` on never ran.
  void restart(std::uint64_t serial);
  /// A frame began: how long ago the last one, and what this one's budget is. Deadlines are judged by it.
  void frame(Clock::time_point now, double budget);

  /// For the builder: a group that wants a batch and none is being made of; null: none.
  Group* nextToBuild();
  /// How many lanes a group should have now.
  std::uint32_t lanesFor(const Group& group) const;
  /// Takes out batches nobody uses: all but the largest of each group; and, while `bytes` more do not fit the limit,
  /// those longest unused. Only what the device has finished with (`completed`). Their memory is given back; the caller
  /// destroys them, outside the lock.
  void collectUnused(std::uint64_t bytes, std::uint64_t completed, std::vector<std::unique_ptr<Batch>>& trash);
  /// Takes out everything of a model that no request waits for or runs on.
  void forgetUnused(const Model& model, std::uint64_t completed, std::vector<std::unique_ptr<Batch>>& trash);

  template <class Visit>
  void forEachGroup(Visit&& visit) {
    for (auto& [key, group] : groups_) visit(*group);
  }
  std::uint64_t evaluations() const { return evaluations_; }
  std::uint64_t laneEvaluations() const { return laneEvaluations_; }

 private:
  using Key = std::pair<const Model*, engine::LaneShape>;
  struct Candidate {
    Group* group = nullptr;
    Batch* batch = nullptr;
    explicit operator bool() const { return batch != nullptr; }
  };
  Candidate choose() const;
  void fillLanes(Group& group, Batch& batch);
  void choosePlan(Work& work, const Batch& batch) const;
  bool recordWeights(WeightSet& set, Slice& slice);
  void takeOut(Group& group, std::size_t index, std::vector<std::unique_ptr<Batch>>& trash);

  Memory& memory_;
  std::uint32_t maxLanes_;
  std::map<Key, std::unique_ptr<Group>> groups_;
  engine::Ageing ageing_;
  Candidate current_;
  engine::CostModel copyCost_{{250.0}};  // one piece of a model's weights
  Clock::time_point lastFrame_;
  double frameMicroseconds_ = 0, budget_ = 0;
  std::uint64_t uses_ = 0, evaluations_ = 0, laneEvaluations_ = 0;
};

}  // namespace rivulet::plugin
