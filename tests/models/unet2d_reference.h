#pragma once
// diffusers' UNet2DModel as plain loops, straight from its config.json: written from the definitions of UNet2DModel,
// UNetMidBlock2D, ResnetBlock2D, Attention and get_timestep_embedding, independently of runtime/models.

#include <nlohmann/json.hpp>

#include "models/naive_layers.h"
#include "models/random_weights.h"

namespace rivulet::test {

/// A small network with every kind of block; tests change a key or two.
inline nlohmann::json tinyUNet2D() {
  return {{"_class_name", "UNet2DModel"},
          {"sample_size", 8},
          {"in_channels", 3},
          {"out_channels", 3},
          {"down_block_types", {"DownBlock2D", "AttnDownBlock2D"}},
          {"up_block_types", {"AttnUpBlock2D", "UpBlock2D"}},
          {"block_out_channels", {8, 16}},
          {"layers_per_block", 1},
          {"mid_block_scale_factor", 1},
          {"downsample_padding", 1},
          {"downsample_type", "conv"},
          {"upsample_type", "conv"},
          {"act_fn", "silu"},
          {"attention_head_dim", 8},
          {"norm_num_groups", 4},
          {"attn_norm_num_groups", nullptr},
          {"norm_eps", 1e-5},
          {"resnet_time_scale_shift", "default"},
          {"add_attention", true},
          {"center_input_sample", false},
          {"time_embedding_type", "positional"},
          {"time_embedding_dim", nullptr},
          {"flip_sin_to_cos", true},
          {"freq_shift", 0},
          {"class_embed_type", nullptr},
          {"num_class_embeds", nullptr}};
}

class UNet2DReference {
 public:
  UNet2DReference(nlohmann::json config, WeightSource weights) : c_(std::move(config)), weights_(std::move(weights)) {}

  /// `classes`: weights of the class table's rows.
  Map operator()(Map x, double k, const Vector& classes = {}) {
    const auto channels = c_["block_out_channels"].get<std::vector<std::uint32_t>>();
    const std::size_t levels = channels.size();
    const auto layers = c_["layers_per_block"].get<std::size_t>();
    if (c_.value("center_input_sample", false)) {
      for (double& value : x.v) value = 2 * value - 1;
    }
    temb_ = silu(embedding(k, classes));

    Map h = conv3("conv_in", x, channels[0]);
    std::vector<Map> stack{h};
    for (std::size_t i = 0; i < levels; ++i) {
      const std::string name = "down_blocks." + std::to_string(i) + ".";
      const auto type = c_["down_block_types"][i].get<std::string>();
      for (std::size_t j = 0; j < layers; ++j) {
        h = resnet(name + "resnets." + std::to_string(j), h, channels[i]);
        if (type == "AttnDownBlock2D") h = attention(name + "attentions." + std::to_string(j), h, groups(), 1);
        stack.push_back(h);
      }
      if (i + 1 == levels) continue;
      if (type == "ResnetDownsampleBlock2D" || (type == "AttnDownBlock2D" && c_["downsample_type"] == "resnet")) {
        h = resnet(name + "downsamplers.0", h, channels[i], 1, 'd');
      } else {
        // downsample_padding 0: F.pad(x, (0, 1, 0, 1)), then a convolution without padding.
        h = conv(h, weights_(name + "downsamplers.0.conv.weight", {channels[i], channels[i], 3, 3}),
                 weights_(name + "downsamplers.0.conv.bias", {channels[i]}), Border::Zero, 2,
                 c_["downsample_padding"] == 0);
      }
      stack.push_back(h);
    }
    if (!c_.contains("mid_block_type") || !c_["mid_block_type"].is_null()) {
      const double divisor = c_["mid_block_scale_factor"].get<double>();
      h = resnet("mid_block.resnets.0", h, channels.back(), divisor);
      if (c_["add_attention"]) h = attention("mid_block.attentions.0", h, midGroups(), divisor);
      h = resnet("mid_block.resnets.1", h, channels.back(), divisor);
    }
    for (std::size_t i = 0; i < levels; ++i) {
      const std::string name = "up_blocks." + std::to_string(i) + ".";
      const auto type = c_["up_block_types"][i].get<std::string>();
      const std::uint32_t out = channels[levels - 1 - i];
      for (std::size_t j = 0; j < layers + 1; ++j) {
        const Map both = concat(h, stack.back());
        stack.pop_back();
        h = resnet(name + "resnets." + std::to_string(j), both, out);
        if (type == "AttnUpBlock2D") h = attention(name + "attentions." + std::to_string(j), h, groups(), 1);
      }
      if (i + 1 == levels) continue;
      if (type == "ResnetUpsampleBlock2D" || (type == "AttnUpBlock2D" && c_["upsample_type"] == "resnet")) {
        h = resnet(name + "upsamplers.0", h, out, 1, 'u');
      } else {
        h = conv3(name + "upsamplers.0.conv", nearestTwice(h), out);
      }
    }
    return conv3("conv_out", silu(norm("conv_norm_out", h, groups())), c_["out_channels"].get<std::uint32_t>());
  }

