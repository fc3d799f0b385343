#include "gateway/operations/events/http_receiver.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "gateway/files/small_file.h"
#include "protos/message_encoding.h"

namespace sallyport::gateway {

absl::Status HttpReceiver::Send(const std::vector<Event>& events) {
  constexpr int kContentTooLarge = 413;
  std::string lines;
  for (const Event& event : events) absl::StrAppend(&lines, event.json, "\n");
  absl::StatusOr<std::string> body = Gzip(lines);
  if (!body.ok()) return body.status();
  HttpRequest request;
  request.method = HttpMethod::kPost;
  request.url = options_.url;
  request.headers = {{"Content-Type", "application/x-ndjson"}, {"Content-Encoding", "gzip"}};
  if (!options_.token_file.empty()) {
    absl::StatusOr<std::string> token = ReadTokenFile(options_.token_file);
    if (!token.ok()) return token.status();
    request.headers.emplace_back("Authorization", absl::StrCat("Bearer ", *token));
  }
  request.body = *std::move(body);
  const absl::StatusOr<HttpResponse> response = client_->Send(request);
  if (!response.ok()) return response.status();
  if (response->status / 100 == 2) return absl::OkStatus();
  const absl::Status answer = UnexpectedAnswer(*response);
  return response->status == kContentTooLarge ? absl::ResourceExhaustedError(answer.message()) : answer;
}

}  // namespace sallyport::gateway
