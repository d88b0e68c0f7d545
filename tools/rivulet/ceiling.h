#pragma once
// The multiply-adds a device can do when it does nothing else, against which kernels are judged.

#include "graph/graph.h"
#include "vk/command_stream.h"
#include "vk/pipeline_cache.h"

namespace rivulet::cli {

/// Runs loops of fp32 multiply-adds over registers, with several numbers of accumulators and unrollings, and returns
/// the fastest in GFLOP/s (a multiply-add is two operations). About 50 ms. By GPU timestamps, or the host's clock where
/// there are none. Errors: those of the device.
double measureCeilingGflops(vk::PipelineCache& pipelines, vk::CommandStream& stream);

/// The same of the device's matrix units, halves summed in floats; 0 where there are none.
double measureMatrixCeilingGflops(vk::PipelineCache& pipelines, vk::CommandStream& stream);

/// Whether a dispatch runs on matrix units, by its name.
bool onMatrixUnits(const graph::Dispatch& dispatch);

/// A large copy on the device: gigabytes (1e9) read and written a second.
double measureCopyGigabytes(vk::PipelineCache& pipelines, vk::CommandStream& stream);

/// What an op is judged against, measured at one time.
struct Ceilings {
  double gflops = 0.0, matrixGflops = 0.0, gigabytes = 0.0;
  /// Of an op, how near it comes to what bounds it: its multiply-adds or its bytes, whichever would take longer.
  /// S. Williams, A. Waterman, D. Patterson, "Roofline", 2009. `matrix`: it runs on matrix units.
  double fraction(double seconds, double multiplyAdds, double bytes, bool matrix) const;
};
Ceilings measureCeilings(vk::PipelineCache& pipelines, vk::CommandStream& stream);

}  // namespace rivulet::cli
