// Two processes on loopback end with the weights of one that does both their batches; what is wrong with the
// environment is named; a process left alone says so and ends.
#include "training/data_parallel.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <thread>

#include "scratch.h"
#include "training/safetensors.h"

extern char** environ;

namespace rivulet::training {
namespace {

using Variables = std::vector<std::pair<std::string, std::string>>;

// A port nobody listens on now.
std::string freePort() {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  EXPECT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size), 0);
  close(fd);
  return std::to_string(ntohs(address.sin_port));
}

class DataParallelTest : public ::testing::Test {
 protected:
  // Starts rivulet-train flow for a network NAME, its output in NAME.txt.
  pid_t start(const std::string& name, const Variables& variables, const std::vector<std::string>& more) const {
    std::vector<std::string> arguments = {RIVULET_TRAIN,    "flow",
                                          "--data",         data_.root.string(),
                                          "--out",          file(name, ".safetensors").string(),
                                          "--crop",         "16",
                                          "--holdout",      "0",
                                          "--batch",        "2",
                                          "--warmup",       "1",
                                          "--sample-every", "0",
                                          "--threads",      "1",
                                          "--log-every",    "1"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    std::vector<std::string> environment;
    for (char** entry = environ; *entry != nullptr; ++entry) environment.emplace_back(*entry);
    for (const auto& [key, value] : variables) environment.push_back(key + "=" + value);
    const auto pointers = [](std::vector<std::string>& texts) {
      std::vector<char*> result;
      for (std::string& text : texts) result.push_back(text.data());
      result.push_back(nullptr);
      return result;
    };
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 1, file(name, ".txt").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_adddup2(&files, 1, 2);
    pid_t pid = 0;
    EXPECT_EQ(
        posix_spawn(&pid, RIVULET_TRAIN, &files, nullptr, pointers(arguments).data(), pointers(environment).data()), 0);
    posix_spawn_file_actions_destroy(&files);
    return pid;
  }
  std::filesystem::path file(const std::string& name, const char* extension) const {
    return scratch_.path() / (name + extension);
  }
  std::string output(const std::string& name) const {
    std::ifstream in(file(name, ".txt"));
    return {std::istreambuf_iterator<char>(in), {}};
  }
  static int end(pid_t pid) {
    int status = 0;
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  static Variables place(int rank, const std::string& port) {
    return {{"RANK", std::to_string(rank)}, {"WORLD_SIZE", "2"}, {"MASTER_ADDR", "127.0.0.1"}, {"MASTER_PORT", port}};
  }

 private:
  Scratch scratch_;
  DatasetOptions data_ = smallData(scratch_);
};

TEST_F(DataParallelTest, TwoProcessesTrainWhatOneWithTwiceTheBatchDoes) {
  const std::vector<std::string> four = {"--steps", "4"};
  ASSERT_EQ(end(start("one", {}, {"--steps", "4", "--accumulate", "2"})), 0) << output("one");
  const std::string port = freePort();
  const pid_t first = start("two", place(0, port), four), second = start("second", place(1, port), four);
  ASSERT_EQ(end(first), 0) << output("two");
  ASSERT_EQ(end(second), 0) << output("second");
  EXPECT_FALSE(std::filesystem::exists(file("second", ".safetensors"))) << "the first alone writes";

  const Safetensors one = readSafetensors(file("one", ".safetensors.ckpt")),
                    two = readSafetensors(file("two", ".safetensors.ckpt"));
  EXPECT_EQ(two.note("step"), "4");
  for (const auto& [name, tensor] : one.tensors) {
    const double scale = tensor.to(at::kDouble).abs().max().item<double>();
    const double error = (tensor - two.at(name)).to(at::kDouble).abs().max().item<double>();
    EXPECT_LE(error, 1e-6 * scale) << name;
  }
  // And it is not what one process with one batch does.
  ASSERT_EQ(end(start("alone", {}, four)), 0) << output("alone");
  const Safetensors alone = readSafetensors(file("alone", ".safetensors.ckpt"));
  EXPECT_FALSE(at::allclose(alone.at("adam.mean"), two.at("adam.mean"), 1e-3));
}

TEST_F(DataParallelTest, AProcessLeftAloneSaysSo) {
  const std::string port = freePort();
  const std::string log = file("left", ".jsonl").string();
  const pid_t first = start("left", place(0, port), {"--log", log}), second = start("killed", place(1, port), {});
  for (int i = 0; i < 1200 && !std::filesystem::exists(log); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  kill(second, SIGKILL);
  EXPECT_EQ(end(second), 128 + SIGKILL);
  EXPECT_NE(end(first), 0);
  EXPECT_NE(output("left").find("other processes of this training"), std::string::npos) << output("left");
}

TEST_F(DataParallelTest, TheEnvironmentsFaultsAreNamed) {
  EXPECT_EQ(end(start("size", {{"WORLD_SIZE", "two"}}, {})), 1);
  EXPECT_NE(output("size").find("WORLD_SIZE=two"), std::string::npos) << output("size");
  EXPECT_EQ(end(start("rank", {{"WORLD_SIZE", "2"}, {"RANK", "2"}}, {})), 1);
  EXPECT_NE(output("rank").find("RANK=2: expected a number from 0 to 1"), std::string::npos) << output("rank");
  EXPECT_EQ(end(start("address", {{"WORLD_SIZE", "2"}, {"RANK", "0"}}, {})), 1);
  EXPECT_NE(output("address").find("MASTER_ADDR is not set"), std::string::npos) << output("address");
}

}  // namespace
}  // namespace rivulet::training
