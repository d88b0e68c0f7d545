// Several processes that train one network: each on batches of its own, with the mean of all gradients. On libtorch's
// process groups, Gloo on CPU and NCCL on CUDA.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <memory>

namespace rivulet::training {

// The processes of a training, this one among them. Alone unless join() is called: then every function returns at once.
// Functions that communicate are collective: all processes call them in the same order. They throw Error when another
// process has ended or does not answer.
// Thread-safety: one thread at a time.
class DataParallel {
 public:
  DataParallel();
  ~DataParallel();
  DataParallel(DataParallel&&) noexcept;
  DataParallel& operator=(DataParallel&&) noexcept;

  // What launchers set: RANK and WORLD_SIZE, and MASTER_ADDR and MASTER_PORT, where process 0 listens. Alone where
  // WORLD_SIZE is not set, or 1. Waits until all have come. Throws Error naming the variable that is wrong or missing.
  static DataParallel fromEnvironment(const at::Device& device);
  // The CUDA device of this process on its machine: LOCAL_RANK, 0 where that is not set. Throws Error.
  static int localRank();

  int64_t rank() const { return rank_; }
  int64_t size() const { return size_; }
  // Writes files and logs.
  bool leads() const { return rank_ == 0; }

  // In place, the sum over all processes; the same bits in each of them. Contiguous.
  void sum(at::Tensor tensor) const;
  // In place, process 0's values.
  void broadcast(at::Tensor tensor) const;
  // Returns when all have called it.
  void wait() const;

 private:
  struct Group;
  std::unique_ptr<Group> group_;
  int64_t rank_ = 0, size_ = 1;
};

}  // namespace rivulet::training
