// Pictures and folders for the trainer's tests.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "training/error.h"
#include "training/image.h"
#include "training/random.h"
#include "training/trainer.h"

namespace rivulet::training {

// A folder of the running test, removed with it.
class Scratch {
 public:
  Scratch() {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    path_ = std::filesystem::temp_directory_path() /
            (std::string("rivulet-") + test->test_suite_name() + "-" + test->name());
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
  }
  ~Scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  const std::filesystem::path& path() const { return path_; }
  // Writes path()/name of noise around a colour that `seed` chooses.
  std::filesystem::path picture(const std::string& name, int size, std::uint64_t seed) const {
    const std::filesystem::path file = path_ / name;
    std::filesystem::create_directories(file.parent_path());
    Random random{seed};
    Image8 image{size, size, {}};
    const int base[3] = {random.below(200), random.below(200), random.below(200)};
    for (int i = 0; i < size * size; ++i) {
      for (const int channel : base) image.rgb.push_back(static_cast<std::uint8_t>(channel + random.below(56)));
    }
    writePng(file, image);
    return file;
  }

 private:
  std::filesystem::path path_;
};

// The message of the Error that `f` throws.
template <class F>
std::string errorOf(F&& f) {
  try {
    f();
  } catch (const Error& error) {
    return error.what();
  }
  ADD_FAILURE() << "no training::Error was thrown";
  return {};
}

inline ImageF constantImage(int width, int height, float r, float g, float b) {
  ImageF image{width, height, {}};
  for (int i = 0; i < width * height; ++i) image.rgb.insert(image.rgb.end(), {r, g, b});
  return image;
}

// Three pictures in each of two classes, "brick" (keeps its up) and "rock".
inline DatasetOptions smallData(const Scratch& scratch, int crop = 16) {
  for (int i = 0; i < 3; ++i) {
    scratch.picture("data/brick/" + std::to_string(i) + ".png", 40, static_cast<std::uint64_t>(i));
    scratch.picture("data/rock/" + std::to_string(i) + ".png", 40, static_cast<std::uint64_t>(10 + i));
  }
  DatasetOptions options;
  options.root = scratch.path() / "data";
  options.crop = crop;
  options.holdout = 0;
  return options;
}

}  // namespace rivulet::training
