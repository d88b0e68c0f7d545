// Rivulet's demo. A host like any other: it sees rivulet/rivulet.h alone, and opens the plugin when it runs.
#include <cstdio>
#include <exception>

#include "app/app.h"
#include "rivulet/plugin_library.h"

namespace {
constexpr int kFailed = 1;
}

int main(int argc, char** argv) {
  demo::Options options;
  if (const std::optional<int> status = demo::parseOptions(argc, argv, options)) return *status;
  try {
    demo::App app(options, demo::folderOfProgram(argv[0]));
    app.run();
    if (app.validationMessages() > 0) {
      std::fprintf(stderr, "rivulet-demo: the validation layer had %u messages\n", app.validationMessages());
      return kFailed;
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "rivulet-demo: %s\n", error.what());
    return kFailed;
  }
  return 0;
}
