#pragma once

#include <QVulkanWindow>

#include "options.h"

/// The window, and when to leave it.
class Window : public QVulkanWindow {
 public:
  Window(QVulkanInstance& instance, const Options& options);
  ~Window() override;

  QVulkanWindowRenderer* createRenderer() override;

  /// The renderer's: a frame was handed in, with so many of its textures there.
  void frameDone(std::size_t ready, std::size_t textures);
  /// The renderer's: it cannot go on. Says why and has the program end with 1.
  void fail(const char* reason);

 protected:
  void exposeEvent(QExposeEvent* event) override;

 private:
  void leave();

  Options options_;
  int frames_ = 0;
  bool leaving_ = false;
};
