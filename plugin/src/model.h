#pragma once
// A loaded model and what of it is on the device.

#include <cstdint>
#include <memory>
#include <vector>

#include "graph/executable.h"
#include "models/network.h"
#include "vk/buffer.h"

namespace rivulet::plugin {

/// A model's weights in the layouts that the kernels of some sizes want, on their way to the device or there.
struct WeightSet {
  std::shared_ptr<const graph::WeightBuffer> weights;
  vk::Buffer staging;            // packed weights, until they are on the device
  std::uint64_t copied = 0;      // bytes of it recorded
  std::uint64_t copySerial = 0;  // of the last recording that copied

  bool copying() const { return staging.size() != 0 && copied < staging.size(); }
  /// Of the context's memory.
  std::uint64_t bytes() const { return weights->buffer().allocatedSize() + staging.allocatedSize(); }
};

/// The members behind `network` are guarded by the context's lock.
struct Model {
  std::shared_ptr<const models::Network> network;
  std::vector<std::unique_ptr<WeightSet>> sets;  // one for most sizes; they live as long as the model

  /// Those that the graph's kernels can read; null if they are still to be made.
  WeightSet* setFor(const graph::Graph& graph) const {
    for (const std::unique_ptr<WeightSet>& set : sets)
      if (set->weights->fits(graph)) return set.get();
    return nullptr;
  }
};

}  // namespace rivulet::plugin
