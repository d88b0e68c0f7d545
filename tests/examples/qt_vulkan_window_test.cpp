// examples/qt_vulkan_window on an X server without a screen: what its screenshots show, and how it ends.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "engine/generator.h"
#include "examples/x_server.h"
#include "image/image_io.h"
#include "support/gpu_fixture.h"
#include "support/temporary_folder.h"

namespace rivulet::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

const std::string kModel = RIVULET_SOURCE_DIR "/models/materials-s.safetensors";
constexpr std::uint32_t kSteps = 4;
// Between the window's texels and the runtime's: the features Qt enables decide on the kernels, and those on the
// rounding. Half a level on lavapipe; a GPU may compute the one in half precision.
constexpr int kRounding = 12;

// The window as it opens: quads of twice two textures, at their own size.
constexpr std::uint32_t kColumns = 4, kRows = 2, kMargin = 8, kTexture = 64, kQuad = 2 * kTexture;
constexpr std::array<std::uint8_t, 3> kPlaceholder = {41, 46, 56};

struct Material {
  const char* name;
  std::uint64_t seed;
};
constexpr std::array<Material, kColumns* kRows> kMaterials = {
    {{"brick", 1}, {"wood", 2}, {"grass", 3}, {"rust", 4}, {"brick", 5}, {"fabric", 6}, {"roof", 7}, {"brick", 1}}};

struct Outcome {
  int status;
  std::string log;
};

/// The part of a screenshot that a quad covers.
Image quad(const Image& screenshot, std::uint32_t index) {
  const std::uint32_t left = kMargin + index % kColumns * (kQuad + kMargin);
  const std::uint32_t top = kMargin + index / kColumns * (kQuad + kMargin);
  Image image{kQuad, kQuad, 3, {}};
  for (std::uint32_t y = top; y < top + kQuad; ++y) {
    const auto row = screenshot.pixels.begin() + 3 * (std::ptrdiff_t{y} * screenshot.width + left);
    image.pixels.insert(image.pixels.end(), row, row + 3 * kQuad);
  }
  return image;
}

/// The largest difference between a quad and the texture it repeats.
int difference(const Image& quad, const Image& texture) {
  int most = 0;
  for (std::uint32_t y = 0; y < kQuad; ++y) {
    for (std::uint32_t i = 0; i < 3 * kQuad; ++i) {
      const int shown = quad.pixels[3 * kQuad * y + i];
      const int made = texture.pixels[3 * kTexture * (y % kTexture) + i % (3 * kTexture)];
      most = std::max(most, std::abs(shown - made));
    }
  }
  return most;
}

/// The same requests, made by the runtime itself.
std::vector<Image> expectedTextures() {
  const std::shared_ptr<const models::Network> network = models::Network::load(kModel);
  SharedGpu& gpu = sharedGpu();
  engine::GeneratorOptions options;
  options.precision = engine::defaultPrecision(gpu.device->caps());
  engine::Generator generator(network, *gpu.pipelines, options);
  std::vector<engine::Request> requests;
  for (const Material& material : kMaterials) {
    engine::Request request;
    request.classes = engine::parseClasses(network->info(), material.name);
    request.seed = material.seed;
    request.steps = kSteps;
    request.width = request.height = kTexture;
    requests.push_back(request);
  }
  std::vector<Image> images;
  for (const engine::Texture& texture : generator.generate(requests)) {
    images.push_back(imageFromChw(texture.pixels, texture.channels, texture.height, texture.width));
  }
  return images;
}

class QtVulkanWindow : public testing::Test {
 protected:
  /// Runs the program. Validation is on where the layer is installed; Qt logs its messages as "vkDebug".
  Outcome run(const std::string& arguments, const std::string& environment = "") const {
    const fs::path log = folder_ / "log";
    std::string command = "DISPLAY=" + server_.display() + " XDG_RUNTIME_DIR='" + folder_.path().string() +
                          "' QT_QPA_PLATFORM=xcb QT_LOGGING_RULES= "
                          "VK_LAYER_ENABLES=VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT ";
    command += environment + " '" RIVULET_QT_EXAMPLE "' " + arguments;
    if (validationInstalled()) command += " --validate";
    command += " >'" + log.string() + "' 2>&1 </dev/null";
    const int status = std::system(command.c_str());
    std::ifstream file(log);
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, {std::istreambuf_iterator<char>(file), {}}};
  }

  TemporaryFolder folder_;
  XServer server_;
};

