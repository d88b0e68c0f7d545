// The subcommands of rivulet-train that have to do with measuring, a file each. Each adds itself to the application;
// the one that was chosen leaves what is to be done in `run`.
#pragma once

#include <functional>
#include <string>

namespace CLI {
class App;
}

namespace rivulet::training {

struct ImageSetOptions;

using Run = std::function<void()>;

void addClassifier(CLI::App& app, Run& run);
void addEvaluate(CLI::App& app, Run& run);
void addPeers(CLI::App& app, Run& run);

// --data, --inset, --holdout and --heldout, for both.
void addImageSetOptions(CLI::App& command, ImageSetOptions& options);

// Throws Error where `file` is to be written into a folder that does not exist; `option` is named.
void checkFolderOf(const char* option, const std::string& file);

// Today as in 2026-01-31, in UTC.
std::string today();

}  // namespace rivulet::training
