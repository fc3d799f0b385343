#include "replay/cli/look_forms.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "recorder/format/call_id.h"
#include "replay/cli/terminal_text.h"
#include "replay/view/proto_time.h"

namespace sallyport::replay {
namespace {

// How many calls it showed.
uint64_t Shown(const v1::Look& look) {
  uint64_t calls = static_cast<uint64_t>(look.calls_size()) + look.looks();
  for (const v1::Look::Range& range : look.ranges()) calls += range.calls();
  return calls;
}

std::string Text(const v1::Look& look) {
  const uint64_t shown = Shown(look);
  return absl::StrCat("shown ", shown, shown == 1 ? " call" : " calls", look.numbers() ? ", and numbers" : "");
}

}  // namespace

void LookForms::ShowText(const v1::Event& event, const v1::CallSummary& /*summary*/, RecordText* out) {
  const v1::Look& look = event.look();
  out->Title(event, Text(look));
  for (const std::string& role : look.roles()) out->Lines(absl::StrCat("as ", Printable(role)));
  uint64_t id = 0;
  for (const uint64_t step : look.calls()) out->Lines(recorder::FormatId(id += step));
  for (const v1::Look::Range& range : look.ranges()) {
    out->Lines(absl::StrCat(range.calls(), " from ", recorder::FormatId(range.first()), " to ",
                            recorder::FormatId(range.last())));
  }
  if (look.looks() != 0) out->Lines(absl::StrCat(look.looks(), " of them looks"));
}

Json LookForms::ShowJson(const v1::Event& event) {
  const v1::Look& look = event.look();
  Json calls = Json::array();
  uint64_t id = 0;
  for (const uint64_t step : look.calls()) calls.push_back(recorder::FormatId(id += step));
  Json ranges = Json::array();
  for (const v1::Look::Range& range : look.ranges()) {
    ranges.push_back({{"first", recorder::FormatId(range.first())},
                      {"last", recorder::FormatId(range.last())},
                      {"calls", range.calls()}});
  }
  Json roles = Json::array();
  for (const std::string& role : look.roles()) roles.push_back(role);
  return {{"event", "look"},
          {"offset_ns", Nanoseconds(event.offset())},
          {"roles", std::move(roles)},
          {"calls", std::move(calls)},
          {"ranges", std::move(ranges)},
          {"looks", look.looks()},
          {"numbers", look.numbers()}};
}

std::string LookForms::TailText(const v1::TailedEvent& tailed, bool /*messages*/) {
  return Text(tailed.event().look());
}

Json LookForms::TailJson(const v1::Event& event, bool /*messages*/) {
  return {{"event", "look"}, {"shown", Shown(event.look())}};
}

}  // namespace sallyport::replay
