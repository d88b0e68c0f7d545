// What was measured on the device in earlier runs: it decides how many lanes batches have, and which kernels are taken.
#include <algorithm>
#include <chrono>
#include <fstream>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "engine/lanes.h"
#include "engine/tuning_file.h"
#include "plugin/plugin_fixture.h"
#include "support/scoped_environment.h"
#include "support/temporary_folder.h"
#include "support/vulkan_spy.h"
#include "vk/pipeline_cache.h"

namespace rivulet::test {
namespace {

std::string messages;
bool warned = false;

void RVL_CALL onMessage(void*, RvlSeverity severity, const char* message) {
  messages += std::string(message) + "\n";
  warned = warned || severity == RVL_SEVERITY_WARNING;
}

// Microseconds, more than any evaluation takes here: what is learned meanwhile makes the batch there is the cheaper
// one.
constexpr double kSlow = 1e9;

class PluginTuning : public PluginTest {
 protected:
  void SetUp() override {
    PluginTest::SetUp();
    messages.clear();
    warned = false;
  }
  template <class Change>
  void openTuned(Change&& change, const TinyTextureUNet& model = {}) {
    const std::string folder = folder_.path().string();
    open(
        [&](RvlContextInfo& info) {
          info.tuning_folder = folder.c_str();
          info.message_callback = onMessage;
          change(info);
        },
        {}, model);
  }
  void openTuned() {
    openTuned([](RvlContextInfo&) {});
  }
  std::filesystem::path file() const { return engine::tuningFile(vk::PipelineCache::fileIn(folder_.path(), caps())); }
  /// Of the model's textures in fp32, as the library names them.
  static std::string key() {
    const auto network = models::Network::load(TinyTextureUNet().bytes(), "tiny");
    engine::LaneShape shape;
    shape.height = shape.width = network->info().nativeSize;
    return engine::curveKey(network->info(), shape, engine::planLanes(*network, *sharedGpu().device, shape));
  }
  /// As if earlier runs had measured it, up to 16 lanes.
  template <class Time>
  void know(Time&& time) {
    close();  // what an earlier context learned is in the file by then
    engine::DeviceTuning tuning;
    for (std::uint32_t lanes = 1; lanes <= 16; lanes *= 2) tuning.curves[key()].measured(lanes, time(lanes));
    std::filesystem::remove(file());
    engine::writeTuning(file(), tuning);
  }
  void warmUp(std::uint32_t lanes = 0) {
    auto info = sized<RvlWarmUpInfo>();
    info.model = model();
    info.lanes = lanes;
    ASSERT_EQ(api().warmUp(context(), &info), RVL_SUCCESS) << api().lastError();
    while (api().isReady(context(), &info) == RVL_NOT_READY) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  /// Lanes at work in each evaluation of `count` requests that all wait before the first frame.
  double lanesOf(std::size_t count) {
    std::vector<RvlRequest> requests;
    for (std::size_t i = 0; i < count; ++i) requests.push_back(ask(i));
    const RvlStatistics before = statistics();
    for (const RvlRequest request : requests) EXPECT_EQ(host().finish(request), RVL_STATE_READY);
    const RvlStatistics after = statistics();
    return static_cast<double>(after.lane_evaluations - before.lane_evaluations) /
           static_cast<double>(after.evaluations - before.evaluations);
  }

  TemporaryFolder folder_;
};

TEST_F(PluginTuning, LanesFollowWhatWasMeasured) {
  const auto eight = [](RvlContextInfo& info) { info.max_lanes = 8; };
  know([](double lanes) { return kSlow * lanes; });
  openTuned(eight);
  warmUp();
  EXPECT_EQ(lanesOf(8), 1) << "a larger batch gains nothing";
  EXPECT_EQ(statistics().executables, 1u);

  know([](double) { return kSlow; });
  openTuned(eight);
  warmUp();
  EXPECT_EQ(lanesOf(8), 8);

  know([](double lanes) { return lanes <= 2 ? kSlow : kSlow / 2 * lanes; });
  openTuned(eight);
  warmUp();
  EXPECT_EQ(lanesOf(8), 2);
  EXPECT_EQ(messages, "");
}

TEST_F(PluginTuning, AWarmUpHasTheLastWord) {
  know([](double lanes) { return kSlow * lanes; });
  openTuned();
  warmUp(4);
  EXPECT_EQ(lanesOf(8), 4) << "the host asked for them";
}

TEST_F(PluginTuning, WaitingRequestsGetMoreLanesOnlyForAGain) {
  for (const bool gains : {false, true}) {
    know([&](double lanes) { return gains && lanes > 1 ? 1 : kSlow * lanes; });
    openTuned();
    warmUp(1);
    std::vector<RvlRequest> requests;
    for (std::size_t i = 0; i < 8; ++i) requests.push_back(ask(i, 8));
    std::uint64_t executables = 0;
    for (const RvlRequest request : requests) {
      while (host().poll(request).state < RVL_STATE_READY) {
        host().frame(500);
        executables = std::max(executables, statistics().executables);
      }
    }
    EXPECT_EQ(executables, gains ? 2u : 1u);
  }
}

TEST_F(PluginTuning, LearnsAndKeepsWhatItLearned) {
  engine::DeviceTuning others;
  others.kernels.set("matrix of another program", 3);
  engine::writeTuning(file(), others);
  openTuned([](RvlContextInfo& info) { info.max_lanes = 1; });
  for (std::uint64_t seed = 0; seed < 3; ++seed) static_cast<void>(make(seed, 4));
  close();
  const engine::DeviceTuning known = engine::readTuning(file());
  const std::string mine = key();
  ASSERT_TRUE(known.curves.contains(mine));
  EXPECT_TRUE(known.curves.at(mine).has(1));
  EXPECT_FALSE(known.curves.at(mine).has(2)) << "that has not run";
  EXPECT_TRUE(known.kernels.has("matrix of another program"));
  EXPECT_EQ(messages, "");
}

TEST_F(PluginTuning, DoesWithoutAFile) {
  openTuned();
  EXPECT_NE(messages.find("nothing has been measured"), std::string::npos) << messages;
  EXPECT_FALSE(warned) << "every device begins so";
  const auto expected = make(7);
  messages.clear();
  std::ofstream(file(), std::ios::trunc) << "{\"format\": \"rivulet-tuning-1\", \"choices\": [";
  openTuned();
  EXPECT_NE(messages.find(".tuning.json"), std::string::npos) << messages;
  EXPECT_TRUE(warned);
  EXPECT_EQ(make(7), expected);
}

TEST_F(PluginTuning, CanBeTurnedOff) {
  know([](double lanes) { return kSlow * lanes; });
  std::ofstream(file(), std::ios::app) << "damaged";
  const auto size = std::filesystem::file_size(file());
  const ScopedEnvironment off("RIVULET_AUTOTUNE", "0");
  openTuned();
  warmUp();
  EXPECT_EQ(lanesOf(8), 4) << "as many as are usual";
  close();
  EXPECT_EQ(messages, "");
  EXPECT_EQ(std::filesystem::file_size(file()), size);
}

// A device whose matrix units are taken: lavapipe's never are, since it is software.
VKAPI_ATTR void VKAPI_CALL discreteProperties(VkPhysicalDevice device, VkPhysicalDeviceProperties2* properties) {
  reinterpret_cast<PFN_vkGetPhysicalDeviceProperties2>(VulkanSpy::real("vkGetPhysicalDeviceProperties2"))(device,
                                                                                                          properties);
  properties->properties.deviceType = VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU;
}

std::set<std::vector<std::uint32_t>> specialized;  // constants of the pipelines made

VKAPI_ATTR VkResult VKAPI_CALL createPipelines(VkDevice device, VkPipelineCache cache, std::uint32_t count,
                                               const VkComputePipelineCreateInfo* infos,
                                               const VkAllocationCallbacks* callbacks, VkPipeline* pipelines) {
  static std::mutex mutex;  // several threads compile
  for (std::uint32_t i = 0; i < count; ++i) {
    const VkSpecializationInfo* const constants = infos[i].stage.pSpecializationInfo;
    if (!constants) continue;
    const auto* const words = static_cast<const std::uint32_t*>(constants->pData);
    const std::lock_guard lock(mutex);
    specialized.emplace(words, words + constants->dataSize / sizeof *words);
  }
  return reinterpret_cast<PFN_vkCreateComputePipelines>(VulkanSpy::real("vkCreateComputePipelines"))(
      device, cache, count, infos, callbacks, pipelines);
}

TEST_F(PluginTuning, TakesTheKernelsThatWereFastest) {
  if (!caps().cooperativeMatrix) {
    ASSERT_FALSE(std::getenv("RIVULET_EXPECT_MATRIX_UNITS")) << caps().name << " has none";
    GTEST_SKIP() << "this device has no matrix units, of which there would be a choice";
  }
  VulkanSpy::reset();
  VulkanSpy::replace("vkGetPhysicalDeviceProperties2", reinterpret_cast<PFN_vkVoidFunction>(&discreteProperties));
  VulkanSpy::replace("vkCreateComputePipelines", reinterpret_cast<PFN_vkVoidFunction>(&createPipelines));
  const auto spied = [](RvlContextInfo& info) {
    info.get_instance_proc_addr = VulkanSpy::getInstanceProcAddr;
    info.precision = RVL_PRECISION_HALF;
    info.max_lanes = 1;
  };
  // What the autotuner might have found: of each op, another than the usual candidate.
  vk::DeviceCaps gpu = caps();
  gpu.type = VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU;
  TinyTextureUNet model;  // its kernels take a second each to compile on a software driver
  for (std::uint32_t& width : model.widths) width = 16;
  const auto network = model.load();
  engine::LaneShape shape;
  shape.height = shape.width = network->info().nativeSize;
  shape.precision = engine::Precision::Fp16;
  engine::DeviceTuning tuning;
  const engine::LaneGraph usual = engine::buildLaneGraph(*network, gpu, shape);
  for (const graph::Dispatch& dispatch : usual.graph.dispatches())
    if (dispatch.choice.candidates > 1)
      tuning.kernels.set(dispatch.choice.key, (dispatch.choice.taken + 1) % dispatch.choice.candidates);
  ASSERT_FALSE(tuning.kernels.choices().empty());
  std::set<std::vector<std::uint32_t>> usualSpecs, tunedSpecs;
  for (const graph::Dispatch& dispatch : usual.graph.dispatches()) usualSpecs.insert(dispatch.kernel.spec);
  const engine::LaneGraph tuned =
      engine::buildLaneGraph(*network, gpu, shape, std::make_shared<const graph::Tuning>(tuning.kernels));
  for (const graph::Dispatch& dispatch : tuned.graph.dispatches()) tunedSpecs.insert(dispatch.kernel.spec);
  tunedSpecs.erase(std::vector<std::uint32_t>());
  ASSERT_FALSE(std::includes(usualSpecs.begin(), usualSpecs.end(), tunedSpecs.begin(), tunedSpecs.end()));

  specialized.clear();
  openTuned(spied, model);
  const auto expected = make(7);
  EXPECT_FALSE(std::includes(specialized.begin(), specialized.end(), tunedSpecs.begin(), tunedSpecs.end()));

  engine::writeTuning(file(), tuning);
  specialized.clear();
  openTuned(spied, model);
  EXPECT_EQ(make(7), expected) << "all candidates give the same bits";
  EXPECT_TRUE(std::includes(specialized.begin(), specialized.end(), tunedSpecs.begin(), tunedSpecs.end()));
  close();
  VulkanSpy::reset();
}

}  // namespace
}  // namespace rivulet::test
