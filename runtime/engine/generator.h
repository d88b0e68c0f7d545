#pragma once
// Textures from requests, synchronously: for library users without a frame to keep, for tests and for the command line.
// It decides which requests share an executable; engine/lanes.h does the rest.

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/autotuner.h"
#include "engine/evaluation_timer.h"
#include "engine/lanes.h"
#include "engine/request.h"
#include "vk/command_stream.h"
#include "vk/pipeline_cache.h"

namespace rivulet::engine {

struct GeneratorOptions {
  Precision precision = Precision::Fp32;  // of the network; the sampler's state is always fp32
  // Textures in the making at once, where there are as many requests; fewer where memory does not hold them. 0: what
  // is fastest for the requests there are, up to maxLanes, as earlier evaluations took (engine/batch_curve.h).
  std::uint32_t lanes = 0;
  std::uint32_t maxLanes = 16;
  std::uint32_t maxExecutables = 4;  // compiled sizes kept; the one longest unused goes first
};

/// Told while generate() works. Throwing from it ends generate().
struct Progress {
  /// FirstRun: the first evaluation of a new size, in slices. Some drivers (lavapipe) compile a kernel when it first
  /// runs, and take seconds over it.
  /// Compiling: where kernels are timed first (engine/autotuner.h), several times over.
  enum class Stage { Compiling, FirstRun, Sampling } stage = Stage::Compiling;
  std::size_t done = 0, total = 0;  // pipelines; dispatches; evaluations of all requests
};

/// For progress bars: "compiling pipelines".
const char* toString(Progress::Stage stage);

/// A finished texture.
struct Texture {
  std::uint32_t width = 0, height = 0, channels = 0;
  std::vector<float> pixels;  // [C,H,W] in [-1, 1], clamped
  bool finite = true;         // false: the network produced NaN or infinity (in fp16, an overflow)
  Request request;            // as it was resolved: size and style filled in
  std::string sampler;
  std::uint32_t evaluations = 0;  // of the network, a guided one counting once
  std::uint32_t lanes = 0;        // of the executable it was made on
  double seconds = 0.0;           // from taking a lane to the end; lanes overlap
};

/// Bytes of device memory.
struct MemoryUse {
  std::uint64_t arenaBytes = 0;      // of the executables kept, as planned
  std::uint64_t weightBytes = 0;     // as planned
  std::uint64_t allocatedBytes = 0;  // what the allocator gave for both
};

/// A texture's bytes are a function of its request, the network, the precision and the device: neither the other
/// requests nor the lanes change them. Thread-safety: one thread at a time.
class Generator {
 public:
  /// `pipelines` is BORROWED.
  Generator(std::shared_ptr<const models::Network> network, vk::PipelineCache& pipelines,
            const GeneratorOptions& options = {});
  ~Generator();

  using OnProgress = std::function<void(const Progress&)>;
  using OnTexture = std::function<void(std::size_t index, Texture&)>;

  /// One texture per request, in their order; `onTexture` is called as each one is ready, in the order they finish, and
  /// may take the pixels. Everything is checked before anything runs. Errors: InvalidArgument naming the request and
  /// what there is; OutOfDeviceMemory with the bytes needed and available; DeviceLost.
  std::vector<Texture> generate(std::span<const Request> requests, const OnProgress& onProgress = {},
                                const OnTexture& onTexture = {});
  Texture generate(const Request& request, const OnProgress& onProgress = {});

  MemoryUse memory() const;
  const models::Network& network() const { return *network_; }
  const GeneratorOptions& options() const { return options_; }

 private:
  struct Job;
  struct Group;
  struct Run;
  struct Cached {
    std::unique_ptr<Lanes> lanes;
    std::uint64_t lastUse = 0;
    std::array<bool, 2> ran{};  // evaluations, and those in bytes of mixed precision
  };
  /// Of a shape with any number of lanes.
  struct Sizing {
    std::string curve;            // curveKey()
    std::uint32_t mostLanes = 0;  // that memory holds, as far as is known
  };
  Sizing& sizingOf(LaneShape shape);
  std::uint32_t chooseLanes(const Sizing& sizing, std::size_t requests);
  Cached& lanesFor(LaneShape shape, const OnProgress& onProgress);
  void evict();
  VkCommandBuffer recordEvaluation(Cached& cached, const OnProgress& onProgress);
  void run(Run& run, Group& group);
  void settle() noexcept;

  std::shared_ptr<const models::Network> network_;
  vk::PipelineCache& pipelines_;
  GeneratorOptions options_;
  vk::CommandStream stream_;
  Autotuner tuner_;
  EvaluationTimer timer_;
  std::shared_ptr<const graph::WeightBuffer> weights_;
  std::map<LaneShape, Cached> executables_;
  std::map<LaneShape, Sizing> sizings_;  // lanes 0
  vk::Buffer readback_;
  std::uint64_t uses_ = 0;
};

}  // namespace rivulet::engine
