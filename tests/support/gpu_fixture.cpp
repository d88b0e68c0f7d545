#include "support/gpu_fixture.h"

#include <cstdio>
#include <cstdlib>
#include <map>
#include <ostream>
#include <utility>

#include "core/error.h"

namespace rivulet::test {

namespace {

std::string allMessages(const std::vector<std::string>& messages) {
  std::string text = std::to_string(messages.size()) + " validation message(s)";
  for (const std::string& message : messages) text += "\n  " + message;
  return text;
}

/// Owns the shared devices; what they leak is reported when they go.
class SharedGpus : public testing::Environment {
 public:
  static SharedGpus& get() {
    // gtest owns it and destroys it after the tests.
    static auto* const instance = static_cast<SharedGpus*>(testing::AddGlobalTestEnvironment(new SharedGpus));
    return *instance;
  }

  SharedGpu& gpu(const std::vector<std::string>& disable) {
    const auto found = gpus_.find(disable);
    if (found != gpus_.end()) return found->second;
    SharedGpu gpu;
    vk::CreateDeviceInfo info;
    info.validation = validationInstalled();
    info.onMessage = messages_.callback();
    info.disable = disable;
    gpu.device = vk::Device::create(info);
    gpu.pipelines = std::make_unique<vk::PipelineCache>(gpu.device, std::filesystem::path());
    gpu.stream = std::make_unique<vk::CommandStream>(gpu.device);
    return gpus_.emplace(disable, std::move(gpu)).first->second;
  }

  MessageLog& messages() { return messages_; }

  void TearDown() override {
    for (auto& [disable, gpu] : gpus_) {
      gpu.stream.reset();
      gpu.pipelines.reset();
      EXPECT_EQ(gpu.device.use_count(), 1) << "a test keeps the shared device alive";
      gpu.device.reset();
    }
    gpus_.clear();
    const std::vector<std::string> left = messages_.take();
    EXPECT_TRUE(left.empty()) << "while destroying the devices: " << allMessages(left);
  }

 private:
  MessageLog messages_;
  std::map<std::vector<std::string>, SharedGpu> gpus_;
};

// Registered before RUN_ALL_TESTS, as gtest wants it.
[[maybe_unused]] const SharedGpus& registered = SharedGpus::get();

}  // namespace

void MessageLog::add(std::string message) {
  const std::lock_guard lock(mutex_);
  messages_.push_back(std::move(message));
}

std::vector<std::string> MessageLog::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(messages_, {});
}

vk::MessageCallback MessageLog::callback() {
  return [this](VkDebugUtilsMessageSeverityFlagBitsEXT, const char* message) { add(message); };
}

bool validationInstalled() {
  static const bool installed = [] {
    const char* const wanted = std::getenv("RIVULET_TEST_VALIDATION");
    if (wanted != nullptr && std::string_view(wanted) == "0") return false;
    try {
      vk::Device::create({.validation = true, .onMessage = [](auto, auto) {}});
      return true;
    } catch (const Error& error) {
      if (std::string_view(error.what()).find("VK_LAYER_KHRONOS_validation") == std::string_view::npos) return false;
      std::fprintf(stderr, "note: tests run without validation: %s\n", error.what());
      return false;
    }
  }();
  return installed;
}

const std::vector<GpuVariant>& gpuVariants() {
  std::vector<std::string> everything;
  for (const vk::Capability& capability : vk::capabilities()) everything.emplace_back(capability.name);
  static const std::vector<GpuVariant> variants = {
      {"Full", {}},
      {"NoStorage16", {"storage16"}},
      {"NoBufferDeviceAddress", {"bufferDeviceAddress"}},
      {"NoSubgroupBallot", {"subgroupBallot"}},
      {"NoSubgroupArithmetic", {"subgroupArithmetic"}},
      {"NoSubgroupSizeControl", {"subgroupSizeControl"}},
      {"NoInt64", {"int64"}},
      {"NoTimelineSemaphore", {"timelineSemaphore"}},
      {"Minimal", everything},
  };
  return variants;
}

std::string variantName(const testing::TestParamInfo<GpuVariant>& variant) {
  return variant.param.name;
}

SharedGpu& sharedGpu(const std::vector<std::string>& disable) {
  return SharedGpus::get().gpu(disable);
}

MessageLog& sharedMessages() {
  return SharedGpus::get().messages();
}

void GpuTest::SetUp() {
  try {
    gpu_ = &sharedGpu(disable_);
  } catch (const Error& error) {
    FAIL() << "these tests need a Vulkan device: " << error.what();
  }
}

void GpuTest::TearDown() {
  const std::vector<std::string> messages = takeMessages();
  EXPECT_TRUE(messages.empty()) << allMessages(messages);
}

void PrintTo(const GpuVariant& variant, std::ostream* out) {
  *out << variant.name;
}

}  // namespace rivulet::test
