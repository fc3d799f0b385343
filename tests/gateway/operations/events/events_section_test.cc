#include <catch2/catch.hpp>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gateway/configuration.h"
#include "tests/gateway/temporary_directory.h"
#include "tests/gateway/tls/certificates.h"

namespace sallyport::gateway {
namespace {

// A configuration with these receivers, in a directory with a certificate and a token.
struct Configured {
  explicit Configured(const std::string& receivers, const std::string& durability = "commit") {
    const testing::Issued authority = testing::Issue(testing::AuthoritySpec("CA"), nullptr);
    testing::WriteText(directory.path() + "/ca.pem", authority.Pem());
    testing::WriteText(directory.path() + "/key.pem", authority.KeyPem());
    testing::WriteText(directory.path() + "/token", "secret\n");
    const std::string path = directory.path() + "/sallyport.yaml";
    std::ofstream(path) << "listen: {address: \"127.0.0.1:0\"}\ndata: {directory: /nonexistent/data, durability: "
                        << durability << "}\nupstreams: {a: {target: \"127.0.0.1:1\"}}\nevents:\n  receivers:\n    "
                        << absl::StrReplaceAll(receivers, {{"@", directory.path()}}) << "\n";
    options = LoadConfiguration(path);
  }
  std::string Fault() const { return std::string(options.status().message()); }

  testing::TemporaryDirectory directory;
  absl::StatusOr<GatewayOptions> options;
};

bool Has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("every kind of receiver is read, with its defaults") {
  const Configured configured(
      "disk: {file: {path: /var/log/sallyport/events.json}, only: [refusal]}\n"
      "    lake: {http: {url: \"https://lake.example/in\", token_file: @/token, tls: {ca: @/ca.pem}}, from_oldest: "
      "true}\n"
      "    siem: {syslog: {address: \"[::1]:6514\", tls: {ca: @/ca.pem, cert: @/ca.pem, key: @/key.pem, "
      "server_name: siem}}}\n"
      "    socket: {syslog: {address: \"unix:/run/syslog.sock\"}}");
  REQUIRE(configured.options.ok());
  REQUIRE(configured.options->events.size() == 4);
  const EventReceiverOptions& disk = configured.options->events[0];
  CHECK(std::get<EventFileOptions>(disk.kind).most_bytes == 64 << 20);
  CHECK(std::get<EventFileOptions>(disk.kind).keep == 10);
  CHECK_FALSE(disk.call_ends);
  CHECK(disk.refusals);
  CHECK_FALSE(disk.decisions);
  const EventReceiverOptions& lake = configured.options->events[1];
  CHECK(std::get<EventHttpOptions>(lake.kind).timeout == absl::Seconds(10));
  CHECK(lake.from_oldest);
  CHECK(lake.call_ends);
  const auto& siem = std::get<EventSyslogOptions>(configured.options->events[2].kind);
  CHECK(siem.host == "[::1]");
  CHECK(siem.port == 6514);
  CHECK(siem.use_tls);
  CHECK(siem.tls.server_name == "siem");
  CHECK(std::get<EventSyslogOptions>(configured.options->events[3].kind).unix_path == "/run/syslog.sock");
}

TEST_CASE("what is wrong with a receiver is told, with its place") {
  struct Wrong {
    const char* receiver;
    const char* fault;
  };
  for (const Wrong& wrong : {
           Wrong{"a: {}", "needs exactly one of file, syslog and http"},
           Wrong{"a: {file: {path: /x}, http: {url: \"https://x/\"}}", "needs exactly one"},
           Wrong{"\"a/b\": {file: {path: /x}}", "letters, digits"},
           Wrong{"a: {file: {path: events.json}}", "events.receivers.a.file.path"},
           Wrong{"a: {file: {path: /tmp/}}", "events.receivers.a.file.path"},
           Wrong{"a: {file: {path: /x, size: 1KiB}}", "events.receivers.a.file.size"},
           Wrong{"a: {file: {path: /x, keep: 1001}}", "events.receivers.a.file.keep"},
           Wrong{"a: {syslog: {address: siem.example}}", "neither host:port nor unix:/path"},
           Wrong{"a: {syslog: {address: \"siem.example:0\", tls: {}}}", "neither host:port"},
           Wrong{"a: {syslog: {address: \"siem.example:70000\", tls: {}}}", "neither host:port"},
           Wrong{"a: {syslog: {address: \"user@siem.example:514\", tls: {}}}", "neither host:port"},
           Wrong{"a: {syslog: {address: \"siem.example:514\"}}", "has no tls"},
           Wrong{"a: {syslog: {address: \"unix:run/x\"}}", "needs a whole path"},
           Wrong{"a: {syslog: {address: \"unix:/run/x\", tls: {}}}", "a UNIX socket does not leave"},
           Wrong{"a: {http: {url: \"http://lake.example/\"}}", "plain http to another machine"},
           Wrong{"a: {http: {url: \"ftp://lake.example/\"}}", "is not a URL"},
           Wrong{"a: {http: {url: \"https://x/\", token_file: /nonexistent}}", "events.receivers.a.http.token_file"},
           Wrong{"a: {http: {url: \"https://x/\", timeout: 1ms}}", "events.receivers.a.http.timeout"},
           Wrong{"a: {http: {url: \"https://x/\", tls: {cert: @/ca.pem}}}", "needs both cert and key"},
           Wrong{"a: {http: {url: \"https://x/\", tls: {server_name: y}}}", "is for syslog"},
           Wrong{"a: {http: {url: \"https://x/\", tls: {ca: /nonexistent}}}", "events.receivers.a.http.tls.ca"},
       }) {
    CAPTURE(wrong.receiver);
    const Configured configured(wrong.receiver);
    REQUIRE_FALSE(configured.options.ok());
    CAPTURE(configured.Fault());
    CHECK(Has(configured.Fault(), wrong.fault));
  }
}

TEST_CASE("without tls only this machine is sent to, unless somebody says that it is protected") {
  CHECK(Configured("a: {syslog: {address: \"127.0.0.1:514\"}}").options.ok());
  CHECK(Configured("a: {syslog: {address: \"localhost:514\"}}").options.ok());
  CHECK(Configured("a: {syslog: {address: \"siem.example:514\", insecure: true}}").options.ok());
  CHECK(Configured("a: {syslog: {address: \"siem.example:6514\", tls: {}}}").options.ok());
}

TEST_CASE("events need a record to be made from") {
  const Configured configured("a: {file: {path: /x}}", "\"off\"");
  REQUIRE_FALSE(configured.options.ok());
  CHECK(Has(configured.Fault(), "data.durability: off"));
}

}  // namespace sallyport::gateway
