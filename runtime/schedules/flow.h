#pragma once
// The linear path of flow matching: alpha = 1 - t, sigma = t. Liu, Gong, Liu, "Flow straight and fast", ICLR 2023;
// Lipman et al., "Flow matching for generative modeling", ICLR 2023.

#include "schedules/noise_level.h"

namespace rivulet {

/// Moves t towards noise: shift t / (1 + (shift - 1) t). Esser et al., "Scaling rectified flow transformers", ICML
/// 2024, equation 23. shift = 1 changes nothing; 0 and 1 stay.
double shiftFlowTime(double t, double shift);

/// The level at t, told to the network as t * timestepScale.
NoiseLevel flowLevel(double t, double timestepScale);

}  // namespace rivulet
