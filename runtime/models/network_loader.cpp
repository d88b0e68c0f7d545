// Network::load: which files make a network, and what to say when they do not.

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/error.h"
#include "models/config_reader.h"
#include "models/network.h"
#include "models/texture_unet.h"
#include "models/unet2d.h"
#include "samplers/scheduler_config.h"
#include "tensor/mapped_file.h"
#include "tensor/safetensors.h"

namespace rivulet::models {
namespace {

namespace fs = std::filesystem;

std::string readText(const fs::path& path) {
  constexpr std::size_t kMaxBytes = 1 << 20;
  const MappedFile file(path);
  if (file.bytes().size() > kMaxBytes) {
    throw Error(ErrorCode::CorruptFile, path.string() + ": " + std::to_string(file.bytes().size()) +
                                            " bytes, expected a configuration of at most " + std::to_string(kMaxBytes));
  }
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

/// What `read` returns; its errors get the file's name in front.
template <typename Read>
auto named(const std::string& file, Read&& read) {
  try {
    return read();
  } catch (const Error& error) {
    const std::string message = error.what();
    if (message.starts_with(file)) throw;
    throw Error(error.code(), file + ": " + message);
  }
}

/// The last name of a path, whatever it ends in.
std::string folderName(const fs::path& folder) {
  std::error_code ignored;
  const fs::path whole = fs::weakly_canonical(folder, ignored);
  return whole.has_filename() ? whole.filename().string() : whole.parent_path().filename().string();
}

/// One of our own files; `advice` ends the message of a file that is not.
std::shared_ptr<const Network> readOwn(const Safetensors& file, const std::string& name, const std::string& advice) {
  const auto config = file.metadata().find("config");
  if (config == file.metadata().end()) {
    throw Error(ErrorCode::CorruptFile, file.name() +
                                            ": no configuration in its metadata (key 'config'), so it is not one of "
                                            "Rivulet's own weight files" +
                                            advice);
  }
  const ConfigReader reader(file.name() + ": metadata key 'config'", config->second);
  if (reader.text("architecture") != "texture_unet") reader.unsupported("architecture", "\"texture_unet\"");
  return named(file.name(),
               [&] { return std::make_shared<const TextureUNet>(readTextureUNetConfig(reader), file, name); });
}

std::shared_ptr<const Network> loadOwn(const fs::path& path) {
  const bool beside = fs::exists(path.parent_path() / "config.json");
  return readOwn(Safetensors::open(path), path.stem().string(),
                 beside ? "; to load the diffusers model it belongs to, name the folder instead"
                        : "; a diffusers model is loaded by its folder, which holds a config.json");
}

/// The weights in a diffusers folder: full precision first. Errors: Unsupported for pickles and for weights in several
/// files; Io when there are none.
fs::path findWeights(const fs::path& folder) {
  for (const char* name : {"diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.fp16.safetensors"}) {
    if (fs::exists(folder / name)) return folder / name;
  }
  std::vector<fs::path> files;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  for (const fs::path& file : files) {
    if (file.filename().string().ends_with(".safetensors.index.json")) {
      throw Error(ErrorCode::Unsupported,
                  file.string() +
                      ": weights in several files are not supported; save them as one with diffusers: "
                      "UNet2DModel.from_pretrained(...).save_pretrained(..., max_shard_size='100GB')");
    }
    const std::string extension = file.extension().string();
    if (extension == ".bin" || extension == ".pt" || extension == ".ckpt" || extension == ".pth") {
      Safetensors::open(file);  // refuses, and says how to convert it
    }
  }
  throw Error(ErrorCode::Io, folder.string() +
                                 ": no weights, expected diffusion_pytorch_model.safetensors or "
                                 "diffusion_pytorch_model.fp16.safetensors beside config.json");
}

SamplerConfig readScheduler(const std::vector<fs::path>& candidates, const UNet2DConfig& config) {
  for (const fs::path& path : candidates) {
    if (!fs::exists(path)) continue;
    const std::string text = readText(path);
    return named(path.string(), [&] { return parseSchedulerConfig(text); });
  }
  // Nothing is said: what such networks are trained on unless somebody says otherwise.
  SamplerConfig usual = parseSchedulerConfig(R"({"_class_name": "DDPMScheduler"})");
  if (config.outChannels == 2 * config.inChannels) usual.variance = VarianceType::LearnedRange;
  return usual;
}

std::shared_ptr<const Network> loadUNet2D(const fs::path& folder, const std::string& name,
                                          const std::vector<fs::path>& schedulers) {
  const fs::path configPath = folder / "config.json";
  const ConfigReader reader(configPath.string(), readText(configPath));
  if (reader.text("_class_name", "UNet2DModel") != "UNet2DModel") reader.unsupported("_class_name", "\"UNet2DModel\"");
  const UNet2DConfig config = readUNet2DConfig(reader);
  const SamplerConfig scheduler = readScheduler(schedulers, config);
  const Safetensors file = Safetensors::open(findWeights(folder));
  return named(folder.string(), [&] { return std::make_shared<const UNet2D>(config, file, name, scheduler); });
}

/// A pipeline names the class of each part: "unet": ["diffusers", "UNet2DModel"].
void checkPipeline(const fs::path& path) {
  const ConfigReader reader(path.string(), readText(path));
  const std::vector<std::string> unet = reader.has("unet") ? reader.texts("unet") : std::vector<std::string>{};
  if (unet.size() == 2 && unet[1] == "UNet2DModel") return;
  throw Error(ErrorCode::Unsupported, path.string() + ": the pipeline '" + reader.text("_class_name", "unnamed") +
                                          "' has no \"unet\" of class UNet2DModel: only such pipelines are supported");
}

}  // namespace

std::shared_ptr<const Network> Network::load(const fs::path& path) {
  if (!fs::exists(path)) {
    throw Error(ErrorCode::Io, path.string() +
                                   ": no such file or folder, expected a .safetensors file of Rivulet's own, or a "
                                   "diffusers folder with a config.json or a model_index.json");
  }
  if (!fs::is_directory(path)) return loadOwn(path);
  const bool pipeline = fs::exists(path / "model_index.json");
  if (pipeline) checkPipeline(path / "model_index.json");
  // The oldest pipelines have everything in one folder.
  const fs::path unet = fs::exists(path / "unet" / "config.json") ? path / "unet" : path;
  if (!fs::exists(unet / "config.json")) {
    throw Error(ErrorCode::Io,
                path.string() + ": no config.json" + (pipeline ? " in it or in its unet folder" : "") +
                    ", expected a diffusers UNet2DModel folder or a pipeline folder (model_index.json, unet/, "
                    "scheduler/)");
  }
  std::vector<fs::path> schedulers{path / "scheduler" / "scheduler_config.json", path / "scheduler_config.json"};
  if (folderName(path) == "unet") schedulers.push_back(path / ".." / "scheduler" / "scheduler_config.json");
  return loadUNet2D(unet, folderName(path), schedulers);
}

std::shared_ptr<const Network> Network::load(std::span<const std::byte> file, const std::string& name) {
  return readOwn(Safetensors::parse(file, name), name, "; other formats are loaded from a folder");
}

}  // namespace rivulet::models
