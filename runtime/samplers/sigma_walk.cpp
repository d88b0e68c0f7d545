#include "samplers/sigma_walk.h"

namespace rivulet {
namespace {

/// x' = x + (to - from) (x - x0) / from
void eulerStep(ModelCall& call, double from, double to) {
  call.next.a = to / from;
  call.next.b = 1.0 - to / from;
}

}  // namespace

std::vector<ModelCall> eulerWalk(const std::vector<double>& sigmas, const BeginWalkCall& begin) {
  std::vector<ModelCall> calls;
  for (std::size_t i = 0; i + 1 < sigmas.size(); ++i) {
    calls.push_back(begin(i));
    eulerStep(calls.back(), sigmas[i], sigmas[i + 1]);
  }
  return calls;
}

std::vector<ModelCall> heunWalk(const std::vector<double>& sigmas, const BeginWalkCall& begin) {
  std::vector<ModelCall> calls;
  for (std::size_t i = 0; i + 1 < sigmas.size(); ++i) {
    const double from = sigmas[i], to = sigmas[i + 1];
    ModelCall first = begin(i);
    eulerStep(first, from, to);
    const bool twice = to > 0.0 && i + 2 < sigmas.size();
    first.save = twice;
    first.saved.a = twice ? 1.0 : 0.0;
    first.pushX0 = twice;
    calls.push_back(first);
    if (!twice) continue;

    // x' = saved + (to - from) / 2 ((saved - history_0) / from + (x - x0) / to)
    ModelCall second = begin(i + 1);
    const double half = 0.5 * (to - from);
    second.next.a = half / to;
    second.next.b = -half / to;
    second.next.c = 1.0 + half / from;
    second.next.d[0] = -half / from;
    second.nextT = second.t;
    calls.push_back(second);
  }
  return calls;
}

}  // namespace rivulet
