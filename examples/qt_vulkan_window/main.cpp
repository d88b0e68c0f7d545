// A Qt window whose quads show textures arriving over frames: Rivulet's plugin in a renderer that knows nothing of it.
// textures.cpp has all there is of Rivulet; docs/integration.md explains it.
#include <QCommandLineParser>
#include <QFileInfo>
#include <QGuiApplication>
#include <QVulkanInstance>

#include "options.h"
#include "window.h"

Q_LOGGING_CATEGORY(lcQuads, "rivulet.quads")

namespace {

constexpr int kFailed = 1, kBadUsage = 2;

int usageError(const QString& message) {
  qCCritical(lcQuads, "%s", qPrintable(message));
  return kBadUsage;
}

}  // namespace

int main(int argc, char** argv) {
  const QGuiApplication application(argc, argv);
  QCommandLineParser parser;
  parser.setApplicationDescription(
      QStringLiteral("Shows textures while they are made.\n"
                     "Exit status: 0 success, 1 Vulkan or a texture failed, 2 bad usage or no such model."));
  parser.addHelpOption();
  const QCommandLineOption screenshot(QStringLiteral("screenshot"),
                                      QStringLiteral("Write this PNG file when all textures are there, and leave."),
                                      QStringLiteral("file"));
  const QCommandLineOption frames(QStringLiteral("frames"),
                                  QStringLiteral("Leave after this many frames, with the screenshot as it is then."),
                                  QStringLiteral("number"), QStringLiteral("0"));
  const QCommandLineOption steps(QStringLiteral("steps"), QStringLiteral("Steps for each texture (16)."),
                                 QStringLiteral("number"), QStringLiteral("16"));
  const QCommandLineOption budget(QStringLiteral("budget"),
                                  QStringLiteral("Microseconds of each frame on the device for textures (4000)."),
                                  QStringLiteral("microseconds"), QStringLiteral("4000"));
  const QCommandLineOption validate(QStringLiteral("validate"), QStringLiteral("Turn Vulkan's validation layer on."));
  parser.addOptions({screenshot, frames, steps, budget, validate});
  parser.addPositionalArgument(QStringLiteral("model"), QStringLiteral("A weight file, materials-s.safetensors."));
  parser.process(application);

  Options options;
  bool numbers[3] = {};
  options.screenshot = parser.value(screenshot);
  options.frames = parser.value(frames).toInt(&numbers[0]);
  options.steps = parser.value(steps).toUInt(&numbers[1]);
  options.budget = parser.value(budget).toDouble(&numbers[2]);
  if (!numbers[0] || options.frames < 0) return usageError(QStringLiteral("--frames wants a number"));
  if (!numbers[1] || options.steps < 1 || options.steps > 1000) {
    return usageError(QStringLiteral("--steps wants a number from 1 to 1000"));
  }
  if (!numbers[2] || !(options.budget > 0)) return usageError(QStringLiteral("--budget wants a number above 0"));
  if (parser.positionalArguments().size() != 1) return usageError(QStringLiteral("one model is wanted; see --help"));
  options.model = parser.positionalArguments().constFirst();
  if (!QFileInfo(options.model).isReadable()) {
    return usageError(QStringLiteral("the model %1 cannot be read").arg(options.model));
  }

  QVulkanInstance instance;
  instance.setApiVersion(QVersionNumber(1, 2));
  const QByteArray layer = QByteArrayLiteral("VK_LAYER_KHRONOS_validation");
  if (parser.isSet(validate)) instance.setLayers({layer});
  if (!instance.create()) {
    qCCritical(lcQuads, "no Vulkan: the loader or a driver is missing (VkResult %d)", instance.errorCode());
    return kFailed;
  }
  if (parser.isSet(validate) && !instance.layers().contains(layer)) {
    qCCritical(lcQuads, "--validate: %s is not installed", layer.constData());
    return kFailed;
  }

  Window window(instance, options);
  if (window.availablePhysicalDevices().isEmpty()) {
    qCCritical(lcQuads, "no Vulkan device");
    return kFailed;
  }
  window.show();
  return QGuiApplication::exec();
}
