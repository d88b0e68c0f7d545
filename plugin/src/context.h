#pragma once
// One host device with everything of ours on it. The one lock of the plugin is here: requests, polls and cancellations
// of any thread, the frame that records, and the builder take it for microseconds at a time; what takes longer
// (compiling, packing, measuring pixels, destroying) is done outside it.

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "handles.h"
#include "memory.h"
#include "messages.h"
#include "model.h"
#include "recordings.h"
#include "rivulet/rivulet.h"
#include "scheduler.h"
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
  std::vector<std::byte> pipelineCache() const { return pipelines_->blob(); }

 private:
  /// GPU objects on their way out: destroyed by the builder's thread, outside the lock.
  struct Trash {
    std::vector<std::unique_ptr<Batch>> batches;
    std::vector<vk::Image> images;
    std::vector<vk::Buffer> buffers;
    std::vector<std::shared_ptr<Model>> models;
    bool empty() const { return batches.empty() && images.empty() && buffers.empty() && models.empty(); }
    void clear();
  };
  /// What recordings up to `serial` may still use.
  struct Retired {
    std::uint64_t serial = 0;
    std::uint64_t bytes = 0;  // to be given back
    std::uint64_t textureBytes = 0;
    vk::Image image;
    vk::Buffer buffer;
  };

  // context.cpp
  void requireAlive() const;
  void requireMode(RvlMode mode) const;

  // context_frames.cpp
  std::uint64_t finishedSerial();
  void collect(std::uint64_t completedByHost);
  void becomeReady(Work& work);
  void requeueRecorded(std::uint64_t serial);
  void restart(std::uint64_t serial);
  void emptyRetired();
  double fill(VkCommandBuffer commands, double budget, Recording& recording);

  // context_requests.cpp
  std::uint64_t minimumBytes(const std::shared_ptr<Model>& model, const engine::LaneShape& shape);
  void makeImage(Work& work);
  bool makeRoom(std::uint64_t bytes, std::uint64_t textureBytes);
  bool evictOldest();
  void retire(Work& work);
  void stop(Work& work, RvlRequestState state);

  // builder.cpp
  void buildLoop();
  void buildOnce(std::unique_lock<std::mutex>& lock);
  bool build(std::unique_lock<std::mutex>& lock, Group& group);
  bool reserve(Group& group, std::uint64_t bytes);
  void buildFailed(Group& group, RvlResult error, const std::string& message);
  void sweep();

  MessageTarget messages_;
  RvlMode mode_;
  std::uint32_t consumerFamily_;
  std::uint64_t textureLimit_;
  std::uint32_t maxLanes_;
  std::shared_ptr<vk::Device> device_;
  std::unique_ptr<vk::PipelineCache> pipelines_;
  DataType precision_;
  VkSemaphore timeline_ = VK_NULL_HANDLE;      // RECORD, with timeline semaphores
  std::unique_ptr<vk::CommandStream> stream_;  // ASYNC

  mutable std::mutex mutex_;
  std::condition_variable wake_;  // the builder
  bool stopping_ = false, lost_ = false;
  bool blocked_ = false;  // the builder waits for memory
  Memory memory_;
  Scheduler scheduler_;
  Recordings recordings_;
  HandleTable<Model> models_;
  HandleTable<Work> works_;
  std::vector<std::shared_ptr<Model>> dying_;    // released, still used
  std::vector<std::shared_ptr<Work>> recorded_;  // complete but for the device
  std::vector<Retired> retired_;
  Trash trash_;
  RvlStatistics statistics_{};
  std::uint64_t textureBytes_ = 0, uses_ = 0;
  std::thread builder_;
};

}  // namespace rivulet::plugin
