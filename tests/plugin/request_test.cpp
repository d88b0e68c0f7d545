// What a request may ask for: the host's own image, mips, previews, a picture to begin from, a measured style, a
// deadline.
#include <algorithm>
#include <chrono>
#include <thread>

#include "core/philox.h"
#include "image/style.h"
#include "plugin/plugin_fixture.h"
#include "vk/image.h"

namespace rivulet::test {
namespace {

using PluginRequest = PluginTest;

double meanDifference(const std::vector<std::byte>& a, const std::vector<std::byte>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += std::abs(std::to_integer<int>(a[i]) - std::to_integer<int>(b[i]));
  return sum / static_cast<double>(a.size());
}

TEST_F(PluginRequest, IntoTheHostsImageWithMips) {
  open();
  const std::vector<std::byte> want = make(7);
  vk::ImageInfo info;
  info.width = info.height = 16;
  info.mipLevels = 5;
  info.format = VK_FORMAT_R8G8B8A8_SRGB;
  info.usage |= VK_IMAGE_USAGE_TRANSFER_SRC_BIT;
  const vk::Image image(host().own(), info, "the host's");
  auto asked = requestInfo(model(), 7);
  asked.target.image = image.handle();
  asked.target.format = VK_FORMAT_R8G8B8A8_SRGB;
  asked.target.mip_levels = 0;
  asked.target.layout = VK_IMAGE_LAYOUT_GENERAL;
  const RvlRequest request = ask(asked);
  ASSERT_EQ(host().finish(request), RVL_STATE_READY);
  EXPECT_EQ(host().read(image.handle(), VK_IMAGE_LAYOUT_GENERAL, 0, 16, 16, 4 * 256), want);
  const auto last = host().read(image.handle(), VK_IMAGE_LAYOUT_GENERAL, 4, 1, 1, 4);
  EXPECT_EQ(last[3], std::byte{255}) << "the last level was written";
  auto acquired = sized<RvlImage>();
  ASSERT_EQ(api().acquireImage(context(), request, &acquired), RVL_SUCCESS);
  EXPECT_EQ(acquired.image, image.handle());
  EXPECT_EQ(acquired.mip_levels, 5u);
  EXPECT_FALSE(acquired.needs_acquire);
  EXPECT_EQ(statistics().texture_bytes, 0u) << "the host's memory is not counted";
  host().stream().waitIdle();
  ASSERT_EQ(api().releaseRequest(context(), request), RVL_SUCCESS);
}

TEST_F(PluginRequest, CompressedImages) {
  open();
  if (!host().device().info().enabled.textureCompressionBC) GTEST_SKIP() << "no BC formats here";
  for (const VkFormat format : {VK_FORMAT_BC1_RGB_SRGB_BLOCK, VK_FORMAT_BC7_SRGB_BLOCK}) {
    auto info = requestInfo(model(), 7);
    info.target.format = format;
    info.target.mip_levels = 0;
    const RvlRequest request = ask(info);
    EXPECT_EQ(host().finish(request), RVL_STATE_READY);
    auto image = sized<RvlImage>();
    ASSERT_EQ(api().acquireImage(context(), request, &image), RVL_SUCCESS) << api().lastError();
    const std::uint64_t blocks = format == VK_FORMAT_BC7_SRGB_BLOCK ? 16 : 8;
    const auto bytes = host().read(image.image, image.layout, 0, 16, 16, 16 * blocks);
    EXPECT_NE(std::count(bytes.begin(), bytes.end(), std::byte{0}), static_cast<std::ptrdiff_t>(bytes.size()));
  }
}

TEST_F(PluginRequest, WithoutTheFeatureCompressionIsRefused) {
  open([](RvlContextInfo& info) { info.features.texture_compression_bc = VK_FALSE; });
  auto info = requestInfo(model(), 7);
  info.target.format = VK_FORMAT_BC7_SRGB_BLOCK;
  RvlRequest request{};
  EXPECT_EQ(api().request(context(), &info, &request), RVL_ERROR_MISSING_FEATURE);
}

TEST_F(PluginRequest, PreviewsApproachTheResult) {
  open();
  const std::vector<std::byte> want = make(7, 4);
  auto info = requestInfo(model(), 7, 4);
  info.preview = VK_TRUE;
  vk::ImageInfo imageInfo;
  imageInfo.width = imageInfo.height = 16;
  imageInfo.format = VK_FORMAT_R8G8B8A8_UNORM;
  imageInfo.usage |= VK_IMAGE_USAGE_TRANSFER_SRC_BIT;
  const vk::Image image(host().own(), imageInfo, "the host's");
  info.target.image = image.handle();
  const RvlRequest request = ask(info);
  std::uint32_t seen = 0;
  RvlRequestStatus status = host().poll(request);
  for (int i = 0; i < 3000 && status.state < RVL_STATE_READY; ++i) {
    host().frame(1e-3);
    status = host().poll(request);
    if (status.previews == seen || status.state == RVL_STATE_READY) continue;
    seen = status.previews;
    const auto preview = host().read(image.handle(), VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL, 0, 16, 16, 4 * 256);
    EXPECT_LT(meanDifference(preview, want), 90.0) << "preview " << seen;
    EXPECT_NE(preview, want);
  }
  EXPECT_EQ(seen, 3u) << "one after each step but the last";
  ASSERT_EQ(status.state, RVL_STATE_READY);
  EXPECT_EQ(host().read(image.handle(), VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL, 0, 16, 16, 4 * 256), want);
}

TEST_F(PluginRequest, AnImageOfThePluginsCanBeSeenWhileItForms) {
  open();
  const std::vector<std::byte> want = make(7, 4);
  auto info = requestInfo(model(), 7, 4);
  info.preview = VK_TRUE;
  const RvlRequest request = ask(info);
  auto image = sized<RvlImage>();
  EXPECT_EQ(api().acquireImage(context(), request, &image), RVL_NOT_READY) << "nothing is in it yet";
  RvlRequestStatus status = host().poll(request);
  for (int i = 0; i < 3000 && status.previews == 0; ++i) {
    host().frame(1e-3);
    status = host().poll(request);
  }
  ASSERT_EQ(status.previews, 1u);
  const std::vector<std::byte> preview = bytesOf(request);
  ASSERT_EQ(preview.size(), want.size());
  EXPECT_LT(meanDifference(preview, want), 90.0);
  ASSERT_EQ(host().finish(request), RVL_STATE_READY);
  EXPECT_EQ(bytesOf(request), want);
}

TEST_F(PluginRequest, AnInitImageIsKeptTheMoreTheLessStrengthThereIs) {
  open();
  std::vector<std::uint8_t> pixels(4 * 256);
  for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<std::uint8_t>(i % 4 == 3 ? 255 : 60 + i % 97);
  auto info = requestInfo(model(), 7, 8);
  info.init_pixels = {pixels.data(), 16, 16};
  info.init_strength = 1;
  const std::vector<std::byte> fromNoise = make(7, 8);
  EXPECT_EQ(make(info), fromNoise) << "at full strength nothing of it is left: flow begins at sigma 1, alpha 0";
  info.init_strength = 0.5f;
  const std::vector<std::byte> half = make(info);
  EXPECT_NE(half, fromNoise);
  EXPECT_EQ(make(info), half) << "the same again";
  const RvlRequest request = ask(info);
  ASSERT_EQ(host().finish(request), RVL_STATE_READY);
  EXPECT_EQ(host().poll(request).steps, 4u) << "half of the steps";
}

TEST_F(PluginRequest, AStyleMeasuredFromPixels) {
  open();
  Image picture{32, 32, 4, std::vector<std::uint8_t>(4 * 1024)};
  for (std::size_t i = 0; i < picture.pixels.size(); ++i) picture.pixels[i] = static_cast<std::uint8_t>(i * 37 % 251);
  const Style style = styleOf(picture);
  auto measured = requestInfo(model(), 7), given = measured;
  measured.style_pixels = {picture.pixels.data(), 32, 32};
  given.style_count = RVL_STYLE_SIZE;
  std::copy(style.begin(), style.end(), given.style);
  EXPECT_EQ(make(measured), make(given));
  float numbers[RVL_STYLE_SIZE] = {};
  ASSERT_EQ(api().measureStyle(&measured.style_pixels, numbers), RVL_SUCCESS) << api().lastError();
  EXPECT_TRUE(std::equal(style.begin(), style.end(), numbers));
}

TEST_F(PluginRequest, AWalkFromSeedToSeedBeginsAndEndsAtThem) {
  open();
  const std::vector<std::byte> first = make(7), second = make(8);
  ASSERT_NE(first, second);
  auto info = requestInfo(model(), 7);
  info.seed_b = 8;
  const auto at = [&](float blend) {
    info.seed_blend = blend;
    return make(info);
  };
  EXPECT_EQ(at(0), first);
  EXPECT_EQ(at(1), second) << "to the byte";
  const std::vector<std::byte> middle = at(0.5f);
  EXPECT_GT(meanDifference(middle, first), 0);
  EXPECT_LT(meanDifference(middle, at(0.51f)), meanDifference(middle, at(0.8f))) << "small steps change little";
  info.seed_blend = 1.1f;
  RvlRequest request{};
  EXPECT_EQ(api().request(context(), &info, &request), RVL_ERROR_INVALID_ARGUMENT);

  // A host of the header before these members.
  auto older = requestInfo(model(), 7);
  older.struct_size = offsetof(RvlRequestInfo, seed_b);
  older.seed_b = 8;
  older.seed_blend = 1;
  EXPECT_EQ(make(older), first);
}

TEST_F(PluginRequest, GuidanceBlendsAndSamplersReachTheEngine) {
  open();
  const std::vector<std::byte> plain = make(7);
  auto info = requestInfo(model(), 7);
  info.guidance = 3;
  EXPECT_NE(make(info), plain);
  info = requestInfo(model(), 7);
  info.class_count = 2;
  info.classes[0] = {0, 0.5f};
  info.classes[1] = {2, 0.5f};
  EXPECT_NE(make(info), plain);
  info = requestInfo(model(), 7, 3);
  info.sampler = "flow_heun";
  EXPECT_NE(make(info), make(7, 3));
}

TEST_F(PluginRequest, ADeadlineChoosesTheSteps) {
  open();
  for (std::uint64_t i = 0; i < 4; ++i) make(i);  // costs are known
  auto info = requestInfo(model(), 7, 0);
  info.deadline_us = 600'000'000;
  const RvlRequest unhurried = ask(info);
  ASSERT_EQ(host().finish(unhurried), RVL_STATE_READY);
  EXPECT_EQ(host().poll(unhurried).steps, 8u);
  info.deadline_us = 1;
  const RvlRequest late = ask(info);
  ASSERT_EQ(host().finish(late), RVL_STATE_READY);
  EXPECT_EQ(host().poll(late).steps, 1u);
  EXPECT_EQ(bytesOf(late), make(7, 1)) << "as if one step had been asked for";

  // From a picture of half the noise: the second half of 8, 4 or 2 steps.
  const std::vector<std::uint8_t> pixels(4 * 256, 120);
  info.init_pixels = {pixels.data(), 16, 16};
  info.init_strength = 0.5f;
  const std::vector<std::byte> hurried = make(info);
  info.deadline_us = 600'000'000;
  const std::vector<std::byte> exact = make(info);
  info.deadline_us = 0;
  info.steps = 2;
  EXPECT_EQ(hurried, make(info));
  info.steps = 8;
  EXPECT_EQ(exact, make(info));
}

TEST_F(PluginRequest, NoFeaturesAtAllAreEnough) {
  HostOptions options;
  options.apiVersion = VK_API_VERSION_1_1;
  options.everything = false;
  open([](RvlContextInfo&) {}, options);
  const RvlRequest request = ask(7);
  std::uint64_t completed = 0;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(5);
  while (host().poll(request).state != RVL_STATE_READY && std::chrono::steady_clock::now() < deadline) {
    auto info = sized<RvlRecordInfo>();
    info.command_buffer = host().stream().begin("a frame");
    info.budget_us = 1e6;
    info.completed = completed;
    auto result = sized<RvlRecordResult>();
    ASSERT_EQ(api().record(context(), &info, &result), RVL_SUCCESS) << api().lastError();
    EXPECT_EQ(result.semaphore, VkSemaphore{}) << "no timeline semaphores here";
    host().stream().wait(host().stream().submit());
    completed = std::max(completed, result.serial);
    if (result.serial == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));  // compiling
  }
  ASSERT_EQ(host().poll(request).state, RVL_STATE_READY);
  const std::vector<std::byte> plain = bytesOf(request);
  EXPECT_EQ(plain.size(), 4u * 256);
}

TEST_F(PluginRequest, TheModelsFacts) {
  open();
  auto properties = sized<RvlModelProperties>();
  ASSERT_EQ(api().getModelProperties(context(), model(), &properties), RVL_SUCCESS);
  EXPECT_STREQ(properties.name, "tiny");
  EXPECT_EQ(properties.class_count, 3u);
  EXPECT_EQ(properties.native_size, 16u);
  EXPECT_EQ(properties.size_multiple, 8u);
  EXPECT_EQ(properties.style_size, 10u);
  char name[4] = {};
  ASSERT_EQ(api().getClassName(context(), model(), 1, name, sizeof name), RVL_SUCCESS);
  EXPECT_STREQ(name, "mos") << "cut to its room";
  std::uint32_t index = 0;
  ASSERT_EQ(api().findClass(context(), model(), "rust", &index), RVL_SUCCESS);
  EXPECT_EQ(index, 2u);
}

TEST_F(PluginRequest, ThePipelineCacheComesBack) {
  open();
  make(7);
  std::size_t size = 0;
  ASSERT_EQ(api().getPipelineCache(context(), nullptr, &size), RVL_SUCCESS);
  ASSERT_GT(size, 88u);
  std::vector<std::byte> blob(size + 1000);
  size = blob.size();
  ASSERT_EQ(api().getPipelineCache(context(), blob.data(), &size), RVL_SUCCESS) << api().lastError();
  blob.resize(size);
  size = 1;
  EXPECT_EQ(api().getPipelineCache(context(), blob.data(), &size), RVL_ERROR_INVALID_ARGUMENT);
  std::vector<std::string> messages;
  const auto reopen = [&] {
    open([&](RvlContextInfo& info) {
      info.pipeline_cache = blob.data();
      info.pipeline_cache_size = blob.size();
      info.message_user = &messages;
      info.message_callback = [](void* user, RvlSeverity, const char* message) {
        static_cast<std::vector<std::string>*>(user)->emplace_back(message);
      };
    });
  };
  reopen();
  EXPECT_TRUE(messages.empty());
  blob.back() ^= std::byte{1};
  reopen();
  ASSERT_EQ(messages.size(), 1u) << "a damaged one is ignored, and said so";
  EXPECT_NE(messages[0].find("checksum"), std::string::npos) << messages[0];
}

}  // namespace
}  // namespace rivulet::test
