// What the demo is doing, as a file: for tests, and for whoever drives it by scripts.
#pragma once

#include <string>

#include "panels/panel.h"

namespace demo {

/// What a report says beside what the panels see.
struct ReportExtras {
  VkExtent2D window{}, picture{};
  Camera camera;
  std::uint64_t frames = 0;
  double budgetUs = 0;
  float interfaceScale = 1;
};

/// Writes JSON. Throws std::runtime_error naming the file.
void writeReport(const std::string& file, const Controls& controls, const Selection& selection, Generator& generator,
                 const TextureStore& textures, const Generated& generated, const ReportExtras& extras);

}  // namespace demo
