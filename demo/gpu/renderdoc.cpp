#include "gpu/renderdoc.h"

#include <cstdint>
#include <cstring>
#include <vector>

#include "rivulet/shared_library.h"

namespace demo {
namespace {

// The parts of RenderDoc's interface 1.1.2 that are used: places in its table of functions, which later versions keep.
constexpr int kVersion = 10102;
enum Entry { kSetCaptureFilePathTemplate = 11, kGetNumCaptures = 13, kGetCapture = 14, kStart = 19, kEnd = 21 };

#if defined(_WIN32)
#define DEMO_RENDERDOC_CALL __cdecl
constexpr const char* kLibrary = "renderdoc.dll";
#elif defined(__ANDROID__)
#define DEMO_RENDERDOC_CALL
constexpr const char* kLibrary = "libVkLayer_GLES_RenderDoc.so";
#else
#define DEMO_RENDERDOC_CALL
constexpr const char* kLibrary = "librenderdoc.so";
#endif
using GetApi = int(DEMO_RENDERDOC_CALL*)(int version, void** table);
using SetPath = void(DEMO_RENDERDOC_CALL*)(const char* pathTemplate);
using GetNumCaptures = std::uint32_t(DEMO_RENDERDOC_CALL*)();
using GetCapture = std::uint32_t(DEMO_RENDERDOC_CALL*)(std::uint32_t index, char* file, std::uint32_t* length,
                                                       std::uint64_t* timestamp);
using Start = void(DEMO_RENDERDOC_CALL*)(void* device, void* window);
using End = std::uint32_t(DEMO_RENDERDOC_CALL*)(void* device, void* window);

template <class Function>
Function entry(void* const* table, Entry at) {
  Function function = nullptr;
  std::memcpy(&function, &table[at], sizeof function);  // there is no cast from an object to a function pointer
  return function;
}

/// What it calls a device: the dispatch table that an instance begins with.
void* deviceOf(VkInstance instance) {
  return *reinterpret_cast<void**>(instance);
}

}  // namespace

bool RenderDoc::loaded() {
  SharedLibrary library;
  return library.openLoaded(kLibrary);
}

RenderDoc::RenderDoc(const std::string& path) {
  SharedLibrary library;
  if (!library.openLoaded(kLibrary)) {
    reason_ = "RenderDoc is not attached: start the demo from it, or with ENABLE_VULKAN_RENDERDOC_CAPTURE=1";
    return;
  }
  const auto getApi = library.function<GetApi>("RENDERDOC_GetAPI");
  void* table = nullptr;
  if (!getApi || getApi(kVersion, &table) != 1 || !table) {
    reason_ = "RenderDoc is attached, but too old: version 1.0 or newer is needed";
    return;
  }
  functions_ = static_cast<void* const*>(table);
  entry<SetPath>(functions_, kSetCaptureFilePathTemplate)(path.c_str());
}

void RenderDoc::begin(VkInstance instance) const {
  if (attached()) entry<Start>(functions_, kStart)(deviceOf(instance), nullptr);
}

std::string RenderDoc::end(VkInstance instance) const {
  if (!attached() || entry<End>(functions_, kEnd)(deviceOf(instance), nullptr) != 1) return "";
  const std::uint32_t count = entry<GetNumCaptures>(functions_, kGetNumCaptures)();
  std::uint32_t length = 0;
  const auto getCapture = entry<GetCapture>(functions_, kGetCapture);
  if (count == 0 || getCapture(count - 1, nullptr, &length, nullptr) != 1) return "";
  std::vector<char> file(length + 1);
  getCapture(count - 1, file.data(), &length, nullptr);
  return file.data();
}

}  // namespace demo
