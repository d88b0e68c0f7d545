#pragma once
// An X server without a screen, and the part of a window manager in it: what a user does to a window from outside.

#include <X11/Xatom.h>
#include <X11/Xlib.h>
#include <X11/Xutil.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <thread>

namespace rivulet::test {

/// Xvfb on a display number of its own choosing, until this goes.
class XServer {
 public:
  XServer() {
    int ends[2];
    if (pipe(ends) != 0) return;
    process_ = fork();
    if (process_ == 0) {
      close(ends[0]);
      const std::string number = std::to_string(ends[1]);
      freopen("/dev/null", "w", stderr);
      execl(RIVULET_XVFB, "Xvfb", "-displayfd", number.c_str(), "-screen", "0", "1600x1000x24", "-nolisten", "tcp",
            nullptr);
      _exit(127);
    }
    close(ends[1]);
    char digit = 0;
    while (read(ends[0], &digit, 1) == 1 && digit != '\n') number_ += digit;
    close(ends[0]);
  }
  ~XServer() {
    if (process_ <= 0) return;
    kill(process_, SIGTERM);
    waitpid(process_, nullptr, 0);
  }
  XServer(const XServer&) = delete;
  XServer& operator=(const XServer&) = delete;
  bool running() const { return !number_.empty(); }
  std::string display() const { return ":" + number_; }

 private:
  pid_t process_ = -1;
  std::string number_;
};

/// A window found by the beginning of its title.
class XWindow {
 public:
  explicit XWindow(const XServer& server) : display_(XOpenDisplay(server.display().c_str())) {}
  ~XWindow() {
    if (display_) XCloseDisplay(display_);
  }
  XWindow(const XWindow&) = delete;
  XWindow& operator=(const XWindow&) = delete;

  bool find(const std::string& title, std::chrono::seconds patience) {
    const auto until = std::chrono::steady_clock::now() + patience;
    while (display_ && std::chrono::steady_clock::now() < until) {
      window_ = search(DefaultRootWindow(display_), title);
      if (window_) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return false;
  }
  void resize(unsigned width, unsigned height) {
    XResizeWindow(display_, window_, width, height);
    XSync(display_, False);
  }
  /// As window managers do it: the state is a property, and an iconic window is not mapped.
  void setMinimised(bool minimised) {
    const Atom state = XInternAtom(display_, "WM_STATE", False);
    const long value[2] = {minimised ? IconicState : NormalState, None};
    XChangeProperty(display_, window_, state, state, 32, PropModeReplace, reinterpret_cast<const unsigned char*>(value),
                    2);
    if (minimised) {
      XUnmapWindow(display_, window_);
    } else {
      XMapWindow(display_, window_);
    }
    XSync(display_, False);
  }
  void close() {
    XEvent event{};
    event.xclient.type = ClientMessage;
    event.xclient.window = window_;
    event.xclient.message_type = XInternAtom(display_, "WM_PROTOCOLS", False);
    event.xclient.format = 32;
    event.xclient.data.l[0] = static_cast<long>(XInternAtom(display_, "WM_DELETE_WINDOW", False));
    event.xclient.data.l[1] = CurrentTime;
    XSendEvent(display_, window_, False, NoEventMask, &event);
    XSync(display_, False);
  }
  /// Presses a mouse button at a place of the window, and lets it go.
  void click(int x, int y) {
    for (const int type : {MotionNotify, ButtonPress, ButtonRelease}) {
      XEvent event{};
      if (type == MotionNotify) {
        event.xmotion.x = x;
        event.xmotion.y = y;
      } else {
        event.xbutton.x = x;
        event.xbutton.y = y;
        event.xbutton.button = Button1;
      }
      event.xany.window = window_;
      event.type = type;
      XSendEvent(display_, window_, False, type == MotionNotify ? PointerMotionMask : ButtonPressMask, &event);
      XSync(display_, False);
      std::this_thread::sleep_for(std::chrono::milliseconds(300));
    }
  }

 private:
  Window search(Window from, const std::string& title) const {
    char* name = nullptr;
    if (XFetchName(display_, from, &name) && name) {
      const bool found = std::string(name).rfind(title, 0) == 0;
      XFree(name);
      if (found) return from;
    }
    Window root = 0, parent = 0, *children = nullptr, result = 0;
    unsigned count = 0;
    if (!XQueryTree(display_, from, &root, &parent, &children, &count)) return 0;
    for (unsigned i = 0; i < count && !result; ++i) result = search(children[i], title);
    if (children) XFree(children);
    return result;
  }

  Display* display_;
  Window window_ = 0;
};

}  // namespace rivulet::test
