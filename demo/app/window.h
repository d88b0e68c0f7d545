// The window and its surface, through GLFW.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "gpu/instance.h"

struct GLFWwindow;

namespace demo {

class Window {
 public:
  Window(int width, int height, const std::string& title);
  ~Window();
  Window(const Window&) = delete;
  Window& operator=(const Window&) = delete;

  /// That the instance needs.
  static std::vector<const char*> instanceExtensions();
  VkSurfaceKHR makeSurface(const Instance& instance);

  GLFWwindow* handle() const { return handle_; }
  bool closing() const;
  /// In pixels; without an area while it is minimised.
  VkExtent2D size() const;
  float contentScale() const;
  /// Handles events; with `wait`, sleeps until there is one (a tenth of a second at most).
  void poll(bool wait) const;
  bool key(int glfwKey) const;
  /// Files dropped on it since the last call.
  std::vector<std::string> takeDropped() { return std::exchange(dropped_, {}); }

 private:
  GLFWwindow* handle_ = nullptr;
  std::vector<std::string> dropped_;
};

}  // namespace demo
