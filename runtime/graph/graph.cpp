#include "graph/graph.h"

#include <algorithm>
#include <bit>

#include "core/error.h"

namespace rivulet::graph {
namespace {

// Every block starts at a multiple of this: the shaders' offset unit (16) and a cache line of any device.
constexpr std::uint64_t kBlockAlignment = 256;

std::uint64_t alignUp(std::uint64_t value) {
  return (value + kBlockAlignment - 1) / kBlockAlignment * kBlockAlignment;
}

}  // namespace

PushConstants& PushConstants::word(std::uint32_t value) {
  if (words_.size() == kMaxWords) {
    throw Error(ErrorCode::Internal,
                "a dispatch has more than " + std::to_string(kMaxWords) + " words of push constants");
  }
  words_.push_back(value);
  return *this;
}

PushConstants& PushConstants::real(float value) {
  return word(std::bit_cast<std::uint32_t>(value));
}

PushConstants& PushConstants::offset(Tensor tensor) {
  if (tensor) {
    patches_.push_back({static_cast<std::uint32_t>(words_.size()), tensor.id, false});
  }
  return word(0);
}

PushConstants& PushConstants::offset(Weight weight) {
  if (weight) {
    patches_.push_back({static_cast<std::uint32_t>(words_.size()), weight.id, true});
  }
  return word(0);
}

Graph::Graph(const vk::DeviceCaps& caps, DataType storage, std::shared_ptr<const Tuning> tuning)
    : caps_(caps), storage_(storage), tuning_(std::move(tuning)) {
  if (storage == DataType::F16 && !caps.storage16) {
    throw Error(ErrorCode::MissingFeature, "fp16 storage needs the feature storageBuffer16BitAccess, which " +
                                               caps.name + " does not offer; use fp32");
  }
  if (tuning_ && tuning_->matrixUnits == false) {  // for halves: sums of bytes are the same without them
    std::erase_if(caps_.cooperativeMatrixShapes,
                  [](const auto& shape) { return shape.a == VK_COMPONENT_TYPE_FLOAT16_KHR; });
    caps_.cooperativeMatrix = !caps_.cooperativeMatrixShapes.empty();
  }
}

void Graph::setQuantized(bool quantized) {
  if (quantized && (storage_ != DataType::F16 || !caps_.multipliesBytes())) {
    throw Error(ErrorCode::MissingFeature,
                "int8 needs fp16 storage and either shaderIntegerDotProduct or cooperative matrices of bytes, which " +
                    caps_.name + " does not offer; use fp16 or fp32");
  }
  quantized_ = quantized;
}

Choice Graph::choose(std::string key, std::uint32_t usual, std::uint32_t candidates) const {
  const std::uint32_t taken = tuning_ ? tuning_->candidate(key, usual, candidates) : usual;
  return {std::move(key), candidates, taken};
}

Tensor Graph::tensor(const TensorDesc& desc, std::string name) {
  if (desc.n == 0 || desc.h == 0 || desc.w == 0 || desc.c == 0) {
    throw Error(ErrorCode::InvalidArgument, "tensor '" + name + "' has an empty shape " + toString(desc));
  }
  // Kernels index elements with 32 bits.
  if (desc.elements() > UINT32_MAX) {
    throw Error(ErrorCode::InvalidArgument, "tensor '" + name + "' " + toString(desc) + " has " +
                                                std::to_string(desc.elements()) +
                                                " elements, more than 2^32; use a smaller size or batch");
  }
  tensors_.push_back({desc, std::move(name), false, {}});
  return {static_cast<std::uint32_t>(tensors_.size() - 1)};
}

Tensor Graph::persistent(const TensorDesc& desc, std::string name) {
  const Tensor result = tensor(desc, std::move(name));
  tensors_[result.id].persistent = true;
  return result;
}

Tensor Graph::view(Tensor base, std::uint32_t count) {
  const TensorInfo& whole = tensors_.at(base.id);
  if (!whole.persistent || whole.base || count == 0 || whole.desc.n % count != 0 || (views_ != 1 && views_ != count)) {
    throw Error(ErrorCode::Internal, "'" + whole.name + "' " + toString(whole.desc) + " cannot be seen as one of " +
                                         std::to_string(count) +
                                         " views: it must be persistent, its rows a multiple of them, and all views of "
                                         "a graph as many");
  }
  TensorInfo info = whole;
  info.desc.n /= count;
  info.base = base;
  views_ = count;
  tensors_.push_back(std::move(info));
  return {static_cast<std::uint32_t>(tensors_.size() - 1)};
}

Tensor Graph::pixelSquares(Tensor x) const {
  const auto found = pixelSquares_.find(x.id);
  return found == pixelSquares_.end() ? Tensor{} : found->second;
}

void Graph::observe(const std::string& layer, Tensor input) {
  if (!observing_ || !input) return;
  keep(input);
  observed_[layer].push_back(input);
}

Weight Graph::weight(std::string name, std::uint64_t bytes, std::function<std::vector<std::byte>()> pack) {
  if (const auto known = weightIds_.find(name); known != weightIds_.end()) {
    if (weights_[known->second].bytes == bytes) return {known->second};
    throw Error(ErrorCode::Internal, "weight '" + name + "' is added twice, with " + std::to_string(bytes) +
                                         " bytes and with " + std::to_string(weights_[known->second].bytes));
  }
  const auto id = static_cast<std::uint32_t>(weights_.size());
  weightIds_.emplace(name, id);
  weights_.push_back({std::move(name), bytes, weightBytes_, std::move(pack)});
  weightBytes_ += alignUp(bytes);
  return {id};
}

std::string Graph::shader(std::string_view stem) const {
  std::string name(stem);
  name += storage_ == DataType::F16 ? ".f16" : ".f32";
  if (caps_.bufferDeviceAddress) {
    name += "_bda";
  }
  return name;
}

void Graph::dispatch(Dispatch dispatch) {
  for (std::size_t axis = 0; axis < 3; ++axis) {
    if (dispatch.groups[axis] == 0 || dispatch.groups[axis] > caps_.maxWorkgroupCount[axis]) {
      throw Error(ErrorCode::InvalidArgument,
                  dispatch.name + " (" + dispatch.op + ") needs " + std::to_string(dispatch.groups[axis]) +
                      " workgroups along axis " + std::to_string(axis) + "; the device allows 1 to " +
                      std::to_string(caps_.maxWorkgroupCount[axis]) + "; use a smaller size or batch");
    }
  }
  dispatches_.push_back(std::move(dispatch));
}

ArenaPlan Graph::plan() const {
  const auto last = static_cast<std::uint32_t>(dispatches_.empty() ? 0 : dispatches_.size() - 1);
  std::vector<Lifetime> blocks(tensors_.size());
  for (std::size_t id = 0; id < tensors_.size(); ++id) {
    blocks[id] = {tensors_[id].desc.bytes(), UINT32_MAX, 0};
    if (tensors_[id].persistent && !tensors_[id].base) {
      blocks[id].first = 0;
      blocks[id].last = last;
    }
  }
  const auto touch = [&](Tensor tensor, std::uint32_t when) {
    Lifetime& block = blocks.at(owner(tensor).id);
    block.first = std::min(block.first, when);
    block.last = std::max(block.last, when);
  };
  for (std::uint32_t when = 0; when < dispatches_.size(); ++when) {
    for (const Tensor tensor : dispatches_[when].reads) {
      if (!tensors_.at(tensor.id).persistent && blocks[tensor.id].first == UINT32_MAX) {
        throw Error(ErrorCode::Internal,
                    dispatches_[when].name + " reads '" + tensors_[tensor.id].name + "' before it is written");
      }
      touch(tensor, when);
    }
    for (const Tensor tensor : dispatches_[when].writes) {
      touch(tensor, when);
    }
  }
  for (Lifetime& block : blocks) {
    if (block.first == UINT32_MAX) {
      block = {0, 0, 0};  // never used: takes no room
    }
  }
  ArenaPlan plan = planArena(blocks, kBlockAlignment);
  for (std::uint32_t id = 0; id < tensors_.size(); ++id) plan.offsets[id] = plan.offsets[owner({id}).id];
  return plan;
}

MemoryPlan Graph::memory() const {
  MemoryPlan memory;
  memory.arenaBytes = plan().bytes;
  memory.weightBytes = weightBytes_;
  for (const TensorInfo& tensor : tensors_) {
    if (!tensor.base) memory.unsharedBytes += alignUp(tensor.desc.bytes());
  }
  return memory;
}

std::uint64_t Graph::multiplyAdds() const {
  std::uint64_t sum = 0;
  for (const Dispatch& dispatch : dispatches_) {
    sum += dispatch.multiplyAdds;
  }
  return sum;
}

}  // namespace rivulet::graph
