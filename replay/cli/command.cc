#include "replay/cli/command.h"

#include <CLI/CLI.hpp>
#include <iostream>
#include <limits>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "recorder/format/call_id.h"
#include "recorder/format/store_check.h"
#include "replay/cli/record_options.h"
#include "replay/cli/terminal_text.h"
#include "replay/view/local_store.h"

namespace sallyport::replay {

void AddDataOption(CLI::App* command, CommandContext* context) {
  command->add_option("--data", context->data_directory, "The gateway's data directory")
      ->envname("SALLYPORT_DATA")
      ->type_name("DIR")
      ->capture_default_str();
  command
      ->add_option("--keys", context->keys,
                   "Where its keys come from: file:PATH, env:NAME or exec:COMMAND (else the keyring beside DIR)")
      ->envname("SALLYPORT_KEYS")
      ->type_name("SOURCE");
}

absl::StatusOr<std::optional<recorder::KeySource>> KeysOf(const CommandContext& context) {
  if (context.keys.empty()) return std::nullopt;
  const absl::StatusOr<recorder::KeySource> source = recorder::KeySource::Parse(context.keys);
  if (!source.ok()) return absl::InvalidArgumentError(absl::StrCat("--keys: ", source.status().message()));
  return *source;
}

absl::Status CheckStoreOf(const CommandContext& context) {
  absl::Status status = recorder::CheckStore(recorder::StoreLayout(context.data_directory));
  if (!absl::IsNotFound(status)) return status;
  return absl::NotFoundError(
      absl::StrCat(status.message(), "\nName the gateway's data directory with --data DIR, or in SALLYPORT_DATA."));
}

absl::StatusOr<std::unique_ptr<CallSource>> OpenRecord(const CommandContext& context) {
  const absl::StatusOr<std::string> server = ServerOf(context);
  if (!server.ok()) return server.status();
  if (!server->empty()) return OpenServer(context, *server);
  const absl::StatusOr<std::optional<recorder::KeySource>> keys = KeysOf(context);
  if (!keys.ok()) return keys.status();
  if (absl::Status status = CheckStoreOf(context); !status.ok()) return status;
  return LocalStore::Open(context.data_directory, *keys);
}

ExitCode ReportError(const absl::Status& status) {
  std::cout.flush();
  std::cerr << "sallyport: " << std::string(status.message()) << std::endl;
  return absl::IsInvalidArgument(status) ? ExitCode::kUsage : ExitCode::kFailed;
}

absl::StatusOr<uint64_t> ReadId(const std::string& text, const std::string& kind) {
  if (const std::optional<uint64_t> id = recorder::ParseId(text)) return *id;
  return absl::InvalidArgumentError(absl::StrCat(
      "\"", absl::CHexEscape(text.substr(0, 80)), "\" is not a ", kind, " id: they are letters and digits, such as ",
      recorder::FormatId(1'767'323'045'000'000), ", as `sallyport ", kind, "s` lists them"));
}

std::string TypedId(const std::string& text, uint64_t id) {
  const std::string read = recorder::FormatId(id);
  if (text.empty() || text == read) return read;
  return absl::StrCat("\"", Printable(text), "\" (read as ", read, ")");
}

void Note(const std::string& text) {
  std::cout.flush();
  std::cerr << "note: " << text << '\n';
}

CLI::Validator NotEmpty() {
  const auto check = [](const std::string& text) -> std::string {
    return text.empty() ? "it is empty; leave the option out to ask for everything" : "";
  };
  return CLI::Validator(check, "");
}

CLI::Validator WholeNumber(uint64_t least, uint64_t most) {
  const auto check = [least, most](const std::string& text) -> std::string {
    uint64_t number = 0;
    if (absl::SimpleAtoi(text, &number) && number >= least && number <= most) return "";
    return absl::StrCat("\"", absl::CHexEscape(text.substr(0, 80)), "\" is not a whole number from ", least,
                        most == std::numeric_limits<uint64_t>::max() ? " on" : absl::StrCat(" to ", most));
  };
  return CLI::Validator(check, "");
}

}  // namespace sallyport::replay
