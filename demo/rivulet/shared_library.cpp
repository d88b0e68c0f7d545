#include "rivulet/shared_library.h"

#if defined(_WIN32)
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#else
#include <dlfcn.h>
#endif

namespace demo {

#if defined(_WIN32)
bool SharedLibrary::open(const std::string& path, std::string& reason) {
  handle_ = reinterpret_cast<void*>(LoadLibraryA(path.c_str()));
  if (!handle_) reason = path + " cannot be opened (error " + std::to_string(GetLastError()) + ")";
  return handle_ != nullptr;
}
bool SharedLibrary::openLoaded(const std::string& name) {
  handle_ = reinterpret_cast<void*>(GetModuleHandleA(name.c_str()));
  return handle_ != nullptr;
}
void* SharedLibrary::find(const char* name) const {
  return reinterpret_cast<void*>(GetProcAddress(reinterpret_cast<HMODULE>(handle_), name));
}
#else
bool SharedLibrary::open(const std::string& path, std::string& reason) {
  handle_ = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle_) reason = dlerror();
  return handle_ != nullptr;
}
bool SharedLibrary::openLoaded(const std::string& name) {
  handle_ = dlopen(name.c_str(), RTLD_NOW | RTLD_NOLOAD);
  return handle_ != nullptr;
}
void* SharedLibrary::find(const char* name) const {
  return dlsym(handle_, name);
}
#endif

}  // namespace demo
