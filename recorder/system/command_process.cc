#include "recorder/system/command_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "recorder/system/file.h"

namespace sallyport::recorder {
namespace {

using Clock = std::chrono::steady_clock;

// More of stderr is read and dropped.
constexpr size_t kMaxErrors = 4096;

struct Pipe {
  ~Pipe() {
    CloseRead();
    CloseWrite();
  }
  absl::Status Open() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return SystemError(errno, "making", "a pipe to a command");
    read = ends[0];
    write = ends[1];
    return absl::OkStatus();
  }
  void CloseRead() {
    if (read >= 0) close(std::exchange(read, -1));
  }
  void CloseWrite() {
    if (write >= 0) close(std::exchange(write, -1));
  }

  int read = -1;
  int write = -1;
};

// A running command, in a process group of its own. Killed, with what it started, unless Wait saw it end.
class Child {
 public:
  Child() = default;
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (pid_ <= 0) return;
    kill(-pid_, SIGKILL);
    while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }

  absl::Status Start(const std::string& command, const Pipe& in, const Pipe& out, const Pipe& errors) {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in.read, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out.write, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, errors.write, STDERR_FILENO);
#if __GLIBC_PREREQ(2, 34)
    posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
#endif
    // It starts with signals as a program expects them: the gateway blocks and ignores some.
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t none;
    sigemptyset(&none);
    sigset_t ignored;
    sigemptyset(&ignored);
    sigaddset(&ignored, SIGPIPE);
    sigaddset(&ignored, SIGXFSZ);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &ignored);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    std::string shell = "sh";
    std::string option = "-c";
    std::string text = command;
    char* const argv[] = {shell.data(), option.data(), text.data(), nullptr};
    const int error = posix_spawn(&pid_, "/bin/sh", &actions, &attributes, argv, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    if (error == 0) return absl::OkStatus();
    pid_ = -1;
    return SystemError(error, "starting", "/bin/sh for a command");
  }

  // The status as waitpid gives it, or nothing if it still runs at the deadline.
  std::optional<int> Wait(Clock::time_point deadline) {
    while (true) {
      int status = 0;
      const pid_t got = waitpid(pid_, &status, WNOHANG);
      if (got == pid_) {
        pid_ = -1;
        return status;
      }
      if (Clock::now() >= deadline) return std::nullopt;
      // It has closed its output, so its end is near.
      poll(nullptr, 0, 1);
    }
  }

 private:
  pid_t pid_ = -1;
};

// Moves what can be read from `pipe` to the end of `text`, of which at most `limit` bytes are kept. Closes the pipe at
// its end. Returns how many bytes there were.
size_t Take(Pipe& pipe, size_t limit, std::string& text) {
  char buffer[4096];
  const ssize_t got = read(pipe.read, buffer, sizeof(buffer));
  if (got <= 0) {
    if (got == 0 || errno != EINTR) pipe.CloseRead();
    return 0;
  }
  text.append(buffer, std::min(static_cast<size_t>(got), limit - text.size()));
  Cleanse(buffer, static_cast<size_t>(got));
  return static_cast<size_t>(got);
}

// Reads both pipes to their ends. False at the deadline; stops early once stdout says more than it may.
bool ReadAll(Pipe& out, Pipe& errors, Clock::time_point deadline, size_t limit, std::string& said,
             std::string& complained) {
  size_t size = 0;
  while (size < limit && (out.read >= 0 || errors.read >= 0)) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return false;
    pollfd ends[] = {{out.read, POLLIN, 0}, {errors.read, POLLIN, 0}};
    if (poll(ends, 2, static_cast<int>(left)) < 0 && errno != EINTR) return false;
    if (ends[0].revents != 0) size += Take(out, limit, said);
    if (ends[1].revents != 0) Take(errors, kMaxErrors, complained);
  }
  return true;
}

}  // namespace

absl::StatusOr<CommandOutcome> RunCommand(const std::string& command, std::string_view input, size_t most_output,
                                          absl::Duration timeout) {
  const auto deadline = Clock::now() + absl::ToChronoMilliseconds(timeout);
  Pipe in, out, errors;
  for (Pipe* pipe : {&in, &out, &errors}) {
    if (absl::Status status = pipe->Open(); !status.ok()) return status;
  }
  // It fits the pipe, so it is written before anybody reads it, and a command that does not cannot raise SIGPIPE.
  fcntl(in.write, F_SETFL, O_NONBLOCK);
  if (!input.empty() && write(in.write, input.data(), input.size()) != static_cast<ssize_t>(input.size())) {
    return absl::InternalError("a command's input does not fit a pipe");
  }
  in.CloseWrite();
  Child child;
  if (absl::Status status = child.Start(command, in, out, errors); !status.ok()) return status;
  in.CloseRead();
  out.CloseWrite();
  errors.CloseWrite();

  std::string output;
  // Never grown, so that nothing of it is left behind in memory.
  output.reserve(most_output + 1);
  std::string complaint;
  complaint.reserve(kMaxErrors);
  CommandOutcome outcome;
  const bool ended = ReadAll(out, errors, deadline, most_output + 1, output, complaint);
  outcome.complained = SecretText(std::move(complaint));
  outcome.said_too_much = output.size() > most_output;
  outcome.said = SecretText(std::move(output));
  if (ended && !outcome.said_too_much) outcome.status = child.Wait(deadline);
  return outcome;
}

std::string CommandOutcome::HowItEnded() const {
  if (!status.has_value()) return "was killed";
  if (WIFEXITED(*status)) return absl::StrCat("failed with exit status ", WEXITSTATUS(*status));
  return absl::StrCat("was ended by signal ", WTERMSIG(*status));
}

}  // namespace sallyport::recorder
