// A folder of class folders of pictures, decoded once and kept in memory as bytes.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "training/image.h"
#include "training/style.h"

namespace rivulet::training {

struct DatasetOptions {
  std::filesystem::path root;
  int crop = 64;          // pixels; every inset tile must be at least this big
  int inset = 4;          // pixels cut off each side (compression ringing of source sheets)
  double holdout = 0.05;  // fraction of the images kept out of training, by a hash of "class/file name"
};

struct Tile {
  std::filesystem::path path;
  int classIndex = 0;
  Image8 image;  // inset applied
  Style style{};
};

class Dataset {
 public:
  // Reads everything; throws Error naming the folder or the file that is at fault.
  explicit Dataset(const DatasetOptions& options);

  const std::vector<std::string>& classes() const { return classes_; }
  // Training tiles, and the indices into them for each class (never empty).
  const std::vector<Tile>& tiles() const { return tiles_; }
  const std::vector<std::vector<int>>& tilesOfClass() const { return tilesOfClass_; }
  const std::vector<Tile>& heldOut() const { return heldOut_; }
  // Mean and standard deviation of the training tiles' styles: the network's style_norm.
  const Style& styleMean() const { return styleMean_; }
  const Style& styleStd() const { return styleStd_; }

 private:
  void readClass(const std::filesystem::path& folder, const DatasetOptions& options);
  void measureStyleNorm();

  std::vector<std::string> classes_;
  std::vector<Tile> tiles_, heldOut_;
  std::vector<std::vector<int>> tilesOfClass_;
  Style styleMean_{}, styleStd_{};
};

// True for a fixed pseudo-random `fraction` of names: the same on every machine and unmoved by other files.
bool isHeldOut(const std::string& name, double fraction);

}  // namespace rivulet::training
