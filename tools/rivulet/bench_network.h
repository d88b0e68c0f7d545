#pragma once
// A network ready to be measured: loaded, compiled for a shape, with typical inputs on the device.

#include <cstdint>
#include <memory>
#include <string>

#include "cli.h"
#include "engine/evaluator.h"
#include "engine/request.h"
#include "models/network.h"
#include "vk/command_stream.h"
#include "vk/pipeline_cache.h"

namespace rivulet::cli {

struct BenchNetworkOptions {
  std::string model, size, precision;  // size, precision: empty is the model's own, the device's better one
  std::uint32_t batch = 1;
};

/// Class 0, and zeros for a style where the file has none to draw from; `size` as --size, or empty. Errors:
/// InvalidArgument.
engine::Request typicalRequest(const models::NetworkInfo& info, const std::string& size);

class BenchNetwork {
 public:
  /// Evaluates once, which warms it up. Errors: those of files, devices and shapes.
  BenchNetwork(const Globals& globals, const BenchNetworkOptions& options);

  const std::string& name() const { return name_; }  // "materials-s 64x64 batch 1 fp32"
  const std::shared_ptr<vk::Device>& device() const { return device_; }
  vk::PipelineCache& pipelines() { return *pipelines_; }
  vk::CommandStream& stream() { return *stream_; }
  /// An evaluation by itself: its embedding, dispatches [0, networkFirst()), and the rest of the network.
  const graph::Executable& executable() { return evaluator_->executable(); }
  std::uint32_t networkFirst() const { return evaluator_->networkFirst(); }
  /// The embeddings of engine::kEmbeddedSteps evaluations, as a texture's are made.
  const graph::Executable& embeddings() { return *embeddings_; }

 private:
  std::string name_;
  std::shared_ptr<vk::Device> device_;
  std::unique_ptr<vk::PipelineCache> pipelines_;
  std::unique_ptr<vk::CommandStream> stream_;
  std::unique_ptr<engine::Evaluator> evaluator_;
  std::unique_ptr<graph::Executable> embeddings_;
};

}  // namespace rivulet::cli
