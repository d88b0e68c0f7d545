#pragma once
// What a network was trained on: a noise process and the units of its time input. Read from a weight file or from a
// diffusers scheduler_config.json; samplers choose steps on it.

#include <string_view>
#include <vector>

#include "schedules/discrete_vp.h"

namespace rivulet {

enum class ProcessKind { VpLinear, VpScaledLinear, VpCosine, VpBetas, Flow };

/// How flow times are laid out over n steps.
enum class FlowSpacing {
  Uniform,    // t_i = shift(1 - i / n): starts at pure noise, ends at 0
  FlowMatch,  // diffusers' FlowMatch*Scheduler: n points from 1 to 1/T, both ends shifted, shifted again; then 0
  Multistep,  // diffusers' use_flow_sigmas: shift((1 - 1/T) (n - i) / n), told to the network as an integer of T; then
              // 0
};

struct Process {
  ProcessKind kind = ProcessKind::VpLinear;
  // Variance preserving
  int trainTimesteps = 1000;
  double betaStart = 1e-4, betaEnd = 0.02;
  std::vector<double> betas;  // VpBetas
  bool zeroTerminalSnr = false;
  // Flow
  double shift = 1.0;
  FlowSpacing flowSpacing = FlowSpacing::Uniform;
  // The network's time input. Flow: t * timestepScale. VP: the index k, or with timeIsNoiseLevel
  // (k + 1) / T * timestepScale.
  double timestepScale = 1.0;
  bool timeIsNoiseLevel = false;

  bool isFlow() const { return kind == ProcessKind::Flow; }
};

/// Names in weight files, errors and on the command line: vp_linear, vp_scaled_linear, vp_cosine, vp_betas, flow.
std::string_view toString(ProcessKind kind);
ProcessKind parseProcessKind(std::string_view name);

/// The table of a VP process. Throws InvalidArgument for a flow process, sizes outside 1..100000 or betas outside (0,
/// 1). dividesByAlpha: give a zero terminal SNR the value 2^-24 instead of 0.
DiscreteVp makeDiscreteVp(const Process& process, bool dividesByAlpha);

}  // namespace rivulet
