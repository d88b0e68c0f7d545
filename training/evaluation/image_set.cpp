#include "training/evaluation/image_set.h"

#include <algorithm>
#include <fstream>
#include <set>

#include "training/dataset.h"
#include "training/error.h"
#include "training/idx.h"
#include "training/random.h"

namespace rivulet::training {
namespace {

namespace fs = std::filesystem;

std::set<std::string> readList(const fs::path& path) {
  std::ifstream in(path);
  if (!in) throw Error("cannot open " + path.string() + " (--heldout wants a text file, a \"class/file name\" a line)");
  std::set<std::string> names;
  for (std::string line; std::getline(in, line);) {
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
    if (!line.empty()) names.insert(line);
  }
  if (names.empty()) throw Error(path.string() + " names no images (--heldout wants a \"class/file name\" a line)");
  return names;
}

at::Tensor planesOf(const Image8& image) {
  return at::from_blob(const_cast<std::uint8_t*>(image.rgb.data()), {image.height, image.width, 3}, at::kByte)
      .permute({2, 0, 1})
      .contiguous();
}

ImageSet readFolders(const ImageSetOptions& options) {
  DatasetOptions data;
  data.root = options.root;
  data.crop = options.size;
  data.inset = options.inset;
  data.holdout = 0;  // all of them: which are held out is decided here, as there may be a list
  const Dataset dataset(data);

  std::set<std::string> listed;
  if (!options.heldOutList.empty()) listed = readList(options.heldOutList);
  ImageSet set;
  set.classes = dataset.classes();
  std::vector<bool> seen(set.classes.size());
  for (const Tile& tile : dataset.tiles()) {
    const auto k = static_cast<std::size_t>(tile.classIndex);
    LabelledImage image{set.classes[k] + "/" + tile.path.filename().string(), tile.classIndex, planesOf(tile.image)};
    const bool held =
        options.heldOutList.empty() ? isHeldOut(image.name, options.holdout) : listed.erase(image.name) > 0;
    if (!held) seen[k] = true;
    (held ? set.heldOut : set.training).push_back(std::move(image));
  }
  if (!listed.empty()) {
    throw Error(options.heldOutList.string() + " names " + *listed.begin() + ", which is not in " +
                options.root.string() + (listed.size() > 1 ? ", and more" : ""));
  }
  for (std::size_t k = 0; k < seen.size(); ++k) {
    if (!seen[k]) throw Error("all images of class " + set.classes[k] + " are held out: hold out fewer");
  }
  char fraction[32];
  std::snprintf(fraction, sizeof fraction, "%g", options.holdout);
  set.heldOutRule = options.heldOutList.empty() ? std::string("hash of \"class/file name\" below ") + fraction
                                                : "list " + options.heldOutList.filename().string();
  return set;
}

// Images centred in a square of `size` of zeros, where they are smaller.
void addIdx(const fs::path& root, const std::string& part, int size, std::vector<LabelledImage>& to) {
  const std::string images = part + "-images-idx3-ubyte", labels = part + "-labels-idx1-ubyte";
  const fs::path imageFile = findIdx(root, images), labelFile = findIdx(root, labels);
  if (imageFile.empty()) throw Error("no " + images + " or " + images + ".gz in " + root.string());
  if (labelFile.empty()) throw Error("no " + labels + " or " + labels + ".gz in " + root.string());
  const IdxImages read = readIdxImages(imageFile, labelFile);
  if (read.count == 0) throw Error(imageFile.string() + " holds no images");
  at::Tensor pixels =
      at::from_blob(const_cast<std::uint8_t*>(read.pixels.data()), {read.count, 1, read.height, read.width}, at::kByte);
  const int64_t wide = std::max<int64_t>(0, size - read.width), high = std::max<int64_t>(0, size - read.height);
  pixels = at::constant_pad_nd(pixels, {wide / 2, wide - wide / 2, high / 2, high - high / 2}).clone();
  for (int64_t i = 0; i < read.count; ++i) {
    to.push_back({part + "/" + std::to_string(i), read.labels[static_cast<std::size_t>(i)], pixels[i]});
  }
}

ImageSet readIdxFolder(const ImageSetOptions& options) {
  if (!options.heldOutList.empty()) throw Error("--heldout is for folders of pictures: of IDX files t10k is held out");
  ImageSet set;
  set.channels = 1;
  addIdx(options.root, "train", options.size, set.training);
  addIdx(options.root, "t10k", options.size, set.heldOut);
  int classes = 0;
  for (const LabelledImage& image : set.training) classes = std::max(classes, image.classIndex + 1);
  for (const LabelledImage& image : set.heldOut) {
    if (image.classIndex >= classes) {
      throw Error("the test labels in " + options.root.string() + " have a class " + std::to_string(image.classIndex) +
                  " that the training labels lack");
    }
  }
  set.classes = idxClassNames(options.root);
  // Other sets of the family have more classes, or fewer.
  for (int k = static_cast<int>(set.classes.size()); k < classes; ++k) set.classes.push_back(std::to_string(k));
  set.classes.resize(static_cast<std::size_t>(classes));
  set.heldOutRule = "the test set, t10k";
  return set;
}

}  // namespace

bool isIdxFolder(const fs::path& root) {
  return !findIdx(root, "train-images-idx3-ubyte").empty();
}

ImageSet readImageSet(const ImageSetOptions& options) {
  return isIdxFolder(options.root) ? readIdxFolder(options) : readFolders(options);
}

at::Tensor toPlanes(const at::Tensor& bytes) {
  return bytes.to(at::kFloat).div_(127.5f).sub_(1.0f);
}

at::Tensor randomCrops(const std::vector<const LabelledImage*>& images, int size, std::uint64_t seed) {
  std::vector<at::Tensor> crops;
  crops.reserve(images.size());
  for (std::size_t i = 0; i < images.size(); ++i) {
    Random random{seed, 0xc209, i};
    const at::Tensor& pixels = images[i]->pixels;
    const int top = random.below(static_cast<int>(pixels.size(1)) - size + 1);
    const int left = random.below(static_cast<int>(pixels.size(2)) - size + 1);
    crops.push_back(pixels.narrow(1, top, size).narrow(2, left, size));
  }
  return toPlanes(at::stack(crops));
}

}  // namespace rivulet::training
