#include "training/checkpoint.h"

#include "training/error.h"
#include "training/safetensors.h"

namespace rivulet::training {
namespace {

const std::string kState = "objective.";

}  // namespace

void writeCheckpoint(const std::filesystem::path& path, const Checkpoint& checkpoint) {
  Safetensors file;
  file.metadata = {{"format", "rivulet-checkpoint-1"},
                   {"objective", checkpoint.objective},
                   {"config", checkpoint.config},
                   {"seed", std::to_string(checkpoint.seed)},
                   {"step", std::to_string(checkpoint.step)},
                   {"seconds", std::to_string(checkpoint.seconds)}};
  file.tensors = {{"parameters", checkpoint.parameters}, {"average", checkpoint.average},
                  {"adam.mean", checkpoint.adamMean},    {"adam.square", checkpoint.adamSquare},
                  {"style.mean", checkpoint.styleMean},  {"style.std", checkpoint.styleStd}};
  for (const auto& [name, tensor] : checkpoint.state) file.tensors.emplace_back(kState + name, tensor);
  writeSafetensors(path, file);
}

Checkpoint readCheckpoint(const std::filesystem::path& path) {
  const Safetensors file = readSafetensors(path);
  Checkpoint checkpoint;
  try {
    if (file.note("format") != "rivulet-checkpoint-1") throw Error("not a checkpoint of this trainer");
    checkpoint.objective = file.note("objective");
    checkpoint.config = file.note("config");
    checkpoint.seed = std::stoull(file.note("seed"));
    checkpoint.step = std::stoll(file.note("step"));
    checkpoint.seconds = std::stod(file.note("seconds"));
    checkpoint.parameters = file.at("parameters");
    checkpoint.average = file.at("average");
    checkpoint.adamMean = file.at("adam.mean");
    checkpoint.adamSquare = file.at("adam.square");
    checkpoint.styleMean = file.at("style.mean");
    checkpoint.styleStd = file.at("style.std");
    for (const auto& [name, tensor] : file.tensors) {
      if (name.rfind(kState, 0) == 0) checkpoint.state.emplace_back(name.substr(kState.size()), tensor);
    }
  } catch (const std::exception& error) {
    throw Error("cannot resume from " + path.string() + ": " + error.what());
  }
  return checkpoint;
}

}  // namespace rivulet::training
