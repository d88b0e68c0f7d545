#pragma once
// A texture_unet with random weights, small enough that a test can run it many times: what it makes is noise, but a
// deterministic function of its inputs that depends on all of them.

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/philox.h"
#include "models/network.h"
#include "support/safetensors_writer.h"
#include "support/temporary_folder.h"

namespace rivulet::test {

struct TinyTextureUNet {
  std::uint32_t widths[3] = {16, 24, 32};
  std::uint32_t blocks = 1, embedding = 32, frequencies = 8, shuffle = 8, head = 16, styleDim = 10;
  std::vector<std::string> classes = {"brick", "moss", "rust"};
  std::string prediction = "sample";
  nlohmann::json schedule = {{"kind", "flow"}, {"shift", 1.0}};
  bool guidance = false, targetTime = false, styles = true;

  std::vector<std::byte> bytes() const {
    SafetensorsWriter file;
    const auto add = [&](const std::string& name, const std::vector<std::uint32_t>& shape, float scale,
                         float offset = 0.0f) {
      std::size_t count = 1;
      for (const std::uint32_t size : shape) count *= size;
      std::uint64_t seed = 0;
      for (const char c : name) seed = seed * 131 + static_cast<unsigned char>(c);
      std::vector<float> values(count);
      fillNoise({seed, NoiseStream::Initial, 0}, {0, 0, static_cast<std::uint32_t>(count), 1}, 1, 1, values);
      for (float& v : values) v = v * scale + offset;
      file.add(name, shape, values);
    };
    const auto layer = [&](const std::string& name, const std::vector<std::uint32_t>& shape) {
      float fan = 1.0f;
      for (std::size_t i = 1; i < shape.size(); ++i) fan *= static_cast<float>(shape[i]);
      add(name + ".weight", shape, 1.0f / std::sqrt(fan));
      add(name + ".bias", {shape[0]}, 0.1f);
    };
    const auto block = [&](const std::string& name, std::uint32_t in, std::uint32_t out) {
      add(name + ".norm1", {in}, 0.1f, 1.0f);
      layer(name + ".conv1", {out, in, 3, 3});
      layer(name + ".mod", {2 * out, embedding});
      add(name + ".norm2", {out}, 0.1f, 1.0f);
      layer(name + ".conv2", {out, out, 3, 3});
      if (in != out) layer(name + ".shortcut", {out, in, 1, 1});
    };
    const auto blocksOf = [&](const std::string& prefix, std::uint32_t in, std::uint32_t out) {
      for (std::uint32_t j = 0; j < blocks; ++j) block(prefix + "." + std::to_string(j), in, out);
    };
    const auto classCount = static_cast<std::uint32_t>(classes.size());
    const std::uint32_t features = 2 * frequencies * (1u + (targetTime ? 1u : 0u) + (guidance ? 1u : 0u)) + styleDim;
    layer("emb.in", {embedding, features});
    add("emb.class", {classCount + 1, embedding}, 1.0f);
    layer("emb.out", {embedding, embedding});
    if (styleDim > 0) {
      add("style_norm.mean", {styleDim}, 0.1f);
      add("style_norm.std", {styleDim}, 0.05f, 1.0f);
    }
    layer("stem", {widths[0], 12, 3, 3});
    for (std::uint32_t i = 0; i < 2; ++i) {
      const std::string level = std::to_string(i);
      blocksOf("down." + level, widths[i], widths[i]);
      layer("down." + level + ".down", {widths[i + 1], widths[i], 3, 3});
      layer("up." + level + ".proj", {widths[i], widths[i + 1], 1, 1});
      blocksOf("up." + level, 2 * widths[i], widths[i]);
    }
    blocksOf("mid", widths[2], widths[2]);
    add("head.norm", {widths[0]}, 0.1f, 1.0f);
    layer("head.expand", {4 * shuffle, widths[0], 3, 3});
    layer("head.full", {head, shuffle + 3, 3, 3});
    layer("head.out", {3, head, 3, 3});

    const nlohmann::json config = {{"architecture", "texture_unet"},
                                   {"size", "tiny"},
                                   {"in_channels", 3},
                                   {"out_channels", 3},
                                   {"widths", widths},
                                   {"blocks_per_level", blocks},
                                   {"embedding_dim", embedding},
                                   {"time_frequencies", frequencies},
                                   {"shuffle_channels", shuffle},
                                   {"head_width", head},
                                   {"style_dim", styleDim},
                                   {"classes", classes},
                                   {"target_time", targetTime},
                                   {"guidance", guidance},
                                   {"norm_eps", 1e-6},
                                   {"prediction", prediction},
                                   {"schedule", schedule},
                                   {"training_size", 16}};
    file.metadata("format", "rivulet-1");
    file.metadata("config", config.dump());
    if (styles && styleDim > 0) {
      nlohmann::json all;
      for (std::size_t c = 0; c < classes.size(); ++c) {
        for (int s = 0; s < 4; ++s) {
          std::vector<float> style(styleDim);
          for (std::size_t i = 0; i < style.size(); ++i)
            style[i] = 0.3f * static_cast<float>(c) - 0.2f * static_cast<float>(s) + 0.05f * static_cast<float>(i);
          all[classes[c]].push_back(style);
        }
      }
      file.metadata("styles", all.dump());
    }
    return file.bytes();
  }

  std::filesystem::path write(const TemporaryFolder& folder, const std::string& name = "tiny.safetensors") const {
    return folder.write(name, bytes());
  }
  std::shared_ptr<const models::Network> load() const {
    const TemporaryFolder folder;
    return models::Network::load(write(folder));
  }
};

}  // namespace rivulet::test
