// In a sanitized program only: the Vulkan loader unloads the driver with the last instance, and a report about memory
// that the driver still holds then has no module to name. So libraries stay loaded, and what the software driver (and
// the LLVM in it) holds for good or does between its own, uninstrumented, threads is not ours to report. Nor is what
// Qt's connection to D-Bus holds.

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define RVL_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define RVL_SANITIZED 1
#endif
#endif

#ifdef RVL_SANITIZED

// The names are fixed by the C library and by the sanitizers.
extern "C" {

int dlclose(void* library);
const char* __lsan_default_suppressions();  // NOLINT(bugprone-reserved-identifier)
const char* __tsan_default_suppressions();  // NOLINT(bugprone-reserved-identifier)

int dlclose(void* /*library*/) {
  return 0;
}

const char* __lsan_default_suppressions() {  // NOLINT(bugprone-reserved-identifier)
  return "leak:libvulkan_lvp\nleak:libLLVM\nleak:libvulkan.so\nleak:libVkLayer\nleak:libdbus-1\nleak:librenderdoc\n";
}

const char* __tsan_default_suppressions() {  // NOLINT(bugprone-reserved-identifier)
  return "called_from_lib:libvulkan_lvp.so\nrace:libvulkan_lvp\nmutex:libvulkan_lvp\nthread:libvulkan_lvp\n"
         "race:libLLVM\ndeadlock:libLLVM\nrace:libVkLayer\ndeadlock:libVkLayer\n";
}

}  // extern "C"

#endif
