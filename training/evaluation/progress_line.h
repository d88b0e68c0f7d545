// One line of progress on standard error, redrawn on a terminal, a line now and then elsewhere.
#pragma once

#include <cstdint>
#include <string>

namespace rivulet::training {

class ProgressLine {
 public:
  explicit ProgressLine(bool quiet = false);
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  // `what` names the work; a new name starts a new line. `note` goes behind the count. Cheap enough for every step.
  void update(const std::string& what, int64_t done, int64_t total, const std::string& note = {});
  // Removes the line, so that something else can be printed.
  void clear();

 private:
  bool quiet_ = false, terminal_ = false, drawn_ = false;
  std::string what_;
  double started_ = 0, last_ = 0;
};

}  // namespace rivulet::training
