#include "tuning_store.h"

#include "core/log.h"
#include "vk/pipeline_cache.h"

namespace rivulet::plugin {

TuningStore::TuningStore(const std::filesystem::path& folder, const vk::DeviceCaps& caps)
    : learns_(engine::autotuneEnabled()) {
  if (learns_ && !folder.empty()) {
    file_ = engine::tuningFile(vk::PipelineCache::fileIn(folder, caps));
    known_ = engine::readTuning(file_);
    std::error_code ignored;
    if (!std::filesystem::exists(file_, ignored))
      log(LogLevel::Info, "nothing has been measured on this device: there is no '" + file_.string() + "'");
  }
  kernels_ = std::make_shared<const graph::Tuning>(known_.kernels);
}

void TuningStore::keep() const {
  if (!file_.empty()) engine::writeTuning(file_, known_);
}

}  // namespace rivulet::plugin
