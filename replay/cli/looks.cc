#include "replay/cli/looks.h"

#include <iostream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "replay/cli/terminal_text.h"
#include "replay/view/exact_text.h"
#include "replay/view/proto_time.h"

namespace sallyport::replay {
namespace {

constexpr int kMostLooks = 100;

// The service and its methods are everybody's: what was asked is in the method's own name.
std::string WhatWasAsked(const v1::CallSummary& look) {
  const std::string method = ExactText(look.method(), "method", look.exact());
  const size_t slash = method.rfind('/');
  return slash == std::string::npos ? method : method.substr(slash + 1);
}

}  // namespace

absl::StatusOr<std::optional<v1::ListLooksResponse>> FindLooks(CallSource& source, const std::string& call) {
  v1::ListLooksRequest request;
  request.set_call(call);
  request.set_page_size(kMostLooks);
  absl::StatusOr<v1::ListLooksResponse> looks = source.ListLooks(request);
  if (absl::IsPermissionDenied(looks.status()) || absl::IsUnimplemented(looks.status())) return std::nullopt;
  if (!looks.ok()) return looks.status();
  return *std::move(looks);
}

void PrintLooks(const std::optional<v1::ListLooksResponse>& looks) {
  if (!looks.has_value() || looks->looks().empty()) return;
  std::cout << "\nSeen by\n";
  for (const v1::CallSummary& look : looks->looks()) {
    std::cout << "  " << HumanTime(ToTime(look.start())).substr(0, 19) << "  " << Printable(look.identity()) << "  "
              << Printable(WhatWasAsked(look)) << "  " << look.id() << '\n';
  }
  if (!looks->next_page_token().empty()) std::cout << "  and more, earlier ones\n";
}

std::string LooksMembers(const std::optional<v1::ListLooksResponse>& looks) {
  Json list;
  if (looks.has_value()) {
    list = Json::array();
    for (const v1::CallSummary& look : looks->looks()) list.push_back(SummaryJson(look));
  }
  const bool more = looks.has_value() && !looks->next_page_token().empty();
  return absl::StrCat("\"looks\":", JsonLine(list), ",\"more_looks\":", more ? "true" : "false");
}

}  // namespace sallyport::replay
