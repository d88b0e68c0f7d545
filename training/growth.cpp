#include "training/growth.h"

#include <cmath>

#include "training/error.h"
#include "training/random.h"

namespace rivulet::training {
namespace {

bool contains(const std::string& name, const char* part) {
  return name.find(part) != std::string::npos;
}

// The blocks of the way up read [h, skip], and modulations make [scale, shift]: each half grows at its own end.
int64_t inputGroups(const std::string& name) {
  return name.rfind("up.", 0) == 0 && (contains(name, ".conv1.") || contains(name, ".shortcut.")) ? 2 : 1;
}
int64_t outputGroups(const std::string& name) {
  const bool norm = name.rfind("up.", 0) == 0 && contains(name, ".norm1");
  return norm || contains(name, ".mod.") ? 2 : 1;
}

// Where the `narrow` channels of a dimension are among the `wide` ones.
at::Tensor places(int64_t narrow, int64_t wide, int64_t groups) {
  if (narrow == wide) groups = 1;  // e.g. features, which do not grow
  const at::Tensor within = at::arange(narrow / groups, at::kLong);
  std::vector<at::Tensor> all;
  for (int64_t g = 0; g < groups; ++g) all.push_back(within + g * (wide / groups));
  return at::cat(all);
}

}  // namespace

bool grows(const TextureUnetConfig& narrow, const TextureUnetConfig& wide) {
  if (narrow.widths.size() != wide.widths.size()) return false;
  bool wider = narrow.embeddingDim<wide.embeddingDim, narrower = narrow.embeddingDim> wide.embeddingDim;
  for (std::size_t i = 0; i < wide.widths.size(); ++i) {
    wider = wider || narrow.widths[i] < wide.widths[i];
    narrower = narrower || narrow.widths[i] > wide.widths[i];
  }
  return wider && !narrower;
}

at::Tensor grownParameter(const std::string& name, const at::Tensor& weight, const std::vector<int64_t>& shape,
                          std::uint64_t seed) {
  bool fits = static_cast<std::size_t>(weight.dim()) == shape.size();
  for (std::size_t i = 0; fits && i < shape.size(); ++i) fits = weight.size(static_cast<int64_t>(i)) <= shape[i];
  if (!fits) throw Error("the shape of " + name + " does not fit into the network's");

  at::Tensor grown = at::zeros(shape, at::kFloat);
  const at::Tensor given = weight.to(at::kCPU, at::kFloat);
  // The class table is [class, channel]; everything else has its output channels first.
  const int64_t outputs = name == "emb.class" ? 1 : 0, inputs = 1;
  const at::Tensor rows = places(given.size(outputs), shape[static_cast<std::size_t>(outputs)], outputGroups(name));
  if (given.dim() == 1 || outputs == 1) {
    const double silent = std::sqrt(static_cast<double>(given.size(outputs)) / double(shape[std::size_t(outputs)]));
    if (contains(name, "norm")) grown.fill_(1);
    grown.index_copy_(outputs, rows, contains(name, "norm") ? given * silent : given);
    return grown;
  }

  const at::Tensor columns = places(given.size(inputs), shape[1], inputGroups(name));
  const double deviation = 1.0 / std::sqrt(static_cast<double>(grown[0].numel()));
  Random random{seed, 0x9077};
  std::vector<float> values(static_cast<std::size_t>(given.size(0)) * static_cast<std::size_t>(grown[0].numel()));
  for (float& value : values) value = static_cast<float>(random.normal() * deviation);
  std::vector<int64_t> block = shape;
  block[0] = given.size(0);
  const at::Tensor readers = at::from_blob(values.data(), block, at::kFloat).clone();
  readers.index_copy_(inputs, columns, given);
  grown.index_copy_(0, rows, readers);
  return grown;
}

}  // namespace rivulet::training
