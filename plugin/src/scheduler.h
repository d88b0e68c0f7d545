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
#include "slice.h"
#include "trash.h"
#include "work.h"

namespace rivulet::plugin {

/// Requests that can share a network: of one model and one shape.
struct Group {
  std::shared_ptr<Model> model;
  engine::LaneShape shape;                    // lanes 0
  WeightSet* weights = nullptr;               // the model's, that fit this size; null until the first batch is built
  std::shared_ptr<engine::BatchCurve> curve;  // of the context's TuningStore; null: nothing is known or learned
  engine::RequestQueue<std::shared_ptr<Work>> waiting;
  std::vector<std::unique_ptr<Batch>> batches;  // at most two: a larger one takes over from a smaller one
  std::uint32_t wanted = 0;                     // lanes of a batch the builder is to make; 0: none
  std::uint32_t atLeast = 0;                    // lanes asked for by warm-up
  engine::Rank warmUpRank = 0;                  // as if a request of priority 0 had come with the warm-up
  bool building = false;
  bool noRoom = false;             // the builder found that waiting for others would not help it
  std::uint64_t minimumBytes = 0;  // of one lane with the model's weights; 0: not known yet
  std::uint64_t needed = 0;        // bytes that the builder found no room for; 0: it has not looked
  RvlResult error = RVL_SUCCESS;   // that building met with last
  std::string message;

  std::uint32_t lanes() const;  // of the largest batch
  bool copyingWeights() const { return weights != nullptr && weights->copying(); }
  /// Of its most urgent request, running or waiting, or of the warm-up; below all others' if it has neither.
  engine::Rank bestRank() const;
};

/// Thread-safety: the context's lock.
class Scheduler {
 public:
  Scheduler(std::uint32_t maxLanes, OpStatistics& ops);

  /// The group of a model and a shape, made if there is none. May allocate.
  Group& groupOf(const std::shared_ptr<Model>& model, const engine::LaneShape& shape);
  /// The same without making one: null.
  Group* find(const Model& model, const engine::LaneShape& shape) const;
  /// Asks the builder for that many lanes, whether or not a request waits for them. 0: as many as are best for the most
  /// requests at once, all of them where nothing has been measured.
  void warmUp(Group& group, std::uint32_t lanes);
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

  /// For the builder: a group that wants a batch, none is being made of and there may be room for; null: none. Groups
  /// with requests that cannot run come first, then those whose requests could do with more lanes, then warm-ups. Of
  /// equals it is one that has its weights, which another one might throw out.
  Group* nextToBuild();
  /// How many lanes a batch should have that is to be built for a group now; 0: none is. As many as make the requests
  /// there are in the least time, by what evaluations took so far; more than there are lanes already only for a real
  /// gain (engine/batch_curve.h), since a batch is dear to build and its textures come together at the end.
  std::uint32_t lanesFor(const Group& group) const;

  /// Keeps lanes free for the sake of a group that waits for memory: others get no new requests into theirs once those
  /// that wait have come a whole level of priority after the group's own. So what they use becomes unused, and sizes
  /// that do not fit memory together take turns. Weights that no network reads yet are unused at once. Null: for
  /// nobody. False: it was so already.
  bool holdFor(const Group* group) { return std::exchange(hold_, group) != group; }
  bool holdsFor(const Group& group) const { return hold_ == &group; }
  /// Batches of other groups that nobody uses, longest unused first, until they are `bytes`: what the device has
  /// finished with (`completed`), and no request waits for, but such as are held back for `group` (null: none are).
  void collectUnused(std::uint64_t bytes, const Group* group, std::uint64_t completed, Trash& trash);
  std::uint64_t unusedBytes(const Group* group, std::uint64_t completed) const;
  /// All that other groups have: what holding them back would give at last.
  std::uint64_t bytesOfOthers(const Group& group) const;
  /// Whether all groups that read the weights are unused in that sense.
  bool unused(const WeightSet& set, const Group* group, std::uint64_t completed) const;
  /// Batches that a larger one of their group has taken over from.
  void collectReplaced(std::uint64_t completed, Trash& trash);
  /// Everything of a model that no request waits for or runs on.
  void forgetUnused(const Model& model, std::uint64_t completed, Trash& trash);
  /// Groups of which nothing is left, and nothing is asked for.
  void removeEmpty();
  /// The weights are about to go.
  void forget(const WeightSet& set);

  template <class Visit>
  void forEachGroup(Visit&& visit) {
    for (auto& [key, group] : groups_) visit(*group);
  }
  std::uint64_t evaluations() const { return evaluations_; }
  std::uint64_t laneEvaluations() const { return laneEvaluations_; }
  /// Whether the curves of some group have learned something.
  bool learned() const { return learned_; }

 private:
  using Key = std::pair<const Model*, engine::LaneShape>;
  /// What may be recorded next: an evaluation, or a piece of a model's weights.
  struct Candidate {
    Group* group = nullptr;
    Batch* batch = nullptr;
    WeightSet* copy = nullptr;
    explicit operator bool() const { return batch != nullptr || copy != nullptr; }
  };
  using Groups = std::map<Key, std::unique_ptr<Group>>;
  Candidate choose() const;
  bool held(const Group& group) const;
  bool spared(const Group& other, const Group* group) const;
  bool collectible(const Group& other, const Batch& batch, const Group* group, std::uint64_t completed) const;
  void fillLanes(Group& group, Batch& batch);
  void learn(Group& group, const Batch& batch);
  std::uint32_t best(const Group& group, std::size_t requests, std::uint32_t have = 0) const;
  void choosePlan(Work& work, const Batch& batch) const;
  bool recordPiece(WeightSet& set, Slice& slice);
  void takeOut(Group& group, std::size_t index, Trash& trash);
  Groups::iterator erase(Groups::iterator group);

  std::vector<std::uint32_t> sizes_;  // lanes that batches may have, ascending: each takes over from one of half of it
  Groups groups_;
  engine::Ageing ageing_;
  Candidate current_;
  const Group* hold_ = nullptr;
  engine::CostModel copyCost_{{250.0}};  // one piece of a model's weights
  OpTotal& copies_;
  Clock::time_point lastFrame_;
  double frameMicroseconds_ = 0, budget_ = 0;
  std::uint64_t uses_ = 0, evaluations_ = 0, laneEvaluations_ = 0;
  bool learned_ = false;
};

}  // namespace rivulet::plugin
