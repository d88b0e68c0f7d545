#include "engine/generator.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <deque>
#include <set>

#include "core/error.h"
#include "image/whitening.h"

namespace rivulet::engine {

using Clock = std::chrono::steady_clock;

/// One request on its way.
struct Generator::Job {
  std::size_t index = 0;
  Request request;
  std::shared_ptr<const StepPlan> plan;
  Clock::time_point started;
};

/// Requests that can share an executable.
struct Generator::Group {
  LaneShape shape;  // lanes is filled in when it is run
  std::deque<Job> waiting;
};

/// What one call of generate() keeps.
struct Generator::Run {
  const OnProgress& onProgress;
  const OnTexture& onTexture;
  std::vector<Texture> textures;
  std::size_t done = 0, total = 0;  // evaluations
};

namespace {

/// Clamps to [-1, 1] and tells whether everything was finite. A NaN becomes -1.
bool clampPixels(std::vector<float>& pixels) {
  bool finite = true;
  for (float& v : pixels) {
    finite = finite && std::isfinite(v);
    v = std::isnan(v) ? -1.0f : std::clamp(v, -1.0f, 1.0f);
  }
  return finite;
}

}  // namespace

const char* toString(Progress::Stage stage) {
  switch (stage) {
    case Progress::Stage::Compiling:
      return "compiling pipelines";
    case Progress::Stage::FirstRun:
      return "first run of the kernels";
    case Progress::Stage::Sampling:
      return "generating";
  }
  return "";
}

Generator::Generator(std::shared_ptr<const models::Network> network, vk::PipelineCache& pipelines,
                     const GeneratorOptions& options)
    : network_(std::move(network)),
      pipelines_(pipelines),
      options_(options),
      stream_(pipelines.device()),
      tuner_(pipelines, stream_, tuningFile(pipelines.file())),
      timer_(pipelines.device()) {
  if ((options_.lanes == 0 && options_.maxLanes == 0) || options_.maxExecutables == 0) {
    throw Error(ErrorCode::InvalidArgument, "a generator needs at least one lane and one executable");
  }
}

Generator::~Generator() {
  settle();
}

/// After an error something may still be recorded, or running on the executables.
void Generator::settle() noexcept {
  try {
    stream_.abandon();
    stream_.waitIdle();
  } catch (const std::exception&) {
    // The device is lost: nothing runs any more.
  }
}

Texture Generator::generate(const Request& request, const OnProgress& onProgress) {
  return std::move(generate(std::span(&request, 1), onProgress).front());
}

std::vector<Texture> Generator::generate(std::span<const Request> requests, const OnProgress& onProgress,
                                         const OnTexture& onTexture) {
  Run run{onProgress, onTexture, std::vector<Texture>(requests.size())};
  std::vector<Group> groups;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    Job job;
    job.index = i;
    try {
      job.request = resolve(network_->info(), requests[i]);
      job.plan = std::make_shared<const StepPlan>(makePlan(network_->info(), job.request));
    } catch (const Error& error) {
      if (requests.size() == 1) throw;
      throw Error(error.code(), "request " + std::to_string(i) + ": " + error.what());
    }
    run.total += job.plan->calls.size();
    LaneShape shape;
    shape.lanes = 0;
    shape.height = job.request.height;
    shape.width = job.request.width;
    shape.precision = options_.precision;
    shape.guided = needsGuidance(network_->info(), job.request);
    if (network_->info().wraps) shape.wrap = job.request.wrap;
    const LaneNeeds needs = needsOf(*job.plan);
    auto group = std::find_if(groups.begin(), groups.end(), [&](const Group& g) {
      return g.shape.height == shape.height && g.shape.width == shape.width && g.shape.guided == shape.guided &&
             g.shape.wrap == shape.wrap;
    });
    if (group == groups.end()) {
      groups.push_back({shape, {}});
      group = groups.end() - 1;
    }
    group->shape.needs = group->shape.needs | needs;
    group->waiting.push_back(std::move(job));
  }
  try {
    for (Group& group : groups) this->run(run, group);
  } catch (...) {
    settle();
    // Requests cut short must not stay in lanes that the next call uses.
    for (auto& [shape, cached] : executables_) {
      for (std::uint32_t lane = 0; lane < shape.lanes; ++lane) cached.lanes->release(lane);
    }
    throw;
  }
  return std::move(run.textures);
}

