// One evaluation of a network by the Vulkan runtime, for measuring it beside others.
#pragma once

#include <torch/torch.h>

#include <filesystem>
#include <memory>
#include <string>

namespace rivulet::training {

struct RuntimeShape {
  int batch = 1, size = 64;  // pixels a side
  std::string precision;     // "fp32", "fp16"; empty: the device's usual
};

// Throws rivulet::Error or Error with the runtime's own message. One thread at a time.
class RuntimeEvaluation {
 public:
  // `device` as `rivulet --device`. Compiles, and runs once: the first result is that of run().
  RuntimeEvaluation(const std::filesystem::path& model, const std::string& device, const RuntimeShape& shape);
  ~RuntimeEvaluation();

  // x [N,C,S,S] at t = 1, on the way to s = 0, with the class 0, a style of zeros and guidance 1 -> the network's
  // output, on the CPU.
  at::Tensor run(const at::Tensor& x);
  // Seconds of an evaluation, by the clock on the wall from submission to completion: the mean of `count` in one
  // submission.
  double seconds(int count);

  std::string deviceName() const;
  std::string precision() const;
  std::uint64_t deviceBytes() const;  // arena and weights

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rivulet::training
