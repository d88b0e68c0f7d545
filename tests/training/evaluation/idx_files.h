// A small data set in IDX files, plain ones.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "training/random.h"

namespace rivulet::training {

// Classes in turn, 0 and 1 unless there are to be more: noise that is darker in even ones, brighter in odd ones, no
// pixel 0.
inline void writeIdxSet(const std::filesystem::path& folder, int size, int train, int test, int classes = 2) {
  const auto write = [&](const std::string& name, std::initializer_list<int> shape, const std::vector<char>& values) {
    std::ofstream out(folder / name, std::ios::binary);
    out.write("\0\0\x08", 3).put(static_cast<char>(shape.size()));
    for (const int length : shape)
      out.write("\0\0", 2).put(static_cast<char>(length >> 8)).put(static_cast<char>(length));
    out.write(values.data(), static_cast<std::streamsize>(values.size()));
  };
  Random random{1};
  for (const auto& [part, count] : {std::pair<std::string, int>{"train", train}, {"t10k", test}}) {
    std::vector<char> pixels, labels;
    for (int i = 0; i < count; ++i) {
      labels.push_back(static_cast<char>(i % classes));
      for (int p = 0; p < size * size; ++p)
        pixels.push_back(static_cast<char>(1 + 100 * (i % classes % 2) + random.below(100)));
    }
    write(part + "-images-idx3-ubyte", {count, size, size}, pixels);
    write(part + "-labels-idx1-ubyte", {count}, labels);
  }
}

}  // namespace rivulet::training
