#include "core/log.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace rivulet {
namespace {

/// The default sink is not reachable afterwards: silence is the nearest to it.
class Log : public testing::Test {
 protected:
  void TearDown() override { setLogSink({}); }
};

TEST_F(Log, GoesToTheSink) {
  std::vector<std::string> lines;
  setLogSink([&](LogLevel level, std::string_view message) {
    lines.push_back(std::to_string(static_cast<int>(level)) + std::string(message));
  });
  log(LogLevel::Debug, "a");
  log(LogLevel::Error, "b");
  EXPECT_EQ(lines, (std::vector<std::string>{"0a", "3b"}));
}

TEST_F(Log, AnEmptySinkSilences) {
  setLogSink({});
  testing::internal::CaptureStderr();
  log(LogLevel::Error, "nobody hears");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST_F(Log, OneMessageAtATime) {
  int inside = 0, most = 0, count = 0;
  setLogSink([&](LogLevel, std::string_view) {
    most = std::max(most, ++inside);
    ++count;
    --inside;
  });
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([] {
      for (int i = 0; i < 100; ++i) log(LogLevel::Info, "x");
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(most, 1);
  EXPECT_EQ(count, 400);
}

TEST_F(Log, AThrowingSinkIsContained) {
  setLogSink([](LogLevel, std::string_view) { throw std::runtime_error("no"); });
  EXPECT_NO_THROW(log(LogLevel::Error, "x"));
}

}  // namespace
}  // namespace rivulet
