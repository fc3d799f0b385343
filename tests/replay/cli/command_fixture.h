// Runs the built command line program against stores written by the recorder.
#ifndef SALLYPORT_TESTS_REPLAY_CLI_COMMAND_FIXTURE_H_
#define SALLYPORT_TESTS_REPLAY_CLI_COMMAND_FIXTURE_H_

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <cstdlib>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_replace.h"
#include "recorder/format/call_id.h"

namespace sallyport::replay {

// A run of `sallyport ARGUMENTS...`, its output read through pipes. Killed in the end if it still runs.
class RunningCommand {
 public:
  // `user`: whom it runs as, if this process may change that.
  explicit RunningCommand(std::vector<std::string> arguments, const std::string& program = SALLYPORT_PROGRAM,
                          std::optional<uid_t> user = std::nullopt) {
    int out[2];
    int err[2];
    REQUIRE(pipe2(out, O_CLOEXEC) == 0);
    REQUIRE(pipe2(err, O_CLOEXEC) == 0);
    arguments.insert(arguments.begin(), program);
    std::vector<char*> argv;
    argv.reserve(arguments.size() + 1);
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    pid_ = fork();
    REQUIRE(pid_ >= 0);
    if (pid_ == 0) {
      dup2(out[1], STDOUT_FILENO);
      dup2(err[1], STDERR_FILENO);
      if (user.has_value() && setresuid(*user, *user, *user) != 0) _exit(126);
      execv(argv[0], argv.data());
      _exit(127);
    }
    close(out[1]);
    close(err[1]);
    out_ = out[0];
    err_ = err[0];
  }
  ~RunningCommand() {
    if (!code_.has_value()) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
    close(out_);
    close(err_);
  }
  RunningCommand(const RunningCommand&) = delete;
  RunningCommand& operator=(const RunningCommand&) = delete;

  void Signal(int signal) { kill(pid_, signal); }

  // Reads on until stdout (stderr) holds `text`. False if the program ends or 30 seconds pass before.
  bool WaitForOutput(const std::string& text) { return WaitFor(text, &output_); }
  bool WaitForErrors(const std::string& text) { return WaitFor(text, &errors_); }

  // Reads everything and waits for the end; the exit code, or -1 if it was ended by a signal or hung.
  int Wait() {
    WaitFor("", nullptr);
    if (out_open_ || err_open_) {
      kill(pid_, SIGKILL);  // it hung
    }
    int status = 0;
    waitpid(pid_, &status, 0);
    code_ = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return *code_;
  }

  const std::string& output() const { return output_; }
  const std::string& errors() const { return errors_; }

 private:
  bool WaitFor(const std::string& text, const std::string* where) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (where == nullptr || where->find(text) == std::string::npos) {
      if (!out_open_ && !err_open_) return false;
      const auto left =
          std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
      if (left <= 0) return false;
      pollfd files[] = {{out_open_ ? out_ : -1, POLLIN, 0}, {err_open_ ? err_ : -1, POLLIN, 0}};
      if (poll(files, 2, static_cast<int>(left)) < 0) return false;
      if (files[0].revents != 0) out_open_ = Take(out_, &output_);
      if (files[1].revents != 0) err_open_ = Take(err_, &errors_);
    }
    return true;
  }
  static bool Take(int file, std::string* text) {
    char buffer[16 << 10];
    const ssize_t got = read(file, buffer, sizeof buffer);
    if (got > 0) text->append(buffer, static_cast<size_t>(got));
    return got > 0;
  }

  pid_t pid_ = -1;
  int out_ = -1;
  int err_ = -1;
  bool out_open_ = true;
  bool err_open_ = true;
  std::string output_;
  std::string errors_;
  std::optional<int> code_;
};

struct CommandResult {
  int code = -1;
  std::string output;
  std::string errors;
};

// With stdout on a disk that is full.
inline CommandResult RunOnFullDisk(std::vector<std::string> arguments) {
  std::vector<std::string> shell = {"-c", "exec \"$0\" \"$@\" >/dev/full", SALLYPORT_PROGRAM};
  shell.insert(shell.end(), arguments.begin(), arguments.end());
  RunningCommand command(std::move(shell), "/bin/sh");
  const int code = command.Wait();
  return {code, command.output(), command.errors()};
}

inline CommandResult Run(std::vector<std::string> arguments) {
  RunningCommand command(std::move(arguments));
  const int code = command.Wait();
  return {code, command.output(), command.errors()};
}

// The same on a terminal: what it shows of stdout and stderr.
inline std::string RunInTerminal(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), SALLYPORT_PROGRAM);
  std::vector<char*> argv;
  argv.reserve(arguments.size() + 1);
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  int terminal = -1;
  const pid_t pid = forkpty(&terminal, nullptr, nullptr, nullptr);
  REQUIRE(pid >= 0);
  if (pid == 0) {
    execv(argv[0], argv.data());
    _exit(127);
  }
  std::string shown;
  char buffer[16 << 10];
  ssize_t got = 0;
  while ((got = read(terminal, buffer, sizeof buffer)) > 0) shown.append(buffer, static_cast<size_t>(got));
  close(terminal);
  waitpid(pid, nullptr, 0);
  return shown;
}

inline std::vector<std::string> LinesOf(const std::string& text) {
  std::vector<std::string> lines;
  size_t from = 0;
  while (from < text.size()) {
    const size_t end = text.find('\n', from);
    lines.push_back(text.substr(from, end - from));
    if (end == std::string::npos) break;
    from = end + 1;
  }
  return lines;
}

using Arguments = std::vector<std::string>;

// `$DATA`, `$CALL` and `$OTHER` stand for the store, a call in it, and an id that nothing has.
inline Arguments Filled(const Arguments& arguments, const std::string& data, const std::string& call) {
  Arguments filled;
  for (const std::string& each : arguments) {
    filled.push_back(absl::StrReplaceAll(
        each, {{"$DATA", data}, {"$CALL", call}, {"$OTHER", recorder::FormatId(1'767'323'045'012'345)}}));
  }
  return filled;
}

inline bool Contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace sallyport::replay

#endif  // SALLYPORT_TESTS_REPLAY_CLI_COMMAND_FIXTURE_H_
