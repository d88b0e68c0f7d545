// Requests that share a network, each at another place of its plan: what one of them begins with, or a lost recording
// had of it, does not show in the others.
#include <chrono>
#include <thread>

#include "plugin/plugin_fixture.h"

namespace rivulet::test {
namespace {

class PluginLanes : public PluginTest {
 protected:
  void SetUp() override {
    PluginTest::SetUp();
    open([](RvlContextInfo& info) { info.max_lanes = 2; });
    first_ = make(3, 12);
    second_ = make(4, 9);
    auto warm = sized<RvlWarmUpInfo>();
    warm.model = model();
    warm.lanes = 2;
    ASSERT_EQ(api().warmUp(context(), &warm), RVL_SUCCESS) << api().lastError();
    while (api().isReady(context(), &warm) == RVL_NOT_READY) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  /// A request of 12 steps, after three of them or later.
  RvlRequest begin() {
    const RvlRequest request = ask(3, 12);
    while (host().poll(request).steps_done < 3) host().frame(400);
    return request;
  }
  void expect(RvlRequest request, const std::vector<std::byte>& bytes) {
    ASSERT_EQ(host().finish(request), RVL_STATE_READY);
    EXPECT_EQ(bytesOf(request), bytes);
    EXPECT_EQ(api().releaseRequest(context(), request), RVL_SUCCESS);
  }

  std::vector<std::byte> first_, second_;  // alone: of 12 steps, of 9
};

TEST_F(PluginLanes, OneThatBeginsLeavesTheOtherAlone) {
  const RvlRequest a = begin(), b = ask(4, 9);
  for (int i = 0; i < 1000 && host().poll(b).steps_done == 0; ++i) host().frame(400);
  EXPECT_EQ(host().poll(a).state, RVL_STATE_RUNNING) << "both at once";
  expect(a, first_);
  expect(b, second_);
}

TEST_F(PluginLanes, OneThatIsCancelledLeavesTheOtherAlone) {
  for (int frames = 1; frames < 30; frames += 4) {
    const RvlRequest a = begin(), b = ask(5, 9);
    for (int i = 0; i < frames; ++i) host().frame(200);
    ASSERT_EQ(api().cancel(context(), b), RVL_SUCCESS);
    ASSERT_EQ(api().releaseRequest(context(), b), RVL_SUCCESS);
    expect(a, first_);
  }
}

TEST_F(PluginLanes, ALostRecordingIsDoneAgainForBoth) {
  for (int lost = 1; lost <= 17; lost += 4) {
    const RvlRequest a = begin(), b = ask(4, 9);
    const std::uint64_t before = statistics().restarts;
    for (int i = 0; i < lost; ++i) host().frame(500);
    auto info = sized<RvlRecordInfo>();
    info.command_buffer = host().stream().begin("a frame that is dropped");
    info.budget_us = 500;
    auto dropped = sized<RvlRecordResult>();
    ASSERT_EQ(api().record(context(), &info, &dropped), RVL_SUCCESS) << api().lastError();
    host().stream().abandon();
    if (dropped.serial != 0) {
      ASSERT_EQ(api().discard(context(), dropped.serial), RVL_SUCCESS) << api().lastError();
      EXPECT_EQ(statistics().restarts, before + 1);
    }
    expect(a, first_);
    expect(b, second_);
  }
}

}  // namespace
}  // namespace rivulet::test
