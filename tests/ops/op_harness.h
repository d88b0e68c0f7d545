#pragma once
// Runs a graph of a few ops on a device and reads what it made. Every byte of the arena is NaN before the first
// dispatch, so a value that an op forgets to write, or reads without being given it, shows.

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/half.h"
#include "graph/executable.h"
#include "support/gpu_fixture.h"

namespace rivulet::test {

/// An image or a vector per lane on the host, float NCHW without padding.
struct Image {
  TensorDesc desc;
  std::vector<float> values;
  float at(std::uint32_t n, std::uint32_t c, std::uint32_t y, std::uint32_t x) const {
    return values[((std::size_t{n} * desc.c + c) * desc.h + y) * desc.w + x];
  }
  float& at(std::uint32_t n, std::uint32_t c, std::uint32_t y, std::uint32_t x) {
    return values[((std::size_t{n} * desc.c + c) * desc.h + y) * desc.w + x];
  }
};

inline Image makeImage(const TensorDesc& desc) {
  return {desc, std::vector<float>(std::size_t{desc.n} * desc.c * desc.h * desc.w)};
}

/// Gaussian values, rounded to what the type can hold: the reference starts from the bits the kernel sees.
inline Image randomImage(std::mt19937& random, const TensorDesc& desc, float scale = 1.0f, float mean = 0.0f) {
  Image image = makeImage(desc);
  std::normal_distribution<float> normal(mean, scale);
  for (float& v : image.values) {
    v = normal(random);
    if (desc.type == DataType::F16) v = halfToFloat(floatToHalf(v));
  }
  return image;
}

/// Image `n` of a batch.
inline Image laneOf(const Image& batch, std::uint32_t n) {
  Image one{batch.desc, {}};
  one.desc.n = 1;
  const auto size = static_cast<std::ptrdiff_t>(batch.values.size() / batch.desc.n);
  one.values.assign(batch.values.begin() + n * size, batch.values.begin() + (n + 1) * size);
  return one;
}

inline HostTensor randomTensor(std::mt19937& random, std::vector<std::uint32_t> shape, float scale = 1.0f,
                               float mean = 0.0f) {
  HostTensor tensor{std::move(shape), {}};
  std::size_t count = 1;
  for (const std::uint32_t n : tensor.shape) count *= n;
  std::normal_distribution<float> normal(mean, scale);
  for (std::size_t i = 0; i < count; ++i) tensor.values.push_back(normal(random));
  return tensor;
}

/// Values of padding channels that are not a zero, of either sign.
inline std::size_t nonZeroPadding(std::span<const std::byte> bytes, const TensorDesc& desc) {
  TensorDesc whole = desc;
  whole.c = desc.stride();
  const Image all{whole, graph::unpackNchw(bytes, whole)};
  std::size_t count = 0;
  for (std::uint32_t n = 0; n < desc.n; ++n) {
    for (std::uint32_t c = desc.c; c < whole.c; ++c) {
      for (std::uint32_t y = 0; y < desc.h; ++y) {
        for (std::uint32_t x = 0; x < desc.w; ++x) count += all.at(n, c, y, x) != 0.0f;
      }
    }
  }
  return count;
}

class OpHarness {
 public:
  /// With `asGpu` the ops choose the kernels of a GPU whatever the device is.
  OpHarness(const vk::DeviceCaps& caps, DataType storage, bool asGpu) : graph(withType(caps, asGpu), storage) {}

  graph::Graph graph;

  graph::Tensor input(const Image& image, const std::string& name) {
    const graph::Tensor tensor = graph.persistent(image.desc, name);
    inputs_.push_back({tensor, graph::packNchw(image.values, image.desc)});
    return tensor;
  }

  graph::Tensor input(const TensorDesc& desc, std::vector<std::byte> bytes, const std::string& name) {
    const graph::Tensor tensor = graph.persistent(desc, name);
    inputs_.push_back({tensor, std::move(bytes)});
    return tensor;
  }

  /// Call once, after the ops; `outputs` is what will be read. Evaluates twice: dispatches whole, and cut in parts,
  /// which must give the same bits.
  void run(vk::PipelineCache& pipelines, vk::CommandStream& stream, const std::vector<graph::Tensor>& outputs) {
    for (const graph::Tensor tensor : outputs) graph.keep(tensor);
    stream_ = &stream;
    weights_ = graph::WeightBuffer::create(graph, stream, pipelines.device(), "test");
    executable_ = std::make_unique<graph::Executable>(graph, pipelines, weights_, graph::ExecutableOptions{"test", {}});
    rerun();
    std::vector<std::vector<std::byte>> whole;
    for (const graph::Tensor tensor : outputs) whole.push_back(bytes(tensor));
    upload();
    evaluateInParts();
    for (std::size_t i = 0; i < outputs.size(); ++i)
      EXPECT_EQ(bytes(outputs[i]), whole[i]) << "recorded in parts, " << graph.name(outputs[i]) << " differs";
  }

  void rerun() {
    upload();
    evaluate();
  }

