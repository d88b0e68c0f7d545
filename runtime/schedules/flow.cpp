#include "schedules/flow.h"

namespace rivulet {

double shiftFlowTime(double t, double shift) {
  return shift * t / (1.0 + (shift - 1.0) * t);
}

NoiseLevel flowLevel(double t, double timestepScale) {
  return {t, 1.0 - t, t, t * timestepScale};
}

}  // namespace rivulet
