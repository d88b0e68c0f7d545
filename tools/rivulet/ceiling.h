#pragma once
// The multiply-adds a device can do when it does nothing else, against which kernels are judged.

#include "vk/command_stream.h"
#include "vk/pipeline_cache.h"

namespace rivulet::cli {

/// Runs loops of fp32 multiply-adds over registers, with several numbers of accumulators and unrollings, and returns
/// the fastest in GFLOP/s (a multiply-add is two operations). About 50 ms. By GPU timestamps, or the host's clock where
/// there are none. Errors: those of the device.
double measureCeilingGflops(vk::PipelineCache& pipelines, vk::CommandStream& stream);

}  // namespace rivulet::cli