TEST_F(QtVulkanWindow, ShowsWhatRivuletMakes) {
  const fs::path file = folder_ / "textures.png";
  const Outcome result = run("'" + kModel + "' --budget 20000 --steps " + std::to_string(kSteps) + " --screenshot '" +
                             file.string() + "'");
  ASSERT_EQ(result.status, 0) << result.log;
  EXPECT_THAT(result.log, Not(HasSubstr("vkDebug")));
  EXPECT_THAT(result.log, HasSubstr("8 textures in"));
  const Image screenshot = readImage(file);
  ASSERT_EQ(screenshot.width, kColumns * (kQuad + kMargin) + kMargin);
  ASSERT_EQ(screenshot.height, kRows * (kQuad + kMargin) + kMargin);

  const std::vector<Image> expected = expectedTextures();
  for (std::uint32_t i = 0; i < kMaterials.size(); ++i) {
    EXPECT_LE(difference(quad(screenshot, i), expected[i]), kRounding) << "quad " << i << ", " << kMaterials[i].name;
    const auto [low, high] = std::minmax_element(expected[i].pixels.begin(), expected[i].pixels.end());
    EXPECT_GT(*high - *low, 20) << "texture " << i << " is flat";
  }
  EXPECT_GT(difference(quad(screenshot, 4), expected[0]), 20) << "two bricks of different seeds";
  EXPECT_EQ(quad(screenshot, 7).pixels, quad(screenshot, 0).pixels) << "the same request twice";
}

TEST_F(QtVulkanWindow, BeginsWithPlaceholdersAndClosesWhileTexturesAreInTheMaking) {
  const fs::path file = folder_ / "placeholders.png";
  const Outcome first = run("'" + kModel + "' --frames 1 --screenshot '" + file.string() + "'");
  ASSERT_EQ(first.status, 0) << first.log;
  EXPECT_THAT(first.log, Not(HasSubstr("vkDebug")));
  const Image screenshot = readImage(file);
  for (std::uint32_t i = 0; i < kMaterials.size(); ++i) {
    const Image shown = quad(screenshot, i);
    for (std::size_t k = 0; k < shown.pixels.size(); ++k) ASSERT_EQ(shown.pixels[k], kPlaceholder[k % 3]) << i;
  }

  const Outcome closed = run("'" + kModel + "' --steps 1000 --frames 200");
  EXPECT_EQ(closed.status, 0) << closed.log;
  EXPECT_THAT(closed.log, Not(HasSubstr("vkDebug")));
  EXPECT_THAT(closed.log, Not(HasSubstr("8 textures"))) << "too late to be a test";
}

TEST_F(QtVulkanWindow, SaysWhatIsMissing) {
  const Outcome noModel = run("'" + (folder_ / "none.safetensors").string() + "'");
  EXPECT_EQ(noModel.status, 2);
  EXPECT_THAT(noModel.log, HasSubstr("none.safetensors cannot be read"));

  const Outcome badModel = run("'" + folder_.write("bad.safetensors", "this is no safetensors file").string() + "'");
  EXPECT_EQ(badModel.status, 1);
  EXPECT_THAT(badModel.log, HasSubstr("bad.safetensors"));

  const Outcome noDriver = run("'" + kModel + "'", "VK_ICD_FILENAMES=/nonexistent VK_DRIVER_FILES=/nonexistent");
  EXPECT_EQ(noDriver.status, 1);
  EXPECT_THAT(noDriver.log, HasSubstr("no Vulkan"));

  const Outcome noNumber = run("'" + kModel + "' --steps many");
  EXPECT_EQ(noNumber.status, 2);
  EXPECT_THAT(noNumber.log, HasSubstr("--steps wants a number"));
}

}  // namespace
}  // namespace rivulet::test
