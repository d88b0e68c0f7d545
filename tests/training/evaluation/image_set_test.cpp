// Images from folders and from IDX files, apart by the trainer's rule or by a list.
#include "training/evaluation/image_set.h"

#include <algorithm>

#include "../scratch.h"
#include "idx_files.h"
#include "training/dataset.h"

namespace rivulet::training {
namespace {

ImageSetOptions folders(const Scratch& scratch, int perClass = 12) {
  for (int i = 0; i < perClass; ++i) {
    scratch.picture("data/brick/" + std::to_string(i) + ".png", 32, static_cast<std::uint64_t>(i));
    scratch.picture("data/rock/" + std::to_string(i) + ".png", 32, static_cast<std::uint64_t>(100 + i));
  }
  ImageSetOptions options;
  options.root = scratch.path() / "data";
  options.size = 16;
  options.holdout = 0.3;
  return options;
}

TEST(ImageSet, HoldsOutAsTheTrainerDoes) {
  const Scratch scratch;
  const ImageSetOptions options = folders(scratch);
  const ImageSet set = readImageSet(options);
  EXPECT_EQ(set.classes, (std::vector<std::string>{"brick", "rock"}));
  EXPECT_EQ(set.channels, 3);
  EXPECT_EQ(set.training.size() + set.heldOut.size(), 24u);
  EXPECT_FALSE(set.heldOut.empty());
  for (const LabelledImage& image : set.heldOut) EXPECT_TRUE(isHeldOut(image.name, 0.3)) << image.name;
  for (const LabelledImage& image : set.training) EXPECT_FALSE(isHeldOut(image.name, 0.3)) << image.name;
  EXPECT_EQ(set.training[0].pixels.sizes(), (at::IntArrayRef{3, 24, 24}));  // 32 less the inset
  const Image8 first = readImage(options.root / set.training[0].name);
  EXPECT_EQ(set.training[0].pixels[1][2][3].item<int>(), first.rgb[((2 + 4) * 32 + 3 + 4) * 3 + 1]);
}

TEST(ImageSet, HoldsOutByAList) {
  const Scratch scratch;
  ImageSetOptions options = folders(scratch, 3);
  options.heldOutList = scratch.path() / "list.txt";
  std::ofstream(options.heldOutList) << "rock/1.png\r\n\nbrick/0.png\n";
  const ImageSet set = readImageSet(options);
  ASSERT_EQ(set.heldOut.size(), 2u);
  EXPECT_EQ(set.heldOut[0].name, "brick/0.png");
  EXPECT_EQ(set.heldOut[1].name, "rock/1.png");
  EXPECT_EQ(set.heldOut[1].classIndex, 1);
  std::ofstream(options.heldOutList) << "rock/9.png\n";
  EXPECT_NE(errorOf([&] { readImageSet(options); }).find("rock/9.png"), std::string::npos);
  std::ofstream(options.heldOutList) << "rock/0.png\nrock/1.png\nrock/2.png\n";
  EXPECT_NE(errorOf([&] { readImageSet(options); }).find("class rock"), std::string::npos);
}

TEST(ImageSet, ReadsIdxFilesWithABorder) {
  const Scratch scratch;
  writeIdxSet(scratch.path(), 28, 20, 8);
  ImageSetOptions options;
  options.root = scratch.path();
  options.size = 32;
  const ImageSet set = readImageSet(options);
  EXPECT_EQ(set.channels, 1);
  EXPECT_EQ(set.classes, (std::vector<std::string>{"0", "1"}));
  EXPECT_EQ(set.training.size(), 20u);
  EXPECT_EQ(set.heldOut.size(), 8u);
  EXPECT_EQ(set.heldOut[3].name, "t10k/3");
  EXPECT_EQ(set.heldOut[3].classIndex, 1);
  const at::Tensor pixels = set.training[1].pixels;
  EXPECT_EQ(pixels.sizes(), (at::IntArrayRef{1, 32, 32}));
  EXPECT_EQ(pixels[0][1].sum().item<int>(), 0);
  EXPECT_GT(pixels[0][2][2].item<int>(), 0);
  options.size = 28;
  EXPECT_TRUE(at::equal(readImageSet(options).training[1].pixels, pixels.narrow(1, 2, 28).narrow(2, 2, 28)));
  std::filesystem::remove(scratch.path() / "t10k-labels-idx1-ubyte");
  EXPECT_NE(errorOf([&] { readImageSet(options); }).find("t10k-labels-idx1-ubyte"), std::string::npos);
}

TEST(ImageSet, RandomCropsKeepASeed) {
  const Scratch scratch;
  const ImageSet set = readImageSet(folders(scratch, 3));
  std::vector<const LabelledImage*> images;
  for (const LabelledImage& image : set.training) images.push_back(&image);
  const at::Tensor crops = randomCrops(images, 16, 1);
  EXPECT_EQ(crops.sizes(), (at::IntArrayRef{static_cast<int64_t>(images.size()), 3, 16, 16}));
  EXPECT_TRUE(at::equal(crops, randomCrops(images, 16, 1)));
  EXPECT_FALSE(at::equal(crops, randomCrops(images, 16, 2)));
  EXPECT_TRUE(at::equal(randomCrops(images, 24, 1)[0], toPlanes(images[0]->pixels)));
}

}  // namespace
}  // namespace rivulet::training
