// Attributes of telemetry, as OTLP has them, chosen by their keys: through the whole gateway.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/gateway/masked_rig.h"

namespace sallyport::gateway {
namespace {

// The shape of opentelemetry/proto/common/v1/common.proto and trace/v1/trace.proto.
constexpr char kProto[] = R"(
syntax = "proto3";
package test.v1;
service Echo { rpc Unary(Export) returns (Export); rpc Bidi(stream Export) returns (stream Export); }
message Export { repeated ResourceSpans resource_spans = 1; }
message ResourceSpans { Resource resource = 1; repeated ScopeSpans scope_spans = 2; }
message Resource { repeated KeyValue attributes = 1; map<string, string> labels = 2; }
message ScopeSpans { repeated Span spans = 2; }
message Span { bytes trace_id = 1; string name = 5; repeated KeyValue attributes = 9; KeyValue status = 15; }
message KeyValue { string key = 1; AnyValue value = 2; }
message AnyValue {
  oneof value { string string_value = 1; bool bool_value = 2; int64 int_value = 3; double double_value = 4; ArrayValue array_value = 5; KeyValueList kvlist_value = 6; bytes bytes_value = 7; }
}
message ArrayValue { repeated AnyValue values = 1; }
message KeyValueList { repeated KeyValue values = 1; }
)";

constexpr char kPerson[] = "c4nary-person";

constexpr char kMasks[] =
    "masks:\n"
    "  - {name: people, fields: ['test.v1.KeyValue[key=user.*|enduser.id].value.**'], views: [record, caller], text: "
    "X}\n"
    "  - {name: tokens, fields: ['test.v1.Resource.labels[\"api token\"]'], views: [record, caller, upstream]}\n"
    "content:\n"
    "  - {name: no debug, fields: [{field: 'test.v1.KeyValue[http.debug].value.bool_value', value: 'true'}]}\n";

std::string Field(int number, const std::string& bytes) {
  std::string size(1, static_cast<char>(bytes.size()));
  if (bytes.size() > 127) size = {static_cast<char>(bytes.size() | 0x80), static_cast<char>(bytes.size() >> 7)};
  return std::string(1, static_cast<char>(number << 3 | 2)) + size + bytes;
}
std::string String(const std::string& text) { return Field(1, text); }
std::string Attribute(const std::string& key, const std::string& value) { return Field(1, key) + Field(2, value); }

// With these fields in its span, and these in its resource.
std::string Export(const std::string& span, const std::string& resource = "") {
  return Field(1, Field(1, resource) + Field(2, Field(2, Field(5, "GET /") + span)));
}

// What a file says, for a gateway with these masks.
Rig::Adjust WithProto(const TemporaryDirectory& directory) {
  const std::string path = directory.path() + "/protos";
  std::filesystem::create_directory(path);
  std::ofstream(path + "/attributes.proto") << kProto;
  return [path](GatewayOptions& options) { options.descriptor_files = {path}; };
}

TEST_CASE("attributes are hidden by their keys, and the others are not") {
  const char* path = GENERATE(kUnary, kBidi);
  CAPTURE(path);
  TemporaryDirectory directory;
  Masked masked(kMasks, Methods::kUnknown, WithProto(directory));
  const auto message = [&](const std::string& secret, const std::string& token) {
    const std::string list = Field(6, Field(1, Attribute("enduser.id", String(secret))));
    const std::string span = Field(9, Attribute("http.method", String("GET"))) +
                             Field(9, Attribute("user.email", String(secret))) +
                             Field(9, Field(2, String(secret)) + Field(1, "user.name")) +  // the value first
                             Field(9, Attribute("context", list)) + Field(15, Attribute("user.id", String(secret)));
    return Export(span, Field(1, Attribute("service.name", String("shop"))) +
                            Field(2, Field(1, "api token") + Field(2, token)) +
                            Field(2, Field(1, "zone") + Field(2, "a")));
  };
  const std::string original = message(kPerson, "t0ken");
  const std::string upstream = message(kPerson, "");
  const std::string hidden = message("X", "");
  const Reply reply = Call(masked.rig(), path, {original});
  CHECK(reply.status.ok());
  CHECK(masked.seen() == std::vector{upstream});
  CHECK(reply.messages == std::vector{hidden});
  const std::vector<v1::Frame> frames = masked.Frames();
  REQUIRE(frames.size() == 2);
  for (const v1::Frame& frame : frames) CHECK(frame.payload() == hidden);
  CHECK_FALSE(masked.RecordHolds(kPerson));
  CHECK_FALSE(masked.RecordHolds("t0ken"));
}

TEST_CASE("an attribute whose key is in another part is refused, and goes nowhere") {
  TemporaryDirectory directory;
  Masked masked(kMasks, Methods::kUnknown, WithProto(directory));
  const Reply reply =
      Call(masked.rig(), kUnary, {Export(Field(15, Field(2, String(kPerson))) + Field(15, Field(1, "user.email")))});
  CHECK(reply.status.error_code() == grpc::StatusCode::INVALID_ARGUMENT);
  CHECK(reply.info.reason() == "UNREADABLE");
  CHECK(masked.seen().empty());
  CHECK_FALSE(masked.RecordHolds(kPerson));
}

TEST_CASE("a content rule refuses by what stands under a key") {
  TemporaryDirectory directory;
  Masked masked(kMasks, Methods::kUnknown, WithProto(directory));
  const std::string on = "\x10\x01";
  const std::string off("\x10\x00", 2);
  CHECK(Call(masked.rig(), kUnary, {Export(Field(9, Attribute("http.debug", off)))}).status.ok());
  CHECK(Call(masked.rig(), kUnary, {Export(Field(9, Attribute("http.trace", on)))}).status.ok());
  for (const std::string& attribute : {Attribute("http.debug", on), Field(2, on) + Field(1, "http.debug")}) {
    const Reply reply = Call(masked.rig(), kUnary, {Export(Field(9, attribute))});
    CHECK(reply.status.error_code() == grpc::StatusCode::INVALID_ARGUMENT);
    CHECK(absl::StrContains(reply.status.error_message(), "no debug"));
  }
  CHECK(masked.seen().size() == 2);
}

}  // namespace
}  // namespace sallyport::gateway
