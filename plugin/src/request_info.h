#pragma once
// From the interface's words to the engine's: requests, formats, warm-ups. No device is involved.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/image_output.h"
#include "engine/lanes.h"
#include "image/image.h"
#include "rivulet/rivulet.h"
#include "work.h"

namespace rivulet::plugin {

/// The kinds of texels of a Vulkan format. Errors: INVALID_ARGUMENT listing the formats there are.
engine::TexelFormat texelFormat(VkFormat format);

/// The image that the plugin makes for a request.
vk::ImageInfo imageInfo(const Work& work);

/// A request as the engine takes it, checked, with its plans and where it goes; not its image. Errors: those of
/// RvlApi::request but for memory.
std::shared_ptr<Work> makeWork(const RvlRequestInfo& info, std::shared_ptr<Model> model, engine::Precision precision);

/// What an init image begins with; empty without one. Call once, before the work is queued: it also shortens the plans.
std::optional<engine::GivenState> applyInitImage(const RvlRequestInfo& info, Work& work);

/// The shape of what a warm-up asks for; lanes as given. Errors: INVALID_ARGUMENT.
engine::LaneShape warmUpShape(const RvlWarmUpInfo& info, const models::NetworkInfo& network,
                              engine::Precision precision);

/// Errors: INVALID_ARGUMENT (null or empty).
Image imageOf(const RvlPixels& pixels, const char* name);

}  // namespace rivulet::plugin
