#include "bench_timer.h"

#include <algorithm>
#include <chrono>

namespace rivulet::cli {

double median(std::vector<double> values) {
  if (values.empty()) return 0.0;
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 != 0 ? values[middle] : 0.5 * (values[middle - 1] + values[middle]);
}

double SubmissionTimer::seconds(const char* label, const std::function<void(VkCommandBuffer)>& record) {
  const VkCommandBuffer commands = stream_.begin(label);
  timer_.begin(commands);
  timer_.mark(commands);
  record(commands);
  timer_.mark(commands);
  const auto start = std::chrono::steady_clock::now();
  stream_.wait(stream_.submit());
  const double host = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const std::vector<double> marks = timer_.read();
  return marks.size() == 2 && marks[1] > 0.0 ? marks[1] * 1e-6 : host;
}

}  // namespace rivulet::cli
