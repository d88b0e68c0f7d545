// What the IDX reader reads, and what it says of files that are not what they should be.
#include "training/idx.h"

#include <zlib.h>

#include <vector>

#include "scratch.h"

namespace rivulet::training {
namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes header(std::initializer_list<std::uint8_t> shape, std::uint8_t type = 8) {
  Bytes bytes = {0, 0, type, static_cast<std::uint8_t>(shape.size())};
  for (const std::uint8_t size : shape) bytes.insert(bytes.end(), {0, 0, 0, size});
  return bytes;
}

Bytes with(Bytes bytes, int count) {
  for (int i = 0; i < count; ++i) bytes.push_back(static_cast<std::uint8_t>(i));
  return bytes;
}

std::filesystem::path plain(const Scratch& scratch, const std::string& name, const Bytes& bytes) {
  std::ofstream(scratch.path() / name, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  return scratch.path() / name;
}

std::filesystem::path gzipped(const Scratch& scratch, const std::string& name, const Bytes& bytes) {
  const std::filesystem::path path = scratch.path() / name;
  const gzFile file = gzopen(path.string().c_str(), "wb");
  gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size()));
  gzclose(file);
  return path;
}

void expectError(const std::filesystem::path& path, std::initializer_list<const char*> words) {
  const std::string message = errorOf([&] { readIdx(path); });
  EXPECT_NE(message.find(path.string()), std::string::npos) << message;
  for (const char* word : words) EXPECT_NE(message.find(word), std::string::npos) << word << " in: " << message;
}

TEST(Idx, ReadsPlainAndGzippedFilesAlike) {
  const Scratch scratch;
  const Bytes bytes = with(header({2, 3, 4}), 24);
  for (const auto& path : {plain(scratch, "a", bytes), gzipped(scratch, "a.gz", bytes)}) {
    const Idx idx = readIdx(path);
    EXPECT_EQ(idx.shape, (std::vector<int64_t>{2, 3, 4}));
    EXPECT_EQ(idx.values, Bytes(bytes.begin() + 16, bytes.end()));
  }
}

TEST(Idx, ReadsImagesWithTheirLabels) {
  const Scratch scratch;
  const auto images = gzipped(scratch, "images.gz", with(header({2, 3, 4}), 24));
  const auto labels = gzipped(scratch, "labels.gz", with(header({2}), 2));
  const IdxImages read = readIdxImages(images, labels);
  EXPECT_EQ(read.count, 2);
  EXPECT_EQ(read.height, 3);
  EXPECT_EQ(read.width, 4);
  EXPECT_EQ(read.pixels[23], 23);
  EXPECT_EQ(read.labels, (Bytes{0, 1}));
}

TEST(Idx, SaysWhatIsWrongWithAFile) {
  const Scratch scratch;
  expectError(scratch.path() / "absent", {"cannot open"});
  expectError(plain(scratch, "short", {0, 0, 8}), {"cut short", "header"});
  expectError(plain(scratch, "dimensions", {0, 0, 8, 3, 0, 0}), {"cut short", "header"});
  expectError(plain(scratch, "text", {'t', 'e', 'x', 't'}), {"no IDX file", "zero bytes"});
  expectError(plain(scratch, "floats", with(header({2}, 13), 8)), {"type 13", "unsigned bytes"});
  expectError(plain(scratch, "flat", {0, 0, 8, 0}), {"0 dimensions"});
  expectError(plain(scratch, "values", with(header({2, 5}), 9)), {"cut short", "2x5 = 10", "has 9"});
  expectError(plain(scratch, "longer", with(header({2, 5}), 11)), {"longer", "2x5 = 10"});
  expectError(plain(scratch, "huge", {0, 0, 8, 2, 255, 255, 255, 255, 255, 255, 255, 255}), {"4 GiB", "damaged"});
}

TEST(Idx, SaysWhatIsWrongWithAGzippedFile) {
  const Scratch scratch;
  const auto path = gzipped(scratch, "a.gz", with(header({100, 100}), 10000));
  std::filesystem::resize_file(path, std::filesystem::file_size(path) / 2);
  expectError(path, {"cut short", "100x100"});
  const auto damaged = gzipped(scratch, "b.gz", with(header({100, 100}), 10000));
  std::fstream(damaged, std::ios::binary | std::ios::in | std::ios::out).seekp(30).write("\xff\xff\xff\xff\xff\xff", 6);
  expectError(damaged, {});
}

TEST(Idx, NamesBothFilesThatDoNotBelongTogether) {
  const Scratch scratch;
  const auto images = plain(scratch, "images", with(header({2, 3, 4}), 24));
  const auto labels = plain(scratch, "labels", with(header({3}), 3));
  const std::string message = errorOf([&] { readIdxImages(images, labels); });
  for (const char* word : {"images has 2 images", "labels 3 labels"}) {
    EXPECT_NE(message.find(word), std::string::npos) << message;
  }
  EXPECT_NE(errorOf([&] { readIdxImages(labels, labels); }).find("three dimensions"), std::string::npos);
  EXPECT_NE(errorOf([&] { readIdxImages(images, images); }).find("one dimension"), std::string::npos);
}

}  // namespace
}  // namespace rivulet::training
