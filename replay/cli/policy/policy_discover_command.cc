#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "policy/policy.h"
#include "recorder/format/call_id.h"
#include "replay/cli/call_options.h"
#include "replay/cli/list_notes.h"
#include "replay/cli/policy/policy_command.h"
#include "replay/cli/policy/policy_discover.h"
#include "replay/cli/record_json.h"
#include "replay/cli/terminal_text.h"

namespace sallyport::replay {
namespace {

constexpr char kFooter[] = R"(
Looks through recorded calls with every built-in detector and says where something was found that is not masked: fields,
as `fields` of a mask names them, and metadata. The values are never shown. A policy FILE adds its own detectors.

Examples:
  sallyport policy discover --data /var/lib/sallyport --since 1d
  sallyport policy discover policy.yaml --method 'pay.*' --json | jq -r '.places[].place'

Exit status: 0 nothing was found, 1 something was.)";

struct DiscoverOptions {
  std::string file;
  CallFilter filter;
  bool json = false;
};

absl::StatusOr<std::shared_ptr<const policy::Detectors>> DetectorsFor(const std::string& file) {
  std::vector<policy::CustomDetector> custom;
  if (!file.empty()) {
    const auto policy = policy::Policy::Load(file);
    if (!policy.ok()) return policy.status();
    custom = (*policy)->custom_detectors();
  }
  const std::vector<std::string> names(policy::Detectors::BuiltIn().begin(), policy::Detectors::BuiltIn().end());
  return policy::Detectors::Create(names, custom);
}

void PrintJson(const DiscoverResult& result) {
  Json places = Json::array();
  for (const DiscoveredPlace& place : result.places) {
    places.push_back({{"place", place.place},
                      {"detector", place.detector},
                      {"values", place.values},
                      {"calls", place.calls},
                      {"example", place.example}});
  }
  std::cout << JsonLine({{"calls", result.calls},
                         {"unread_frames", result.unread},
                         {"no_descriptors", result.no_descriptors.empty() ? Json() : Json(result.no_descriptors)},
                         {"shredded", result.shredded},
                         {"unreadable", result.unreadable},
                         {"places", places}})
            << '\n';
}

void PrintText(const DiscoverResult& result) {
  if (!result.places.empty()) {
    Table table({{"FOUND IN", Table::Align::kLeft, 50, true},
                 {"LOOKS LIKE", Table::Align::kLeft, 20, true},
                 {"VALUES", Table::Align::kRight},
                 {"CALLS", Table::Align::kRight},
                 {"SUCH AS"}});
    for (const DiscoveredPlace& place : result.places) {
      table.AddRow({Printable(place.place), Printable(place.detector), absl::StrCat(place.values),
                    absl::StrCat(place.calls), place.example});
    }
    table.Print(std::cout);
    std::cout << '\n';
  }
  std::cout << result.calls << (result.calls == 1 ? " call: " : " calls: ") << result.places.size()
            << (result.places.size() == 1 ? " place" : " places") << " with something that looks sensitive\n";
  if (result.unread > 0)
    std::cout << result.unread << (result.unread == 1 ? " frame" : " frames") << " could not be looked into: "
              << (result.no_descriptors.empty() ? "no descriptor, or no message" : Printable(result.no_descriptors))
              << '\n';
  if (result.shredded > 0) {
    std::cout << result.shredded << (result.shredded == 1 ? " call is" : " calls are") << " shredded, and left out\n";
  }
  if (result.unreadable > 0) {
    std::cout << result.unreadable << (result.unreadable == 1 ? " call has" : " calls have") << " a damaged record\n";
  }
}

ExitCode RunDiscover(const CommandContext& context, const DiscoverOptions& options) {
  const auto detectors = DetectorsFor(options.file);
  if (!detectors.ok()) return ReportError(detectors.status());
  const absl::StatusOr<v1::Filter> filter = ToFilter(options.filter, absl::Now());
  if (!filter.ok()) return ReportError(filter.status());
  const auto source = OpenRecord(context);
  if (!source.ok()) return ReportError(source.status());
  v1::SearchCallsRequest request;
  *request.mutable_filter() = *filter;
  if (absl::Status status = CheckKnown(**source, request, options.filter); !status.ok()) return ReportError(status);
  PolicyDiscover discover(source->get(), *detectors);
  ListedCalls looked_at;
  const absl::StatusOr<bool> more =
      ForEachCall(**source, request, options.filter.limit.value_or(0), [&](const v1::CallSummary& summary) {
        ++looked_at.count;
        return discover.Add(summary);
      });
  if (!more.ok()) return ReportError(more.status());
  looked_at.more = *more;
  const DiscoverResult result = std::move(discover).Finish();
  options.json ? PrintJson(result) : PrintText(result);
  const absl::Status told = NoteWhatCallsLack(**source, options.filter, *filter, looked_at);
  if (!told.ok()) return ReportError(told);
  if (!result.places.empty()) return ExitCode::kNegative;
  // Nothing was found where nothing could be read: that is no answer.
  const bool blind = !result.no_descriptors.empty() || (result.calls != 0 && result.unreadable == result.calls);
  if (!blind) return ExitCode::kFine;
  return ReportError(absl::DataLossError(
      absl::StrCat("nothing can be said of what could not be read",
                   result.no_descriptors.empty() ? "" : absl::StrCat(": ", result.no_descriptors))));
}

}  // namespace

void AddPolicyDiscoverCommand(CLI::App* policy, CommandContext* context) {
  auto options = std::make_shared<DiscoverOptions>();
  CLI::App* command =
      policy->add_subcommand("discover", "Find what looks sensitive and is not masked in recorded calls");
  command->footer(kFooter);
  command->add_option("FILE", options->file, "A policy file, for its detectors")->type_name("");
  AddDataOption(command, context);
  command->add_flag("--json", options->json, "One JSON object, for programs");
  AddCallFilterOptions(command, &options->filter);
  command->callback(
      [context, options] { context->run = [context, options] { return RunDiscover(*context, *options); }; });
}

}  // namespace sallyport::replay
