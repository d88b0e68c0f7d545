// One frame into a file of RenderDoc's, and what Rivulet itself measured in it, to compare.
#pragma once

#include <string>
#include <vector>

#include "gpu/renderdoc.h"
#include "rivulet/generator.h"

namespace demo {

class FrameCapture {
 public:
  FrameCapture(const Device& device, const std::string& path) : device_(device), renderDoc_(path) {}

  const RenderDoc& renderDoc() const { return renderDoc_; }
  /// The next frame.
  void want() { wanted_ = renderDoc_.attached(); }
  bool busy() const { return wanted_ || capturing_ || measuring_; }
  /// What came of the latest; empty before there is one.
  const std::string& message() const { return message_; }

  /// Around a frame: begin() before anything of it is submitted, recorded() once Rivulet's part is, end() behind the
  /// presentation.
  void begin();
  void recorded(const Generator& generator, double budgetUs);
  void end();

 private:
  struct Spent {
    double microseconds = 0;
    unsigned long long dispatches = 0;
  };
  static Spent spentBy(const Generator& generator);

  const Device& device_;
  RenderDoc renderDoc_;
  bool wanted_ = false, capturing_ = false, measuring_ = false;
  Spent before_;
  std::string file_, message_;
};

}  // namespace demo
