#pragma once
// What a network takes of a device's memory.

#include <algorithm>
#include <cstdint>

#include "engine/image_output.h"
#include "engine/lane_graph.h"
#include "graph/graph.h"
#include "vk/buffer.h"

namespace rivulet::plugin {

struct NetworkBytes {
  std::uint64_t network = 0;  // its arena, and the texels of one image
  std::uint64_t weights = 0;  // which networks of a model share
  std::uint64_t staging = 0;  // what they are copied from, once

  /// The most at any one time: the network is allocated once the staging has gone, if need be.
  std::uint64_t peak() const { return weights + std::max(network, staging); }
};

/// As allocated, not as planned: with what the device rounds up to. Errors: out of memory. Thread-safety: any thread.
inline NetworkBytes networkBytes(const vk::Device& device, const graph::MemoryPlan& plan,
                                 const engine::LaneShape& shape) {
  const auto buffer = [&](vk::BufferUse use, std::uint64_t bytes) {
    return vk::Buffer::requiredSize(device, use, bytes);
  };
  NetworkBytes result;
  result.network = buffer(vk::BufferUse::Device, plan.arenaBytes) +
                   buffer(vk::BufferUse::Device, engine::ImageOutput::plannedBytes(shape.width, shape.height));
  result.weights = buffer(vk::BufferUse::Device, plan.weightBytes);
  result.staging = buffer(vk::BufferUse::Upload, plan.weightBytes);
  return result;
}

}  // namespace rivulet::plugin
