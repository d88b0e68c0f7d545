#include "training/dataset.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstring>

#include "training/error.h"
#include "training/random.h"

namespace rivulet::training {
namespace {

namespace fs = std::filesystem;

bool isImage(const fs::path& path) {
  std::string extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return extension == ".png" || extension == ".jpg" || extension == ".jpeg";
}

std::vector<fs::path> sortedEntries(const fs::path& folder) {
  std::vector<fs::path> entries;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().filename().string().front() != '.') entries.push_back(entry.path());
  }
  std::sort(entries.begin(), entries.end());
  return entries;
}

Image8 insetBy(const Image8& image, int inset) {
  if (inset == 0) return image;
  Image8 result{image.width - 2 * inset, image.height - 2 * inset, {}};
  const std::size_t row = static_cast<std::size_t>(result.width) * 3;
  result.rgb.resize(row * static_cast<std::size_t>(result.height));
  for (int y = 0; y < result.height; ++y) {
    const std::size_t source = (static_cast<std::size_t>(y + inset) * static_cast<std::size_t>(image.width) +
                                static_cast<std::size_t>(inset)) *
                               3;
    std::memcpy(&result.rgb[static_cast<std::size_t>(y) * row], &image.rgb[source], row);
  }
  return result;
}

}  // namespace

bool isHeldOut(const std::string& name, double fraction) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;  // FNV-1a
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return static_cast<double>(mixBits(hash) >> 11) * 0x1p-53 < fraction;
}

Dataset::Dataset(const DatasetOptions& options) {
  if (!fs::is_directory(options.root)) {
    throw Error("no such folder: " + options.root.string() + " (--data wants a folder of class folders of images)");
  }
  std::vector<fs::path> folders;
  for (const fs::path& entry : sortedEntries(options.root)) {
    if (fs::is_directory(entry)) folders.push_back(entry);
  }
  if (folders.empty()) {
    throw Error("no class folders in " + options.root.string() + " (--data wants DIR/<class>/<image>.png)");
  }
  for (const fs::path& folder : folders) readClass(folder, options);
  measureStyleNorm();
}

void Dataset::readClass(const fs::path& folder, const DatasetOptions& options) {
  const int classIndex = static_cast<int>(classes_.size());
  classes_.push_back(folder.filename().string());
  tilesOfClass_.emplace_back();
  const int smallest = std::max(8, options.crop) + 2 * options.inset;
  for (const fs::path& path : sortedEntries(folder)) {
    if (!isImage(path)) continue;
    const Image8 image = readImage(path);
    if (image.width < smallest || image.height < smallest) {
      throw Error("image too small: " + path.string() + " is " + std::to_string(image.width) + "x" +
                  std::to_string(image.height) + ", needs at least " + std::to_string(smallest) + "x" +
                  std::to_string(smallest) + " (crop " + std::to_string(options.crop) + " + 2 x inset " +
                  std::to_string(options.inset) + "; see --crop and --inset)");
    }
    Tile tile{path, classIndex, insetBy(image, options.inset), {}};
    tile.style = measureStyle(toFloat(tile.image));
    const std::string name = classes_.back() + "/" + path.filename().string();
    (isHeldOut(name, options.holdout) ? heldOut_ : tiles_).push_back(std::move(tile));
    if (!tiles_.empty() && tiles_.back().path == path) {
      tilesOfClass_.back().push_back(static_cast<int>(tiles_.size()) - 1);
    }
  }
  if (tilesOfClass_.back().empty()) {
    throw Error("no training images in class folder " + folder.string() +
                " (PNG or JPEG; add some, remove the folder, or lower --holdout)");
  }
}

void Dataset::measureStyleNorm() {
  const double count = static_cast<double>(tiles_.size());
  for (std::size_t i = 0; i < kStyleSize; ++i) {
    double sum = 0, squares = 0;
    for (const Tile& tile : tiles_) {
      sum += tile.style[i];
      squares += static_cast<double>(tile.style[i]) * tile.style[i];
    }
    const double mean = sum / count;
    styleMean_[i] = static_cast<float>(mean);
    // The floor keeps a data set of one image, or of one palette, usable.
    styleStd_[i] = static_cast<float>(std::fmax(0.01, std::sqrt(std::fmax(0.0, squares / count - mean * mean))));
  }
}

}  // namespace rivulet::training
