// Finds Rivulet's plugin and opens it: the only way in, as for any host that does not link it.
#pragma once

#include <rivulet/rivulet.hpp>
#include <string>

namespace demo {

/// Opens `path`; if that is empty, the library of RIVULET_PLUGIN, then those beside and near the program, then the
/// system's. Throws std::runtime_error naming every place that was tried.
rivulet::Plugin openPlugin(const std::string& path, const std::string& programFolder);

/// The folder the running program lies in.
std::string folderOfProgram(const char* argv0);

}  // namespace demo
