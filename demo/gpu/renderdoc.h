// RenderDoc's in-application interface, where its capture layer is loaded: one frame into a file.
#pragma once

#include <vulkan/vulkan_core.h>

#include <string>

namespace demo {

/// Thread-safety: the render thread.
class RenderDoc {
 public:
  /// After the instance is made, since its layer loads the library. Captures go to files that begin with `path`.
  explicit RenderDoc(const std::string& path);

  /// Whether its library is loaded, whatever its version.
  static bool loaded();
  bool attached() const { return functions_ != nullptr; }
  /// Why it is not, and what to do about it.
  const std::string& reason() const { return reason_; }

  /// Around everything a frame submits.
  void begin(VkInstance instance) const;
  /// The file, or empty where nothing was captured.
  std::string end(VkInstance instance) const;

 private:
  void* const* functions_ = nullptr;  // its table: the order of the entries is its interface
  std::string reason_;
};

}  // namespace demo
