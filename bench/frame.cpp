// What the plugin does to a host's frames: frame times without and with it at several budgets, how well it keeps them
// beside how well the machine keeps a load that never changes, textures per second, latency, what record() costs the
// host's thread, and what batches gain.
//
//   rivulet-bench-frame MODEL [FRAMES [SIZE [LANES]]]
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "core/error.h"
#include "host.h"
#include "thread_time.h"
#include "vk/buffer.h"
#include "vk/gpu_timer.h"
#include "vk/pipeline_cache.h"
#include "yardstick.h"

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

/// Microseconds of frames, and of what was measured in them on the device.
struct FrameFigures {
  Figures frame, device;
};

struct PluginFigures {
  Figures record, latency;  // microseconds
  std::uint64_t allocations = 0, records = 0, textures = 0;
  double seconds = 0, longestDispatch = 0;
};

struct Options {
  const char* model = nullptr;
  std::uint32_t frames = 1000, size = 64, lanes = 4;
};

/// One context with its requests.
class Run {
 public:
  Run(Host& host, const RvlApi& api, const Options& options) : host_(host), api_(api), options_(options) {
    RvlContextInfo info = host.contextInfo();
    info.max_lanes = options.lanes;
    const std::string measured = vk::PipelineCache::defaultDirectory().string();
    info.tuning_folder = measured.c_str();
    check(api.createContext(&info, &context_));
    RvlModelInfo model{};
    model.struct_size = sizeof model;
    model.path = options.model;
    check(api.loadModel(context_, &model, &model_));
    RvlWarmUpInfo warm{};
    warm.struct_size = sizeof warm;
    warm.model = model_;
    warm.width = warm.height = options.size;
    check(api.warmUp(context_, &warm));
    while (check(api.isReady(context_, &warm)) == RVL_NOT_READY) {
    }
    marks_ = vk::Buffer(host.device(), vk::BufferUse::Readback, timers_.size() * kMarkBytes, "marks");
    for (auto& timer : timers_) timer = std::make_unique<vk::GpuTimer>(host.device(), 2);
  }
  ~Run() {
    host_.stream().waitIdle();
    api_.destroyContext(context_, UINT64_MAX, 0);
  }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  /// Frames of the host alone, or with `yardstick` as its load.
  void without(std::uint32_t count, const Yardstick* yardstick, FrameFigures& figures) {
    frames(count, figures, [&](VkCommandBuffer commands, bool) {
      if (yardstick != nullptr) yardstick->record(commands);
      return vk::SubmitSync{};
    });
    host_.stream().waitIdle();  // the caller may now let go of its load
  }
  /// Frames with the plugin, with `requests` waiting at any time.
  void with(std::uint32_t count, double budget, std::uint32_t requests, FrameFigures& figures, PluginFigures& plugin) {
    const auto began = Clock::now();
    std::uint64_t textures = 0;
    frames(count, figures, [&](VkCommandBuffer commands, bool counts) {
      textures += settle(counts ? &plugin.latency : nullptr);
      while (live_.size() < requests) live_.push_back(ask());
      return record(commands, budget, counts ? &plugin : nullptr);
    });
    plugin.textures += textures;
    plugin.seconds += microseconds(Clock::now() - began) * 1e-6;
    RvlStatistics statistics{};
    statistics.struct_size = sizeof statistics;
    check(api_.getStatistics(context_, &statistics));
    plugin.longestDispatch = statistics.longest_dispatch_us;
  }

 private:
  /// `load(commands, counts)` records what is measured. The first frames count for nothing: the device still does
  /// those of before.
  template <class Load>
  void frames(std::uint32_t count, FrameFigures& figures, Load&& load) {
    constexpr std::uint32_t kBefore = 4;
    auto last = Clock::now();
    for (std::uint32_t i = 0; i < count + kBefore; ++i) {
      const bool counts = i >= kBefore;
      const VkCommandBuffer commands = host_.beginFrame();
      // Three of them: the frame that wrote this one last has finished.
      const std::size_t slot = i % timers_.size();
      vk::GpuTimer& timer = *timers_[slot];
      std::array<double, 2> marks{};
      marks_.invalidate();
      if (timer.read(marks_, slot * kMarkBytes, marks) == 2 && counts) figures.device.values.push_back(marks[1]);
      timer.begin(commands);
      timer.mark(commands);
      const vk::SubmitSync sync = load(commands, counts);
      timer.mark(commands);
      timer.copy(commands, marks_, slot * kMarkBytes);
      host_.endFrame(sync);
      const auto now = Clock::now();
      if (counts) figures.frame.values.push_back(microseconds(now - last));
      last = now;
    }
  }
  vk::SubmitSync record(VkCommandBuffer commands, double budget, PluginFigures* figures) {
    RvlRecordInfo info{};
    info.struct_size = sizeof info;
    info.command_buffer = commands;
    info.budget_us = budget;
    RvlRecordResult result{};
    result.struct_size = sizeof result;
    const std::uint64_t allocated = allocations;
    const double began = threadMicroseconds();
    check(api_.record(context_, &info, &result));
    const double took = threadMicroseconds() - began;
    if (figures != nullptr) {
      figures->allocations += allocations - allocated;
      figures->record.values.push_back(took);
      ++figures->records;
    }
    vk::SubmitSync sync;
    sync.signal = result.serial != 0 ? result.semaphore : VK_NULL_HANDLE;
    sync.signalValue = result.serial;
    return sync;
  }
  /// Releases what is ready. Returns how many.
  std::uint64_t settle(Figures* latency) {
    return std::erase_if(live_, [&](RvlRequest request) {
      RvlRequestStatus status{};
      status.struct_size = sizeof status;
      check(api_.poll(context_, request, &status));
      if (status.state != RVL_STATE_READY) return false;
      if (latency != nullptr) latency->values.push_back(static_cast<double>(status.latency_us));
      check(api_.releaseRequest(context_, request));
      return true;
    });
  }
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
    info.width = info.height = options_.size;
    info.target.format = VK_FORMAT_R8G8B8A8_SRGB;
    RvlRequest request{};
    check(api_.request(context_, &info, &request));
    return request;
  }

  Host& host_;
  const RvlApi& api_;
  Options options_;
  std::uint64_t seed_ = 0;
  RvlContext context_{};
  RvlModel model_{};
  static constexpr std::uint64_t kMarkBytes = 2 * sizeof(std::uint64_t);
  std::array<std::unique_ptr<vk::GpuTimer>, 3> timers_;
  vk::Buffer marks_;
  std::vector<RvlRequest> live_;
};

