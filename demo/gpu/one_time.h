// Work that is submitted and waited for on the spot: for rare things, not for frames.
#pragma once

#include <functional>

#include "gpu/device.h"

namespace demo {

void runOnce(const Device& device, const std::function<void(VkCommandBuffer)>& record);

}  // namespace demo
