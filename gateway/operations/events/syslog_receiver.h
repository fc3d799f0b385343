// Events for syslog.
#ifndef SALLYPORT_GATEWAY_OPERATIONS_EVENTS_SYSLOG_RECEIVER_H_
#define SALLYPORT_GATEWAY_OPERATIONS_EVENTS_SYSLOG_RECEIVER_H_

#include <memory>
#include <string>
#include <vector>

#include "gateway/http/stream_client.h"
#include "gateway/operations/events/event_receiver.h"

namespace sallyport::gateway {

// One event as an RFC 5424 message of the facility "log audit", behind its length in octets (RFC 5425, 4.3; RFC 6587,
// 3.4.1). What cannot stand in a header's field becomes "-".
std::string SyslogFrame(const Event& event, const std::string& host);

// Sends frames over one connection that stays open, and makes another when it ends. Syslog acknowledges nothing: what
// was sent counts as taken when the receiver's system has all of it and the connection has outlived it by some seconds.
class SyslogReceiver : public EventReceiver {
 public:
  SyslogReceiver(std::unique_ptr<StreamClient> client, std::string host)
      : client_(std::move(client)), host_(std::move(host)) {}

  absl::Status Send(const std::vector<Event>& events) override;
  absl::Duration settles() const override;
  absl::Status Confirm() override;
  void Cancel() override { client_->Cancel(); }

 private:
  const std::unique_ptr<StreamClient> client_;
  const std::string host_;
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_OPERATIONS_EVENTS_SYSLOG_RECEIVER_H_
