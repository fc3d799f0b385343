#include "recorder/keys/key_command.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "recorder/log/file.h"
#include "recorder/text.h"

namespace sallyport::recorder {
namespace {

using Clock = std::chrono::steady_clock;

// A line of a token with its end, and a little of what need not be there, to tell too much from enough.
constexpr size_t kMaxOutput = KeyCommand::kMaxTokenSize + 64;
// More of stderr is read and dropped.
constexpr size_t kMaxErrors = 4096;
constexpr size_t kShownErrors = 200;

struct Pipe {
  ~Pipe() {
    CloseRead();
    CloseWrite();
  }
  absl::Status Open() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return SystemError(errno, "making", "a pipe to the key command");
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

// Whether `text` gives away part of `secret`: eight characters in a row.
bool Reveals(std::string_view text, std::string_view secret) {
  constexpr size_t kTelling = 8;
  for (size_t i = 0; i + kTelling <= secret.size(); ++i) {
    if (text.find(secret.substr(i, kTelling)) != std::string_view::npos) return true;
  }
  return false;
}

// Whether a run in `text` is long enough to be a key in base64 or hex, whose value we may not know.
bool MayHoldAKey(std::string_view text) {
  constexpr size_t kShortest = 40;
  size_t run = 0;
  for (char c : text) {
    const bool part =
        (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '+' || c == '/';
    run = part ? run + 1 : 0;
    if (run >= kShortest) return true;
  }
  return false;
}

// The first line of what the command said on stderr, fit for a log.
std::string Complaint(std::string_view errors, std::string_view said, std::string_view heard) {
  std::string line(errors.substr(0, std::min(errors.find('\n'), kShownErrors)));
  if (line.empty()) return "it said nothing on stderr";
  if (Reveals(errors, said) || Reveals(errors, heard) || MayHoldAKey(errors)) {
    return "what it said on stderr is withheld, since it may hold a key";
  }
  std::replace_if(
      line.begin(), line.end(), [](char c) { return c < 0x20 || c > 0x7e; }, '?');
  return line;
}

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
    return SystemError(error, "starting", "/bin/sh for the key command");
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
bool ReadAll(Pipe& out, Pipe& errors, Clock::time_point deadline, std::string& said, std::string& complained) {
  size_t size = 0;
  while (size < kMaxOutput && (out.read >= 0 || errors.read >= 0)) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return false;
    pollfd ends[] = {{out.read, POLLIN, 0}, {errors.read, POLLIN, 0}};
    if (poll(ends, 2, static_cast<int>(left)) < 0 && errno != EINTR) return false;
    if (ends[0].revents != 0) size += Take(out, kMaxOutput, said);
    if (ends[1].revents != 0) Take(errors, kMaxErrors, complained);
  }
  return true;
}

}  // namespace

absl::StatusOr<SecretText> KeyCommand::Exchange(std::string_view operation, std::string_view argument) const {
  const auto deadline = Clock::now() + absl::ToChronoMilliseconds(timeout_);
  Pipe in, out, errors;
  for (Pipe* pipe : {&in, &out, &errors}) {
    if (absl::Status status = pipe->Open(); !status.ok()) return status;
  }
  // The line fits the pipe, so it is written before anybody reads it, and a command that does not cannot raise SIGPIPE.
  const SecretText line(absl::StrCat(View(operation), " ", View(argument), "\n"));
  fcntl(in.write, F_SETFL, O_NONBLOCK);
  if (write(in.write, line.view().data(), line.view().size()) != static_cast<ssize_t>(line.view().size())) {
    return absl::InternalError("the key command's input does not fit a pipe");
  }
  in.CloseWrite();
  Child child;
  if (absl::Status status = child.Start(command_, in, out, errors); !status.ok()) return status;
  in.CloseRead();
  out.CloseWrite();
  errors.CloseWrite();

  std::string output;
  // Never grown, so that nothing of it is left behind in memory.
  output.reserve(kMaxOutput);
  std::string complaint;
  bool ended = ReadAll(out, errors, deadline, output, complaint);
  const SecretText said(std::move(output));
  const bool too_much = said.view().size() >= kMaxOutput;
  const std::optional<int> status = ended && !too_much ? child.Wait(deadline) : std::nullopt;
  if (too_much) return absl::InternalError("the key command says more than one line of at most 8 KiB on stdout");
  if (!status.has_value()) {
    return absl::DeadlineExceededError(absl::StrCat("the key command did not end within ",
                                                    absl::FormatDuration(timeout_), " and was killed; ",
                                                    Complaint(complaint, said.view(), argument)));
  }
  if (!WIFEXITED(*status) || WEXITSTATUS(*status) != 0) {
    return absl::UnavailableError(absl::StrCat("the key command ",
                                               WIFEXITED(*status) ? "failed with exit status " : "was ended by signal ",
                                               WIFEXITED(*status) ? WEXITSTATUS(*status) : WTERMSIG(*status), " at `",
                                               View(operation), "`: ", Complaint(complaint, said.view(), argument)));
  }
  const std::string_view all = said.view();
  const size_t end = all.find('\n');
  const std::string_view first = all.substr(0, end);
  if (first.empty() || (end != std::string_view::npos && end + 1 != all.size())) {
    return absl::InternalError(absl::StrCat("the key command has to say exactly one line on stdout at `",
                                            View(operation), "`, not ", first.empty() ? "none" : "several"));
  }
  return SecretText(std::string(first));
}

absl::StatusOr<std::string> KeyCommand::Wrap(const SecretKey& key) const {
  const absl::StatusOr<SecretText> token = Exchange("wrap", ToBase64(key.bytes()).view());
  if (!token.ok()) return token.status();
  const std::string_view text = token->view();
  if (text.size() > kMaxTokenSize ||
      !std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; })) {
    return absl::InternalError("the key command's token is not at most 8192 characters of ASCII without spaces");
  }
  if (Reveals(text, ToBase64(key.bytes()).view())) {
    return absl::InternalError("the key command's token holds the key itself: it does not wrap");
  }
  return std::string(text);
}

absl::StatusOr<SecretKey> KeyCommand::Unwrap(const std::string& token) const {
  const absl::StatusOr<SecretText> text = Exchange("unwrap", token);
  if (!text.ok()) return text.status();
  const std::optional<SecretText> bytes = FromBase64(text->view());
  if (!bytes.has_value() || bytes->view().size() != SecretKey::kSize) {
    return absl::InternalError("the key command's answer to `unwrap` is not the base64 of 32 bytes");
  }
  return SecretKey(bytes->view());
}

}  // namespace sallyport::recorder
