#include "app/frame_capture.h"

#include <cstdio>

namespace demo {

FrameCapture::Spent FrameCapture::spentBy(const Generator& generator) {
  Spent spent;
  for (const RvlOpStatistics& op : generator.opStatistics()) {
    spent.microseconds += op.device_us;
    spent.dispatches += op.dispatches;
  }
  return spent;
}

void FrameCapture::begin() {
  if (!wanted_) return;
  wanted_ = false;
  capturing_ = true;
  device_.waitIdle();  // so that the file has one frame, and what is measured is its own
  renderDoc_.begin(device_.instance().handle());
}

void FrameCapture::recorded(const Generator& generator, double budgetUs) {
  if (capturing_) {
    before_ = spentBy(generator);  // recording has just counted the frames before
  } else if (measuring_) {
    measuring_ = false;
    const Spent after = spentBy(generator);
    char text[512];
    std::snprintf(text, sizeof text, "captured %s: Rivulet's ops took %.1f us in %llu dispatches, of %.0f us given",
                  file_.c_str(), after.microseconds - before_.microseconds, after.dispatches - before_.dispatches,
                  budgetUs);
    message_ = text;
    std::printf("%s\n", text);
    std::fflush(stdout);
  }
}

void FrameCapture::end() {
  if (!capturing_) return;
  capturing_ = false;
  device_.waitIdle();
  file_ = renderDoc_.end(device_.instance().handle());
  measuring_ = !file_.empty();
  if (!measuring_) message_ = "RenderDoc captured nothing";
}

}  // namespace demo
