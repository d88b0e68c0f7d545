#pragma once
// The processor time of a thread: what a call costs the host, whoever else the machine works for meanwhile.

#include <chrono>
#include <ctime>

namespace rivulet::bench {

/// Microseconds of processor time the calling thread has used; on systems without such a clock, of time gone by.
inline double threadMicroseconds() {
#ifdef CLOCK_THREAD_CPUTIME_ID
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) * 1e-3;
#else
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now().time_since_epoch()).count();
#endif
}

}  // namespace rivulet::bench
