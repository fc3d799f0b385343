#include "replay/command.h"

#include <CLI/CLI.hpp>
#include <iostream>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "recorder/call_id.h"

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

absl::StatusOr<std::unique_ptr<recorder::RecordReader>> OpenStore(const CommandContext& context) {
  const absl::StatusOr<std::optional<recorder::KeySource>> keys = KeysOf(context);
  if (!keys.ok()) return keys.status();
  auto reader = recorder::RecordReader::Open(context.data_directory, *keys);
  // Where the directory is a store, it is its keys that are not there.
  if (absl::IsNotFound(reader.status()) && !recorder::IsStore(context.data_directory)) {
    return absl::NotFoundError(absl::StrCat(
        reader.status().message(), "\nName the gateway's data directory with --data DIR, or in SALLYPORT_DATA."));
  }
  return reader;
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

}  // namespace sallyport::replay
