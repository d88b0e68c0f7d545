// Where weight files are: RIVULET_MODELS, models/ here, and models/ or share/rivulet/models above the program.
#pragma once

#include <string>
#include <vector>

namespace demo {

/// The weight file for `model`, a path or a name such as "materials-s"; empty: the first there is of those the demo is
/// made for. Throws std::runtime_error naming every place.
std::string findModel(const std::string& model, const std::string& programFolder);

/// The names of all there are, in those places.
std::vector<std::string> listModels(const std::string& programFolder);

}  // namespace demo
