#pragma once
// An X server without a screen, for programs with windows.

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <stdexcept>
#include <string>

namespace rivulet::test {

/// Xvfb, from the constructor to the destructor. It chooses a display that is free.
class XServer {
 public:
  /// Returns when the server takes clients. Throws std::runtime_error.
  XServer() {
    int ends[2];
    if (pipe(ends) != 0) throw std::runtime_error("no pipe");
    child_ = fork();
    if (child_ == 0) {
      dup2(ends[1], STDOUT_FILENO);
      const int nowhere = open("/dev/null", O_WRONLY);
      dup2(nowhere, STDERR_FILENO);
      close(ends[0]);
      execl(RIVULET_XVFB, RIVULET_XVFB, "-displayfd", "1", "-screen", "0", "1024x768x24", "-nolisten", "tcp",
            static_cast<char*>(nullptr));
      _exit(127);
    }
    close(ends[1]);
    for (char c = 0; read(ends[0], &c, 1) == 1 && c != '\n';) display_ += c;
    close(ends[0]);
    if (display_.empty()) {
      stop();
      throw std::runtime_error(RIVULET_XVFB " does not start");
    }
    display_.insert(display_.begin(), ':');
  }
  ~XServer() { stop(); }
  XServer(const XServer&) = delete;
  XServer& operator=(const XServer&) = delete;

  const std::string& display() const { return display_; }  // for DISPLAY

 private:
  void stop() const {
    if (child_ <= 0) return;
    kill(child_, SIGTERM);
    waitpid(child_, nullptr, 0);
  }

  pid_t child_ = -1;
  std::string display_;
};

}  // namespace rivulet::test
