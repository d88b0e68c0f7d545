#include "app/report.h"

#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "rivulet/precision.h"

namespace demo {
namespace {

nlohmann::ordered_json describe(const Surface& surface) {
  const Material& material = surface.material;
  nlohmann::ordered_json json = {{"name", surface.name},
                                 {"class", material.className},
                                 {"blend", material.blendName},
                                 {"share", material.blend},
                                 {"seed", material.seed},
                                 {"walk", material.walk},
                                 {"priority", surface.priority},
                                 {"made", surface.made},
                                 {"seed-shown", surface.seedShown},
                                 {"steps-made", surface.stepsMade},
                                 {"style", surface.style},
                                 {"error", surface.error}};
  json["own-style"] = material.style.has_value();
  json["busy"] = surface.wanted || static_cast<bool>(surface.request);
  return json;
}

}  // namespace

void writeReport(const std::string& file, const Controls& controls, const Selection& selection, Generator& generator,
                 const TextureStore& textures, const Generated& generated, const ReportExtras& extras) {
  nlohmann::ordered_json json;
  json["frames"] = extras.frames;
  json["window"] = {extras.window.width, extras.window.height};
  json["picture"] = {extras.picture.width, extras.picture.height};
  json["interface-scale"] = extras.interfaceScale;
  const Vec3 position = extras.camera.position;
  json["camera"] = {position.x, position.y, position.z, extras.camera.yaw, extras.camera.pitch};
  visitControls(controls, [&](const char* name, const auto& member) { json["controls"][name] = member; });
  json["selected"] = selection.surface;
  json["mode"] = generator.options().mode == RVL_MODE_ASYNC ? "async" : "record";
  json["plain-kernels"] = generator.options().plainKernels;
  json["precision"] = nameOf(generator.options().precision);
  if (const Model* const model = generator.model()) {
    json["model"] = model->properties.name;
    json["steps"] = stepsFor(*model, controls.quality);
  }
  json["budget-us"] = extras.budgetUs;
  json["expected-us"] = generated.expectedUs;
  json["texture-size"] = textures.size();
  json["busy"] = textures.busy();
  const RvlStatistics statistics = generator.statistics();
  json["dispatches"] = statistics.dispatches;
  json["requested"] = statistics.requested;
  json["ready"] = statistics.ready;
  json["cancelled"] = statistics.cancelled;
  for (const Surface& surface : textures.surfaces()) json["surfaces"].push_back(describe(surface));
  std::ofstream stream(file);
  stream << json.dump(1) << '\n';
  if (!stream) throw std::runtime_error("the report cannot be written to " + file);
}

}  // namespace demo
