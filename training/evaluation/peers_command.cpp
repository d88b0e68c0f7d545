// rivulet-train peers: one evaluation of a network by the Vulkan runtime and by libtorch, in turns.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <thread>

#include "training/error.h"
#include "training/evaluation/commands.h"
#include "training/evaluation/peak_memory.h"
#include "training/evaluation/runtime_evaluation.h"
#include "training/export.h"
#include "training/trainer.h"

namespace rivulet::training {
namespace {

struct PeersOptions {
  std::vector<std::filesystem::path> models;
  std::string device, precision, torchDevice = "cpu", json;
  std::vector<std::string> torchPrecisions = {"fp32", "bf16"};
  std::vector<int> sizes = {64, 128}, batches = {1, 8};
  int repeats = 9, threads = 0;
};

constexpr double kMostApart = 0.05;  // relative L2 of the two outputs: bfloat16 and float16 are not exact
constexpr double kMebibyte = 1 << 20;
constexpr double kSampleSeconds = 0.05;  // of one measurement: as many evaluations as take so long

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  return n % 2 == 1 ? values[n / 2] : 0.5 * (values[n / 2 - 1] + values[n / 2]);
}

// The same network, weights and inputs on libtorch: eager, channels last, the trainer's own fused activation.
class TorchEvaluation {
 public:
  TorchEvaluation(const std::filesystem::path& model, const std::string& device, const std::string& precision,
                  const at::Tensor& x)
      : device_(deviceNamed(device)), network_(readConfig(model), device_, false) {
    importWeights(model, network_);
    if (precision == "bf16") network_.setComputeType(at::kBFloat16);
    const TextureUnetConfig& config = network_.config();
    const auto floats = at::TensorOptions().device(device_);
    const int64_t batch = x.size(0);
    input_.x = x.to(device_);
    input_.t = at::ones({batch}, floats);
    input_.classWeights = network_.oneHot(at::zeros({batch}, floats.dtype(at::kLong)));
    if (config.styleDim != 0) input_.style = at::zeros({batch, config.styleDim}, floats);
    if (config.targetTime) input_.targetTime = at::zeros({batch}, floats);
    if (config.guidance) input_.guidance = at::ones({batch}, floats);
  }

  at::Tensor run() const {
    const torch::NoGradGuard guard;
    return network_.forward(input_).to(at::kCPU, at::kFloat);
  }

  double seconds(int count) {
    using Clock = std::chrono::steady_clock;
    const c10::InferenceMode inference;
    const Clock::time_point start = Clock::now();
    for (int i = 0; i < count; ++i) network_.forward(input_);
    if (device_.is_cuda()) torch::cuda::synchronize();
    return std::chrono::duration<double>(Clock::now() - start).count() / count;
  }

