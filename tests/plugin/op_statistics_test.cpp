// What getOpStatistics() counts, and how hosts of an older header see it.
#include <algorithm>
#include <string>
#include <vector>

#include "plugin/plugin_fixture.h"

namespace rivulet::test {
namespace {

class PluginOpStatistics : public PluginTest {
 protected:
  std::vector<RvlOpStatistics> ops() {
    std::uint32_t count = 0;
    EXPECT_EQ(api().getOpStatistics(context(), nullptr, &count), RVL_SUCCESS) << api().lastError();
    std::vector<RvlOpStatistics> all(count, sized<RvlOpStatistics>());
    if (count == 0) return all;
    EXPECT_EQ(api().getOpStatistics(context(), all.data(), &count), RVL_SUCCESS) << api().lastError();
    EXPECT_EQ(count, all.size());
    return all;
  }
};

TEST_F(PluginOpStatistics, AddUpToWhatTheContextSays) {
  open();
  ASSERT_FALSE(ops().empty()) << "copies are known before there is a network";
  for (const RvlOpStatistics& op : ops()) EXPECT_EQ(op.dispatches, 0u) << op.name;
  static_cast<void>(make(1, 3));
  static_cast<void>(make(2, 2));
  const std::vector<RvlOpStatistics> all = ops();
  const RvlStatistics whole = statistics();
  std::uint64_t dispatches = 0, multiplyAdds = 0, convolutions = 0, steps = 0;
  double microseconds = 0;
  for (const RvlOpStatistics& op : all) {
    const std::string name = op.name;
    dispatches += op.dispatches;
    multiplyAdds += op.multiply_adds;
    microseconds += op.device_us;
    if (name.find("conv") != std::string::npos) convolutions += op.multiply_adds;
    if (name.rfind("step ", 0) == 0) steps += op.dispatches;
    EXPECT_EQ(op.struct_size, sizeof(RvlOpStatistics));
    EXPECT_EQ(std::count_if(all.begin(), all.end(), [&](const auto& other) { return name == other.name; }), 1) << name;
  }
  EXPECT_EQ(dispatches, whole.dispatches);
  EXPECT_GE(steps, 5u) << "one for each step, more where one was recorded in parts";
  EXPECT_GT(convolutions, multiplyAdds / 2) << "a convolutional network";
  EXPECT_GT(microseconds, 0);
  EXPECT_LE(microseconds, whole.device_us * 1.0001) << "what is between them is nobody's";
}

/// What is left out of an evaluation is neither recorded nor counted.
TEST_F(PluginOpStatistics, WhatBeginsATextureIsNotInEveryEvaluation) {
  open([](RvlContextInfo& info) { info.max_lanes = 1; });
  const auto count = [&](const std::string& kind) {
    RvlOpStatistics sum{};
    for (const RvlOpStatistics& op : ops()) {
      if (std::string(op.name).rfind(kind + " ", 0) != 0) continue;
      sum.dispatches += op.dispatches;
      sum.multiply_adds += op.multiply_adds;
    }
    return sum;
  };
  // Of tiny sinusoids there is one workgroup: they cannot be recorded in parts, as the others may.
  static_cast<void>(make(1, 1));
  EXPECT_EQ(count("time_embed").dispatches, 1u);
  const auto one = static_cast<double>(count("linear").multiply_adds);
  static_cast<void>(make(2, 19));
  EXPECT_EQ(count("time_embed").dispatches, 4u) << "before the first evaluation, the ninth and the seventeenth";
  EXPECT_GE(count("step").dispatches, 20u);
  EXPECT_NEAR(static_cast<double>(count("linear").multiply_adds), 20 * one, one / 2) << "a row for each evaluation";
}

TEST_F(PluginOpStatistics, NamesStayAsTheyAreWhileNetworksCome) {
  open();
  static_cast<void>(make(1));
  const std::vector<RvlOpStatistics> before = ops();
  auto info = requestInfo(model(), 3);
  info.width = info.height = 24;
  static_cast<void>(make(info));
  const std::vector<RvlOpStatistics> after = ops();
  ASSERT_GT(after.size(), before.size()) << "another size, other ops";
  for (std::size_t i = 0; i < before.size(); ++i) {
    EXPECT_STREQ(after[i].name, before[i].name);
    EXPECT_GE(after[i].dispatches, before[i].dispatches);
  }
}

TEST_F(PluginOpStatistics, AnArrayMayBeShortOrOfAnotherSize) {
  open();
  static_cast<void>(make(1));
  const std::vector<RvlOpStatistics> all = ops();
  std::vector<RvlOpStatistics> two(3, sized<RvlOpStatistics>());
  std::uint32_t count = 2;
  ASSERT_EQ(api().getOpStatistics(context(), two.data(), &count), RVL_SUCCESS);
  EXPECT_EQ(count, 2u);
  EXPECT_STREQ(two[1].name, all[1].name);
  EXPECT_EQ(two[2].name[0], 0) << "beyond the count";

  struct Later {  // a header with more members
    RvlOpStatistics known;
    std::uint64_t more;
  };
  std::vector<Later> later(all.size());
  for (Later& one : later) one.known.struct_size = sizeof(Later);
  count = static_cast<std::uint32_t>(all.size());
  ASSERT_EQ(api().getOpStatistics(context(), &later.front().known, &count), RVL_SUCCESS) << api().lastError();
  for (std::size_t i = 0; i < all.size(); ++i) EXPECT_STREQ(later[i].known.name, all[i].name);

  two[0].struct_size = 1;
  EXPECT_EQ(api().getOpStatistics(context(), two.data(), &count), RVL_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(api().getOpStatistics(context(), nullptr, nullptr), RVL_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(api().getOpStatistics({}, nullptr, &count), RVL_ERROR_INVALID_HANDLE);
}

TEST_F(PluginOpStatistics, AnOlderHostGetsItsTable) {
  const RvlApi* const first = rvlGetApi(1);
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(first->version, 1u);
  EXPECT_EQ(first->request, api().request);
  EXPECT_EQ(api().version, RVL_API_VERSION);
}

}  // namespace
}  // namespace rivulet::test
