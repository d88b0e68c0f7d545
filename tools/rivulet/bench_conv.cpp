#include "bench_conv.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <random>

#include "bench_timer.h"
#include "ceiling.h"
#include "cli.h"
#include "engine/precision.h"
#include "graph/executable.h"
#include "ops/conv2d.h"
#include "progress_bar.h"

namespace rivulet::cli {
namespace {

struct Shape {
  std::uint32_t inputs, outputs, size;
};
constexpr Shape kShapes[] = {{64, 64, 64}, {128, 128, 32}, {128, 128, 16}, {32, 32, 128},
                             {32, 32, 32}, {64, 64, 16},   {96, 96, 8},    {16, 16, 64}};

// As long as a loop of the ceiling and, like there, the better of two: on a machine that has other work as well, short
// and long submissions do not get the same share of it.
constexpr double kConvSampleSeconds = 0.004;

/// One 3×3 convolution with its input on the device.
class Bench {
 public:
  Bench(const Shape& shape, DataType type, vk::PipelineCache& pipelines, vk::CommandStream& stream)
      : timer_(pipelines.device(), stream) {
    graph::Graph graph(pipelines.device()->caps(), type);
    const graph::Tensor x = graph.persistent({1, shape.size, shape.size, shape.inputs, type}, "x");
    std::mt19937 random(7);
    const auto noise = [&](std::size_t count, float deviation) {
      std::normal_distribution<float> normal(0.0f, deviation);
      std::vector<float> values(count);
      for (float& v : values) v = normal(random);
      return values;
    };
    ops::Conv2dDesc desc;
    desc.name = "conv";
    desc.weight.shape = {shape.outputs, shape.inputs, 3, 3};
    desc.weight.values = noise(std::size_t{shape.outputs} * shape.inputs * 9, 0.05f);
    desc.bias = {{shape.outputs}, noise(shape.outputs, 1.0f)};
    ops::Conv2dInputs inputs;
    inputs.x = x;
    graph.keep(ops::conv2d(graph, desc, inputs));
    name_ = "conv2d 3x3 " + std::to_string(shape.inputs) + "->" + std::to_string(shape.outputs) + " " +
            std::to_string(shape.size) + "x" + std::to_string(shape.size) + (type == DataType::F32 ? " fp32" : " fp16");
    const graph::Dispatch& first = graph.dispatches().front();
    method_ = onMatrixUnits(first)                                        ? "matrix"
              : first.op.rfind("winograd", 0) == 0                        ? "winograd"
              : first.kernel.shader.find("unrolled") != std::string::npos ? "unrolled"
                                                                          : "direct";
    operations_ = 2.0 * static_cast<double>(graph.multiplyAdds());
    auto weights = graph::WeightBuffer::create(graph, stream, pipelines.device(), name_);
    executable_ = std::make_unique<graph::Executable>(std::move(graph), pipelines, std::move(weights),
                                                      graph::ExecutableOptions{name_, {}});
    const TensorDesc in = executable_->desc(x);
    const std::vector<float> values = noise(std::size_t{in.n} * in.c * in.h * in.w, 1.0f);
    stream.upload(executable_->arena(), executable_->offset(x), graph::packNchw(values, in));
    measure();  // compiles, fills caches
    count_ = static_cast<std::uint32_t>(std::clamp(std::ceil(kConvSampleSeconds / measure()), 1.0, 1000.0));
  }

  const std::string& name() const { return name_; }
  const std::string& method() const { return method_; }
  double operations() const { return operations_; }

  /// Seconds of one convolution: the mean over as many in one submission as take kConvSampleSeconds.
  double measure() {
    const auto once = [this] {
      return timer_.seconds("bench conv", [this](VkCommandBuffer commands) {
        for (std::uint32_t i = 0; i < count_; ++i) executable_->record(commands, 0, executable_->size());
      });
    };
    const double first = once();
    return std::min(first, once()) / count_;
  }

 private:
  SubmissionTimer timer_;
  std::string name_, method_;
  double operations_ = 0.0;
  std::unique_ptr<graph::Executable> executable_;
  std::uint32_t count_ = 1;
};

}  // namespace

int runBenchConv(const BenchConvOptions& options) {
  vk::CreateDeviceInfo info;
  info.select = options.device;
  const std::shared_ptr<vk::Device> device = vk::Device::create(info);
  vk::PipelineCache pipelines(device);
  vk::CommandStream stream(device);
  const DataType type = engine::storageOf(engine::parsePrecision(options.precision));

  ProgressBar bar;
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  const std::size_t total = std::size(kShapes) * static_cast<std::size_t>(options.repeats);
  std::size_t done = 0;
  for (const Shape& shape : kShapes) {
    Bench bench(shape, type, pipelines, stream);
    std::vector<double> seconds, ceilings;
    for (int i = 0; i < options.repeats; ++i) {
      // Interleaved, so that whatever else the machine does meets both alike.
      ceilings.push_back(bench.method() == "matrix" ? measureMatrixCeilingGflops(pipelines, stream)
                                                    : measureCeilingGflops(pipelines, stream));
      seconds.push_back(bench.measure());
      bar.update("measuring", ++done, total);
    }
    const double gflops = bench.operations() / median(seconds) * 1e-9, ceiling = median(ceilings);
    // What whatever else the machine does disturbs least.
    const double bestGflops = bench.operations() / *std::ranges::min_element(seconds) * 1e-9;
    rows.push_back({{"name", bench.name()},
                    {"gflops", gflops},
                    {"ceiling_gflops", ceiling},
                    {"ratio", gflops / ceiling},
                    {"best_ratio", bestGflops / *std::ranges::max_element(ceilings)},
                    {"ms", median(seconds) * 1e3},
                    {"method", bench.method()}});
  }
  bar.finish();

  if (options.json) {
    printJson(rows);
    return kOk;
  }
  std::printf("%s, medians of %d by %s\n", device->caps().name.c_str(), options.repeats,
              device->caps().timestamps ? "GPU timestamps" : "the host's clock");
  std::printf("  %-36s %10s %12s %7s %7s %10s  %s\n", "convolution", "GFLOP/s", "ceiling", "ratio", "best", "ms",
              "method");
  for (const auto& row : rows) {
    std::printf("  %-36s %10.1f %12.1f %6.1f%% %6.1f%% %10.4f  %s\n", row["name"].get<std::string>().c_str(),
                row["gflops"].get<double>(), row["ceiling_gflops"].get<double>(), 100.0 * row["ratio"].get<double>(),
                100.0 * row["best_ratio"].get<double>(), row["ms"].get<double>(),
                row["method"].get<std::string>().c_str());
  }
  std::printf(
      "  GFLOP/s: the operations of the definition, 2 * 9 * I * O a pixel; Winograd's way does a quarter of them\n"
      "  best: the fastest measurement, of the highest ceiling\n");
  return kOk;
}

}  // namespace rivulet::cli
