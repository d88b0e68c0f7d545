#pragma once
// One host device with everything of ours on it. The one lock of the plugin is here: requests, polls and cancellations
// of any thread, the frame that records, and the builder take it for microseconds at a time; what takes longer
// (compiling, packing, measuring pixels, making and destroying Vulkan objects, submitting, waiting) is done outside it.

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "handles.h"
#include "image_store.h"
#include "memory.h"
#include "messages.h"
#include "model.h"
#include "network_bytes.h"
#include "op_statistics.h"
#include "recordings.h"
#include "rivulet/rivulet.h"
#include "scheduler.h"
#include "trash.h"
#include "tuning_store.h"
#include "vk/command_stream.h"
#include "vk/pipeline_cache.h"
#include "work.h"

namespace rivulet::plugin {

/// Thread-safety: any thread, any member. Errors: Failure and Error, as RvlApi's functions say.
class Context {
 public:
  Context(const RvlContextInfo& info, std::uint16_t tag);
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  const MessageTarget& messages() const { return messages_; }

  /// Some call found the device lost: no other reaches it.
  void deviceLost();
  /// Waits for the device; the context may be destroyed afterwards. Errors: BUSY.
  void close(std::uint64_t completed, std::uint64_t timeoutNanoseconds);

  std::uint64_t loadModel(const RvlModelInfo& info);
  void releaseModel(std::uint64_t model);
  std::shared_ptr<const models::Network> network(std::uint64_t model);

  void warmUp(const RvlWarmUpInfo& info);
  RvlResult isReady(const RvlWarmUpInfo& info);

  std::uint64_t request(const RvlRequestInfo& info);
  RvlRequestStatus poll(std::uint64_t request);
  void cancel(std::uint64_t request);
  void releaseRequest(std::uint64_t request);
  RvlResult acquireImage(std::uint64_t request, RvlImage& image);
  void unacquireImage(std::uint64_t request);

  RvlRecordResult record(const RvlRecordInfo& info);
  void discard(std::uint64_t serial);
  RvlTickResult tick(const RvlTickInfo& info);

  RvlStatistics statistics();
  std::vector<RvlOpStatistics> opStatistics();
  std::vector<std::byte> pipelineCache() const { return pipelines_->blob(); }

 private:
  /// What recordings up to `serial` may still use.
  struct Retired {
    std::uint64_t serial = 0;
    OwnedImage image;
    vk::Buffer buffer;
  };
  /// What something about to be made needs room for.
  struct Need {
    std::uint64_t bytes = 0;                      // of buffers
    const vk::ImageRequirements* kind = nullptr;  // of an image; null: none
    const Group* group = nullptr;                 // whose network or weights they are; null: a request's own
    std::uint64_t leastNetwork = 0;               // bytes that the request will need besides
  };
  /// What there is to know of a shape before anything is made for it.
  struct Sizing {
    std::uint64_t minimumBytes = 0;  // that one texture needs at some time, but for its own image and state
    std::shared_ptr<engine::BatchCurve> curve;
  };
  /// Room that was taken: an image's place, or how many places the slab is to have that has to be made for it.
  struct Room {
    ImagePlace place;
    std::uint32_t newPlaces = 0;
    std::uint64_t bytes = 0;  // of memory
  };
  /// What has to go so that something fits: images, and as many bytes of networks and weights.
  struct Clearance {
    std::vector<Work*> images;
    std::uint64_t bytes = 0;
  };

  // context.cpp
  void requireOpen() const;
  void requireAlive() const;
  void requireMode(RvlMode mode) const;

  // context_frames.cpp
  std::uint64_t finishedSerial();
  void collect(std::uint64_t completedByHost);
  void becomeReady(Work& work);
  void requeueRecorded(std::uint64_t serial);
  void restart(std::uint64_t serial);
  void emptyRetired();
  Recording& fill(VkCommandBuffer commands, double budget);

  // context_requests.cpp
  Sizing sizingOf(const std::shared_ptr<Model>& model, const engine::LaneShape& shape);
  void makeObjects(std::unique_lock<std::mutex>& lock, Work& work, const engine::GivenState* given);
  void remake(std::unique_lock<std::mutex>& lock, const std::shared_ptr<Work>& work);
  void retire(Work& work);
  void stop(Work& work, RvlRequestState state);

  // context_memory.cpp
  std::optional<Room> reserve(std::unique_lock<std::mutex>& lock, const Need& need);
  bool makeRoom(std::unique_lock<std::mutex>& lock, const Need& need);
  bool admits(const Need& need, const Room& room) const;
  bool hasRoom(const Need& need) const;
  bool couldHaveRoom(const Need& need) const;
  std::optional<Clearance> clearanceFor(const Need& need) const;
  std::optional<Clearance> clearanceFor(const Need& need, std::uint64_t networks) const;
  std::uint64_t missing(const Need& need, bool place) const;
  bool disused(const WeightSet& set, const Group* group) const;
  void evict(Work& work);
  void emptyTrash(std::unique_lock<std::mutex>& lock);

  // builder.cpp
  void wakeBuilder();
  void buildLoop();
  void buildOnce(std::unique_lock<std::mutex>& lock);
  bool build(std::unique_lock<std::mutex>& lock, Group& group);
  bool tryBuild(std::unique_lock<std::mutex>& lock, Group& group);
  WeightSet* weightsFor(std::unique_lock<std::mutex>& lock, Group& group, const graph::Graph& graph,
                        const NetworkBytes& bytes);
  void buildFailed(Group& group, RvlResult error, const std::string& message);
  void sweep();
  template <class Visit>
  void forEachModel(Visit&& visit) const {
    models_.forEach([&](const std::shared_ptr<Model>& model) { visit(*model); });
    for (const std::shared_ptr<Model>& model : dying_) visit(*model);
  }

  MessageTarget messages_;
  RvlMode mode_;
  std::uint32_t consumerFamily_;
  std::uint64_t textureLimit_;
  std::shared_ptr<vk::Device> device_;
  std::unique_ptr<vk::PipelineCache> pipelines_;
  engine::Precision precision_;
  VkSemaphore timeline_ = VK_NULL_HANDLE;      // RECORD, with timeline semaphores
  std::unique_ptr<vk::CommandStream> stream_;  // ASYNC

  std::mutex ticking_;  // one tick() at a time; taken before mutex_
  mutable std::mutex mutex_;
  std::condition_variable wake_;   // the builder
  std::condition_variable freed_;  // emptying_ is over
  bool stopping_ = false, lost_ = false;
  bool closing_ = false;       // destroyContext() is at work
  bool submitting_ = false;    // stream_ is tick()'s alone
  bool blocked_ = false;       // the builder waits for memory
  bool emptying_ = false;      // going_ is that thread's alone
  std::uint64_t changes_ = 0;  // that the builder was woken for
  Memory memory_;
  ImageStore images_;
  OpStatistics ops_;     // before what counts in it
  TuningStore tunings_;  // before what learns into it
  Scheduler scheduler_;
  Recordings recordings_;
  HandleTable<Model> models_;
  HandleTable<Work> works_;
  std::vector<std::shared_ptr<Model>> dying_;    // released, still used
  std::vector<std::shared_ptr<Work>> recorded_;  // complete but for the device
  std::vector<Retired> retired_;
  Trash trash_, going_;  // to be destroyed; being destroyed
  RvlStatistics statistics_{};
  std::uint64_t textureBytes_ = 0, uses_ = 0;
  std::uint64_t making_ = 0;  // bytes of objects that requests are making
  std::thread builder_;
};

}  // namespace rivulet::plugin
