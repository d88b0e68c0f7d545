// Labelled images of one size or larger, apart in those that may be trained on and those held out: what the classifier
// learns from and what generated textures are measured against. Read from a folder of class folders, or from the IDX
// files of the MNIST family.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace rivulet::training {

struct LabelledImage {
  std::string name;  // "class/file name"; of IDX files "train/<index>" or "t10k/<index>"
  int classIndex = 0;
  at::Tensor pixels;  // [C,H,W] bytes; C is 3, of IDX files 1
};

struct ImageSet {
  int channels = 3;
  std::vector<std::string> classes;
  std::vector<LabelledImage> training, heldOut;
  std::string heldOutRule;  // in words, for reports
};

struct ImageSetOptions {
  std::filesystem::path root;         // class folders, or IDX files
  int size = 64;                      // smallest side; IDX images that are smaller get a border of zeros
  int inset = 4;                      // pixels cut off each side of a file
  double holdout = 0.05;              // isHeldOut's fraction
  std::filesystem::path heldOutList;  // instead of `holdout`: a text file, a "class/file name" a line
};

// True if there are the IDX files of a training set in the folder.
bool isIdxFolder(const std::filesystem::path& root);

// A folder of class folders is apart by isHeldOut (dataset.h), the trainer's own rule, or by the list. Of IDX files the
// test set (t10k) is held out, and classes are called as idxClassNames says. Throws Error: as Dataset and
// readIdxImages; a list that names images that are not there; a class without training images.
ImageSet readImageSet(const ImageSetOptions& options);

// Bytes as the network's values: b / 127.5 - 1.
at::Tensor toPlanes(const at::Tensor& bytes);

// The square of `size` pixels at a random place of each image: [N,C,size,size] in [-1, 1], a function of `seed` and the
// images' order. Every image must be at least that large.
at::Tensor randomCrops(const std::vector<const LabelledImage*>& images, int size, std::uint64_t seed);

}  // namespace rivulet::training
