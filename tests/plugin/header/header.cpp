// Compiled as C++11 and C++20, pedantic, with the wrapper.
#include <cstdio>
#include <rivulet/rivulet.hpp>

int main() {
  const rivulet::Plugin plugin(rvlGetApi(RVL_API_VERSION));
  try {
    const rivulet::ContextHandle context(plugin, rivulet::make<RvlContextInfo>());
    return 1;
  } catch (const rivulet::PluginError& error) {
    std::printf("%s\n", error.what());
    return error.result() == RVL_ERROR_INVALID_ARGUMENT ? 0 : 2;
  }
}
