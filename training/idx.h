// IDX files, the format of the MNIST family (LeCun, Cortes, Burges: "the MNIST database of handwritten digits", section
// "file formats"): two zero bytes, a type, the number of dimensions, the dimensions as 32-bit big-endian numbers, the
// values. Read plain or gzipped.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace rivulet::training {

// The values of one file; only the type of MNIST, unsigned bytes, is read.
struct Idx {
  std::vector<int64_t> shape;  // row-major, 1 to 4 dimensions
  std::vector<std::uint8_t> values;
};

// Throws Error naming the file: cannot be opened, no IDX file, another type, cut short, longer than its header says.
Idx readIdx(const std::filesystem::path& path);

// Images with a class each, as one half of such a data set.
struct IdxImages {
  int64_t count = 0, height = 0, width = 0;
  std::vector<std::uint8_t> pixels;  // [count, height, width]
  std::vector<std::uint8_t> labels;  // [count]
};

// Throws Error naming the file or files: as readIdx; images without three dimensions, labels without one, or not as
// many labels as images.
IdxImages readIdxImages(const std::filesystem::path& images, const std::filesystem::path& labels);

// What the ten classes of a folder of the MNIST family are called. The files do not say: of a folder with "fashion" in
// its name they are what that data set's documentation calls them ("t-shirt", "trouser", ...), otherwise "0" to "9".
std::vector<std::string> idxClassNames(const std::filesystem::path& folder);

// `folder`/`name`.gz where there is one, else `folder`/`name` where there is one, else an empty path.
std::filesystem::path findIdx(const std::filesystem::path& folder, const std::string& name);

}  // namespace rivulet::training
