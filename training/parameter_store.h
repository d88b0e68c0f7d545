// All parameters of a network in one flat tensor (and their gradients in another), so that the optimiser, the
// average of the weights and the checkpoint are each a few operations on one vector.
#pragma once

#include <torch/torch.h>

#include <map>
#include <string>
#include <vector>

namespace rivulet::training {

class ParameterStore {
 public:
  struct Entry {
    std::string name;
    std::vector<int64_t> shape;
    int64_t offset = 0;
  };

  // Declares a parameter; call before allocate().
  void declare(const std::string& name, std::vector<int64_t> shape);
  // Allocates zeros. With `trainable`, parameters are leaves whose gradients accumulate into grad().
  void allocate(at::Device device, bool trainable);

  // A parameter by name; throws Error on an unknown name.
  const at::Tensor& operator[](const std::string& name) const;
  const std::vector<Entry>& entries() const { return entries_; }
  const at::Tensor& flat() const { return flat_; }
  const at::Tensor& grad() const { return grad_; }
  // Number of parameters, without the padding between them.
  int64_t count() const;

 private:
  std::vector<Entry> entries_;
  std::map<std::string, at::Tensor> views_;
  int64_t size_ = 0;
  at::Tensor flat_, grad_;
};

}  // namespace rivulet::training
