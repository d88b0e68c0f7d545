#include "tuning_store.h"

#include "core/log.h"
#include "vk/pipeline_cache.h"

namespace rivulet::plugin {

TuningStore::TuningStore(const std::filesystem::path& folder, const vk::DeviceCaps& caps)
    : learns_(engine::autotuneEnabled()) {
  engine::DeviceTuning known;
  if (learns_ && !folder.empty()) {
    file_ = engine::tuningFile(vk::PipelineCache::fileIn(folder, caps));
    known = engine::readTuning(file_);
    std::error_code ignored;
    if (!std::filesystem::exists(file_, ignored))
      log(LogLevel::Info, "nothing has been measured on this device: there is no '" + file_.string() + "'");
  }
  for (const auto& [key, curve] : known.curves) curves_[key] = std::make_shared<engine::BatchCurve>(curve);
  kernels_ = std::make_shared<const graph::Tuning>(std::move(known.kernels));
}

std::shared_ptr<engine::BatchCurve> TuningStore::curve(const std::string& key) {
  if (!learns_) return nullptr;
  std::shared_ptr<engine::BatchCurve>& curve = curves_[key];
  if (!curve) curve = std::make_shared<engine::BatchCurve>();
  return curve;
}

void TuningStore::forgetUnused() {
  std::erase_if(curves_, [](const auto& entry) { return entry.second.use_count() == 1 && entry.second->empty(); });
}

void TuningStore::keep() const {
  if (file_.empty()) return;
  engine::DeviceTuning known{*kernels_, {}};
  for (const auto& [key, curve] : curves_) known.curves[key] = *curve;
  engine::writeTuning(file_, known);
}

}  // namespace rivulet::plugin
