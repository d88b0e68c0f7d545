// Everything a host can get wrong: an error that fits and a message that names it, never a crash, and the context goes
// on.
#include <cstring>
#include <limits>

#include "plugin/plugin_host.h"

namespace rivulet::test {
namespace {

class PluginMisuse : public GpuTest {
 protected:
  void SetUp() override {
    GpuTest::SetUp();
    host_.createContext();
    model_ = host_.load();
  }
  /// `result` is the error wanted, and its message has `part`.
  static void expect(RvlResult result, RvlResult want, const char* part) {
    EXPECT_EQ(result, want) << api().resultText(result) << ": " << api().lastError();
    if (result == want) {
      EXPECT_NE(std::strstr(api().lastError(), part), nullptr) << part << " in: " << api().lastError();
    }
  }
  template <class Change>
  void refused(RvlResult want, const char* part, Change&& change) {
    auto info = requestInfo(model_, 1);
    change(info);
    RvlRequest request{};
    expect(api().request(host_.context(), &info, &request), want, part);
    EXPECT_EQ(request.id, 0u);
  }

  PluginHost host_;
  RvlModel model_{};
};

constexpr RvlResult kInvalid = RVL_ERROR_INVALID_ARGUMENT;

TEST_F(PluginMisuse, AnUnknownVersionHasNoTable) {
  EXPECT_EQ(rvlGetApi(0), nullptr);
  EXPECT_EQ(rvlGetApi(RVL_API_VERSION + 1), nullptr);
}

TEST_F(PluginMisuse, NullAnywhere) {
  const RvlContext context = host_.context();
  RvlContext otherContext{};
  RvlModel model{};
  RvlRequest request{};
  expect(api().createContext(nullptr, &otherContext), kInvalid, "RvlContextInfo is null");
  auto info = contextInfo(host_.device());
  expect(api().createContext(&info, nullptr), kInvalid, "nowhere to put");
  expect(api().loadModel(context, nullptr, &model), kInvalid, "RvlModelInfo is null");
  expect(api().request(context, nullptr, &request), kInvalid, "RvlRequestInfo is null");
  const auto ask = requestInfo(model_, 1);
  expect(api().request(context, &ask, nullptr), kInvalid, "nowhere to put");
  expect(api().record(context, nullptr, nullptr), kInvalid, "null");
  auto record = sized<RvlRecordInfo>();
  auto result = sized<RvlRecordResult>();
  expect(api().record(context, &record, &result), kInvalid, "command_buffer is null");
  expect(api().getStatistics(context, nullptr), kInvalid, "null");
  expect(api().getPipelineCache(context, nullptr, nullptr), kInvalid, "size is null");
  expect(api().queryRequirements(nullptr, nullptr), kInvalid, "null");
  expect(api().fillFeatureChain(nullptr, nullptr), kInvalid, "null");
  expect(api().measureStyle(nullptr, nullptr), kInvalid, "null");
  expect(api().getClassName(context, model_, 0, nullptr, 8), kInvalid, "null");
  expect(api().findClass(context, model_, nullptr, nullptr), kInvalid, "null");
}

TEST_F(PluginMisuse, NumbersThatCannotBeMeant) {
  const RvlContext context = host_.context();
  RvlRequest request{};
  auto ask = requestInfo(model_, 1);
  for (const auto layout :
       {VK_IMAGE_LAYOUT_PREINITIALIZED, VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL, static_cast<VkImageLayout>(12345)}) {
    ask.target.layout = layout;
    expect(api().request(context, &ask, &request), kInvalid, "target.layout");
  }
  // A deadline that no clock reaches is one that is always met: nothing is hurried, nothing overflows.
  ask = requestInfo(model_, 1);
  ask.deadline_us = UINT64_MAX;
  EXPECT_EQ(api().request(context, &ask, &request), RVL_SUCCESS) << api().lastError();
  EXPECT_EQ(api().releaseRequest(context, request), RVL_SUCCESS);
}

TEST_F(PluginMisuse, StructuresWithoutTheirSize) {
  RvlRequest request{};
  auto info = requestInfo(model_, 1);
  info.struct_size = 0;
  expect(api().request(host_.context(), &info, &request), kInvalid, "struct_size");
  info.struct_size = 1u << 20;
  expect(api().request(host_.context(), &info, &request), kInvalid, "struct_size");
  info.struct_size = sizeof info;
  info.next = &info;
  expect(api().request(host_.context(), &info, &request), RVL_ERROR_UNSUPPORTED, "next");
}

TEST_F(PluginMisuse, ContextsThatCannotBe) {
  const auto refusedContext = [&](const char* part, auto change, RvlResult want = kInvalid) {
    auto info = contextInfo(host_.device());
    change(info);
    RvlContext context{};
    expect(api().createContext(&info, &context), want, part);
    EXPECT_EQ(context.id, 0u);
  };
  refusedContext("getInstanceProcAddr", [](RvlContextInfo& i) { i.get_instance_proc_addr = nullptr; });
  refusedContext("instance is null", [](RvlContextInfo& i) { i.instance = VK_NULL_HANDLE; });
  refusedContext("device is null", [](RvlContextInfo& i) { i.device = VK_NULL_HANDLE; });
  refusedContext("apiVersion", [](RvlContextInfo& i) { i.api_version = VK_API_VERSION_1_0; });
  refusedContext("queueFamily", [](RvlContextInfo& i) { i.queue_family = 77; });
  refusedContext("mode", [](RvlContextInfo& i) { i.mode = static_cast<RvlMode>(9); });
  refusedContext("consumer_queue_family 77", [](RvlContextInfo& i) {
    i.mode = RVL_MODE_ASYNC;
    i.consumer_queue_family = 77;
  });
  refusedContext("max_lanes", [](RvlContextInfo& i) { i.max_lanes = 17; });
  refusedContext("max_in_flight", [](RvlContextInfo& i) { i.max_in_flight = 1; });
  refusedContext("precision", [](RvlContextInfo& i) { i.precision = static_cast<RvlPrecision>(5); });
  refusedContext("together", [](RvlContextInfo& i) { i.lock_queue = [](void*) {}; });
  refusedContext(
      "storage_buffer_16bit_access",
      [](RvlContextInfo& i) {
        i.precision = RVL_PRECISION_HALF;
        i.features.storage_buffer_16bit_access = VK_FALSE;
      },
      RVL_ERROR_MISSING_FEATURE);
}

TEST_F(PluginMisuse, HandlesThatAreNone) {
  const RvlContext context = host_.context();
  const RvlContext noContext{}, madeUp{0xdeadbeef12345678u};
  auto status = sized<RvlRequestStatus>();
  expect(api().cancel(noContext, {1}), RVL_ERROR_INVALID_HANDLE, "context");
  expect(api().cancel(madeUp, {1}), RVL_ERROR_INVALID_HANDLE, "context");
  expect(api().destroyContext(madeUp, 0, 0), RVL_ERROR_INVALID_HANDLE, "context");
  expect(api().poll(context, {0}, &status), RVL_ERROR_INVALID_HANDLE, "request");
  expect(api().poll(context, {model_.id}, &status), RVL_ERROR_INVALID_HANDLE, "request");
  expect(api().releaseModel(context, {12345}), RVL_ERROR_INVALID_HANDLE, "model");

  const auto info = requestInfo(model_, 1);
  RvlRequest request{};
  ASSERT_EQ(api().request(context, &info, &request), RVL_SUCCESS);
  EXPECT_EQ(api().releaseRequest(context, request), RVL_SUCCESS);
  expect(api().releaseRequest(context, request), RVL_ERROR_INVALID_HANDLE, "request");
  RvlRequest next{};
  ASSERT_EQ(api().request(context, &info, &next), RVL_SUCCESS);
  EXPECT_NE(next.id, request.id) << "the place is used again, the handle is not";
  expect(api().cancel(context, request), RVL_ERROR_INVALID_HANDLE, "request");

  RvlContext other{};
  const auto otherInfo = contextInfo(host_.device());
  ASSERT_EQ(api().createContext(&otherInfo, &other), RVL_SUCCESS) << api().lastError();
  expect(api().poll(other, next, &status), RVL_ERROR_INVALID_HANDLE, "request");
  EXPECT_EQ(api().destroyContext(other, 0, 0), RVL_SUCCESS);
  expect(api().destroyContext(other, 0, 0), RVL_ERROR_INVALID_HANDLE, "context");

  ASSERT_EQ(api().releaseModel(context, model_), RVL_SUCCESS);
  expect(api().releaseModel(context, model_), RVL_ERROR_INVALID_HANDLE, "model");
}

TEST_F(PluginMisuse, RequestsThatCannotBe) {
  refused(kInvalid, "multiple", [](RvlRequestInfo& i) { i.width = i.height = 17; });
  refused(kInvalid, "16384", [](RvlRequestInfo& i) { i.width = i.height = 65536; });
  refused(kInvalid, "must be at least", [](RvlRequestInfo& i) { i.width = 16; });
  refused(kInvalid, "class index 3", [](RvlRequestInfo& i) { i.classes[0].index = 3; });
  refused(kInvalid, "class_count", [](RvlRequestInfo& i) { i.class_count = 9; });
  refused(kInvalid, "weights", [](RvlRequestInfo& i) { i.classes[0].weight = -1; });
  refused(kInvalid, "weights",
          [](RvlRequestInfo& i) { i.classes[0].weight = std::numeric_limits<float>::quiet_NaN(); });
  refused(kInvalid, "steps", [](RvlRequestInfo& i) { i.steps = 5000; });
  refused(kInvalid, "no_such", [](RvlRequestInfo& i) { i.sampler = "no_such"; });
  refused(kInvalid, "guidance", [](RvlRequestInfo& i) { i.guidance = 1e9f; });
  refused(kInvalid, "priority", [](RvlRequestInfo& i) { i.priority = 1001; });
  refused(kInvalid, "wrap", [](RvlRequestInfo& i) { i.wrap = static_cast<RvlWrap>(4); });
  refused(kInvalid, "style", [](RvlRequestInfo& i) { i.style_count = 3; });
  refused(kInvalid, "style_count", [](RvlRequestInfo& i) { i.style_count = 11; });
  refused(kInvalid, "target.format", [](RvlRequestInfo& i) { i.target.format = VK_FORMAT_D32_SFLOAT; });
  refused(kInvalid, "target.format", [](RvlRequestInfo& i) { i.target.format = VK_FORMAT_UNDEFINED; });
  refused(kInvalid, "mip_levels", [](RvlRequestInfo& i) { i.target.mip_levels = 9; });
  refused(kInvalid, "array_layer", [](RvlRequestInfo& i) { i.target.array_layer = 1; });
  const std::uint8_t pixels[4 * 64] = {};
  refused(kInvalid, "8x8", [&](RvlRequestInfo& i) { i.style_pixels = {pixels, 4, 4}; });
  refused(kInvalid, "request's size", [&](RvlRequestInfo& i) { i.init_pixels = {pixels, 8, 8}; });
  refused(kInvalid, "init_pixels", [&](RvlRequestInfo& i) { i.init_pixels = {pixels, 0, 0}; });
  refused(RVL_ERROR_INVALID_HANDLE, "model", [](RvlRequestInfo& i) { i.model = {}; });
}

TEST_F(PluginMisuse, ModelsThatAreNone) {
  const auto refusedModel = [&](RvlResult want, const char* part, auto change) {
    auto info = sized<RvlModelInfo>();
    change(info);
    RvlModel model{};
    expect(api().loadModel(host_.context(), &info, &model), want, part);
  };
  refusedModel(kInvalid, "path or from data", [](RvlModelInfo&) {});
  refusedModel(RVL_ERROR_IO, "no such file", [](RvlModelInfo& i) { i.path = "/no/such/model.safetensors"; });
  refusedModel(RVL_ERROR_CORRUPT_FILE, "junk", [](RvlModelInfo& i) {
    i.data = "not a model at all";
    i.size = 18;
    i.name = "junk";
  });
}

TEST_F(PluginMisuse, CallsOutOfPlace) {
  const RvlContext context = host_.context();
  auto tick = sized<RvlTickInfo>();
  auto tickResult = sized<RvlTickResult>();
  expect(api().tick(context, &tick, &tickResult), RVL_ERROR_INVALID_STATE, "RVL_MODE_RECORD");
  expect(api().discard(context, 1), kInvalid, "discarded");
  const auto info = requestInfo(model_, 1);
  RvlRequest request{};
  ASSERT_EQ(api().request(context, &info, &request), RVL_SUCCESS);
  auto image = sized<RvlImage>();
  EXPECT_EQ(api().acquireImage(context, request, &image), RVL_NOT_READY);
  expect(api().unacquireImage(context, request), RVL_ERROR_INVALID_STATE, "not acquired");
  ASSERT_EQ(api().cancel(context, request), RVL_SUCCESS);
  EXPECT_EQ(api().cancel(context, request), RVL_SUCCESS) << "twice is nothing";
  expect(api().acquireImage(context, request, &image), RVL_ERROR_INVALID_STATE, "cancelled");
  auto record = sized<RvlRecordInfo>();
  record.command_buffer = host_.stream().begin("frame");
  record.completed = 99;
  auto recordResult = sized<RvlRecordResult>();
  expect(api().record(context, &record, &recordResult), kInvalid, "completed 99");
  record.completed = 0;
  record.budget_us = -1;
  expect(api().record(context, &record, &recordResult), kInvalid, "budget_us");
  host_.stream().abandon();
  expect(api().destroyContext(context, 99, 0), kInvalid, "completed 99");
}

TEST_F(PluginMisuse, AndTheContextGoesOn) {
  refused(kInvalid, "multiple", [](RvlRequestInfo& i) { i.width = i.height = 17; });
  const auto info = requestInfo(model_, 1);
  RvlRequest request{};
  ASSERT_EQ(api().request(host_.context(), &info, &request), RVL_SUCCESS);
  EXPECT_EQ(host_.finish(request), RVL_STATE_READY);
}

}  // namespace
}  // namespace rivulet::test
