#include "app/options.h"

#include <CLI/CLI.hpp>

namespace demo {

std::optional<int> parseOptions(int argc, char** argv, Options& options) {
  CLI::App app(
      "Rivulet's demo: a scene whose every surface is generated while it is drawn.\n"
      "Exit status: 0 success, 1 Vulkan or a file failed, or --validation had something to say, 2 bad usage.",
      "rivulet-demo");
  app.add_flag("--headless", options.headless, "No window: frames go to --out, one thirtieth of a second apart");
  app.add_option("--frames", options.frames, "Leave after this many frames");
  app.add_option("--out", options.out, "Folder for frames, screenshots and timing.csv");
  app.add_option("--every", options.every, "Headless: write every Nth frame; 0: only what the script asks for")
      ->capture_default_str();
  app.add_option("--script", options.script, "File of commands; docs/demo.md lists them");
  app.add_option("--set", options.set, "NAME=VALUE, a control as scripts set them; may be repeated");
  app.add_option("--model", options.model, "Weight file, or the name of one")->capture_default_str();
  app.add_option("--plugin", options.plugin, "Rivulet's shared library; default: beside the program");
  app.add_option("--device", options.device, "Part of a Vulkan device's name");
  app.add_option("--settings", options.settings, "File that keeps the controls; default: the user's");
  app.add_option("--width", options.width, "Pixels")->check(CLI::Range(320, 7680))->capture_default_str();
  app.add_option("--height", options.height, "Pixels")->check(CLI::Range(200, 4320))->capture_default_str();
  app.add_flag("--validation", options.validation, "Vulkan's validation layer, with synchronization validation");
  app.add_flag("!--no-interface", options.interface, "Draw no panels");
  app.add_flag("!--no-vsync", options.vsync, "Do not wait for the display: for measurements");
  try {
    app.parse(argc, argv);
    if (options.headless && options.out.empty()) throw CLI::ValidationError("--headless needs --out DIR");
    if (options.headless && options.frames == 0 && options.script.empty()) {
      throw CLI::ValidationError("--headless needs --frames N or --script FILE: nobody can close it");
    }
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  return std::nullopt;
}

}  // namespace demo