Generator::Sizing& Generator::sizingOf(LaneShape shape) {
  shape.lanes = 0;
  Sizing& sizing = sizings_[shape];
  if (sizing.mostLanes == 0) {
    shape.lanes = 1;
    const LaneGraph one = planLanes(*network_, *pipelines_.device(), shape, tuner_.tuning());
    sizing = {curveKey(network_->info(), shape, one), UINT32_MAX};
  }
  return sizing;
}

std::uint32_t Generator::chooseLanes(const Sizing& sizing, std::size_t requests) {
  const auto most = static_cast<std::uint32_t>(std::min<std::size_t>(sizing.mostLanes, requests));
  if (options_.lanes != 0) return std::min(options_.lanes, most);
  // Not each number there is: each has to be built, and its kernels timed.
  std::vector<std::uint32_t> sizes;
  for (const std::uint32_t lanes : {1u, 2u, 3u, 4u, 6u, 8u, 12u, 16u, 24u, 32u, 48u, 64u}) {
    sizes.push_back(std::min({lanes, options_.maxLanes, most}));
    if (sizes.back() < lanes) break;
  }
  return tuner_.curve(sizing.curve).best(requests, sizes);
}

Generator::Cached& Generator::lanesFor(LaneShape shape, const OnProgress& onProgress) {
  graph::ExecutableOptions options;
  options.onPipeline = [&](std::size_t done, std::size_t total) {
    if (onProgress) onProgress({Progress::Stage::Compiling, done, total});
  };
  while (true) {
    if (const auto found = executables_.find(shape); found != executables_.end()) {
      found->second.lastUse = ++uses_;
      return found->second;
    }
    try {
      while (executables_.size() >= options_.maxExecutables) evict();
      options.name = network_->info().name + " " + std::to_string(shape.width) + "x" + std::to_string(shape.height);
      tuner_.tune(
          [&](const std::shared_ptr<const graph::Tuning>& tuning) {
            return planLanes(*network_, *pipelines_.device(), shape, tuning).graph;
          },
          options.name, options);
      auto lanes = std::make_unique<Lanes>(network_, pipelines_, stream_, shape, weights_, options, tuner_.tuning());
      weights_ = lanes->weights();
      Cached& cached = executables_[shape];
      cached.lanes = std::move(lanes);
      cached.lastUse = ++uses_;
      return cached;
    } catch (const Error& error) {
      if (error.code() != ErrorCode::OutOfDeviceMemory) throw;
      // Other sizes' arenas go first, then lanes.
      if (!executables_.empty()) {
        evict();
      } else if (shape.lanes > 1) {
        shape.lanes /= 2;
      } else {
        throw;
      }
    }
  }
}

void Generator::evict() {
  const auto oldest = std::min_element(executables_.begin(), executables_.end(), [](const auto& a, const auto& b) {
    return a.second.lastUse < b.second.lastUse;
  });
  if (oldest != executables_.end()) executables_.erase(oldest);
}

/// Begins a command buffer that ends with the last dispatch of an evaluation; of a first one, the rest has already run.
VkCommandBuffer Generator::recordEvaluation(Cached& cached, const OnProgress& onProgress) {
  constexpr std::uint32_t kSlice = 4;
  Lanes& lanes = *cached.lanes;
  const std::uint32_t size = lanes.executable().size();
  VkCommandBuffer commands = stream_.begin("sampling step");
  lanes.recordParameters(commands);
  bool& ran = cached.ran[lanes.inBytes() ? 1 : 0];
  const bool timed = ran && !lanes.inBytes();  // one kind of evaluation has one curve
  if (timed) timer_.begin(commands);
  std::uint32_t first = lanes.firstDispatch(), recorded = 0;
  while (first < size) {
    std::uint32_t last = first, next = lanes.nextDispatch(first);
    while (next == last + 1 && next < size && (ran || next - first < kSlice)) {
      last = next;
      next = lanes.nextDispatch(last);
    }
    lanes.record(commands, first, last - first + 1);
    recorded += last - first + 1;
    first = next;
    if (ran || first >= size) continue;
    stream_.wait(stream_.submit());
    if (onProgress) onProgress({Progress::Stage::FirstRun, recorded, size});
    commands = stream_.begin("sampling step");
  }
  if (timed) timer_.end(commands);
  ran = true;
  return commands;
}

