// What strangers try against masks and content rules, and in what else of a call they choose, through the whole
// gateway.
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/gateway/masked_rig.h"

namespace sallyport::gateway {
namespace {

constexpr char kGarbage[] = "\x0a\x7f no message";

void Compressed(grpc::ClientContext& context) { context.set_compression_algorithm(GRPC_COMPRESS_GZIP); }

// A test.v1.Text of so many bytes of one letter.
std::string Long(size_t bytes, char letter = 'x') {
  std::string message = "\x0a";
  for (; bytes >> (7 * message.size()) != 0;) {
    message.push_back(static_cast<char>(bytes >> (7 * (message.size() - 1)) | 0x80));
  }
  message.push_back(static_cast<char>(bytes >> (7 * (message.size() - 1))));
  return message + std::string(bytes, letter);
}

TEST_CASE("what a mask lets pass unread, a content rule does not") {
  const bool response = GENERATE(false, true);
  const std::string rule = absl::StrCat(
      "masks:\n  - {name: texts, fields: [test.v1.Text.text], views: [record, caller], pass_unreadable: true}\n"
      "content:\n  - {name: c, fields: [{field: test.v1.Text.text, value: \"c4nary*\"}], in: [",
      response ? "responses" : "requests", "]");
  const auto code = response ? grpc::StatusCode::INTERNAL : grpc::StatusCode::INVALID_ARGUMENT;
  SECTION("not a message") {
    Masked masked(rule + "}\n");
    const Reply reply = Call(masked.rig(), kBidi, {kGarbage});
    CHECK(reply.messages.empty());
    CHECK(reply.status.error_code() == code);
    CHECK(reply.info.reason() == "UNREADABLE");
  }
  if (!response) SECTION("more than is inflated") {
      Masked masked(rule + "}\n");
      const Reply reply = Call(masked.rig(), kBidi, {Long(16 << 20)}, Compressed);
      CHECK(reply.messages.empty());
      CHECK(reply.status.error_code() == code);
      CHECK(reply.info.reason() == "UNREADABLE");
    }
  SECTION("of a method that nobody knows") {
    Masked masked(rule + "}\n", Methods::kUnknown);
    const Reply reply = Call(masked.rig(), kBidi, {Text("x")});
    CHECK(reply.status.error_code() == grpc::StatusCode::INTERNAL);
    CHECK(reply.info.reason() == "NO_DESCRIPTOR");
    CHECK(masked.seen().empty());
  }
  SECTION("unless it is in shadow, which is recorded") {
    Masked masked(rule + ", shadow: true}\n");
    CHECK(Call(masked.rig(), kBidi, {kGarbage}).messages == std::vector<std::string>{kGarbage});
    const std::vector<v1::Frame> frames = masked.Frames();
    REQUIRE(frames.size() == 2);
    CHECK(frames[response ? 1 : 0].shadow_size() == 1);
  }
}

TEST_CASE("a content rule in shadow alone refuses nothing that it cannot look into") {
  Masked masked("content:\n  - {name: c, fields: [{field: test.v1.Text.text}], shadow: true}\n",
                GENERATE(Methods::kKnown, Methods::kUnknown));
  CHECK(Call(masked.rig(), kBidi, {kGarbage}).messages == std::vector<std::string>{kGarbage});
}

TEST_CASE("messages are inflated to 4 MiB, and beyond that to a hundred times their size") {
  Masked masked("masks:\n  - {name: texts, fields: [test.v1.Text.text], text: \"***\"}\n");
  CHECK(Call(masked.rig(), kBidi, {Long((4 << 20) - 16)}, Compressed).status.ok());
  const Reply reply = Call(masked.rig(), kBidi, {Long((4 << 20) + 16)}, Compressed);
  CHECK(reply.status.error_code() == grpc::StatusCode::INVALID_ARGUMENT);
  CHECK(reply.info.reason() == "UNREADABLE");
}

TEST_CASE("limits on bytes count what a message is inflated to") {
  const bool looked_into = GENERATE(true, false);
  Masked masked(absl::StrCat("limits:\n  - {name: bytes, bytes_per_second: 100KiB}\n",
                             looked_into ? "masks:\n  - {name: texts, detect: [ipv4]}\n" : ""));
  // Of which nothing comes back.
  std::string message = Long(3 << 20);
  message.replace(message.size() - 4, 4, "fail");
  CHECK(Call(masked.rig(), kBidi, {message}, Compressed).status.error_code() == grpc::StatusCode::ABORTED);
  const Reply next = Call(masked.rig(), kBidi, {Text("fail")});
  CHECK(next.status.error_code() == (looked_into ? grpc::StatusCode::RESOURCE_EXHAUSTED : grpc::StatusCode::ABORTED));
}

TEST_CASE("masks reach what else a caller chooses: session, authority, and the path of no method") {
  const bool by_name = GENERATE(false, true);
  Masked masked(by_name ? "masks:\n  - {name: m, metadata: [sallyport-session, \":authority\"], text: \"###\"}\n"
                        : "detectors: [{name: badge, pattern: \"c4nary-[a-z]+\"}]\n"
                          "masks:\n  - {name: m, detect: [badge], text: \"###\", pass_unreadable: true}\n");
  const std::string path = by_name ? kUnary : absl::StrCat("/test.v1.Echo/", kSecret);
  Call(masked.rig(), path, {Text("x")}, [](grpc::ClientContext& context) {
    context.AddMetadata("sallyport-session", kSecret);
    context.set_authority(kSecret);
  });
  const std::vector<v1::Entry> entries = masked.Entries();
  REQUIRE(entries[0].has_start());
  CHECK(entries[0].start().session_name() == "###");
  CHECK(entries[0].start().authority() == "###");
  CHECK(entries[0].start().method() == (by_name ? path : "/test.v1.Echo/###"));
  CHECK_FALSE(absl::StrContains(entries[0].SerializeAsString(), kSecret));
  // What the index lists comes from the record.
  CHECK_FALSE(absl::StrContains(masked.rig().Calls()[0].method, kSecret));
}

TEST_CASE("a method that is known keeps its name") {
  Masked masked(
      "detectors: [{name: names, pattern: \"Echo\"}]\nmasks:\n  - {name: m, detect: [names], text: \"###\"}\n");
  CHECK(Call(masked.rig(), kUnary, {Text("Echo")}).status.ok());
  CHECK(absl::StrContains(masked.Entries()[0].start().method(), "test.v1.Echo/Unary"));
}

}  // namespace
}  // namespace sallyport::gateway
