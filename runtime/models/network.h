#pragma once
// A loaded network: configuration and weights on the host, and the recipe that appends its evaluation to a Graph.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "image/whitening.h"
#include "samplers/sampler_config.h"

namespace rivulet::models {

/// What a texture is beyond its edges.
enum class Wrap {
  Repeat,  // itself again: it tiles
  Clamp,   // nothing that the network heeds: it ends there, and does not tile
};

/// What a caller may ask of a network, read from its files.
struct NetworkInfo {
  std::string architecture;          // "texture_unet", "unet2d"
  std::string name;                  // file stem or folder name
  std::uint32_t inChannels = 3;      // of the sampled state x
  std::uint32_t outChannels = 3;     // 2 × inChannels where variance is learned
  std::uint32_t sizeMultiple = 8;    // width and height must be multiples of it
  std::uint32_t nativeSize = 64;     // pixels it was trained at
  std::vector<std::string> classes;  // names, or decimal numbers; empty: not class-conditional
  bool nullClass = false;            // index classes.size() means "no class": guidance is possible
  std::uint32_t styleDim = 0;        // 0 or 10
  Whitening whitening;               // how x stands for a picture; none where `floor` is 0
  bool wraps = true;                 // makes both kinds of Wrap; otherwise it has its own edges, and does not tile
  bool targetTime = false, guidanceInput = false;
  std::uint64_t parameters = 0;
  std::uint32_t quantizedLayers = 0;                    // those that can be computed in bytes
  SamplerConfig scheduler;                              // the process it was trained on and its usual sampler
  std::vector<std::vector<std::vector<float>>> styles;  // per class, vectors measured on training images
};

/// Errors: InvalidArgument where no layer can be computed in bytes, saying how to get one that can.
void requireQuantized(const NetworkInfo& info);

/// Channels of the conditioning tensor [N,1,1,M] float that every network reads; one row per lane.
struct ConditioningLayout {
  std::uint32_t timestep = 0;      // in the unit the network was trained with (noise level t, or DDPM's k)
  std::uint32_t targetTime = 1;    // noise level s
  std::uint32_t guidance = 2;      // w
  std::uint32_t style = 3;         // styleDim numbers
  std::uint32_t classWeights = 3;  // behind the style: classes + null class
  std::uint32_t channels = 3;      // M
};

struct NetworkInputs {
  graph::Tensor x;           // [N,H,W,inChannels], storage type
  graph::Tensor embedding;   // [N,1,1,E] float: rows of what embed() returned
  Wrap wrap = Wrap::Repeat;  // where info().wraps
};

/// An evaluation has two parts. What depends on time, class, style and guidance alone is a row of numbers, and can be
/// computed for many evaluations at once: embed(). The rest is build().
///
/// Thread-safety: immutable after loading; embed() and build() may be called from any thread.
class Network {
 public:
  virtual ~Network() = default;
  const NetworkInfo& info() const { return info_; }
  ConditioningLayout conditioning() const;

  /// Appends the embedding of rows of conditioning, [R,1,1,M] float; returns [R,1,1,E] float. A row's bits depend on
  /// neither R nor the other rows. Errors: InvalidArgument (shape).
  virtual graph::Tensor embed(graph::Graph& graph, graph::Tensor conditioning) const = 0;
  /// Appends one evaluation; returns the prediction [N,H,W,outChannels] in storage type.
  /// Errors: InvalidArgument when H or W is not a multiple of info().sizeMultiple.
  virtual graph::Tensor build(graph::Graph& graph, const NetworkInputs& inputs) const = 0;

  /// `path`: one of our .safetensors files, a diffusers UNet2DModel folder, or a pipeline folder (model_index.json,
  /// unet/, scheduler/). Errors: Io, CorruptFile, Unsupported; each names the file, the tensor or key, and what was
  /// expected.
  static std::shared_ptr<const Network> load(const std::filesystem::path& path);
  /// One of our .safetensors files, in memory; copied, so `file` may go afterwards. `name` is what messages and
  /// info().name call it. Errors: CorruptFile, Unsupported.
  static std::shared_ptr<const Network> load(std::span<const std::byte> file, const std::string& name);

 protected:
  /// Errors: InvalidArgument when the shapes are not what embed() and build() promise to take, the latter with an
  /// embedding of so many channels.
  void checkConditioning(const graph::Graph& graph, graph::Tensor conditioning) const;
  void checkInputs(const graph::Graph& graph, const NetworkInputs& inputs, std::uint32_t embeddingChannels) const;

  NetworkInfo info_;

 private:
  [[noreturn]] void refuse(const std::string& why) const;
};

}  // namespace rivulet::models
