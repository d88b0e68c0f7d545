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
  float inputScale = 1.0f;  // multiplies the scalar before the frequencies do (1000 for t in [0, 1])
};

/// One term of the feature vector: the scalar at channel `channel` of `source` [N,1,1,*] float, embedded.
struct TimeEmbedTerm {
  TimeEmbedDesc desc;
  std::uint32_t channel = 0;
};

/// source [N,1,1,M] float → [N,1,1, sum(2F) + copyCount] float: the terms one behind the other, then channels
/// [copyFirst, copyFirst + copyCount) of the source as they are (style, class weights: what the same linear layer
/// reads).
graph::Tensor timeEmbed(graph::Graph& graph, const std::string& name, graph::Tensor source,
                        std::span<const TimeEmbedTerm> terms, std::uint32_t copyFirst = 0, std::uint32_t copyCount = 0);

}  // namespace rivulet::ops
