#include "window.h"

#include <QCoreApplication>
#include <QImage>

#include "renderer.h"

Window::Window(QVulkanInstance& instance, const Options& options) : options_(options) {
  setVulkanInstance(&instance);
  setPreferredColorFormats({VK_FORMAT_B8G8R8A8_UNORM, VK_FORMAT_R8G8B8A8_UNORM});  // see Image::kFormat
  setFlags(PersistentResources);  // the textures outlast the window's being hidden
  // Quads of 128 pixels: a texture twice, at its own size.
  constexpr int kQuad = Renderer::kRepeats * static_cast<int>(Textures::kSize);
  resize(Renderer::kColumns * (kQuad + Renderer::kMargin) + Renderer::kMargin,
         Renderer::kRows * (kQuad + Renderer::kMargin) + Renderer::kMargin);
  setTitle(QStringLiteral("Rivulet"));
}

Window::~Window() {
  destroy();  // here, where the event that has QVulkanWindow release everything still finds QVulkanWindow
}

QVulkanWindowRenderer* Window::createRenderer() {
  return new Renderer(*this, options_);  // the window's
}

void Window::exposeEvent(QExposeEvent* event) {
  QVulkanWindow::exposeEvent(event);  // makes the device the first time
  if (isExposed() && !isValid()) fail("the window got no Vulkan device and swap chain");
}

void Window::frameDone(std::size_t ready, std::size_t textures) {
  ++frames_;
  setTitle(QStringLiteral("Rivulet: %1 of %2 textures").arg(ready).arg(textures));
  const bool done = ready == textures;
  if (!leaving_ && (frames_ == options_.frames || (done && !options_.screenshot.isEmpty()))) {
    leaving_ = true;
    // Not now: the frame is only over when the renderer has returned.
    QMetaObject::invokeMethod(
        this, [this] { leave(); }, Qt::QueuedConnection);
  }
  if (!done && !leaving_) requestUpdate();
}

void Window::leave() {
  if (options_.screenshot.isEmpty()) {
    close();
    return;
  }
  if (!supportsGrab()) {
    fail("this swap chain cannot be read back");
    return;
  }
  QImage picture = grab();
  // Of a BGRA swap chain not every version of Qt puts the channels right. The margin is more blue than red.
  if (!picture.isNull() && qRed(picture.pixel(0, 0)) > qBlue(picture.pixel(0, 0))) picture = picture.rgbSwapped();
  if (!picture.save(options_.screenshot, "PNG")) {
    fail(qPrintable(options_.screenshot + QStringLiteral(" cannot be written")));
    return;
  }
  qCInfo(lcQuads, "%s after %d frames", qPrintable(options_.screenshot), frames_);
  close();
}

void Window::fail(const char* reason) {
  qCCritical(lcQuads, "%s", reason);
  leaving_ = true;
  // Queued: this may come before the event loop runs.
  QMetaObject::invokeMethod(
      this, [] { QCoreApplication::exit(1); }, Qt::QueuedConnection);
}
