#pragma once
// A vkGetInstanceProcAddr that stands between Rivulet and the Vulkan loader: it counts the calls of every entry point
// Rivulet uses, and makes chosen ones fail without reaching the driver. One spied device at a time.

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "vk/functions.h"

namespace rivulet::test {

class VulkanSpy {
 public:
  /// Forgets all counts and failures.
  static void reset();

  static PFN_vkVoidFunction VKAPI_CALL getInstanceProcAddr(VkInstance instance, const char* name);

  /// What the spy hands out for an entry point, null if it does not wrap it.
  static PFN_vkVoidFunction wrapper(const std::string& name);

  /// Calls since reset(), of one entry point, and of all of those that return a VkResult.
  static std::uint64_t calls(const std::string& name);
  static std::uint64_t resultCalls();
  /// What resultCalls() counted, in order: what failResultCall() takes the index of, from 1.
  static std::vector<std::string> resultCallNames();
  /// Names that were looked up since reset().
  static std::set<std::string> lookups();

  /// Every call of `name` from the `first`-th on (1: the next one) returns `result`. Entry points with a VkResult only.
  static void failFrom(const std::string& name, std::uint64_t first, VkResult result);
  /// Only the `index`-th call, of whatever entry point with a VkResult, returns `result` (1: the next one). Calls
  /// that wait or ask for a status are not counted: they may not fail this way.
  static void failResultCall(std::uint64_t index, VkResult result);
  /// The entry point that failResultCall() made fail; empty if none has yet.
  static std::string failed();
  /// Kinds of object of which more, or fewer, were made since reset() than destroyed: "vkCreateBuffer 3,
  /// vkDestroyBuffer 2".
  static std::vector<std::string> unbalanced();
  /// The lookup of `name` finds nothing.
  static void hide(const std::string& name);
  /// The lookup of `name` finds `function`, which may call real().
  static void replace(const std::string& name, PFN_vkVoidFunction function);
  static PFN_vkVoidFunction real(const std::string& name);

  /// Called by the wrappers.
  static bool enter(std::size_t id, bool hasResult, VkResult& result);
};

}  // namespace rivulet::test
