#pragma once
// The levels a sampler visits. Families differ in conventions that recorded trajectories depend on, so each has its
// own.

#include <vector>

#include "samplers/sampler_config.h"
#include "samplers/step_plan.h"
#include "schedules/noise_level.h"

namespace rivulet {

/// n levels of the process and clean data. VP: whole timesteps (DDPM, DDIM). Flow: as Process::flowSpacing says.
NoiseGrid ancestralGrid(const SamplerConfig& config, int steps);

/// For each of the n levels of ancestralGrid, where DDIM steps to: the next level, or with fixedStride k - T / n;
/// beyond the cleanest timestep clean data or, without setAlphaToOne, the level of timestep 0.
std::vector<NoiseLevel> ddimTargets(const SamplerConfig& config, const NoiseGrid& grid, int steps);

/// n levels and the final one, for multistep solvers (DPM-Solver++, UniPC): on VP, n of n + 1 spaced timesteps, or
/// spaced ratios sigma / alpha. alpha is 0 nowhere on VP; on flow it may be at the first level.
NoiseGrid multistepGrid(const SamplerConfig& config, int steps);

/// n levels and the final one, for solvers in sigma / alpha (Euler, Heun) on a VP process: fractional timesteps.
NoiseGrid ratioGrid(const SamplerConfig& config, int steps);

/// n flow levels from t = 1 (or just below) and t = 0.
NoiseGrid flowGrid(const SamplerConfig& config, int steps);

/// What the network is told at a VP level of real index k.
double vpTimestep(const Process& process, double k);

/// A call whose state is x of `from`: its time, levels, map to x0 and clipping. nextT is `to`'s.
ModelCall beginCall(const SamplerConfig& config, const NoiseLevel& from, const NoiseLevel& to);

/// The highest order a multistep solver can use from grid[i] to grid[i + 1]: 1 plus the number of earlier levels (2 at
/// most) that reach it through distinct, finite log SNRs; 1 if the step itself starts at pure noise, ends at clean data
/// or goes nowhere.
int usableOrder(const NoiseGrid& grid, std::size_t i);

/// Throw InvalidArgument, naming the sampler and what to use instead, if the process is of the other kind.
void requireFlow(const SamplerConfig& config, const char* instead);
void requireVp(const SamplerConfig& config, const char* instead);

}  // namespace rivulet
