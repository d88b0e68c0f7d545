// The run's loss as a picture: an SVG with a logarithmic ordinate.
#pragma once

#include <filesystem>

namespace rivulet::training {

// Reads the JSON-lines log (keys step, loss, heldout_loss) and writes `svg`, atomically. Does nothing for a log of
// fewer than two lines.
void writeLossCurve(const std::filesystem::path& log, const std::filesystem::path& svg);

}  // namespace rivulet::training
