#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <deque>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "gateway/operations/events/file_receiver.h"
#include "gateway/operations/events/http_receiver.h"
#include "gateway/operations/events/syslog_receiver.h"
#include "protos/message_encoding.h"
#include "tests/fakes/http_server.h"
#include "tests/recorder/store_fixture.h"

namespace sallyport::gateway {
namespace {

Event EventOf(const std::string& json) {
  return {EventKind::kRefusal, EventSeverity::kWarning, absl::FromUnixMicros(1'700'000'000'123'456), json};
}

std::string TextOf(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

mode_t ModeOf(const std::string& path) {
  struct stat info = {};
  REQUIRE(stat(path.c_str(), &info) == 0);
  return info.st_mode & 0777;
}

EventFileOptions FileIn(const recorder::TemporaryDirectory& directory, uint64_t most_bytes = 1 << 20,
                        uint32_t keep = 2) {
  return {directory.path() + "/events.json", most_bytes, keep};
}

// Answers with these statuses, one after another, and remembers the requests.
struct HttpEnd {
  std::deque<std::string> answers;
  std::vector<testing::ReceivedRequest> requests;
  testing::HttpServer server{[this](const testing::ReceivedRequest& request) {
    requests.push_back(request);
    const std::string answer = answers.empty() ? "200 OK" : answers.front();
    if (!answers.empty()) answers.pop_front();
    return testing::HttpAnswer(answer, "no\nsecret");
  }};

  HttpReceiver Receiver(const std::string& token_file = "") {
    EventHttpOptions options;
    options.url = server.url() + "/ingest";
    options.token_file = token_file;
    return {options, *HttpClient::Create({})};
  }
};

// Takes what is written.
class FakeStream : public StreamClient {
 public:
  explicit FakeStream(std::string& written) : written_(written) {}
  absl::Status Write(std::string_view bytes) override {
    written_ += bytes;
    return absl::OkStatus();
  }
  absl::Status Confirm() override { return absl::UnavailableError("closed"); }
  void Cancel() override {}

 private:
  std::string& written_;
};

}  // namespace

TEST_CASE("a file gets a line for each event, and only its owner may read it") {
  const recorder::TemporaryDirectory directory;
  FileReceiver file(FileIn(directory));
  REQUIRE(file.Send({EventOf("{\"a\":1}"), EventOf("{\"a\":2}")}).ok());
  REQUIRE(file.Send({EventOf("{\"a\":3}")}).ok());
  CHECK(TextOf(directory.path() + "/events.json") == "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n");
  CHECK(ModeOf(directory.path() + "/events.json") == 0600);
}

TEST_CASE("files never grow beyond their size, older ones are set aside, and the oldest goes") {
  const recorder::TemporaryDirectory directory;
  FileReceiver file(FileIn(directory, 16, 2));
  std::vector<Event> events;
  for (int i = 0; i < 7; ++i) events.push_back(EventOf("{\"a\":" + std::to_string(i) + "}"));
  REQUIRE(file.Send(events).ok());
  const std::string path = directory.path() + "/events.json";
  CHECK(TextOf(path) == "{\"a\":6}\n");
  CHECK(TextOf(path + ".1") == "{\"a\":4}\n{\"a\":5}\n");
  CHECK(TextOf(path + ".2") == "{\"a\":2}\n{\"a\":3}\n");
  CHECK_FALSE(std::filesystem::exists(path + ".3"));
  CHECK(ModeOf(path + ".1") == 0600);
}

TEST_CASE("an event that is larger than a file may be has one of its own") {
  const recorder::TemporaryDirectory directory;
  FileReceiver file(FileIn(directory, 16, 2));
  const std::string large = "{\"a\":\"" + std::string(100, 'x') + "\"}";
  REQUIRE(file.Send({EventOf(large), EventOf("{}")}).ok());
  CHECK(TextOf(directory.path() + "/events.json") == "{}\n");
  CHECK(TextOf(directory.path() + "/events.json.1") == large + "\n");
}

TEST_CASE("a line that was left half written is cut off before the next") {
  const recorder::TemporaryDirectory directory;
  const std::string path = directory.path() + "/events.json";
  std::ofstream(path) << "{\"a\":1}\n{\"a\":" << std::string(100'000, '2');
  FileReceiver file(FileIn(directory));
  REQUIRE(file.Send({EventOf("{\"a\":3}")}).ok());
  CHECK(TextOf(path) == "{\"a\":1}\n{\"a\":3}\n");
  std::ofstream(path, std::ios::trunc) << "half";
  REQUIRE(file.Send({EventOf("{\"a\":4}")}).ok());
  CHECK(TextOf(path) == "{\"a\":4}\n");
}

TEST_CASE("nothing is written through a link, or to what is no file") {
  const recorder::TemporaryDirectory directory;
  const std::string path = directory.path() + "/events.json";
  std::ofstream(directory.path() + "/other") << "kept";
  std::filesystem::create_symlink(directory.path() + "/other", path);
  FileReceiver file(FileIn(directory));
  CHECK_FALSE(file.Send({EventOf("{}")}).ok());
  CHECK(TextOf(directory.path() + "/other") == "kept");
  std::filesystem::remove(path);
  REQUIRE(mkfifo(path.c_str(), 0600) == 0);
  CHECK_FALSE(file.Send({EventOf("{}")}).ok());
}

TEST_CASE("a file that others have moved away is begun anew") {
  const recorder::TemporaryDirectory directory;
  const std::string path = directory.path() + "/events.json";
  FileReceiver file(FileIn(directory));
  REQUIRE(file.Send({EventOf("{\"a\":1}")}).ok());
  std::filesystem::rename(path, path + ".moved");
  REQUIRE(file.Send({EventOf("{\"a\":2}")}).ok());
  CHECK(TextOf(path) == "{\"a\":2}\n");
}

TEST_CASE("an HTTP endpoint gets JSON lines in gzip, with the token that is in the file now") {
  const recorder::TemporaryDirectory directory;
  const std::string token = directory.path() + "/token";
  HttpEnd end;
  HttpReceiver receiver = end.Receiver(token);
  CHECK_FALSE(receiver.Send({EventOf("{}")}).ok());
  CHECK(end.requests.empty());
  std::ofstream(token) << "first\n";
  REQUIRE(receiver.Send({EventOf("{\"a\":1}"), EventOf("{\"a\":2}")}).ok());
  std::ofstream(token) << "second\n";
  REQUIRE(receiver.Send({EventOf("{\"a\":3}")}).ok());
  REQUIRE(end.requests.size() == 2);
  const testing::ReceivedRequest& request = end.requests[0];
  CHECK(request.method == "POST");
  CHECK(request.target == "/ingest");
  CHECK(request.headers.at("content-type") == "application/x-ndjson");
  CHECK(request.headers.at("content-encoding") == "gzip");
  CHECK(request.headers.at("authorization") == "Bearer first");
  CHECK(end.requests[1].headers.at("authorization") == "Bearer second");
  CHECK(*Inflate(MessageEncoding::kGzip, request.body, 1 << 20) == "{\"a\":1}\n{\"a\":2}\n");
}

TEST_CASE("only a 2xx answer takes events, and 413 asks for fewer at a time") {
  HttpEnd end;
  HttpReceiver receiver = end.Receiver();
  end.answers = {"202 Accepted", "302 Found", "400 Bad Request", "413 Content Too Large", "503 Service Unavailable"};
  CHECK(receiver.Send({EventOf("{}")}).ok());
  CHECK(absl::IsUnavailable(receiver.Send({EventOf("{}")})));
  CHECK(absl::IsUnavailable(receiver.Send({EventOf("{}")})));
  CHECK(absl::IsResourceExhausted(receiver.Send({EventOf("{}")})));
  CHECK(absl::IsUnavailable(receiver.Send({EventOf("{}")})));
}

TEST_CASE("a syslog frame is an RFC 5424 message behind its length") {
  // Facility 13, severity 4.
  const std::string message = "<108>1 2023-11-14T22:13:20.123456Z gateway-0 sallyport - refusal - {\"a\":1}";
  CHECK(SyslogFrame(EventOf("{\"a\":1}"), "gateway-0") == std::to_string(message.size()) + " " + message);
  CHECK(SyslogFrame(EventOf("{}"), "a b").find(" - sallyport - refusal - {}") != std::string::npos);
}

TEST_CASE("what syslog was sent is not taken while nobody confirms it") {
  std::string written;
  SyslogReceiver syslog(std::make_unique<FakeStream>(written), "gateway-0");
  REQUIRE(syslog.Send({EventOf("{}"), EventOf("{}")}).ok());
  const std::string frame = SyslogFrame(EventOf("{}"), "gateway-0");
  CHECK(written == frame + frame);
  CHECK(syslog.settles() >= absl::Seconds(1));
  CHECK_FALSE(syslog.Confirm().ok());
}

}  // namespace sallyport::gateway
