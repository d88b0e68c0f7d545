#include "bench_generate.h"

#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "bench_network.h"
#include "bench_timer.h"
#include "engine/generator.h"
#include "model_lookup.h"
#include "progress_bar.h"

namespace rivulet::cli {
namespace {

using Clock = std::chrono::steady_clock;

double millisecondsSince(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

}  // namespace

int runBenchGenerate(const Globals& globals, const BenchGenerateOptions& options) {
  const Clock::time_point start = Clock::now();
  const std::shared_ptr<const models::Network> network = models::Network::load(findModel(options.model));
  const std::shared_ptr<vk::Device> device = openDevice(globals);
  vk::PipelineCache pipelines(device);
  const bool warmCache = pipelines.diskBytes() != 0;
  engine::GeneratorOptions generatorOptions;
  generatorOptions.precision = engine::parsePrecision(options.precision, device->caps());

  ProgressBar bar;
  const std::size_t total = options.sizes.size() * options.batches.size() * options.steps.size();
  std::size_t done = 0;
  double first = 0.0;  // milliseconds from the start to the first texture
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  for (const std::string& size : options.sizes) {
    for (const std::uint32_t batch : options.batches) {
      generatorOptions.lanes = batch;
      engine::Generator generator(network, pipelines, generatorOptions);
      engine::Request request = typicalRequest(network->info(), size);
      if (first == 0.0) {
        request.steps = options.steps.front();
        generator.generate(request);
        first = millisecondsSince(start);
      }
      for (const std::uint32_t steps : options.steps) {
        request.steps = steps;
        std::vector<engine::Request> requests(batch, request);
        for (std::uint32_t i = 0; i < batch; ++i) requests[i].seed = i;
        generator.generate(requests);  // compiled, and warm
        std::vector<double> milliseconds;
        for (std::uint32_t i = 0; i < options.repeats; ++i) {
          const Clock::time_point began = Clock::now();
          generator.generate(requests);
          milliseconds.push_back(millisecondsSince(began));
        }
        const double each = median(milliseconds) / batch;
        const engine::MemoryUse memory = generator.memory();
        const double work = static_cast<double>(request.width) * request.height * steps;
        rows.push_back({{"width", request.width},
                        {"height", request.height},
                        {"batch", batch},
                        {"steps", steps},
                        {"ms", each},
                        {"textures_per_second", 1000.0 / each},
                        {"ns_per_pixel_and_step", each * 1e6 / work},
                        {"allocated_bytes", memory.allocatedBytes}});
        bar.update("measuring", ++done, total);
      }
    }
  }
  bar.finish();

  const char* const precision = toString(generatorOptions.precision);
  if (options.json) {
    printJson({{"model", network->info().name},
               {"device", device->caps().name},
               {"precision", precision},
               {"first_texture_ms", first},
               {"warm_pipeline_cache", warmCache},
               {"rows", rows}});
    return kOk;
  }
  std::printf("%s %s on %s, from request to pixels on the host, medians of %u\n", network->info().name.c_str(),
              precision, device->caps().name.c_str(), options.repeats);
  std::printf("  first texture %.0f ms after the start, %s pipeline cache\n", first, warmCache ? "warm" : "cold");
  std::printf("  %-10s %6s %6s %12s %12s %14s %12s\n", "size", "batch", "steps", "ms/texture", "textures/s",
              "ns/pixel/step", "memory");
  for (const auto& row : rows) {
    const std::string size =
        std::to_string(row["width"].get<unsigned>()) + "x" + std::to_string(row["height"].get<unsigned>());
    std::printf("  %-10s %6u %6u %12.3f %12.2f %14.2f %12s\n", size.c_str(), row["batch"].get<unsigned>(),
                row["steps"].get<unsigned>(), row["ms"].get<double>(), row["textures_per_second"].get<double>(),
                row["ns_per_pixel_and_step"].get<double>(),
                bytesText(row["allocated_bytes"].get<std::uint64_t>()).c_str());
  }
  return kOk;
}

}  // namespace rivulet::cli
