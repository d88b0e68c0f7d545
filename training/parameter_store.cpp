#include "training/parameter_store.h"

#include "training/error.h"

namespace rivulet::training {
namespace {

int64_t product(const std::vector<int64_t>& shape) {
  int64_t count = 1;
  for (const int64_t size : shape) count *= size;
  return count;
}

}  // namespace

void ParameterStore::declare(const std::string& name, std::vector<int64_t> shape) {
  const int64_t count = product(shape);
  entries_.push_back({name, std::move(shape), size_});
  size_ += (count + 15) / 16 * 16;  // each starts on a cache line
}

void ParameterStore::allocate(at::Device device, bool trainable) {
  flat_ = at::zeros({size_}, at::TensorOptions().device(device));
  if (trainable) grad_ = at::zeros_like(flat_);
  for (const Entry& entry : entries_) {
    const int64_t count = product(entry.shape);
    at::Tensor view = flat_.narrow(0, entry.offset, count).view(entry.shape).detach();
    if (trainable) {
      view.requires_grad_(true);
      view.mutable_grad() = grad_.narrow(0, entry.offset, count).view(entry.shape);
    }
    views_[entry.name] = view;
  }
}

const at::Tensor& ParameterStore::operator[](const std::string& name) const {
  const auto found = views_.find(name);
  if (found == views_.end()) throw Error("the network has no parameter named " + name);
  return found->second;
}

int64_t ParameterStore::count() const {
  int64_t total = 0;
  for (const Entry& entry : entries_) total += product(entry.shape);
  return total;
}

}  // namespace rivulet::training
