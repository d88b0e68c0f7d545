// gtest's main, plus --rvl-file=ops/conv2d_test.cpp: run the tests written in that file. ctest has one entry per test
// file (starting Vulkan is slow on a software driver), and the file is the one thing the build knows about a test.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <string_view>

namespace {

/// Every test whose source file ends in `file`, as a gtest filter; empty when there is none.
std::string filterFor(std::string_view file) {
  const testing::UnitTest& all = *testing::UnitTest::GetInstance();
  std::string filter;
  for (int s = 0; s < all.total_test_suite_count(); ++s) {
    const testing::TestSuite& suite = *all.GetTestSuite(s);
    for (int t = 0; t < suite.total_test_count(); ++t) {
      const testing::TestInfo& test = *suite.GetTestInfo(t);
      std::string source = test.file();
      std::replace(source.begin(), source.end(), '\\', '/');
      if (!std::string_view(source).ends_with(file)) continue;
      if (!filter.empty()) filter += ':';
      filter += std::string(suite.name()) + "." + test.name();
    }
  }
  return filter;
}

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  constexpr std::string_view kFile = "--rvl-file=";
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (!argument.starts_with(kFile)) {
      std::fprintf(stderr, "unknown argument %s\n", argv[i]);
      return 2;
    }
    const std::string filter = filterFor("/" + std::string(argument.substr(kFile.size())));
    if (filter.empty()) {
      std::fprintf(stderr, "no test comes from %s\n", argv[i] + kFile.size());
      return 2;
    }
    testing::GTEST_FLAG(filter) = filter;
  }
  return RUN_ALL_TESTS();
}
