// rivulet-train: the command line. `rivulet-train OBJECTIVE` trains a texture network for that objective.
#include <CLI/CLI.hpp>
#include <atomic>
#include <csignal>
#include <iostream>
#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include "training/commands/command.h"
#include "training/evaluation/commands.h"

namespace {

using namespace rivulet::training;

struct CommandEntry {
  const char* name;
  const char* description;
  std::unique_ptr<Command> (*make)(CLI::App& app);
};
constexpr CommandEntry kCommands[] = {
    {"flow", "Flow matching: a teacher that samples in any number of steps", makeFlowCommand},
    {"flow-map", "Distils a teacher into a network that samples in 1, 2, 4 or more steps", makeFlowMapCommand},
    {"reflow", "Straightens a teacher's flow, so that fewer steps follow it", makeReflowCommand},
    {"progressive", "Halves a teacher's number of steps, again and again", makeProgressiveCommand},
    {"ddpm", "Denoising diffusion in 1000 steps, with a fixed or a learned variance", makeDdpmCommand},
    {"consistency", "Tunes a flow-matching network to see the end of its flow at once", makeConsistencyCommand},
    {"likelihood", "Bits per dimension of a diffusion model on held-out pictures", makeLikelihoodCommand},
};

std::atomic<bool> stopRequested{false};

void requestStop(int) {
  stopRequested.store(true);
}

// The activations of a step are freed and asked for again at the next. Without this, glibc gives the larger ones back
// to the kernel each time, and a fifth of the run went into faulting them in again.
void keepFreedMemory() {
#if defined(__GLIBC__)
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
  mallopt(M_TOP_PAD, 256 << 20);
#endif
}

}  // namespace

int main(int argc, char** argv) {
  keepFreedMemory();
  CLI::App app("Trains Rivulet's texture networks on a folder of pictures.", "rivulet-train");
  app.set_version_flag("--version", std::string("rivulet-train ") + RIVULET_VERSION + " (libtorch " TORCH_VERSION ")");
  app.require_subcommand(1);
  std::vector<std::pair<CLI::App*, std::unique_ptr<Command>>> commands;
  for (const CommandEntry& entry : kCommands) {
    CLI::App* subcommand = app.add_subcommand(entry.name, entry.description);
    commands.emplace_back(subcommand, entry.make(*subcommand));
  }
  Run measure;
  addClassifier(app, measure);
  addEvaluate(app, measure);
  addPeers(app, measure);
  CLI11_PARSE(app, argc, argv);
  std::signal(SIGINT, requestStop);
  std::signal(SIGTERM, requestStop);
  try {
    if (measure) measure();
    for (const auto& [subcommand, command] : commands) {
      if (subcommand->parsed()) command->run(stopRequested);
    }
  } catch (const std::exception& error) {
    std::cerr << "rivulet-train: " << error.what() << '\n';
    return 1;
  }
  return 0;
}
