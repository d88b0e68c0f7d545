#include "training/example_source.h"

#include "training/idx_source.h"
#include "training/tile_source.h"

namespace rivulet::training {

std::unique_ptr<ExampleSource> openSource(const DatasetOptions& data, const AugmentOptions& augment) {
  if (IdxSource::isIdx(data.root)) return std::make_unique<IdxSource>(data.root);
  return std::make_unique<TileSource>(data, augment);
}

}  // namespace rivulet::training
