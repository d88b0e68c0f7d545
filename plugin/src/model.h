#pragma once
// A loaded model and what of it is on the device.

#include <memory>

#include "graph/executable.h"
#include "models/network.h"
#include "vk/buffer.h"

namespace rivulet::plugin {

/// The members behind `network` are guarded by the context's lock.
struct Model {
  std::shared_ptr<const models::Network> network;
  std::shared_ptr<const graph::WeightBuffer> weights;  // null until the first batch is built
  std::uint64_t weightBytes = 0;                       // taken from the context's memory
  vk::Buffer staging;                                  // packed weights, until they are on the device
  std::uint64_t copied = 0;                            // bytes of it recorded
  std::uint64_t copySerial = 0;                        // of the last recording that copied

  bool copying() const { return staging.size() != 0 && copied < staging.size(); }
};

}  // namespace rivulet::plugin
