// What the data set reads, keeps apart and says when it cannot go on.
#include "training/dataset.h"

#include "scratch.h"

namespace rivulet::training {
namespace {

void expectMentions(const std::string& message, std::initializer_list<const char*> words) {
  for (const char* word : words) EXPECT_NE(message.find(word), std::string::npos) << word << " in: " << message;
}

TEST(Dataset, ReadsClassFoldersInOrder) {
  const Scratch scratch;
  const Dataset dataset(smallData(scratch));
  EXPECT_EQ(dataset.classes(), (std::vector<std::string>{"brick", "rock"}));
  EXPECT_EQ(dataset.tiles().size(), 6u);
  EXPECT_EQ(dataset.tilesOfClass()[1], (std::vector<int>{3, 4, 5}));
  EXPECT_EQ(dataset.tiles()[0].image.width, 32);  // 40 less the inset
  const ImageF tile = toFloat(dataset.tiles()[4].image);
  EXPECT_EQ(dataset.tiles()[4].style, measureStyle(tile));
}

TEST(Dataset, InsetCutsTheBorder) {
  const Scratch scratch;
  const auto file = scratch.picture("data/rock/a.png", 40, 3);
  const Image8 whole = readImage(file);
  DatasetOptions options;
  options.root = scratch.path() / "data";
  options.crop = 16;
  options.holdout = 0;
  const Image8 inset = Dataset(options).tiles()[0].image;
  EXPECT_EQ(inset.rgb[0], whole.rgb[(4 * 40 + 4) * 3]);
  EXPECT_EQ(inset.rgb.back(), whole.rgb[(35 * 40 + 35) * 3 + 2]);
}

TEST(Dataset, HoldsOutByNameAlone) {
  int held = 0;
  for (int i = 0; i < 4000; ++i) held += isHeldOut("wood/Wood_" + std::to_string(i) + ".png", 0.05) ? 1 : 0;
  EXPECT_NEAR(held, 200, 45);
  const Scratch scratch;
  for (int i = 0; i < 40; ++i) scratch.picture("data/wood/" + std::to_string(i) + ".png", 24, 1);
  DatasetOptions options;
  options.root = scratch.path() / "data";
  options.crop = 16;
  options.holdout = 0.3;
  const Dataset dataset(options);
  EXPECT_EQ(dataset.tiles().size() + dataset.heldOut().size(), 40u);
  EXPECT_FALSE(dataset.heldOut().empty());
  for (const Tile& tile : dataset.heldOut()) EXPECT_TRUE(isHeldOut("wood/" + tile.path.filename().string(), 0.3));
  for (const int index : dataset.tilesOfClass()[0]) {
    EXPECT_FALSE(isHeldOut("wood/" + dataset.tiles()[static_cast<std::size_t>(index)].path.filename().string(), 0.3));
  }
}

TEST(Dataset, NamesAFolderThatIsNotThere) {
  DatasetOptions options;
  options.root = "/no/such/folder";
  expectMentions(errorOf([&] { Dataset{options}; }), {"/no/such/folder", "--data"});
}

TEST(Dataset, WantsClassFolders) {
  const Scratch scratch;
  scratch.picture("data/lost.png", 40, 1);
  DatasetOptions options;
  options.root = scratch.path() / "data";
  expectMentions(errorOf([&] { Dataset{options}; }), {"no class folders", "<class>"});
}

TEST(Dataset, NamesAnEmptyClass) {
  const Scratch scratch;
  DatasetOptions options = smallData(scratch);
  std::filesystem::create_directories(options.root / "void");
  expectMentions(errorOf([&] { Dataset{options}; }), {"no training images", "void"});
}

TEST(Dataset, NamesABrokenFile) {
  const Scratch scratch;
  DatasetOptions options = smallData(scratch);
  std::ofstream(options.root / "rock" / "broken.png") << "this is no picture";
  expectMentions(errorOf([&] { Dataset{options}; }), {"cannot read image", "broken.png"});
}

TEST(Dataset, NamesAFileThatIsTooSmall) {
  const Scratch scratch;
  DatasetOptions options = smallData(scratch);
  scratch.picture("data/rock/tiny.png", 23, 1);
  expectMentions(errorOf([&] { Dataset{options}; }), {"too small", "tiny.png", "23x23", "24x24", "--crop"});
}

}  // namespace
}  // namespace rivulet::training
