// Events in files.
#ifndef SALLYPORT_GATEWAY_OPERATIONS_EVENTS_FILE_RECEIVER_H_
#define SALLYPORT_GATEWAY_OPERATIONS_EVENTS_FILE_RECEIVER_H_

#include <string>
#include <string_view>
#include <vector>

#include "gateway/operations/events/event_receiver.h"

namespace sallyport::gateway {

// Appends a line for each event, synced before it counts as taken, to a file with mode 0600. One that would grow beyond
// its size is set aside as "<path>.1", that one as "<path>.2" and so on, and the oldest is removed. The file is opened
// for each batch, so that others may move it away, too. What a write left half done is cut off before the next.
class FileReceiver : public EventReceiver {
 public:
  explicit FileReceiver(EventFileOptions options) : options_(std::move(options)) {}

  absl::Status Send(const std::vector<Event>& events) override;
  void Cancel() override {}

 private:
  // Appends whole lines, as one.
  absl::Status Append(std::string_view lines);
  absl::Status SetAside() const;
  std::string Aside(uint32_t number) const;

  const EventFileOptions options_;
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_OPERATIONS_EVENTS_FILE_RECEIVER_H_
