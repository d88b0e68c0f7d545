#pragma once
// A request on its way through the engine. Guarded by the context's lock, but for the members that never change.

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/batch_curve.h"
#include "engine/image_output.h"
#include "engine/lane_graph.h"
#include "engine/request.h"
#include "engine/request_queue.h"
#include "image_store.h"
#include "model.h"
#include "rivulet/rivulet.h"

namespace rivulet::plugin {

using Clock = std::chrono::steady_clock;

class Batch;
struct Group;

struct Work {
  // Never changes.
  std::shared_ptr<Model> model;
  std::shared_ptr<const engine::Request> request;        // resolved
  std::vector<std::shared_ptr<const StepPlan>> choices;  // fewest steps first; one unless a deadline chooses
  engine::LaneShape shape;                               // lanes 0
  std::int32_t priority = 0;
  bool preview = false;
  ColourMap map;
  VkFormat format = VK_FORMAT_UNDEFINED;
  bool ownsImage = false;
  vk::ImageRequirements kind;                 // of an image of the plugin's
  std::uint64_t givenBytes = 0;               // allocated for givenState
  std::uint64_t leastNetwork = 0;             // bytes without which it cannot be made
  std::shared_ptr<engine::BatchCurve> curve;  // Group::curve
  Clock::time_point requested;
  std::optional<Clock::time_point> deadline;

  RvlRequestState state = RVL_STATE_WAITING;
  RvlResult error = RVL_SUCCESS;
  std::string message;               // of the error
  std::optional<engine::Rank> rank;  // from the first time it was queued
  engine::ImageTarget target;
  OwnedImage image;                      // the plugin's
  vk::Buffer givenState;                 // what an init image begins with
  std::shared_ptr<const StepPlan> plan;  // the one chosen
  Group* group = nullptr;                // in whose queue it waits
  Batch* batch = nullptr;                // null: waiting, or out again
  std::uint32_t lane = 0;
  std::uint32_t stepsDone = 0, previews = 0;
  std::uint64_t serial = 0, previewSerial = 0;
  bool handedOver = false;  // to the consumer's queue family: the barrier that takes it over is recorded once
  std::uint32_t pins = 0;
  std::uint64_t lastUse = 0;
  std::uint64_t latencyMicroseconds = 0;

  bool over() const { return state == RVL_STATE_CANCELLED || state == RVL_STATE_FAILED; }
};

}  // namespace rivulet::plugin
