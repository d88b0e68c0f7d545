// rivulet inspect: what a model is, and what running it will take, before anything runs.

#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli.h"
#include "core/error.h"
#include "engine/lane_graph.h"
#include "engine/request.h"
#include "model_lookup.h"
#include "op_table.h"
#include "samplers/registry.h"

namespace rivulet::cli {
namespace {

struct InspectOptions {
  std::string model;
  std::string size;
  std::uint32_t batch = 1;
  std::string precision;
  bool json = false;
};

/// Capabilities decide kernels and so memory. Without any device: those every device has.
vk::DeviceCaps capsFor(const Globals& globals) {
  try {
    return openDevice(globals)->caps();
  } catch (const Error& error) {
    if (error.code() != ErrorCode::MissingFeature || globals.validation) throw;
    vk::DeviceCaps caps;
    caps.name = "no device (minimal capabilities)";
    return caps;
  }
}

std::string join(const std::vector<std::string>& items) {
  std::string text;
  for (const std::string& item : items) text += (text.empty() ? "" : ", ") + item;
  return text;
}

int inspect(const Globals& globals, const InspectOptions& options) {
  const std::filesystem::path path = findModel(options.model);
  const std::shared_ptr<const models::Network> network = models::Network::load(path);
  const models::NetworkInfo& info = network->info();
  const vk::DeviceCaps caps = capsFor(globals);

  engine::Request request;
  if (!options.size.empty()) {
    const Size size = parseSize(options.size);
    if (size.width == 0 || size.height == 0) throw Error(ErrorCode::InvalidArgument, "--size must not be 0");
    request.width = size.width;
    request.height = size.height;
  }
  engine::resolveSize(info, request);
  const engine::Precision precision = engine::parsePrecision(options.precision, caps);

  engine::LaneShape lanes;
  lanes.lanes = options.batch;
  lanes.height = request.height;
  lanes.width = request.width;
  lanes.precision = precision;
  const StepPlan plan = engine::makePlan(info, request);
  lanes.needs = engine::needsOf(plan);
  const engine::LaneGraph built = engine::buildLaneGraph(*network, caps, lanes);
  const graph::MemoryPlan memory = built.graph.memory();
  const std::span<const graph::Dispatch> all = built.graph.dispatches();
  const auto evaluation = all.subspan(built.networkFirst, built.networkEnd - built.networkFirst);
  const auto embedding = all.subspan(built.embeddingFirst, built.networkFirst - built.embeddingFirst);
  const std::vector<OpRow> rows = opTable(evaluation, {}, false);

  if (options.json) {
    nlohmann::ordered_json ops = nlohmann::ordered_json::array();
    for (const OpRow& row : rows) {
      ops.push_back({{"op", row.op}, {"count", row.count}, {"multiply_adds", row.multiplyAdds}, {"bytes", row.bytes}});
    }
    nlohmann::ordered_json samplers = nlohmann::ordered_json::array();
    for (const std::string_view name : samplerNames()) samplers.push_back(name);
    printJson({{"model", info.name},
               {"architecture", info.architecture},
               {"path", path.generic_string()},
               {"parameters", info.parameters},
               {"in_channels", info.inChannels},
               {"out_channels", info.outChannels},
               {"size_multiple", info.sizeMultiple},
               {"native_size", info.nativeSize},
               {"classes", info.classes},
               {"null_class", info.nullClass},
               {"style_dim", info.styleDim},
               {"target_time", info.targetTime},
               {"guidance_input", info.guidanceInput},
               {"prediction", std::string(rivulet::toString(engine::samplerConfig(info, request).prediction))},
               {"process", std::string(rivulet::toString(engine::samplerConfig(info, request).process.kind))},
               {"sampler", plan.sampler},
               {"samplers", samplers},
               {"device", caps.name},
               {"width", request.width},
               {"height", request.height},
               {"batch", options.batch},
               {"precision", toString(precision)},
               {"dispatches", evaluation.size()},
               {"multiply_adds", multiplyAdds(evaluation)},
               {"embedding",
                {{"evaluations", engine::kEmbeddedSteps},
                 {"dispatches", embedding.size()},
                 {"multiply_adds", multiplyAdds(embedding)}}},
               {"arena_bytes", memory.arenaBytes},
               {"weight_bytes", memory.weightBytes},
               {"unshared_bytes", memory.unsharedBytes},
               {"planned_bytes", memory.arenaBytes + memory.weightBytes},
               {"ops", ops}});
    return kOk;
  }

  std::printf("%s: %s, %s\n", info.name.c_str(), info.architecture.c_str(), path.string().c_str());
  std::printf("  parameters      %s\n", countText(info.parameters).c_str());
  std::printf("  channels        %u in, %u out; sizes that are multiples of %u, trained at %u\n", info.inChannels,
              info.outChannels, info.sizeMultiple, info.nativeSize);
  const SamplerConfig config = engine::samplerConfig(info, request);
  std::printf("  predicts        %s, trained on %s\n", std::string(rivulet::toString(config.prediction)).c_str(),
              std::string(rivulet::toString(config.process.kind)).c_str());
  if (info.classes.empty()) {
    std::printf("  classes         none\n");
  } else {
    std::printf("  classes         %zu%s: %s\n", info.classes.size(), info.nullClass ? " and a null class" : "",
                join(info.classes).c_str());
  }
  if (info.styleDim > 0) {
    std::size_t styles = 0;
    for (const auto& of : info.styles) styles += of.size();
    std::printf("  style           %u numbers; %zu styles in the file\n", info.styleDim, styles);
  }
  if (info.targetTime || info.guidanceInput) {
    std::printf("  extra inputs   %s%s\n", info.targetTime ? " target time" : "",
                info.guidanceInput ? " guidance" : "");
  }
  std::string samplers;
  for (const std::string_view name : samplerNames()) samplers += (samplers.empty() ? "" : ", ") + std::string(name);
  std::printf("  sampler         %s; others: %s\n\n", plan.sampler.c_str(), samplers.c_str());

  std::printf("At %ux%u, batch %u, %s, on %s\n", request.width, request.height, options.batch, toString(precision),
              caps.name.c_str());
  std::printf("  planned memory  %s (%s bytes): weights %s, arena %s with the sampler's state\n",
              bytesText(memory.arenaBytes + memory.weightBytes).c_str(),
              countText(memory.arenaBytes + memory.weightBytes).c_str(), bytesText(memory.weightBytes).c_str(),
              bytesText(memory.arenaBytes).c_str());
  std::printf("                  without sharing the arena would be %s\n", bytesText(memory.unsharedBytes).c_str());
  std::printf("  one evaluation  %zu dispatches, %s multiply-adds\n", evaluation.size(),
              countText(multiplyAdds(evaluation)).c_str());
  std::printf("  embeddings      %zu dispatches, %s multiply-adds before every %u evaluations of a texture\n\n",
              embedding.size(), countText(multiplyAdds(embedding)).c_str(), engine::kEmbeddedSteps);
  std::printf("  %-44s %6s %18s %7s %12s\n", "op", "count", "multiply-adds", "share", "traffic");
  const double total = std::max<double>(1.0, static_cast<double>(multiplyAdds(evaluation)));
  for (const OpRow& row : rows) {
    std::printf("  %-44s %6zu %18s %6.1f%% %12s\n", row.op.c_str(), row.count, countText(row.multiplyAdds).c_str(),
                100.0 * static_cast<double>(row.multiplyAdds) / total, bytesText(row.bytes).c_str());
  }
  return kOk;
}

}  // namespace

void addInspect(CLI::App& app, const Globals& globals, Run& run) {
  CLI::App* command = app.add_subcommand("inspect", "Describe a model, and the memory and work that running it takes");
  auto options = std::make_shared<InspectOptions>();
  command->add_option("MODEL", options->model, "A weight file, a model folder, or the name of an installed model")
      ->required();
  command->add_option("--size", options->size, "WIDTHxHEIGHT; default: the model's own");
  command->add_option("--batch", options->batch, "Textures at once")->check(CLI::Range(1, 1024))->capture_default_str();
  command->add_option("--precision", options->precision, "fp32, fp16 or int8; default: the device's better one")
      ->check(CLI::IsMember({"fp32", "fp16", "int8"}));
  command->add_flag("--json", options->json, "Print JSON");
  command->callback([&globals, &run, options] { run = [&globals, options] { return inspect(globals, *options); }; });
}

}  // namespace rivulet::cli
