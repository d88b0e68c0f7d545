#include "core/replace_file.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "support/temporary_folder.h"

namespace rivulet::test {
namespace {

std::string replaceWith(const std::filesystem::path& file, const std::string& text) {
  return replaceFile(file, std::as_bytes(std::span(text)));
}
std::string contents(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(ReplaceFile, WritesTheWholeOrLeavesTheOld) {
  const TemporaryFolder folder;
  const std::filesystem::path file = folder / "deep/er/file";
  EXPECT_EQ(replaceWith(file, "a longer text"), "");
  EXPECT_EQ(contents(file), "a longer text");
  EXPECT_EQ(replaceWith(file, "short"), "");
  EXPECT_EQ(contents(file), "short");
  EXPECT_NE(replaceWith(file / "below a file", "x"), "");
  EXPECT_NE(replaceWith(folder / "deep", "x"), "") << "a folder is there";
  EXPECT_EQ(contents(file), "short");
  const auto entries = std::filesystem::recursive_directory_iterator(folder.path());
  EXPECT_EQ(std::distance(begin(entries), end(entries)), 3) << "two folders and the file: nothing is left behind";
}

}  // namespace
}  // namespace rivulet::test
