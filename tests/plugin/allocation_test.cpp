// record() in steady state takes nothing from the heap, and what is over leaves nothing there. Counted by this
// program's operator new, which the plugin's library uses as well.
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <new>
#include <thread>

#include "plugin/plugin_host.h"

namespace {

thread_local std::uint64_t allocations = 0;
std::atomic<std::int64_t> alive = 0;  // of all threads

void* allocate(std::size_t bytes) {
  ++allocations;
  ++alive;
  if (void* memory = std::malloc(bytes)) return memory;
  throw std::bad_alloc();
}

void release(void* memory) {
  if (memory) --alive;
  std::free(memory);
}

}  // namespace

void* operator new(std::size_t bytes) {
  return allocate(bytes);
}
void* operator new[](std::size_t bytes) {
  return allocate(bytes);
}
void operator delete(void* memory) noexcept {
  release(memory);
}
void operator delete[](void* memory) noexcept {
  release(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  release(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  release(memory);
}

namespace rivulet::test {
namespace {

class PluginAllocation : public GpuTest {};

TEST_F(PluginAllocation, NoneWhileRecording) {
  HostOptions options;
  options.validation = false;  // the layer allocates for every command
  PluginHost host(options);
  host.createContext();
  const RvlModel model = host.load();
  auto warm = sized<RvlWarmUpInfo>();
  warm.model = model;
  ASSERT_EQ(api().warmUp(host.context(), &warm), RVL_SUCCESS) << api().lastError();
  while (api().isReady(host.context(), &warm) == RVL_NOT_READY) {
  }
  std::vector<RvlRequest> requests;
  for (std::uint64_t i = 0; i < 12; ++i) {
    const auto info = requestInfo(model, i, i % 2 == 0 ? 3 : 10);  // of embeddings, one run and two
    RvlRequest request{};
    ASSERT_EQ(api().request(host.context(), &info, &request), RVL_SUCCESS) << api().lastError();
    requests.push_back(request);
  }
  std::uint64_t counted = 0, recordings = 0;
  auto statistics = sized<RvlStatistics>();
  for (int frame = 0; frame < 5000 && statistics.ready < requests.size(); ++frame) {
    auto info = sized<RvlRecordInfo>();
    info.command_buffer = host.stream().begin("a frame");
    info.budget_us = 300;
    auto result = sized<RvlRecordResult>();
    const std::uint64_t before = allocations;
    ASSERT_EQ(api().record(host.context(), &info, &result), RVL_SUCCESS);
    if (frame >= 4) counted += allocations - before;  // each place in the ring has been used once
    recordings += result.serial != 0;
    vk::SubmitSync sync;
    sync.signal = result.serial != 0 ? result.semaphore : VK_NULL_HANDLE;
    sync.signalValue = result.serial;
    host.stream().wait(host.stream().submit(sync));
    ASSERT_EQ(api().getStatistics(host.context(), &statistics), RVL_SUCCESS);
  }
  EXPECT_GT(recordings, 20u);
  EXPECT_GT(allocations, 0u) << "the counter counts";
  EXPECT_EQ(counted, 0u) << "starting, finishing and continuing requests included";
  auto status = sized<RvlRequestStatus>();
  for (const RvlRequest request : requests) {
    ASSERT_EQ(api().poll(host.context(), request, &status), RVL_SUCCESS);
    EXPECT_EQ(status.state, RVL_STATE_READY);
  }
}

TEST_F(PluginAllocation, SizesNobodyWaitsForLeaveNothing) {
  HostOptions options;
  options.validation = false;
  PluginHost host(options);
  host.createContext([](RvlContextInfo& info) {
    info.memory_limit = 1u << 20;  // room for the small size alone, so that no network is made of the others
    info.max_lanes = 1;
  });
  const RvlModel model = host.load();
  std::uint32_t width = 128;
  const auto refuse = [&](std::uint32_t count) {
    for (std::uint32_t i = 0; i < count; ++i, width += 8) {
      auto info = requestInfo(model, i);
      info.width = width;
      info.height = 64;
      RvlRequest request{};
      ASSERT_EQ(api().request(host.context(), &info, &request), RVL_ERROR_OUT_OF_DEVICE_MEMORY);
    }
    const auto info = requestInfo(model, 1);
    RvlRequest request{};
    ASSERT_EQ(api().request(host.context(), &info, &request), RVL_SUCCESS) << api().lastError();
    ASSERT_EQ(host.finish(request), RVL_STATE_READY);
    ASSERT_EQ(api().releaseRequest(host.context(), request), RVL_SUCCESS);
  };
  refuse(4);
  const auto settled = [&] {  // another thread tidies up
    std::int64_t now = alive;
    for (int same = 0; same < 20; ++same) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      if (now != alive) same = 0;
      now = alive;
    }
    return now;
  };
  const std::int64_t before = settled();
  refuse(50);
  EXPECT_LT(settled(), before + 50) << "not a thing for each size";
}

}  // namespace
}  // namespace rivulet::test