 private:
  std::size_t groups() const { return c_["norm_num_groups"].get<std::size_t>(); }
  /// 0: no normalisation.
  std::size_t midGroups() const {
    if (!c_["attn_norm_num_groups"].is_null()) return c_["attn_norm_num_groups"].get<std::size_t>();
    return scaleShiftMode() ? 0 : groups();
  }
  bool scaleShiftMode() const { return c_["resnet_time_scale_shift"] == "scale_shift"; }

  Vector embedding(double k, const Vector& classes) {
    const auto width = c_["block_out_channels"][0].get<std::uint32_t>();
    const std::uint32_t dim = !c_.contains("time_embedding_dim") || c_["time_embedding_dim"].is_null()
                                  ? 4 * width
                                  : c_["time_embedding_dim"].get<std::uint32_t>();
    const std::uint32_t half = width / 2;
    Vector sines, cosines;
    for (std::uint32_t i = 0; i < half; ++i) {
      const double angle = k * std::exp(-std::log(10000.0) * i / (half - c_["freq_shift"].get<double>()));
      sines.push_back(std::sin(angle));
      cosines.push_back(std::cos(angle));
    }
    Vector features = c_["flip_sin_to_cos"] ? cosines : sines;
    const Vector& second = c_["flip_sin_to_cos"] ? sines : cosines;
    features.insert(features.end(), second.begin(), second.end());
    Vector e = dense("time_embedding.linear_2", silu(dense("time_embedding.linear_1", features, dim)), dim);
    if (!c_["num_class_embeds"].is_null()) {
      const HostTensor table = weights_("class_embedding.weight", {c_["num_class_embeds"].get<std::uint32_t>(), dim});
      for (std::size_t c = 0; c < classes.size(); ++c) {
        for (std::size_t i = 0; i < dim; ++i) e[i] += classes[c] * double{table.values[c * dim + i]};
      }
    }
    return e;
  }

  Map resnet(const std::string& name, Map x, std::uint32_t out, double divisor = 1, char resample = ' ') {
    const auto in = static_cast<std::uint32_t>(x.c);
    Map h = silu(norm(name + ".norm1", x, groups()));
    if (resample == 'u') {
      x = nearestTwice(x);
      h = nearestTwice(h);
    } else if (resample == 'd') {
      x = averageTwice(x);
      h = averageTwice(h);
    }
    h = conv3(name + ".conv1", h, out);
    const Vector time = dense(name + ".time_emb_proj", temb_, scaleShiftMode() ? 2 * out : out);
    if (scaleShiftMode()) {
      Vector scale(time.begin(), time.begin() + out), shift(time.begin() + out, time.end());
      for (double& value : scale) value += 1;
      h = scaleShift(norm(name + ".norm2", h, groups()), scale, shift);
    } else {
      h = norm(name + ".norm2", scaleShift(h, Vector(out, 1.0), time), groups());
    }
    h = conv3(name + ".conv2", silu(h), out);
    if (in != out) {
      x = conv(x, weights_(name + ".conv_shortcut.weight", {out, in, 1, 1}),
               weights_(name + ".conv_shortcut.bias", {out}), Border::Zero);
    }
    return scaled(add(x, h), 1 / divisor);
  }

  Map attention(const std::string& name, const Map& x, std::size_t normGroups, double divisor) {
    const auto channels = static_cast<std::uint32_t>(x.c);
    const std::uint32_t dim =
        c_["attention_head_dim"].is_null() ? channels : c_["attention_head_dim"].get<std::uint32_t>();
    const std::uint32_t heads = channels / dim, inner = heads * dim;
    const Map h = normGroups != 0 ? norm(name + ".group_norm", x, normGroups) : x;
    const auto pointwise = [&](const std::string& layer, const Map& input, std::uint32_t in, std::uint32_t out) {
      HostTensor weight = weights_(name + layer + ".weight", {out, in});
      weight.shape = {out, in, 1, 1};
      return conv(input, weight, weights_(name + layer + ".bias", {out}), Border::Zero);
    };
    const Map mixed = test::attention(pointwise(".to_q", h, channels, inner), pointwise(".to_k", h, channels, inner),
                                      pointwise(".to_v", h, channels, inner), heads);
    return scaled(add(pointwise(".to_out.0", mixed, inner, channels), x), 1 / divisor);
  }

  Map norm(const std::string& name, const Map& x, std::size_t normGroups) {
    const auto channels = static_cast<std::uint32_t>(x.c);
    return groupNorm(x, normGroups, c_["norm_eps"].get<double>(), weights_(name + ".weight", {channels}),
                     weights_(name + ".bias", {channels}));
  }
  Map conv3(const std::string& name, const Map& x, std::uint32_t out) {
    return conv(x, weights_(name + ".weight", {out, static_cast<std::uint32_t>(x.c), 3, 3}),
                weights_(name + ".bias", {out}), Border::Zero);
  }
  Vector dense(const std::string& name, const Vector& x, std::uint32_t out) {
    return linear(x, weights_(name + ".weight", {out, static_cast<std::uint32_t>(x.size())}),
                  weights_(name + ".bias", {out}));
  }

  nlohmann::json c_;
  WeightSource weights_;
  Vector temb_;
};

}  // namespace rivulet::test