 private:
  at::Device device_;
  TextureUnet network_;
  TextureUnetInput input_;
};

template <typename Evaluation>
int countFor(Evaluation& evaluation) {
  // Kernels are chosen, memory is asked for, sleeping processors wake.
  using Clock = std::chrono::steady_clock;
  const Clock::time_point end = Clock::now() + std::chrono::milliseconds(500);
  while (Clock::now() < end) evaluation.seconds(1);
  return static_cast<int>(std::clamp(std::ceil(kSampleSeconds / evaluation.seconds(1)), 1.0, 1000.0));
}

nlohmann::ordered_json measure(const PeersOptions& options, const std::filesystem::path& model, int size, int batch) {
  RuntimeEvaluation runtime(model, options.device, {batch, size, options.precision});
  torch::manual_seed(1);
  const at::Tensor x = at::randn({batch, readConfig(model).channels, size, size}), output = runtime.run(x);
  const int runtimeCount = countFor(runtime);
  nlohmann::ordered_json row = {{"model", model.stem().string()},
                                {"size", size},
                                {"batch", batch},
                                {"device", runtime.deviceName()},
                                {"precision", runtime.precision()},
                                {"device_bytes", runtime.deviceBytes()}};
  nlohmann::ordered_json peers = nlohmann::ordered_json::array();
  for (const std::string& precision : options.torchPrecisions) {
    auto memory = std::make_unique<PeakMemory>();  // counting takes time: only while nothing is timed
    TorchEvaluation torch(model, options.torchDevice, precision, x);
    memory->restart();
    const at::Tensor theirOutput = torch.run();
    const std::int64_t theirBytes = memory->peakBytes();
    memory.reset();
    const double apart = ((theirOutput - output).norm() / output.norm()).item<double>();
    if (!(apart < kMostApart)) {
      throw Error(model.string() + ": the runtime and libtorch (" + precision + ") differ by " + std::to_string(apart) +
                  " of what they compute: their times do not compare");
    }
    const int torchCount = countFor(torch);
    // In turns, so that whatever else the machine does meets both alike.
    std::vector<double> ours, theirs, ratios;
    for (int i = 0; i < options.repeats; ++i) {
      ours.push_back(runtime.seconds(runtimeCount));
      theirs.push_back(torch.seconds(torchCount));
      ratios.push_back(ours.back() / theirs.back());
    }
    peers.push_back({{"name", "libtorch " + options.torchDevice + " " + precision},
                     {"runtime_ms", 1e3 * median(ours)},
                     {"peer_ms", 1e3 * median(theirs)},
                     {"relative_l2", apart},
                     {"ratio", median(ratios)},
                     {"peer_bytes", theirBytes},
                     {"memory_ratio", static_cast<double>(runtime.deviceBytes()) / static_cast<double>(theirBytes)}});
  }
  row["peers"] = peers;
  return row;
}

void run(const PeersOptions& options) {
  at::set_num_threads(options.threads > 0 ? options.threads
                                          : std::max(1, static_cast<int>(std::thread::hardware_concurrency())));
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  for (const std::filesystem::path& model : options.models) {
    std::printf("%s, medians of %d; libtorch %s, %d threads\n", model.stem().string().c_str(), options.repeats,
                TORCH_VERSION, at::get_num_threads());
    std::printf("  %9s %5s %9s %12s %8s   %-22s %12s %8s %7s %7s\n", "size", "batch", "precision", "Rivulet, ms", "MiB",
                "peer", "peer, ms", "MiB", "time", "memory");
    for (const int size : options.sizes) {
      for (const int batch : options.batches) {
        rows.push_back(measure(options, model, size, batch));
        const auto& row = rows.back();
        for (const auto& peer : row["peers"]) {
          std::printf("  %4dx%-4d %5d %9s %12.3f %8.1f   %-22s %12.3f %8.1f %7.2f %7.2f\n", size, size, batch,
                      row["precision"].get<std::string>().c_str(), peer["runtime_ms"].get<double>(),
                      row["device_bytes"].get<double>() / kMebibyte, peer["name"].get<std::string>().c_str(),
                      peer["peer_ms"].get<double>(), peer["peer_bytes"].get<double>() / kMebibyte,
                      peer["ratio"].get<double>(), peer["memory_ratio"].get<double>());
        }
        std::fflush(stdout);
      }
    }
  }
  if (options.json.empty()) return;
  std::FILE* file = std::fopen(options.json.c_str(), "w");
  if (file == nullptr) throw Error("cannot write --json " + options.json);
  std::fprintf(file, "%s\n", rows.dump(2).c_str());
  std::fclose(file);
}

}  // namespace

void addPeers(CLI::App& app, Run& chosen) {
  CLI::App* command = app.add_subcommand(
      "peers",
      "Times one evaluation by the Vulkan runtime and by libtorch, in turns, with ratios, and what memory they take");
  auto options = std::make_shared<PeersOptions>();
  command->add_option("--model", options->models, "Weight files of texture_unets")
      ->required()
      ->check(CLI::ExistingFile);
  command->add_option("--device", options->device, "Vulkan device: an index or part of a name; default: the best");
  command
      ->add_option("--precision", options->precision, "Of the runtime: fp32, fp16 or int8; default: the device's usual")
      ->check(CLI::IsMember({"fp32", "fp16", "int8"}));
  command->add_option("--torch-device", options->torchDevice, "cpu or cuda")
      ->capture_default_str()
      ->check(CLI::IsMember({"cpu", "cuda"}));
  command->add_option("--torch-precision", options->torchPrecisions, "fp32, bf16 or both, comma-separated")
      ->capture_default_str()
      ->delimiter(',')
      ->check(CLI::IsMember({"fp32", "bf16"}));
  command->add_option("--size", options->sizes, "Pixels a side, comma-separated")
      ->capture_default_str()
      ->delimiter(',')
      ->check(CLI::Range(8, 4096));
  command->add_option("--batch", options->batches, "Textures at once, comma-separated")
      ->capture_default_str()
      ->delimiter(',')
      ->check(CLI::Range(1, 1024));
  command->add_option("--repeats", options->repeats, "Measurements of each; medians count")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000));
  command->add_option("--threads", options->threads, "Of libtorch; 0: one for each core")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  command->add_option("--json", options->json, "Also write the figures to this file");
  command->callback([options, &chosen] {
    checkFolderOf("--json", options->json);
    chosen = [options] { run(*options); };
  });
}

}  // namespace rivulet::training
