#include "training/idx.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>

#include "training/error.h"

namespace rivulet::training {
namespace {

namespace fs = std::filesystem;

constexpr std::uint8_t kUnsignedByte = 0x08;
constexpr std::uint64_t kMostBytes = std::uint64_t{4} << 30;  // a header that says more is a broken one

// A gzipped file, or a plain one, which zlib passes through.
class GzReader {
 public:
  explicit GzReader(const fs::path& path) : path_(path), file_(gzopen(path.string().c_str(), "rb"), gzclose) {
    if (!file_) throw Error("cannot open " + path.string());
  }

  // As many of `size` bytes as there are.
  std::size_t read(std::uint8_t* bytes, std::size_t size) {
    std::size_t done = 0;
    while (done < size) {
      const auto most = static_cast<unsigned>(std::min<std::size_t>(size - done, 1u << 26));
      const int got = gzread(file_.get(), bytes + done, most);
      int code = Z_OK;
      const char* message = gzerror(file_.get(), &code);
      // Z_BUF_ERROR: the compressed data end in the middle. The caller says what is missing.
      if (got < 0 && code != Z_BUF_ERROR) {
        throw Error("cannot unpack " + path_.string() + ": " + message + " (fetch the file again)");
      }
      if (got <= 0) break;
      done += static_cast<std::size_t>(got);
    }
    return done;
  }

 private:
  fs::path path_;
  std::unique_ptr<gzFile_s, int (*)(gzFile)> file_;
};

std::string shapeText(const std::vector<int64_t>& shape) {
  std::string text;
  for (const int64_t size : shape) text += (text.empty() ? "" : "x") + std::to_string(size);
  return text;
}

}  // namespace

Idx readIdx(const fs::path& path) {
  GzReader reader(path);
  std::array<std::uint8_t, 4> magic{};
  if (reader.read(magic.data(), 4) < 4) throw Error(path.string() + " is cut short: it has no whole IDX header");
  if (magic[0] != 0 || magic[1] != 0) {
    throw Error(path.string() + " is no IDX file: it does not start with two zero bytes");
  }
  if (magic[2] != kUnsignedByte) {
    throw Error(path.string() + " holds values of IDX type " + std::to_string(magic[2]) +
                "; only type 8, unsigned bytes, is read");
  }
  if (magic[3] < 1 || magic[3] > 4) {
    throw Error(path.string() + " has " + std::to_string(magic[3]) + " dimensions; 1 to 4 are read");
  }
  Idx idx;
  std::uint64_t size = 1;
  for (int i = 0; i < magic[3]; ++i) {
    std::array<std::uint8_t, 4> number{};
    if (reader.read(number.data(), 4) < 4) throw Error(path.string() + " is cut short: it has no whole IDX header");
    const std::uint32_t length = static_cast<std::uint32_t>(number[0]) << 24 |
                                 static_cast<std::uint32_t>(number[1]) << 16 |
                                 static_cast<std::uint32_t>(number[2]) << 8 | number[3];
    idx.shape.push_back(length);
    if (length != 0 && size > kMostBytes / length) {
      throw Error(path.string() + ": its header says " + shapeText(idx.shape) +
                  " and more, above 4 GiB: it is damaged");
    }
    size *= length;
  }
  // Read in parts, so that a damaged header costs no more memory than the file has bytes.
  while (idx.values.size() < size) {
    const std::size_t part = static_cast<std::size_t>(std::min<std::uint64_t>(size - idx.values.size(), 1u << 24));
    const std::size_t before = idx.values.size();
    idx.values.resize(before + part);
    const std::size_t got = reader.read(&idx.values[before], part);
    if (got < part) {
      throw Error(path.string() + " is cut short: its header says " + shapeText(idx.shape) + " = " +
                  std::to_string(size) + " values, it has " + std::to_string(before + got) + " (fetch it again)");
    }
  }
  std::uint8_t more = 0;
  if (reader.read(&more, 1) != 0) {
    throw Error(path.string() + " is longer than its header says: " + shapeText(idx.shape) + " = " +
                std::to_string(size) + " values");
  }
  return idx;
}

IdxImages readIdxImages(const fs::path& images, const fs::path& labels) {
  Idx pixels = readIdx(images), classes = readIdx(labels);
  if (pixels.shape.size() != 3) {
    throw Error(images.string() + " is " + shapeText(pixels.shape) + "; images have three dimensions");
  }
  if (classes.shape.size() != 1) {
    throw Error(labels.string() + " is " + shapeText(classes.shape) + "; labels have one dimension");
  }
  if (pixels.shape[0] != classes.shape[0]) {
    throw Error(images.string() + " has " + std::to_string(pixels.shape[0]) + " images and " + labels.string() + " " +
                std::to_string(classes.shape[0]) + " labels: they do not belong together");
  }
  return {pixels.shape[0], pixels.shape[1], pixels.shape[2], std::move(pixels.values), std::move(classes.values)};
}

std::vector<std::string> idxClassNames(const fs::path& folder) {
  const fs::path whole = fs::weakly_canonical(folder);  // of "." too
  const std::string name = (whole.has_filename() ? whole : whole.parent_path()).filename().string();
  if (name.find("fashion") != std::string::npos) {
    return {"t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"};
  }
  return {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
}

fs::path findIdx(const fs::path& folder, const std::string& name) {
  for (const fs::path& path : {folder / (name + ".gz"), folder / name}) {
    if (fs::is_regular_file(path)) return path;
  }
  return {};
}

}  // namespace rivulet::training
