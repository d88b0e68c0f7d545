// What the plugin does to a host's frames: frame times without and with it at several budgets, how well it keeps them,
// textures per second, latency, and what record() costs the host's thread.
//
//   rivulet-bench-frame MODEL [FRAMES [SIZE [LANES]]]
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <new>
#include <vector>

#include "core/error.h"
#include "host.h"
#include "vk/gpu_timer.h"

namespace {
thread_local std::uint64_t allocations = 0;
}

void* operator new(std::size_t bytes) {
  ++allocations;
  if (void* memory = std::malloc(bytes)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace rivulet::bench {
namespace {

using Clock = std::chrono::steady_clock;

double microseconds(Clock::duration duration) {
  return std::chrono::duration<double, std::micro>(duration).count();
}

struct Figures {
  std::vector<double> values;
  double at(double part) {
    if (values.empty()) return 0;
    std::sort(values.begin(), values.end());
    return values[std::min(values.size() - 1, static_cast<std::size_t>(part * static_cast<double>(values.size())))];
  }
};

class Run {
 public:
  Run(Host& host, const RvlApi& api, const char* modelPath, std::uint32_t size, std::uint32_t lanes)
      : host_(host), api_(api), size_(size) {
    RvlContextInfo info = host.contextInfo();
    info.max_lanes = lanes;
    check(api.createContext(&info, &context_));
    RvlModelInfo model{};
    model.struct_size = sizeof model;
    model.path = modelPath;
    check(api.loadModel(context_, &model, &model_));
    RvlWarmUpInfo warm{};
    warm.struct_size = sizeof warm;
    warm.model = model_;
    warm.width = warm.height = size;
    check(api.warmUp(context_, &warm));
    while (check(api.isReady(context_, &warm)) == RVL_NOT_READY) {
    }
    for (auto& timer : timers_) timer = std::make_unique<vk::GpuTimer>(host.device(), 2);
  }
  ~Run() {
    host_.stream().waitIdle();
    api_.destroyContext(context_, UINT64_MAX, 0);
  }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  /// `requests` wait at any time. Only what comes after `warm` frames counts.
  void frames(std::uint32_t count, std::uint32_t warm, double budget, std::uint32_t requests) {
    Figures frame, record, device, latency;
    std::uint64_t allocated = 0, textures = 0;
    double seconds = 0;
    auto last = Clock::now();
    for (std::uint32_t i = 0; i < count + warm; ++i) {
      const bool counts = i >= warm;
      while (budget > 0 && live_.size() < requests) live_.push_back(ask());
      const VkCommandBuffer commands = host_.beginFrame();
      vk::GpuTimer& timer = *timers_[i % timers_.size()];
      if (const std::vector<double> marks = timer.read(); marks.size() == 2 && counts)
        device.values.push_back(marks[1]);
      timer.begin(commands);
      timer.mark(commands);
      vk::SubmitSync sync;
      if (budget > 0) {
        RvlRecordInfo info{};
        info.struct_size = sizeof info;
        info.command_buffer = commands;
        info.budget_us = budget;
        RvlRecordResult result{};
        result.struct_size = sizeof result;
        const std::uint64_t before = allocations;
        const auto began = Clock::now();
        check(api_.record(context_, &info, &result));
        const double took = microseconds(Clock::now() - began);
        if (counts) allocated += allocations - before;
        if (counts) record.values.push_back(took);
        sync.signal = result.serial != 0 ? result.semaphore : VK_NULL_HANDLE;
        sync.signalValue = result.serial;
      }
      timer.mark(commands);
      host_.endFrame(sync);
      std::erase_if(live_, [&](RvlRequest request) {
        RvlRequestStatus status{};
        status.struct_size = sizeof status;
        check(api_.poll(context_, request, &status));
        if (status.state != RVL_STATE_READY) return false;
        if (counts) latency.values.push_back(static_cast<double>(status.latency_us));
        textures += counts;
        check(api_.releaseRequest(context_, request));
        return true;
      });
      const auto now = Clock::now();
      if (counts) frame.values.push_back(microseconds(now - last));
      if (counts) seconds += microseconds(now - last) * 1e-6;
      last = now;
    }
    RvlStatistics statistics{};
    statistics.struct_size = sizeof statistics;
    check(api_.getStatistics(context_, &statistics));
    std::printf("%9.0f  %8.0f %8.0f %8.0f", budget, frame.at(0.5), frame.at(0.99), frame.at(1));
    if (budget > 0) {
      std::printf("  %8.0f %8.0f %8.0f %8.0f  %7.2f %9.0f  %6.1f %6.1f %6.1f  %6.3f", device.at(0.5), device.at(0.99),
                  std::max(device.at(0.99) - budget, 0.0), statistics.longest_dispatch_us,
                  static_cast<double>(textures) / seconds, latency.at(0.5), record.at(0.5), record.at(0.99),
                  record.at(1), static_cast<double>(allocated) / static_cast<double>(count));
    }
    std::printf("\n");
    std::fflush(stdout);
  }

 private:
  RvlResult check(RvlResult result) const {
    if (result < 0) throw Error(ErrorCode::Internal, api_.lastError());
    return result;
  }
  RvlRequest ask() {
    RvlRequestInfo info{};
    info.struct_size = sizeof info;
    info.model = model_;
    info.class_count = 1;
    info.classes[0] = {0, 1.0f};
    info.seed = seed_++;
    info.steps = 4;
    info.width = info.height = size_;
    info.target.format = VK_FORMAT_R8G8B8A8_SRGB;
    RvlRequest request{};
    check(api_.request(context_, &info, &request));
    return request;
  }

  Host& host_;
  const RvlApi& api_;
  std::uint32_t size_;
  std::uint64_t seed_ = 0;
  RvlContext context_{};
  RvlModel model_{};
  std::array<std::unique_ptr<vk::GpuTimer>, 3> timers_;
  std::vector<RvlRequest> live_;
};

int run(const char* model, std::uint32_t frames, std::uint32_t size, std::uint32_t lanes) {
  const RvlApi* api = rvlGetApi(RVL_API_VERSION);
  Host host(16u << 20);
  std::printf("%s, %ux%u, 4 steps, up to %u lanes, %u frames each, times in microseconds\n",
              host.device()->caps().name.c_str(), size, size, lanes, frames);
  std::printf("%9s  %26s  %35s  %7s %9s  %20s  %6s\n", "", "frame", "plugin on the device", "tex/s", "latency",
              "record()", "allocs");
  std::printf("%9s  %8s %8s %8s  %8s %8s %8s %8s  %7s %9s  %6s %6s %6s  %6s\n", "budget", "p50", "p99", "max", "p50",
              "p99", "over p99", "longest", "", "p50", "p50", "p99", "max", "/frame");
  Run run(host, *api, model, size, lanes);
  run.frames(frames, 20, 0, 0);
  run.frames(60, 60, 1e5, lanes);  // costs are learned, kernels compiled by the driver
  for (const double budget : {500.0, 1000.0, 2000.0, 4000.0, 16000.0}) run.frames(frames, 20, budget, 2 * lanes);
  return 0;
}

}  // namespace
}  // namespace rivulet::bench

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: %s MODEL [FRAMES [SIZE [LANES]]]\n", argv[0]);
    return 2;
  }
  const auto number = [&](int index, std::uint32_t usual) {
    return argc > index ? static_cast<std::uint32_t>(std::strtoul(argv[index], nullptr, 10)) : usual;
  };
  try {
    return rivulet::bench::run(argv[1], number(2, 1000), number(3, 64), number(4, 4));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
