#pragma once
// Sinusoidal embedding of scalars (Vaswani et al. 2017; diffusers get_timestep_embedding).

#include <span>
#include <string>

#include "graph/graph.h"

namespace rivulet::ops {

struct TimeEmbedDesc {
  std::string name;
  std::uint32_t frequencies = 32;  // F; 2F features
  bool cosFirst = true;            // diffusers' flip_sin_to_cos
  float freqShift = 0.0f;          // diffusers' downscale_freq_shift: f_i = exp(-ln(maxPeriod) i / (F - freqShift))
  float maxPeriod = 10000.0f;
  float inputScale = 1.0f;         // multiplies the scalar before the frequencies do (1000 for t in [0, 1])
};

/// One term of the feature vector: the scalar at channel `channel` of `source` [N,1,1,*] float, embedded.
struct TimeEmbedTerm {
  TimeEmbedDesc desc;
  std::uint32_t channel = 0;
};

/// source [N,1,1,M] float → [N,1,1, sum(2F)] float: the terms one behind the other.
graph::Tensor timeEmbed(graph::Graph& graph, const std::string& name, graph::Tensor source, std::span<const TimeEmbedTerm> terms);

/// [N,1,1,A] and channels [first, first+count) of [N,1,1,M], each mapped by (v - mean)/std → [N,1,1,A+count] float.
graph::Tensor appendNormalised(graph::Graph& graph, const std::string& name, graph::Tensor features, graph::Tensor source,
                               std::uint32_t first, const HostTensor& mean, const HostTensor& std);

}  // namespace rivulet::ops
