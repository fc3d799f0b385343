#include "replay/cli/usage_error.h"

#include <CLI/CLI.hpp>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "protos/suggestion.h"
#include "replay/cli/terminal_text.h"

namespace sallyport::replay {
namespace {

constexpr size_t kMostShown = 80;

std::string Quoted(const std::string& text) { return absl::StrCat("\"", CutEnd(Printable(text), kMostShown), "\""); }

// "sallyport keys status".
std::string Named(const CLI::App* app) {
  std::string name = app->get_name();
  while ((app = app->get_parent()) != nullptr) name = absl::StrCat(app->get_name(), " ", name);
  return name;
}

// The commands that were chosen, from the program itself on.
std::vector<const CLI::App*> Chosen(const CLI::App& app) {
  std::vector<const CLI::App*> chosen = {&app};
  while (!chosen.back()->get_subcommands().empty()) chosen.push_back(chosen.back()->get_subcommands().front());
  return chosen;
}

std::vector<const CLI::App*> CommandsOf(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

// The first command below `app` that takes the option; null if there is none.
const CLI::App* TakerOf(const CLI::App& app, const std::string& option) {
  for (const CLI::App* command : CommandsOf(app)) {
    if (command->get_option_no_throw(option) != nullptr) return command;
    if (const CLI::App* taker = TakerOf(*command, option)) return taker;
  }
  return nullptr;
}

std::string HelpOf(const CLI::App* app, const char* what) { return absl::StrCat("`", Named(app), " --help` ", what); }

std::string OtherOption(const std::vector<const CLI::App*>& chosen, const CLI::App* at, const std::string& extra) {
  const std::string option = extra.substr(0, extra.find('='));
  // It may stand before the command that it is for.
  const CLI::App* taker = at != chosen.back() && chosen.back()->get_option_no_throw(option) != nullptr
                              ? chosen.back()
                              : TakerOf(*at, option);
  if (taker != nullptr) {
    return absl::StrCat(Quoted(option), " comes after the command that it is for: write `", Named(taker), " ", option,
                        " ...`");
  }
  std::vector<std::string> known;
  for (const CLI::Option* each : at->get_options()) {
    for (const std::string& name : each->get_lnames()) known.push_back("--" + name);
  }
  const std::optional<std::string> meant = Nearest(option, known);
  return absl::StrCat("`", Named(at), "` has no option ", Quoted(option),
                      meant.has_value() ? absl::StrCat(": did you mean ", *meant, "?") : "", "\n",
                      HelpOf(at, "lists them"));
}

std::string OtherWord(const CLI::App* at, const std::string& extra) {
  std::vector<std::string> commands;
  for (const CLI::App* command : CommandsOf(*at)) commands.push_back(command->get_name());
  if (commands.empty()) {
    return absl::StrCat("`", Named(at), "` does not know what to do with ", Quoted(extra), "\n",
                        HelpOf(at, "says what it takes"));
  }
  const std::optional<std::string> meant = Nearest(extra, commands);
  return absl::StrCat("`", Named(at), "` has no command ", Quoted(extra),
                      meant.has_value() ? absl::StrCat(": did you mean `", *meant, "`?")
                                        : absl::StrCat(": it has ", absl::StrJoin(commands, ", ")),
                      "\n", HelpOf(at, "says what they do"));
}

}  // namespace

std::string ExplainUsage(const CLI::App& app, const CLI::ParseError& error) {
  const std::vector<const CLI::App*> chosen = Chosen(app);
  for (const CLI::App* at : chosen) {
    const std::vector<std::string> extras = at->remaining();
    if (extras.empty()) continue;
    const std::string& extra = extras.front();
    return extra.size() > 1 && extra.front() == '-' ? OtherOption(chosen, at, extra) : OtherWord(at, extra);
  }
  return absl::StrCat(Printable(error.what()), "\n", HelpOf(chosen.back(), "says what it takes"));
}

}  // namespace sallyport::replay
