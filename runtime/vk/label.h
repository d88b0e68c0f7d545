#pragma once
// Names stretches of a command buffer for RenderDoc, Nsight and validation messages.

#include "vk/device.h"

namespace rivulet::vk {

/// Begins a debug-utils label in `commands`, and ends it when it goes out of scope. Does nothing without
/// VK_EXT_debug_utils. Begin and end lie in one command buffer. Thread-safety: that of the command buffer.
class Label {
 public:
  Label(const Device& device, VkCommandBuffer commands, const char* name) : device_(device), commands_(commands) {
    begin(device, commands, name);
  }
  ~Label() { end(device_, commands_); }
  Label(const Label&) = delete;
  Label& operator=(const Label&) = delete;

  /// Whether there are labels at all: where a name takes work to make.
  static bool available(const Device& device) { return device.fn().CmdBeginDebugUtilsLabelEXT != nullptr; }

  /// The same without a scope.
  static void begin(const Device& device, VkCommandBuffer commands, const char* name) {
    if (!available(device)) return;
    VkDebugUtilsLabelEXT label{VK_STRUCTURE_TYPE_DEBUG_UTILS_LABEL_EXT};
    label.pLabelName = name;
    device.fn().CmdBeginDebugUtilsLabelEXT(commands, &label);
  }
  static void end(const Device& device, VkCommandBuffer commands) {
    if (device.fn().CmdEndDebugUtilsLabelEXT) device.fn().CmdEndDebugUtilsLabelEXT(commands);
  }

 private:
  const Device& device_;
  VkCommandBuffer commands_;
};

}  // namespace rivulet::vk
