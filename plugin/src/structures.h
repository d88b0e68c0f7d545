#pragma once
// Structures of the interface, read and written whatever version of the header the host was compiled with.

#include <algorithm>
#include <cstring>
#include <string>

#include "failure.h"

namespace rivulet::plugin {

/// A copy of what the host gave. Members that its header did not have are zero. Errors: INVALID_ARGUMENT (null, an
/// unlikely size), UNSUPPORTED (an extension).
template <class T>
T readStruct(const T* given, const char* name) {
  if (!given) invalid(std::string(name) + " is null");
  if (given->struct_size < sizeof(std::size_t) + sizeof(void*) || given->struct_size > 4 * sizeof(T)) {
    invalid(std::string(name) + ".struct_size is " + std::to_string(given->struct_size) + ": set it to sizeof(" + name +
            "), which is " + std::to_string(sizeof(T)) + " here");
  }
  if (given->next) {
    throw Failure(RVL_ERROR_UNSUPPORTED, std::string(name) + ".next is not null: there are no extensions yet");
  }
  T copy{};
  std::memcpy(&copy, given, std::min(sizeof(T), given->struct_size));
  return copy;
}

/// Gives the host what its header has room for. Errors: as readStruct().
template <class T>
void writeStruct(T* target, T value, const char* name) {
  static_cast<void>(readStruct(target, name));
  value.struct_size = target->struct_size;
  value.next = target->next;
  std::memcpy(target, &value, std::min(sizeof(T), target->struct_size));
}

template <class T>
void requireTarget(const T* target, const char* name) {
  if (!target) invalid(std::string(name) + " is null: there is nowhere to put the result");
}

}  // namespace rivulet::plugin