  void upload() {
    const vk::Buffer& arena = executable_->arena();
    stream_->upload(arena, 0, std::vector<std::byte>(arena.size() / 4 * 4, std::byte{0xff}));
    for (const auto& [tensor, bytes] : inputs_) stream_->upload(arena, executable_->offset(tensor), bytes);
  }

  /// The dispatches once more on what is in the arena.
  void evaluate() {
    const VkCommandBuffer commands = stream_->begin("test");
    executable_->record(commands, 0, executable_->size());
    stream_->wait(stream_->submit());
  }

  /// The same, every dispatch cut in up to three parts of different lengths.
  void evaluateInParts() {
    std::vector<graph::DispatchPart> parts;
    for (std::uint32_t i = 0; i < executable_->size(); ++i) {
      const std::uint32_t all = executable_->partCount(i);
      for (std::uint32_t first = 0, count = 1; first < all; first += count, count = all / 2 + 1)
        parts.push_back({i, first, std::min(count, all - first)});
    }
    const VkCommandBuffer commands = stream_->begin("test in parts");
    executable_->record(commands, parts);
    stream_->wait(stream_->submit());
  }

  void write(graph::Tensor tensor, std::span<const std::byte> bytes) {
    stream_->upload(executable_->arena(), executable_->offset(tensor), bytes);
  }

  std::vector<std::byte> bytes(graph::Tensor tensor) const {
    std::vector<std::byte> bytes(graph.desc(tensor).bytes());
    stream_->download(executable_->arena(), executable_->offset(tensor), bytes);
    return bytes;
  }

  /// The values; padding channels are checked to be zeros.
  Image read(graph::Tensor tensor) const {
    const TensorDesc desc = graph.desc(tensor);
    const std::vector<std::byte> raw = bytes(tensor);
    EXPECT_EQ(nonZeroPadding(raw, desc), 0u) << "padding of " << toString(desc);
    return {desc, graph::unpackNchw(raw, desc)};
  }

 private:
  static vk::DeviceCaps withType(vk::DeviceCaps caps, bool asGpu) {
    if (asGpu) caps.type = VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU;
    return caps;
  }

  std::vector<std::pair<graph::Tensor, std::vector<std::byte>>> inputs_;
  vk::CommandStream* stream_ = nullptr;
  std::shared_ptr<const graph::WeightBuffer> weights_;
  std::unique_ptr<graph::Executable> executable_;
};

/// Every value within `absolute + relative * |expected|`; reports the worst.
inline void expectClose(const Image& have, const Image& want, float absolute, float relative, const std::string& what) {
  ASSERT_EQ(have.values.size(), want.values.size()) << what;
  double worst = -1;
  std::size_t at = 0;
  for (std::size_t i = 0; i < have.values.size(); ++i) {
    const double error = std::abs(double{have.values[i]} - want.values[i]) /
                         (double{absolute} + relative * std::abs(double{want.values[i]}));
    if (!(error <= worst)) {  // NaN counts as worst
      worst = error;
      at = i;
      if (std::isnan(error)) break;
    }
  }
  if (have.values.empty()) return;
  EXPECT_LE(worst, 1.0) << what << ": value " << at << " of " << toString(want.desc) << " is " << have.values[at]
                        << ", expected " << want.values[at];
}

/// The message of the Error that `action` throws; the test fails if it throws none.
inline std::string errorOf(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::InvalidArgument);
    return error.what();
  }
  ADD_FAILURE() << "no error was thrown";
  return {};
}

/// The devices that make ops choose other kernels: as it is (pointers, subgroups), with descriptors, and without
/// anything optional (fp32, descriptors, no subgroups). Fewer than gpuVariants(): pipelines are what these tests spend
/// their time on.
inline const std::vector<GpuVariant>& opVariants() {
  static const std::vector<GpuVariant> variants = [] {
    std::vector<GpuVariant> chosen;
    for (const GpuVariant& variant : gpuVariants()) {
      if (variant.name == "Full" || variant.name == "NoBufferDeviceAddress" || variant.name == "Minimal") {
        chosen.push_back(variant);
      }
    }
    return chosen;
  }();
  return variants;
}
#define RVL_INSTANTIATE_OP_VARIANTS(Fixture)                          \
  INSTANTIATE_TEST_SUITE_P(                                           \
      Gpu, Fixture, testing::ValuesIn(::rivulet::test::opVariants()), \
      [](const testing::TestParamInfo<::rivulet::test::GpuVariant>& variant) { return variant.param.name; })

/// The storage types of a device, and both families of kernels: all that a shape is tested with.
struct KernelChoice {
  DataType type;
  bool asGpu;
};
inline std::vector<KernelChoice> kernelChoices(const vk::DeviceCaps& caps) {
  std::vector<KernelChoice> choices = {{DataType::F32, false}};
  if (caps.isSoftware()) choices.push_back({DataType::F32, true});
  if (caps.storage16) {
    choices.push_back({DataType::F16, false});
    if (caps.isSoftware()) choices.push_back({DataType::F16, true});
  }
  return choices;
}
inline std::string nameOf(const KernelChoice& choice) {
  return std::string(choice.type == DataType::F32 ? "f32" : "f16") + (choice.asGpu ? " as on a GPU" : "");
}

}  // namespace rivulet::test
