// Textures from the Vulkan runtime, as the user of a model gets them. This is the only place where the trainer meets
// the runtime other than through weight files: what is measured must be what ships, not the trainer's own sampler.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace rivulet::training {

struct TextureSourceOptions {
  std::string device;     // as `rivulet --device`: an index or part of a name; empty: the best
  std::string precision;  // "fp32", "fp16"; empty: the device's usual
  int lanes = 8;          // textures worked on at once: they do not depend on it, their time does
};

// What is asked of one texture.
struct TexturePrompt {
  int classIndex = -1;       // into classes(); -1: no class
  std::vector<float> style;  // empty: none
  std::uint64_t seed = 0;
};

// How a set of textures is made.
struct TextureRecipe {
  std::string sampler;
  int steps = 0;
  int size = 0;  // pixels a side
  double guidance = 1;
};

struct TextureBatch {
  at::Tensor images;                  // [N,C,S,S] in [-1, 1]
  double millisecondsPerTexture = 0;  // of the run, by the clock on the wall; kernels were compiled and warm
  int evaluations = 0;                // of the network, for one texture
  int notFinite = 0;                  // textures in which the network made NaN or infinity
};

// Every function throws rivulet::Error or Error with the runtime's own message. One thread at a time.
class TextureSource {
 public:
  // Reads the model (a weight file, or a diffusers folder) and opens the device.
  TextureSource(const std::filesystem::path& model, const TextureSourceOptions& options);
  ~TextureSource();

  const std::vector<std::string>& classes() const;  // empty: not class-conditional
  int channels() const;
  int nativeSize() const;  // pixels it was trained at
  bool takesStyle() const;
  std::string sampler() const;  // the model's own
  std::string modelName() const;
  std::string deviceName() const;
  std::string precision() const;
  int64_t parameters() const;

  // Throws where the model cannot do it: an unknown sampler, a size that does not fit, guidance that it does not know.
  void check(const TextureRecipe& recipe, const TexturePrompt& prompt) const;

  using OnProgress = std::function<void(const std::string& what, int64_t done, int64_t total)>;
  // Textures are a function of their prompt, the recipe, the model and the device alone.
  TextureBatch make(const std::vector<TexturePrompt>& prompts, const TextureRecipe& recipe,
                    const OnProgress& onProgress) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rivulet::training