constexpr double kAnyTime = 1e5;  // a budget that leaves the device no rest

void frameTimes(Host& host, const RvlApi& api, const Options& options) {
  std::printf("%s, %ux%u, 4 steps, up to %u lanes, %u frames each, times in microseconds\n",
              host.device()->caps().name.c_str(), options.size, options.size, options.lanes, options.frames);
  std::printf("fixed: a load of always the same multiply-adds that takes about the budget, instead of the plugin\n");
  std::printf("%7s  %26s  %26s  %26s  %8s %7s %9s  %20s  %6s\n", "", "frame", "plugin on the device",
              "fixed on the device", "longest", "tex/s", "latency", "record(), processor", "allocs");
  std::printf("%7s  %8s %8s %8s  %8s %8s %8s  %8s %8s %8s  %8s %7s %9s  %6s %6s %6s  %6s\n", "budget", "p50", "p99",
              "max", "p50", "p99", "over p99", "p50", "p99", "over p50", "expected", "", "p50", "p50", "p99", "max",
              "/call");
  Run run(host, api, options);
  FrameFigures off;
  run.without(options.frames, nullptr, off);
  std::printf("%7s  %8.0f %8.0f %8.0f\n", "off", off.frame.at(0.5), off.frame.at(0.99), off.frame.at(1));
  {
    FrameFigures frames;  // costs are learned, kernels compiled by the driver
    PluginFigures plugin;
    run.with(100, kAnyTime, 2 * options.lanes, frames, plugin);
  }
  for (const double budget : {500.0, 1000.0, 2000.0, 4000.0, 16000.0}) {
    const Yardstick yardstick(host.device(), host.stream(), budget);
    FrameFigures on, fixed;
    PluginFigures plugin;
    // In turns, so that what else the machine does meets both.
    for (std::uint32_t done = 0, block; done < options.frames; done += block) {
      block = std::min(100u, options.frames - done);
      run.with(block, budget, 2 * options.lanes, on, plugin);
      run.without(block, &yardstick, fixed);
    }
    std::printf(
        "%7.0f  %8.0f %8.0f %8.0f  %8.0f %8.0f %8.0f  %8.0f %8.0f %8.0f  %8.0f %7.2f %9.0f  %6.1f %6.1f %6.1f  %6.3f\n",
        budget, on.frame.at(0.5), on.frame.at(0.99), on.frame.at(1), on.device.at(0.5), on.device.at(0.99),
        std::max(on.device.at(0.99) - budget, 0.0), fixed.device.at(0.5), fixed.device.at(0.99),
        fixed.device.at(0.99) - fixed.device.at(0.5), plugin.longestDispatch,
        static_cast<double>(plugin.textures) / plugin.seconds, plugin.latency.at(0.5), plugin.record.at(0.5),
        plugin.record.at(0.99), plugin.record.at(1),
        static_cast<double>(plugin.allocations) / static_cast<double>(plugin.records));
    std::fflush(stdout);
  }
}

void batching(Host& host, const RvlApi& api, Options options) {
  std::printf("\ntextures a second with the device to itself, by the most lanes a batch may have\n");
  double one = 0;
  for (const std::uint32_t lanes : {1u, 2u, 4u, 8u}) {
    options.lanes = lanes;
    Run run(host, api, options);
    FrameFigures frames;
    {
      PluginFigures warm;
      run.with(40, kAnyTime, 16, frames, warm);
    }
    PluginFigures plugin;
    run.with(160, kAnyTime, 16, frames, plugin);
    const double rate = static_cast<double>(plugin.textures) / plugin.seconds;
    if (lanes == 1) one = rate;
    std::printf("%7u  %7.2f  %5.2f of one lane\n", lanes, rate, rate / one);
    std::fflush(stdout);
  }
}

int run(const Options& options) {
  const RvlApi* api = rvlGetApi(RVL_API_VERSION);
  Host host(16u << 20);
  frameTimes(host, *api, options);
  batching(host, *api, options);
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
    return rivulet::bench::run({argv[1], number(2, 1000), number(3, 64), number(4, 4)});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
