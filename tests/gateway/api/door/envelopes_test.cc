// Messages in their envelopes, and the bodies of gRPC-Web-Text.
#include "gateway/api/door/envelopes.h"

#include <catch2/catch.hpp>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace sallyport::gateway {
namespace {

TEST_CASE("an envelope is a byte of flags, the length in four, and the message") {
  CHECK(Enveloped(1, "ab") == std::string("\x01\x00\x00\x00\x02"
                                          "ab",
                                          7));
  CHECK(Enveloped(0, std::string(0x10203, 'x')).substr(0, 5) == std::string("\x00\x00\x01\x02\x03", 5));
  const std::string body = Enveloped(2, "message");
  const absl::StatusOr<Envelope> read = ReadOneEnvelope(body);
  REQUIRE(read.ok());
  CHECK(read->flags == 2);
  CHECK(read->message == "message");
  CHECK(ReadOneEnvelope(Enveloped(0, ""))->message.empty());
}

TEST_CASE("a body has one message, whole") {
  const std::string body = Enveloped(0, "message");
  CHECK(ReadOneEnvelope("").status().code() == absl::StatusCode::kUnimplemented);
  CHECK(ReadOneEnvelope(body + body).status().code() == absl::StatusCode::kUnimplemented);
  for (size_t cut = 1; cut < body.size(); ++cut) {
    CHECK(ReadOneEnvelope(body.substr(0, cut)).status().code() == absl::StatusCode::kInvalidArgument);
  }
  CHECK(ReadOneEnvelope("\xff\xff\xff\xff\xff").status().code() == absl::StatusCode::kInvalidArgument);
}

TEST_CASE("text is base64 in runs, each padded by itself") {
  const std::string one = absl::Base64Escape("a");
  const std::string two = absl::Base64Escape("bc");
  CHECK(*ReadWebText("") == "");
  CHECK(*ReadWebText(one + two) == "abc");
  CHECK(*ReadWebText(absl::StrCat(absl::Base64Escape("abc"), two, one, "AAAA")) == std::string("abcbca\0\0\0", 9));
  for (const char* wrong : {"a", "YQ", "YQ=", "YQ= =", "YQ=a", "====", "Y===", "Y-==", "YQ==\n", "Y Q=", "=AAA"}) {
    INFO(wrong);
    CHECK_FALSE(ReadWebText(wrong).ok());
  }
}

}  // namespace
}  // namespace sallyport::gateway
