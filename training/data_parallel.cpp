#include "training/data_parallel.h"

#include <charconv>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "training/error.h"

#ifdef RIVULET_GLOO
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#ifdef USE_C10D_NCCL
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#endif
#endif

namespace rivulet::training {
namespace {

const char* variable(const char* name) {
  const char* text = std::getenv(name);
  return text != nullptr && *text != '\0' ? text : nullptr;
}

int64_t number(const char* name, int64_t least, int64_t most) {
  const char* text = variable(name);
  if (text == nullptr) {
    throw Error(
        std::string(name) +
        " is not set, but WORLD_SIZE is above 1: each process of a training needs RANK, WORLD_SIZE, MASTER_ADDR "
        "and MASTER_PORT in its environment");
  }
  int64_t value = 0;
  const char* const end = text + std::strlen(text);
  const auto [rest, error] = std::from_chars(text, end, value);
  if (error != std::errc() || rest != end || value < least || value > most) {
    throw Error(std::string(name) + "=" + text + ": expected a number from " + std::to_string(least) + " to " +
                std::to_string(most));
  }
  return value;
}

}  // namespace

#ifdef RIVULET_GLOO

struct DataParallel::Group {
  c10::intrusive_ptr<c10d::Store> store;
#if TORCH_VERSION_MAJOR >= 2
  c10::intrusive_ptr<c10d::Backend> processes;
#else
  c10::intrusive_ptr<c10d::ProcessGroup> processes;
#endif

  template <class Start>
  static void run(const char* what, Start&& start) {
    try {
      start()->wait();
    } catch (const std::exception& error) {
      throw Error(std::string(what) + " with the other processes of this training failed; has one of them ended? " +
                  "Start all of them again: they go on from the checkpoint. " + error.what());
    }
  }
};

DataParallel DataParallel::fromEnvironment(const at::Device& device) {
  DataParallel self;
  if (variable("WORLD_SIZE") == nullptr) return self;
  self.size_ = number("WORLD_SIZE", 1, 1 << 20);
  if (self.size_ == 1) return self;
  self.rank_ = number("RANK", 0, self.size_ - 1);
  const char* const address = variable("MASTER_ADDR");
  if (address == nullptr) throw Error("MASTER_ADDR is not set: the host name or address of the process of RANK 0");
  c10d::TCPStoreOptions options;
  options.port = static_cast<std::uint16_t>(number("MASTER_PORT", 1, 65535));
  options.isServer = self.leads();
  options.numWorkers = static_cast<std::size_t>(self.size_);
  self.group_ = std::make_unique<Group>();
  const int rank = static_cast<int>(self.rank_), size = static_cast<int>(self.size_);
  try {
    self.group_->store = c10::make_intrusive<c10d::TCPStore>(address, options);
    if (device.is_cuda()) {
#ifdef USE_C10D_NCCL
      self.group_->processes = c10::make_intrusive<c10d::ProcessGroupNCCL>(self.group_->store, rank, size);
#else
      throw Error("this libtorch has no NCCL: training with several processes needs --device cpu here");
#endif
    } else {
      const auto gloo = c10d::ProcessGroupGloo::Options::create();
      gloo->devices.push_back(c10d::ProcessGroupGloo::createDefaultDevice());
      self.group_->processes = c10::make_intrusive<c10d::ProcessGroupGloo>(self.group_->store, rank, size, gloo);
    }
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    throw Error("process " + std::to_string(rank) + " of " + std::to_string(size) + " cannot meet the others at " +
                address + ":" + std::to_string(options.port) + " (MASTER_ADDR, MASTER_PORT): " + error.what());
  }
  return self;
}

void DataParallel::sum(at::Tensor tensor) const {
  if (!group_) return;
  std::vector<at::Tensor> tensors = {std::move(tensor)};
  Group::run("adding gradients up", [&] { return group_->processes->allreduce(tensors); });
}

void DataParallel::broadcast(at::Tensor tensor) const {
  if (!group_) return;
  std::vector<at::Tensor> tensors = {std::move(tensor)};
  Group::run("sharing weights", [&] { return group_->processes->broadcast(tensors); });
}

void DataParallel::wait() const {
  if (!group_) return;
  Group::run("waiting", [&] { return group_->processes->barrier(); });
}

#else

struct DataParallel::Group {};

DataParallel DataParallel::fromEnvironment(const at::Device&) {
  if (variable("WORLD_SIZE") != nullptr && number("WORLD_SIZE", 1, 1 << 20) > 1) {
    throw Error(
        "WORLD_SIZE is above 1, and this rivulet-train was built without Gloo (Debian: libgloo-dev), which several "
        "processes need: install it and build again, or unset WORLD_SIZE");
  }
  return {};
}

void DataParallel::sum(at::Tensor) const {}
void DataParallel::broadcast(at::Tensor) const {}
void DataParallel::wait() const {}

#endif

DataParallel::DataParallel() = default;
DataParallel::~DataParallel() = default;
DataParallel::DataParallel(DataParallel&&) noexcept = default;
DataParallel& DataParallel::operator=(DataParallel&&) noexcept = default;

int DataParallel::localRank() {
  return variable("LOCAL_RANK") == nullptr ? 0 : static_cast<int>(number("LOCAL_RANK", 0, 1023));
}

}  // namespace rivulet::training
