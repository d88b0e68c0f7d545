// `rivulet-train NAME`: one file a command, which declares its options and builds its objective.
#pragma once

#include <CLI/CLI.hpp>
#include <atomic>
#include <memory>

namespace rivulet::training {

class Command {
 public:
  virtual ~Command() = default;
  // After parsing: trains until done or until `stop` is set. Throws Error.
  virtual void run(const std::atomic<bool>& stop) = 0;
};

// Each adds the subcommand's options to `app`.
std::unique_ptr<Command> makeFlowCommand(CLI::App& app);
std::unique_ptr<Command> makeFlowMapCommand(CLI::App& app);
std::unique_ptr<Command> makeReflowCommand(CLI::App& app);
std::unique_ptr<Command> makeProgressiveCommand(CLI::App& app);
std::unique_ptr<Command> makeConsistencyCommand(CLI::App& app);
std::unique_ptr<Command> makeDdpmCommand(CLI::App& app);
std::unique_ptr<Command> makeLikelihoodCommand(CLI::App& app);

}  // namespace rivulet::training
