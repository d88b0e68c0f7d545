#include "app/window.h"

#define GLFW_INCLUDE_NONE
#include <GLFW/glfw3.h>

#include <stdexcept>

// GLFW's own declaration is behind a macro that wants <vulkan/vulkan.h> before it.
extern "C" GLFWAPI VkResult glfwCreateWindowSurface(VkInstance, GLFWwindow*, const VkAllocationCallbacks*,
                                                    VkSurfaceKHR*);

namespace demo {
namespace {

std::string lastError() {
  const char* description = nullptr;
  glfwGetError(&description);
  return description ? description : "no reason given";
}

}  // namespace

Window::Window(int width, int height, const std::string& title) {
  if (!glfwInit()) {
    throw std::runtime_error("there is no display to open a window on (" + lastError() +
                             "). Use --headless --frames N --out DIR without one.");
  }
  glfwWindowHint(GLFW_CLIENT_API, GLFW_NO_API);
  glfwWindowHint(GLFW_SCALE_TO_MONITOR, GLFW_TRUE);
  handle_ = glfwCreateWindow(width, height, title.c_str(), nullptr, nullptr);
  if (!handle_) {
    const std::string reason = lastError();
    glfwTerminate();
    throw std::runtime_error("the window cannot be opened: " + reason);
  }
  glfwSetWindowUserPointer(handle_, this);
  glfwSetDropCallback(handle_, [](GLFWwindow* window, int count, const char** files) {
    auto& self = *static_cast<Window*>(glfwGetWindowUserPointer(window));
    self.dropped_.insert(self.dropped_.end(), files, files + count);
  });
}

Window::~Window() {
  glfwDestroyWindow(handle_);
  glfwTerminate();
}

std::vector<const char*> Window::instanceExtensions() {
  std::uint32_t count = 0;
  const char** const names = glfwGetRequiredInstanceExtensions(&count);
  if (!names) {
    throw std::runtime_error(
        "there is no Vulkan that can draw to a window here. Install a driver (Debian: mesa-vulkan-drivers), or use "
        "--headless.");
  }
  return {names, names + count};
}

VkSurfaceKHR Window::makeSurface(const Instance& instance) {
  VkSurfaceKHR surface = VK_NULL_HANDLE;
  if (glfwCreateWindowSurface(instance.handle(), handle_, nullptr, &surface) != VK_SUCCESS) {
    throw std::runtime_error("the window takes no Vulkan surface: " + lastError());
  }
  return surface;
}

bool Window::closing() const {
  return glfwWindowShouldClose(handle_);
}

VkExtent2D Window::size() const {
  int width = 0, height = 0;
  glfwGetFramebufferSize(handle_, &width, &height);
  if (glfwGetWindowAttrib(handle_, GLFW_ICONIFIED)) return {0, 0};
  return {static_cast<std::uint32_t>(width), static_cast<std::uint32_t>(height)};
}

float Window::contentScale() const {
  float x = 1, y = 1;
  glfwGetWindowContentScale(handle_, &x, &y);
  return x;
}

void Window::poll(bool wait) const {
  if (wait) {
    glfwWaitEventsTimeout(0.1);
  } else {
    glfwPollEvents();
  }
}

bool Window::key(int glfwKey) const {
  return glfwGetKey(handle_, glfwKey) == GLFW_PRESS;
}

}  // namespace demo
