#pragma once
// docs/texture_unet.md, "Forward pass", line by line, as plain loops.

#include <nlohmann/json.hpp>

#include "models/naive_layers.h"
#include "models/random_weights.h"

namespace rivulet::test {

struct TextureUNetInputs {
  Map x;
  double t = 0, s = 0, w = 0;
  Vector classes;  // K + 1 weights
  Vector style;
};

inline nlohmann::json tinyTextureUNet() {
  return {{"architecture", "texture_unet"},
          {"size", "xs"},
          {"in_channels", 3},
          {"out_channels", 3},
          {"widths", {8, 12, 16}},
          {"blocks_per_level", 2},
          {"embedding_dim", 16},
          {"time_frequencies", 6},
          {"shuffle_channels", 5},
          {"head_width", 7},
          {"style_dim", 10},
          {"classes", {"brick", "moss", "sand"}},
          {"target_time", false},
          {"guidance", false},
          {"norm_eps", 1e-6},
          {"prediction", "sample"},
          {"schedule", {{"kind", "flow"}, {"shift", 1.0}}},
          {"training_size", 64}};
}

class TextureUNetReference {
 public:
  TextureUNetReference(nlohmann::json config, WeightSource weights)
      : c_(std::move(config)), weights_(std::move(weights)) {}

  Map operator()(const TextureUNetInputs& in) {
    const auto widths = c_["widths"].get<std::vector<std::uint32_t>>();
    const auto blocks = c_["blocks_per_level"].get<int>();
    const auto channels = c_["in_channels"].get<std::uint32_t>(),
               shuffled = c_["shuffle_channels"].get<std::uint32_t>();
    const auto head = c_["head_width"].get<std::uint32_t>();
    e_ = embedding(in);

    std::vector<Map> stack;
    Map h = conv3("stem", pixelUnshuffle(in.x), 4 * channels, widths[0]);
    for (std::size_t i : {0u, 1u}) {
      const std::string level = "down." + std::to_string(i) + ".";
      for (int j = 0; j < blocks; ++j) stack.push_back(h = block(level + std::to_string(j), h, nullptr, widths[i]));
      h = conv3(level + "down", h, widths[i], widths[i + 1], 2);
    }
    for (int j = 0; j < blocks; ++j) h = block("mid." + std::to_string(j), h, nullptr, widths[2]);
    for (std::size_t i : {1u, 0u}) {
      const std::string level = "up." + std::to_string(i) + ".";
      h = nearestTwice(convK(level + "proj", h, widths[i + 1], widths[i], 1));
      for (int j = 0; j < blocks; ++j) {
        const Map skip = stack.back();
        stack.pop_back();
        h = block(level + std::to_string(j), h, &skip, widths[i]);
      }
    }
    h = conv3("head.expand", silu(normalised(h, "head.norm")), widths[0], 4 * shuffled);
    h = silu(conv3("head.full", concat(pixelShuffle(h), in.x), shuffled + channels, head));
    return conv3("head.out", h, head, c_["out_channels"].get<std::uint32_t>());
  }

 private:
  Vector embedding(const TextureUNetInputs& in) {
    const auto dim = c_["embedding_dim"].get<std::uint32_t>(),
               frequencies = c_["time_frequencies"].get<std::uint32_t>();
    const auto styles = c_["style_dim"].get<std::uint32_t>();
    Vector features;
    const auto sincos = [&](double t) {
      const auto angle = [&](std::uint32_t i) { return 1000 * t * std::exp(-std::log(10000.0) * i / frequencies); };
      for (std::uint32_t i = 0; i < frequencies; ++i) features.push_back(std::cos(angle(i)));
      for (std::uint32_t i = 0; i < frequencies; ++i) features.push_back(std::sin(angle(i)));
    };
    sincos(in.t);
    if (c_["target_time"]) sincos(in.s);
    if (c_["guidance"]) sincos(in.w / 10);
    if (styles != 0) {
      const HostTensor mean = weights_("style_norm.mean", {styles}), deviation = weights_("style_norm.std", {styles});
      for (std::size_t k = 0; k < styles; ++k) {
        features.push_back((in.style[k] - double{mean.values[k]}) / double{deviation.values[k]});
      }
    }
    Vector e = dense("emb.in", features, dim);
    const HostTensor table = weights_("emb.class", {static_cast<std::uint32_t>(in.classes.size()), dim});
    for (std::size_t k = 0; k < in.classes.size(); ++k) {
      for (std::size_t i = 0; i < dim; ++i) e[i] += in.classes[k] * double{table.values[k * dim + i]};
    }
    return silu(dense("emb.out", silu(e), dim));
  }

  Map block(const std::string& name, const Map& h, const Map* skip, std::uint32_t out) {
    const Map r = skip != nullptr ? concat(h, *skip) : h;
    const auto in = static_cast<std::uint32_t>(r.c);
    const Map a = conv3(name + ".conv1", silu(normalised(r, name + ".norm1")), in, out);
    const Vector mod = dense(name + ".mod", e_, 2 * out);
    Vector scale(mod.begin(), mod.begin() + out), shift(mod.begin() + out, mod.end());
    for (double& value : scale) value += 1;
    const Map b = conv3(name + ".conv2", silu(scaleShift(normalised(a, name + ".norm2"), scale, shift)), out, out);
    return add(skip != nullptr ? convK(name + ".shortcut", r, in, out, 1) : r, b);
  }

  Map normalised(const Map& x, const std::string& gain) {
    const HostTensor gamma = weights_(gain, {static_cast<std::uint32_t>(x.c)});
    return scaleShift(rmsNorm(x, c_["norm_eps"].get<double>()), Vector(gamma.values.begin(), gamma.values.end()));
  }
  Map conv3(const std::string& name, const Map& x, std::uint32_t in, std::uint32_t out, std::size_t stride = 1) {
    return convK(name, x, in, out, 3, stride);
  }
  Map convK(const std::string& name, const Map& x, std::uint32_t in, std::uint32_t out, std::uint32_t kernel,
            std::size_t stride = 1) {
    return conv(x, weights_(name + ".weight", {out, in, kernel, kernel}), weights_(name + ".bias", {out}),
                c_.value("padding", "circular") == "zero" ? Border::Zero : Border::Circular, stride);
  }
  Vector dense(const std::string& name, const Vector& x, std::uint32_t out) {
    return linear(x, weights_(name + ".weight", {out, static_cast<std::uint32_t>(x.size())}),
                  weights_(name + ".bias", {out}));
  }

  nlohmann::json c_;
  WeightSource weights_;
  Vector e_;
};

}  // namespace rivulet::test
