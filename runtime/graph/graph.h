#pragma once
// The builder: a network as a list of dispatches over tensors. Ops (ops/*.h) append to it; Executable compiles it.
// A Graph touches no device: shapes, memory and multiply-adds are known before anything is allocated.

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "graph/arena_planner.h"
#include "graph/tuning.h"
#include "tensor/tensor_desc.h"
#include "vk/device_caps.h"
#include "vk/pipeline_cache.h"

namespace rivulet::graph {

/// A value in the arena. Cheap to copy; valid in the Graph that made it.
struct Tensor {
  std::uint32_t id = UINT32_MAX;
  explicit operator bool() const { return id != UINT32_MAX; }
};

/// A constant in the weight buffer. Cheap to copy; valid in the Graph that made it.
struct Weight {
  std::uint32_t id = UINT32_MAX;
  explicit operator bool() const { return id != UINT32_MAX; }
};

/// Push constants of one dispatch: plain words, and offsets that are known only after planning. An offset is given to
/// the shader in units of 16 bytes from the start of the arena or of the weight buffer (shared/tensor.glsl reads it).
class PushConstants {
 public:
  static constexpr std::uint32_t kMaxWords = 28;  // 128 guaranteed bytes less the two addresses
  PushConstants& word(std::uint32_t value);
  PushConstants& real(float value);
  PushConstants& offset(Tensor tensor);  // an empty handle writes 0
  PushConstants& offset(Weight weight);

 private:
  friend class Graph;
  friend class Executable;
  struct Patch {
    std::uint32_t word, id;
    bool weight;
  };
  std::vector<std::uint32_t> words_;
  std::vector<Patch> patches_;
};

/// One dispatch. Reads and writes decide barriers and lifetimes, so they must be complete. Its workgroups do not depend
/// on each other: any part of them may be recorded by itself.
struct Dispatch {
  std::string name;  // the layer, e.g. "down.0.1.conv2"
  std::string op;    // the kind and its shape, e.g. "conv2d 3x3 32->32 32x32": what labels and tables show
  vk::PipelineKey kernel;
  std::array<std::uint32_t, 3> groups{1, 1, 1};
  std::uint32_t rowsPerGroup = 0;  // where groups[1] goes with the rows (n), each by itself: what Selection::rows cuts
  PushConstants push;
  std::vector<Tensor> reads;
  std::vector<Tensor> writes;
  std::uint64_t multiplyAdds = 0;  // of the mathematical operation, without padding
  std::uint64_t bytes = 0;         // read and written at least once
  Choice choice;
};

struct MemoryPlan {
  std::uint64_t arenaBytes = 0;  // activations, state and inputs
  std::uint64_t weightBytes = 0;
  std::uint64_t unsharedBytes = 0;  // what the arena would need without sharing memory
};

class Graph {
 public:
  /// `caps` are those of the device that will run it; `storage` is how activations and weights are stored (F16 needs
  /// caps.storage16: Error(MissingFeature)); `tuning`: the kernels found best on that device, or null.
  Graph(const vk::DeviceCaps& caps, DataType storage, std::shared_ptr<const Tuning> tuning = nullptr);

  const vk::DeviceCaps& caps() const { return caps_; }
  DataType storage() const { return storage_; }
  /// Whether layers that have a quantisation multiply integers, from now on (DeviceCaps::multipliesBytes, storage F16).
  /// Errors: MissingFeature naming what the device lacks.
  void setQuantized(bool quantized);
  bool quantized() const { return quantized_; }
  /// For an op with several kernels that give the same bits.
  Choice choose(std::string key, std::uint32_t usual, std::uint32_t candidates) const;

  /// A temporary, alive from the first dispatch that writes it to the last that reads it.
  Tensor tensor(const TensorDesc& desc, std::string name);
  /// Alive always, and kept between evaluations: inputs, outputs, sampler state. Host writes and reads go here.
  Tensor persistent(const TensorDesc& desc, std::string name);
  /// Makes a temporary persistent: what an op returned and the host reads after the last dispatch.
  void keep(Tensor tensor) { tensors_.at(tensor.id).persistent = true; }
  /// One of `count` equal runs of the rows (along n) of a persistent tensor; which of them is said anew at each
  /// recording (Executable::record). Barriers take it for all of `base`. Errors: Internal when `base` is a temporary,
  /// its rows do not divide, or the graph's other views are of another count.
  Tensor view(Tensor base, std::uint32_t count);
  /// The views that a recording chooses from; 1 where there are none.
  std::uint32_t views() const { return views_; }
  const TensorDesc& desc(Tensor tensor) const { return tensors_.at(tensor.id).desc; }
  const std::string& name(Tensor tensor) const { return tensors_.at(tensor.id).name; }

  /// The sums over the channels of each pixel of x², n*h*w floats, once some op has made them along with x or from it;
  /// an empty handle until then. What an RMS norm of x needs. [1,1,planes,n*h*w]: the planes are to be added up.
  void setPixelSquares(Tensor x, Tensor squares) { pixelSquares_[x.id] = squares; }
  Tensor pixelSquares(Tensor x) const;

  /// From now on what every convolution reads stays in memory, for calibration: norms in front of them get dispatches
  /// of their own.
  void observe() { observing_ = true; }
  bool observing() const { return observing_; }
  /// Where observing() is on: `input` is what the layer reads, or a part of it.
  void observe(const std::string& layer, Tensor input);
  const std::map<std::string, std::vector<Tensor>>& observed() const { return observed_; }

  /// A constant, already in the layout its kernel wants. `pack` is called once, at compile time, and returns exactly
  /// `bytes` bytes; what it captures must live until then. A name stands for its contents: the second time, as for a
  /// network that is there in two precisions, it is the same weight. Errors: Internal for a name of other size.
  Weight weight(std::string name, std::uint64_t bytes, std::function<std::vector<std::byte>()> pack);

  /// Full shader name for this graph: stem + "." + f32|f16 [+ "_bda"], e.g. "ops/conv2d.f16_bda".
  std::string shader(std::string_view stem) const;

  void dispatch(Dispatch dispatch);
  const std::vector<Dispatch>& dispatches() const { return dispatches_; }

  MemoryPlan memory() const;
  std::uint64_t multiplyAdds() const;

 private:
  friend class Executable;
  friend class WeightBuffer;
  struct TensorInfo {
    TensorDesc desc;
    std::string name;
    bool persistent = false;
    Tensor base;  // a view's; it has no memory of its own
  };
  struct WeightInfo {
    std::string name;
    std::uint64_t bytes = 0, offset = 0;
    std::function<std::vector<std::byte>()> pack;
  };
  ArenaPlan plan() const;
  /// The tensor whose memory it is.
  Tensor owner(Tensor tensor) const {
    const Tensor base = tensors_.at(tensor.id).base;
    return base ? base : tensor;
  }

  vk::DeviceCaps caps_;
  DataType storage_;
  bool quantized_ = false;
  std::shared_ptr<const Tuning> tuning_;
  std::vector<TensorInfo> tensors_;
  std::map<std::uint32_t, Tensor> pixelSquares_;
  bool observing_ = false;
  std::map<std::string, std::vector<Tensor>> observed_;
  std::vector<WeightInfo> weights_;
  std::map<std::string, std::uint32_t> weightIds_;
  std::uint64_t weightBytes_ = 0;
  std::uint32_t views_ = 1;
  std::vector<Dispatch> dispatches_;
};

}  // namespace rivulet::graph
