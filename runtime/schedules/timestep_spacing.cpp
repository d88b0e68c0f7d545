#include "schedules/timestep_spacing.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "core/error.h"

namespace rivulet {

TimestepSpacing parseTimestepSpacing(std::string_view name) {
  if (name == "leading") return TimestepSpacing::Leading;
  if (name == "trailing") return TimestepSpacing::Trailing;
  if (name == "linspace") return TimestepSpacing::Linspace;
  throw Error(ErrorCode::InvalidArgument,
              "timestep_spacing \"" + std::string(name) + "\" is not known; supported: leading, trailing, linspace");
}

std::string_view toString(TimestepSpacing spacing) {
  switch (spacing) {
    case TimestepSpacing::Leading:
      return "leading";
    case TimestepSpacing::Trailing:
      return "trailing";
    case TimestepSpacing::Linspace:
      return "linspace";
  }
  return "";
}

std::vector<double> spaceTimesteps(int n, const SpacingOptions& options) {
  const int last = options.lastTimestep;
  const int points = options.dropCleanest ? n + 1 : n;
  if (n < 1 || n > options.trainTimesteps) {
    throw Error(ErrorCode::InvalidArgument, "a sampler of " + std::to_string(n) + " steps: expected 1 to " +
                                                std::to_string(options.trainTimesteps) +
                                                ", the number of times the schedule has");
  }
  std::vector<double> times;
  switch (options.spacing) {
    case TimestepSpacing::Linspace: {
      const double step = points > 1 ? static_cast<double>(last - 1) / (points - 1) : 0.0;
      for (int i = points - 1; i >= points - n; --i) {
        const double time = i == points - 1 ? last - 1.0 : i * step;
        times.push_back(options.round ? std::nearbyint(time) : time);
      }
      break;
    }
    case TimestepSpacing::Leading: {
      const int step = last / points;
      if (step < 1) {
        throw Error(ErrorCode::InvalidArgument, "leading spacing of " + std::to_string(n) + " steps needs " +
                                                    std::to_string(points) + " times, the schedule has " +
                                                    std::to_string(last) + ": use fewer steps or another spacing");
      }
      for (int i = points - 1; i >= points - n; --i) times.push_back(static_cast<double>(i * step + options.offset));
      break;
    }
    case TimestepSpacing::Trailing: {
      const double step = static_cast<double>(options.trainTimesteps) / n;
      for (int i = 0; i < n; ++i) {
        const double time = std::nearbyint(last - i * step) - 1.0;
        if (time < 0.0) break;  // a cut-off noisy end leaves fewer
        times.push_back(time);
      }
      break;
    }
  }
  for (const double time : times) {
    if (time < 0.0 || time > options.trainTimesteps - 1) {
      throw Error(ErrorCode::InvalidArgument, "timestep " + std::to_string(static_cast<int>(time)) + " (spacing " +
                                                  std::string(toString(options.spacing)) + ", " + std::to_string(n) +
                                                  " steps, steps_offset " + std::to_string(options.offset) +
                                                  ") is outside 0.." + std::to_string(options.trainTimesteps - 1));
    }
  }
  return times;
}

}  // namespace rivulet
