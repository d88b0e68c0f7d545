// A shared library opened at run time.
#pragma once

#include <cstring>
#include <string>

namespace demo {

class SharedLibrary {
 public:
  SharedLibrary() = default;
  SharedLibrary(const SharedLibrary&) = delete;
  SharedLibrary& operator=(const SharedLibrary&) = delete;

  /// False, and the system's reason, where it cannot be opened. It stays open until the process ends.
  bool open(const std::string& path, std::string& reason);
  /// Only if something else has opened it before.
  bool openLoaded(const std::string& name);
  bool isOpen() const { return handle_ != nullptr; }

  template <class Function>
  Function function(const char* name) const {
    void* const symbol = find(name);
    Function result = nullptr;
    std::memcpy(&result, &symbol, sizeof result);  // there is no cast from an object to a function pointer
    return result;
  }

 private:
  void* find(const char* name) const;
  void* handle_ = nullptr;
};

}  // namespace demo
