#include "gateway/operations/events/syslog_receiver.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

namespace sallyport::gateway {
namespace {

constexpr int kLogAudit = 13;  // a facility of RFC 5424
constexpr size_t kMostHost = 255;
// A receiver reads within a moment what its system has, unless it hangs.
constexpr absl::Duration kSettles = absl::Seconds(2);

std::string HostField(const std::string& host) {
  const bool legal = !host.empty() && host.size() <= kMostHost &&
                     std::all_of(host.begin(), host.end(), [](char c) { return c > ' ' && c <= '~'; });
  return legal ? host : "-";
}

}  // namespace

std::string SyslogFrame(const Event& event, const std::string& host) {
  const std::string time = absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", event.time, absl::UTCTimeZone());
  const std::string message =
      absl::StrCat("<", kLogAudit * 8 + static_cast<int>(event.severity), ">1 ", time, " ", HostField(host),
                   " sallyport - ", EventKindName(event.kind), " - ", event.json);
  return absl::StrCat(message.size(), " ", message);
}

absl::Status SyslogReceiver::Send(const std::vector<Event>& events) {
  std::string frames;
  for (const Event& event : events) frames += SyslogFrame(event, host_);
  return client_->Write(frames);
}

absl::Duration SyslogReceiver::settles() const { return kSettles; }

absl::Status SyslogReceiver::Confirm() { return client_->Confirm(); }

}  // namespace sallyport::gateway
