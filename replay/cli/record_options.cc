#include "replay/cli/record_options.h"

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <memory>
#include <utility>

#include "absl/time/clock.h"
#include "replay/client/remote_source.h"
#include "replay/client/server_options.h"

namespace sallyport::replay {
namespace {

constexpr char kServerVariable[] = "SALLYPORT_SERVER";

std::string Variable(const std::string& name) {
  const char* value = name.empty() ? nullptr : std::getenv(name.c_str());
  return value == nullptr ? "" : value;
}

// An option has a value also where only its variable is set.
bool Typed(const CLI::Option* option) {
  if (option->count() == 0) return false;
  const std::string variable = Variable(option->get_envname());
  return variable.empty() || option->results().back() != variable;
}

}  // namespace

void AddRecordOptions(CLI::App* command, CommandContext* context) {
  AddDataOption(command, context);
  const std::string group = "A gateway elsewhere, in place of a data directory";
  ServerOptions& server = context->server;
  command
      ->add_option("--server", server.server,
                   "Where its `api.grpc` listens, or its socket: HOST:PORT or unix:PATH (else in SALLYPORT_SERVER)")
      ->type_name("SERVER")
      ->check(NotEmpty())
      ->group(group);
  command
      ->add_option("--token", server.token_file,
                   "A file with a token or an API key (else SALLYPORT_TOKEN is one, or what `sallyport login` kept)")
      ->type_name("FILE")
      ->check(NotEmpty())
      ->group(group);
  command->add_option("--tls-ca", server.authorities_file, "Authorities to trust (PEM) instead of the system's")
      ->type_name("FILE")
      ->check(NotEmpty())
      ->group(group);
  command->add_option("--tls-cert", server.certificates_file, "Client certificate (PEM)")
      ->type_name("FILE")
      ->check(NotEmpty())
      ->group(group);
  command->add_option("--tls-key", server.private_key_file, "Its private key (PEM)")
      ->type_name("FILE")
      ->check(NotEmpty())
      ->group(group);
  command->add_flag("--plaintext", server.plaintext, "Without TLS, as it is on this machine")->group(group);
  context->record_commands.push_back(command);
}

absl::StatusOr<std::string> ServerOf(const CommandContext& context) {
  const CLI::App* chosen = nullptr;
  for (const CLI::App* command : context.record_commands) {
    if (command->parsed()) chosen = command;
  }
  if (chosen == nullptr) return std::string();
  const bool directory = Typed(chosen->get_option("--data")) || Typed(chosen->get_option("--keys"));
  const ServerOptions& typed = context.server;
  if (directory && !typed.server.empty()) {
    return absl::InvalidArgumentError("--server names a record, and --data and --keys another: give one of them");
  }
  if (!typed.server.empty()) return typed.server;
  std::string server = directory ? "" : Variable(kServerVariable);
  if (server.empty() && typed.any_detail()) {
    return absl::InvalidArgumentError(
        "--token, --tls-ca, --tls-cert, --tls-key and --plaintext are for a server: name it with --server");
  }
  return server;
}

absl::StatusOr<std::unique_ptr<CallSource>> OpenServer(const CommandContext& context, const std::string& server) {
  ServerOptions options = context.server;
  options.server = server;
  absl::StatusOr<RemoteOptions> remote = ReadServerOptions(options, absl::Now());
  if (!remote.ok()) return remote.status();
  return RemoteSource::Create(*std::move(remote));
}

std::string PlaceOf(const CommandContext& context) {
  const absl::StatusOr<std::string> server = ServerOf(context);
  return server.ok() && !server->empty() ? *server : context.data_directory;
}

}  // namespace sallyport::replay
