#include "recorder/keys/key_command.h"

#include <signal.h>

#include "tests/recorder/keys_fixture.h"

namespace sallyport::recorder {
namespace {

const std::string kCanary = "canary-key-bytes-0123456789abcde";

SecretKey CanaryKey() { return SecretKey(kCanary); }
std::string CanaryText() { return std::string(ToBase64(kCanary).view()); }

// What wrapping the canary with a command fails with; neither the key nor the command may be in it.
absl::Status WrapError(const std::string& command, absl::Duration timeout = KeyCommand::kUsualTimeout) {
  const absl::Status status = KeyCommand(command, timeout).Wrap(CanaryKey()).status();
  INFO(command << ": " << status);
  CHECK_FALSE(status.ok());
  CHECK_FALSE(Contains(Said(status), kCanary));
  CHECK_FALSE(Contains(Said(status), CanaryText().substr(10, 10)));
  return status;
}

TEST_CASE("a key command is handed one line and says one line") {
  KeysDirectory directory;
  const std::string script = directory.path() + "/kms.sh";
  PutFile(script,
          "#!/bin/sh\n"
          "read -r operation argument\n"
          "case \"$operation\" in\n"
          "  wrap) echo \"token-$(printf '%s' \"$argument\" | od -An -v -tx1 | tr -d ' \\n')\" ;;\n"
          "  unwrap) printf \"$(printf '%s' \"${argument#token-}\" | sed 's/../0x& /g' | xargs printf '\\\\%03o')\"; "
          "echo ;;\n"
          "esac\n",
          0700);
  const KeyCommand command(script);
  const auto token = command.Wrap(CanaryKey());
  REQUIRE(token.ok());
  CHECK(token->starts_with("token-"));
  const auto key = command.Unwrap(*token);
  INFO(key.status());
  REQUIRE(key.ok());
  CHECK(key->bytes() == kCanary);
}

TEST_CASE("the example for Vault hands keys over by standard input alone") {
  KeysDirectory directory;
  // Stands in for the program: what it is called with, and a "ciphertext" of what it reads.
  PutFile(directory.path() + "/vault",
          "#!/bin/sh\n"
          "echo \"$*\" >> " +
              directory.path() +
              "/calls\n"
              "case \"$*\" in\n"
              "  'write -field=ciphertext transit/encrypt/sallyport plaintext=-') printf 'vault:v1:'; tr 'A-Za-z' "
              "'N-ZA-Mn-za-m' ;;\n"
              "  'write -field=plaintext transit/decrypt/sallyport ciphertext=-') sed 's/^vault:v1://' | tr "
              "'N-ZA-Mn-za-m' 'A-Za-z' ;;\n"
              "  *) echo 'permission denied' >&2; exit 2 ;;\n"
              "esac\n",
          0700);
  const std::string script =
      "PATH=" + directory.path() + ":$PATH " SALLYPORT_SOURCE_DIRECTORY "/deploy/kms/vault-transit.sh";
  const auto token = KeyCommand(script).Wrap(CanaryKey());
  INFO(token.status());
  REQUIRE(token.ok());
  CHECK(token->starts_with("vault:v1:"));
  CHECK(KeyCommand(script).Unwrap(*token)->bytes() == kCanary);
  CHECK_FALSE(Contains(Contents(directory.path() + "/calls"), CanaryText().substr(10, 10)));
  CHECK(Contains(Said(WrapError("SALLYPORT_VAULT_KEY=other " + script)), "permission denied"));
}

TEST_CASE("a key command that fails is told with the first line of what it complained about") {
  const auto status = WrapError("echo 'no route to vault' >&2; echo second >&2; exit 3");
  CHECK(absl::IsUnavailable(status));
  CHECK(Contains(Said(status), "exit status 3"));
  CHECK(Contains(Said(status), "no route to vault"));
  CHECK_FALSE(Contains(Said(status), "second"));
  CHECK(Contains(Said(WrapError("exit 1")), "nothing on stderr"));
  CHECK(Contains(Said(WrapError("kill -9 $$")), "signal 9"));
  CHECK(Contains(Said(WrapError("/nonexistent/kms")), "127"));
}

TEST_CASE("what a key command complains about cannot act on a terminal") {
  const auto status = WrapError("printf '\\033[2Jgone\\a\\377\\n' >&2; exit 1");
  CHECK(Contains(Said(status), "?[2Jgone??"));
}

TEST_CASE("a key command that shows the key on stderr does not get it into an error") {
  // As a script run with -x does, whole or in part.
  CHECK(Contains(Said(WrapError("read -r a b; echo \"got $b\" >&2; exit 1")), "withheld"));
  CHECK(Contains(Said(WrapError("read -r a b; echo \"$b\" | cut -c 5-20 >&2; exit 1")), "withheld"));
  CHECK(Contains(Said(WrapError("read -r a b; echo fine >&2; echo \"$b\" >&2; exit 1")), "withheld"));
  // On the way back the key is what it was about to say, or not known at all.
  const auto both = KeyCommand("echo " + CanaryText() + "; echo " + CanaryText() + " >&2; exit 1").Unwrap("t").status();
  CHECK(Contains(Said(both), "withheld"));
  const auto alone = KeyCommand("echo " + CanaryText() + " >&2; exit 1").Unwrap("t").status();
  CHECK(Contains(Said(alone), "withheld"));
}

TEST_CASE("a key command that hangs is killed, with what it started") {
  KeysDirectory directory;
  const std::string pids = directory.path() + "/pids";
  const auto status = WrapError("sleep 1000 & echo $! > " + pids + "; echo stuck >&2; wait", absl::Milliseconds(300));
  CHECK(absl::IsDeadlineExceeded(status));
  CHECK(Contains(Said(status), "stuck"));
  // Closing its output does not save it.
  CHECK(absl::IsDeadlineExceeded(WrapError("exec >&- 2>&-; sleep 1000", absl::Milliseconds(300))));
  // The kill is on its way; its parent is no longer ours to wait for.
  const pid_t pid = std::stoi(Contents(pids));
  while (kill(pid, 0) == 0 && !Contains(Contents("/proc/" + std::to_string(pid) + "/stat"), ") Z ")) {
  }
}

TEST_CASE("a key command that babbles is stopped") {
  CHECK(Contains(Said(WrapError("yes")), "more than one line"));
  CHECK(Contains(Said(WrapError("head -c 9000 /dev/zero | tr '\\0' a")), "more than one line"));
  CHECK(Contains(Said(WrapError("echo one; echo two")), "not several"));
  CHECK(Contains(Said(WrapError("true")), "not none"));
  CHECK(Contains(Said(WrapError("echo")), "not none"));
  CHECK(Contains(Said(WrapError("echo two words")), "without spaces"));
  CHECK(Contains(Said(WrapError("head -c 8193 /dev/zero | tr '\\0' a")), "without spaces"));
  // However much it complains about, if it does its work.
  CHECK(KeyCommand("head -c 1000000 /dev/zero >&2; echo token").Wrap(CanaryKey()).ok());
  CHECK(KeyCommand("head -c 8192 /dev/zero | tr '\\0' a").Wrap(CanaryKey()).ok());
}

TEST_CASE("a key command that does not wrap is refused") {
  CHECK(Contains(Said(WrapError("read -r a b; echo \"$b\"")), "does not wrap"));
}

TEST_CASE("what a key command unwraps must be a key") {
  for (const std::string& answer : {std::string("AAAA"), std::string("not/base64!"), CanaryText() + "AAAA"}) {
    const auto status = KeyCommand("echo '" + answer + "'").Unwrap("token").status();
    CHECK(absl::IsInternal(status));
    CHECK_FALSE(Contains(Said(status), answer));
  }
  CHECK(KeyCommand("echo " + CanaryText()).Unwrap("token")->bytes() == kCanary);
}

TEST_CASE("a key command starts with signals as programs expect them") {
  sigset_t blocked;
  sigset_t old;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &blocked, &old);
  signal(SIGPIPE, SIG_IGN);
  // Both signals end what is subject to them.
  const auto status = WrapError("sh -c 'kill -TERM $$'; sh -c 'kill -PIPE $$; echo token'; exit 0");
  signal(SIGPIPE, SIG_DFL);
  pthread_sigmask(SIG_SETMASK, &old, nullptr);
  CHECK(Contains(Said(status), "not none"));
}

}  // namespace
}  // namespace sallyport::recorder
