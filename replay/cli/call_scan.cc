#include "replay/cli/call_scan.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "replay/cli/progress_line.h"
#include "replay/cli/terminal_text.h"
#include "replay/view/proto_time.h"

namespace sallyport::replay {
namespace {

constexpr int kMostOfPage = 1000;

// Up to one bound of the source's.
class OneScan {
 public:
  OneScan(CallSource& source, const ProgressLine& line, absl::FunctionRef<absl::Status(const v1::CallSummary&)> call)
      : source_(source), line_(line), call_(call) {}

  absl::Status Run(const v1::SearchCallsRequest& request, int limit, const std::stop_token& stop, ScanResult* result) {
    const uint64_t before = result->found;
    const absl::Status status = source_.ScanCalls(request, stop, [&](const v1::ScanCallsResponse& said) {
      if (said.has_progress()) {
        progress_ = said.progress();
        Show(*result);
      }
      if (!said.has_call()) return absl::OkStatus();
      ++result->found;
      line_.Clear();
      if (absl::Status handed = call_(said.call()); !handed.ok()) return handed;
      result->limited = limit != 0 && result->found >= static_cast<uint64_t>(limit);
      return result->limited ? absl::CancelledError("there are enough") : absl::OkStatus();
    });
    line_.Clear();
    result->unreadable += progress_.unreadable();
    result->stopped = stop.stop_requested();
    if (result->limited || (result->stopped && absl::IsCancelled(status))) return absl::OkStatus();
    if (status.ok() && !progress_.next_page_token().empty() && progress_.calls() == 0 && result->found == before) {
      return absl::ResourceExhaustedError("the search ends before it has looked into a single call: ask for less");
    }
    return status;
  }

  const std::string& next() const { return progress_.next_page_token(); }

 private:
  void Show(const ScanResult& result) const {
    line_.Show(absl::StrCat("looked into ", progress_.calls(), " calls, ", HumanSize(progress_.bytes()), ", back to ",
                            HumanTime(ToTime(progress_.reached())).substr(0, 19), ": ", result.found, " found"));
  }

  CallSource& source_;
  const ProgressLine& line_;
  const absl::FunctionRef<absl::Status(const v1::CallSummary&)> call_;
  v1::ScanProgress progress_;
};

}  // namespace

absl::StatusOr<ScanResult> ScanForCalls(CallSource& source, v1::SearchCallsRequest request, int limit,
                                        const std::stop_token& stop,
                                        absl::FunctionRef<absl::Status(const v1::CallSummary&)> call) {
  const ProgressLine line;
  ScanResult result;
  while (true) {
    const int left = limit == 0 ? kMostOfPage : limit - static_cast<int>(result.found);
    request.set_page_size(std::min(left, kMostOfPage));
    OneScan scan(source, line, call);
    if (absl::Status status = scan.Run(request, limit, stop, &result); !status.ok()) return status;
    if (result.limited || result.stopped || scan.next().empty()) return result;
    request.clear_after();
    request.set_page_token(scan.next());
  }
}

}  // namespace sallyport::replay
