// `sallyport keys issue-api-key`, `list-api-keys` and `revoke-api-key`.
#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "protos/quantities.h"
#include "recorder/api_keys/api_key_file.h"
#include "replay/cli/command.h"
#include "replay/cli/record_json.h"
#include "replay/cli/terminal_text.h"

namespace sallyport::replay {
namespace {

constexpr char kNever[] = "never";

struct ApiKeyOptions {
  std::string file;
  std::string subject;
  std::vector<std::string> groups;
  std::string expires;
  std::string id;
  bool json = false;
};

absl::StatusOr<absl::Time> ExpiryOf(const std::string& text, absl::Time now) {
  if (text == kNever) return absl::InfiniteFuture();
  const absl::StatusOr<absl::Duration> duration = ParseDuration(text);
  if (duration.ok()) return now + *duration;
  return absl::InvalidArgumentError(absl::StrCat("--expires: ", duration.status().message(), "; or say ", kNever));
}

const char* StateOf(const recorder::ApiKey& key, absl::Time now) {
  if (key.revoked.has_value()) return "revoked";
  return now >= key.expires ? "expired" : "valid";
}

Json TimeJson(absl::Time time) { return time == absl::InfiniteFuture() ? Json() : Json(ExactTime(time)); }

Json KeyJson(const recorder::ApiKey& key) {
  return {{"id", key.id},
          {"subject", key.subject},
          {"groups", key.groups},
          {"created", ExactTime(key.created)},
          {"expires", TimeJson(key.expires)}};
}

ExitCode RunIssue(const ApiKeyOptions& options) {
  const absl::Time now = absl::Now();
  const absl::StatusOr<absl::Time> expires = ExpiryOf(options.expires, now);
  if (!expires.ok()) return ReportError(expires.status());
  const absl::StatusOr<recorder::NewApiKey> made =
      recorder::IssueApiKey(options.file, options.subject, options.groups, now, *expires, recorder::RealFileSystem());
  if (!made.ok()) return ReportError(made.status());
  if (options.json) {
    Json json = KeyJson(made->key);
    json["key"] = std::string(made->text.view());
    std::cout << JsonLine(json) << '\n';
  } else {
    std::cout << made->text.view() << '\n';
  }
  if (!std::cout.flush()) {
    return ReportError(absl::UnavailableError(
        absl::StrCat("the output could not be written, and the key is nowhere else: nobody can use it. `sallyport keys "
                     "revoke-api-key "
                     "--file ",
                     Printable(options.file), " ", made->key.id, "` makes an end of it, and a new one is needed")));
  }
  std::cerr << "The key is above and nowhere else: " << Printable(options.file)
            << " keeps only what is needed to check it. Callers send it as `authorization: Bearer KEY`.\n";
  return ExitCode::kFine;
}

ExitCode RunList(const ApiKeyOptions& options) {
  const absl::StatusOr<std::vector<recorder::ApiKey>> keys = recorder::ReadApiKeys(options.file);
  if (!keys.ok()) return ReportError(keys.status());
  const absl::Time now = absl::Now();
  Table table({{"KEY"}, {"SUBJECT"}, {"GROUPS"}, {"CREATED"}, {"EXPIRES"}, {"STATE"}});
  for (const recorder::ApiKey& key : *keys) {
    if (options.json) {
      Json json = KeyJson(key);
      json["revoked"] = key.revoked.has_value() ? Json(ExactTime(*key.revoked)) : Json();
      json["state"] = StateOf(key, now);
      std::cout << JsonLine(json) << '\n';
      continue;
    }
    table.AddRow({key.id, key.subject, absl::StrJoin(key.groups, ", "), HumanTime(key.created).substr(0, 19),
                  key.expires == absl::InfiniteFuture() ? kNever : HumanTime(key.expires).substr(0, 19),
                  StateOf(key, now)});
  }
  if (!options.json) table.Print(std::cout);
  return ExitCode::kFine;
}

ExitCode RunRevoke(const ApiKeyOptions& options) {
  // A key that was found where it should not be may be given whole.
  const std::string id(recorder::ApiKeyIdOf(options.id).value_or(options.id));
  if (!recorder::IsApiKeyId(id)) {
    return ReportError(
        absl::InvalidArgumentError("that is neither the id of an API key, as list-api-keys shows it, nor a "
                                   "whole key"));
  }
  const absl::Time now = absl::Now();
  const absl::StatusOr<recorder::ApiKey> key =
      recorder::RevokeApiKey(options.file, id, now, recorder::RealFileSystem());
  if (absl::IsNotFound(key.status())) {
    ReportError(key.status());
    return ExitCode::kNegative;
  }
  if (!key.ok()) return ReportError(key.status());
  std::cout << "key " << key->id << " of " << key->subject << " is revoked since "
            << HumanTime(*key->revoked).substr(0, 19) << '\n';
  return ExitCode::kFine;
}

}  // namespace

void AddApiKeyCommands(CLI::App* keys, CommandContext* context) {
  auto options = std::make_shared<ApiKeyOptions>();
  using Runner = ExitCode (*)(const ApiKeyOptions&);
  const auto add = [&](const char* name, const char* description, Runner runner) {
    CLI::App* command = keys->add_subcommand(name, description);
    command->add_option("--file", options->file, "The file of API keys that the gateway is configured with")
        ->type_name("FILE")
        ->required();
    command->callback([context, options, runner] { context->run = [options, runner] { return runner(*options); }; });
    return command;
  };
  CLI::App* issue = add("issue-api-key", "Make an API key for a service account, and show it once", RunIssue);
  issue->add_option("--subject", options->subject, "Who calls with it")->type_name("NAME")->required();
  issue->add_option("--groups", options->groups, "Groups that the account is in")->type_name("A,B")->delimiter(',');
  issue->add_option("--expires", options->expires, "How long it is good: 90d, 12h, never")
      ->type_name("TIME")
      ->required();
  issue->add_flag("--json", options->json, "One JSON object, for programs");
  add("list-api-keys", "Show which API keys there are", RunList)
      ->add_flag("--json", options->json, "One JSON object a line, for programs");
  add("revoke-api-key", "Make an API key useless; the gateway notices within a second", RunRevoke)
      ->add_option("ID", options->id, "Its id, or the whole key")
      ->required();
}

}  // namespace sallyport::replay