void Generator::run(Run& run, Group& group) {
  Sizing& sizing = sizingOf(group.shape);
  LaneShape shape = group.shape;
  shape.lanes = chooseLanes(sizing, group.waiting.size());
  Cached& cached = lanesFor(shape, run.onProgress);
  Lanes& lanes = *cached.lanes;
  const std::uint32_t count = lanes.shape().lanes;
  if (count < shape.lanes) sizing.mostLanes = count;
  timer_.reset();
  if (readback_.size() < lanes.stateBytes()) {
    readback_ = vk::Buffer(pipelines_.device(), vk::BufferUse::Readback, lanes.stateBytes(), "textures read back");
  }
  std::vector<Job> jobs(count);  // per lane
  if (run.onProgress) run.onProgress({Progress::Stage::Sampling, run.done, run.total});
  std::uint64_t previous = 0;
  while (true) {
    for (std::uint32_t lane = 0; lane < count && !group.waiting.empty(); ++lane) {
      if (lanes.active(lane)) continue;
      jobs[lane] = std::move(group.waiting.front());
      group.waiting.pop_front();
      jobs[lane].started = Clock::now();
      lanes.assign(lane, std::make_shared<const Request>(jobs[lane].request), jobs[lane].plan);
    }
    if (lanes.activeCount() == 0) break;

    const VkCommandBuffer commands = recordEvaluation(cached, run.onProgress);
    run.done += lanes.advance();
    bool anyFinished = false;
    for (std::uint32_t lane = 0; lane < count; ++lane) anyFinished = anyFinished || lanes.finished(lane);
    if (anyFinished) lanes.recordReadback(commands, readback_);
    const std::uint64_t serial = stream_.submit();
    // One evaluation ahead: the host records the next one while the device works on this one.
    if (anyFinished || previous > 0) stream_.wait(anyFinished ? serial : previous);
    previous = serial;
    if (run.onProgress) run.onProgress({Progress::Stage::Sampling, run.done, run.total});
    if (!anyFinished) continue;

    readback_.invalidate();
    for (std::uint32_t lane = 0; lane < count; ++lane) {
      if (!lanes.finished(lane)) continue;
      const Job& job = jobs[lane];
      Texture& texture = run.textures[job.index];
      texture.pixels = lanes.state(readback_.mapped(), lane);
      if (network_->info().whitening.floor > 0) {
        applyColourMap(colourMap(network_->info().whitening, job.request.style), texture.pixels);
      }
      texture.finite = clampPixels(texture.pixels);
      texture.width = job.request.width;
      texture.height = job.request.height;
      texture.channels = network_->info().inChannels;
      texture.request = job.request;
      texture.sampler = job.plan->sampler;
      texture.evaluations = static_cast<std::uint32_t>(job.plan->calls.size());
      texture.lanes = count;
      texture.seconds = std::chrono::duration<double>(Clock::now() - job.started).count();
      lanes.release(lane);
      if (run.onTexture) run.onTexture(job.index, texture);
    }
  }
  tuner_.evaluated(sizing.curve, count, timer_.median());
}

MemoryUse Generator::memory() const {
  MemoryUse use;
  std::set<const graph::WeightBuffer*> counted;  // shared ones once
  for (const auto& [shape, cached] : executables_) {
    const graph::Executable& executable = cached.lanes->executable();
    use.arenaBytes += executable.memory().arenaBytes;
    use.allocatedBytes += executable.arena().allocatedSize();
    const graph::WeightBuffer* weights = cached.lanes->weights().get();
    if (!counted.insert(weights).second) continue;
    use.weightBytes += executable.memory().weightBytes;
    use.allocatedBytes += weights->buffer().allocatedSize();
  }
  if (executables_.empty() && weights_) use.allocatedBytes += weights_->buffer().allocatedSize();
  return use;
}

}  // namespace rivulet::engine
