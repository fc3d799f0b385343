#include "replay/replayer/recorded_call.h"

#include <catch2/catch.hpp>
#include <functional>

#include "absl/strings/str_cat.h"
#include "recorder/format/call_id.h"
#include "replay/replayer/outgoing_metadata.h"
#include "tests/replay/fake_call_source.h"
#include "tests/replay/record_builder.h"

namespace sallyport::replay {
namespace {

using Catch::Contains;

constexpr uint64_t kId = 1'767'323'045'000'000;

RecordBuilder Talk() {
  RecordBuilder builder(kId, "/p.S/M");
  builder.Request("a").Headers().Response("b").Request("c").HalfClose().Response("d").End();
  return builder;
}

absl::Status LoadError(const RecordBuilder& builder) {
  FakeCallSource source;
  source.Add(builder);
  return LoadRecordedCall(source, builder.id()).status();
}

TEST_CASE("a recorded call is loaded with its frames and the order of all that happened") {
  const RecordedCall call = LoadWhole(Talk());
  CHECK(call.id == kId);
  REQUIRE(call.request_frames.size() == 2);
  REQUIRE(call.response_frames.size() == 2);
  CHECK(call.request_frames[1].payload == "c");
  std::vector<StepKind> kinds;
  for (const Step& step : call.steps) kinds.push_back(step.kind);
  CHECK(kinds == std::vector<StepKind>{StepKind::kRequestFrame, StepKind::kResponseHeaders, StepKind::kResponseFrame,
                                       StepKind::kRequestFrame, StepKind::kHalfClose, StepKind::kResponseFrame,
                                       StepKind::kEnd});
}

TEST_CASE("a clock that was set back does not change the order of steps") {
  RecordBuilder builder(kId, "/p.S/M");
  builder.Request("a").At(-5000).HalfClose().Headers().End();
  const RecordedCall call = LoadWhole(builder);
  for (size_t i = 1; i < call.steps.size(); ++i) CHECK(call.steps[i - 1].time_ns <= call.steps[i].time_ns);
}

TEST_CASE("a record that is not whole is refused with the reason") {
  SECTION("no end") {
    RecordBuilder builder(kId, "/p.S/M");
    builder.Request("a");
    const absl::Status status = LoadError(builder);
    CHECK(absl::IsFailedPrecondition(status));
    CHECK_THAT(std::string(status.message()), Contains(recorder::FormatId(kId)) && Contains("has not ended"));
  }
  SECTION("interrupted") {
    RecordBuilder builder(kId, "/p.S/M");
    builder.Request("a").End(14, "", v1::END_REASON_INTERRUPTED);
    const absl::Status status = LoadError(builder);
    CHECK(absl::IsFailedPrecondition(status));
    CHECK_THAT(std::string(status.message()), Contains("interrupted"));
  }
  SECTION("not there") {
    FakeCallSource source;
    CHECK(absl::IsNotFound(LoadRecordedCall(source, 7).status()));
  }
  SECTION("too large") {
    FakeCallSource source;
    source.Add(Talk());
    CHECK(absl::IsResourceExhausted(LoadRecordedCall(source, kId, 3).status()));
    CHECK(LoadRecordedCall(source, kId, 4).ok());
  }
}

TEST_CASE("a record that contradicts itself is damage, never a call to send") {
  const std::vector<std::pair<std::string, std::function<void(RecordBuilder&)>>> faults = {
      {"no start", [](RecordBuilder& b) { b.entries().erase(b.entries().begin()); }},
      {"two starts", [](RecordBuilder& b) { b.entries().insert(b.entries().begin(), b.entries().front()); }},
      {"a frame lost", [](RecordBuilder& b) { b.entries().erase(b.entries().begin() + 1); }},
      {"the last frame lost", [](RecordBuilder& b) { b.entries().erase(b.entries().end() - 2); }},
      {"a frame doubled", [](RecordBuilder& b) { b.entries().insert(b.entries().begin() + 1, b.entries()[1]); }},
      {"a frame in no direction",
       [](RecordBuilder& b) { b.entries()[1].mutable_frame()->set_direction(v1::DIRECTION_UNSPECIFIED); }},
      {"two half-closes", [](RecordBuilder& b) { b.entries().insert(b.entries().begin() + 5, b.entries()[5]); }},
      {"a request after the half-close", [](RecordBuilder& b) { std::swap(b.entries()[4], b.entries()[5]); }},
      {"headers twice", [](RecordBuilder& b) { b.entries().insert(b.entries().begin() + 2, b.entries()[2]); }},
      {"something after the end", [](RecordBuilder& b) { b.entries().push_back(b.entries()[2]); }},
      {"an empty entry", [](RecordBuilder& b) { b.entries()[2].clear_event(); }},
      {"a wrong count", [](RecordBuilder& b) { b.end().set_response_frames(1'000'000); }},
  };
  for (const auto& [name, damage] : faults) {
    INFO(name);
    RecordBuilder builder = Talk();
    damage(builder);
    const absl::Status status = LoadError(builder);
    CHECK(absl::IsDataLoss(status));
    CHECK_THAT(std::string(status.message()), Contains(recorder::FormatId(kId)));
  }
}

TEST_CASE("what gRPC cannot send, or never was sent, is not replayed") {
  RecordBuilder builder = Talk();
  REQUIRE(CheckReplayable(LoadWhole(builder), false).ok());
  SECTION("a method without a slash") { builder.start().set_method("p.S/M"); }
  SECTION("a method with a NUL") { builder.start().set_method(std::string("/p.S/M\0x", 8)); }
  SECTION("an authority with a line end") { builder.start().set_authority("a\r\nb"); }
  SECTION("an encoding that is not known") { builder.start().set_encoding("zstd"); }
  SECTION("compressed frames without an encoding") { builder.entries()[1].mutable_frame()->set_compressed(true); }
  SECTION("a call that the gateway refused, unless asked for") {
    builder.end().set_reason(v1::END_REASON_REFUSED);
    CHECK(CheckReplayable(LoadWhole(builder), true).ok());
  }
  CHECK(absl::IsFailedPrecondition(CheckReplayable(LoadWhole(builder), false)));
}

std::vector<std::string> Names(const OutgoingMetadata& metadata) {
  std::vector<std::string> names;
  for (const MetadataPair& pair : metadata.sent) names.push_back(absl::StrCat(pair.name, "=", pair.value));
  return names;
}

TEST_CASE("metadata goes out as recorded, without credentials and what belongs to gRPC") {
  RecordBuilder builder = Talk();
  builder.Metadata("x-one", "1")
      .Metadata("authorization", "hmac:1234", true)
      .Metadata("user-agent", "grpc-go/1.60")
      .Metadata("grpc-timeout", "1S")
      .Metadata("te", "trailers")
      .Metadata("x-one", "2")
      .Metadata("x-bytes-bin", std::string("\0\xff", 2))
      .Metadata("sallyport-session", "s")
      .Metadata("", "x")
      .Metadata("X-Upper", "x")
      .Metadata("x-nul", std::string("\0", 1))
      .Metadata(":path", "/x");
  const OutgoingMetadata plain = ChooseMetadata(builder.start(), {});
  CHECK(Names(plain) == std::vector<std::string>{"x-one=1", "x-one=2", std::string("x-bytes-bin=\0\xff", 14)});
  CHECK(plain.left_out.size() == 9);

  const OutgoingMetadata added = ChooseMetadata(builder.start(), {{"authorization", "Bearer new"}, {"x-one", "3"}});
  CHECK(Names(added) ==
        std::vector<std::string>{std::string("x-bytes-bin=\0\xff", 14), "authorization=Bearer new", "x-one=3"});
}

TEST_CASE("metadata on the command line is checked") {
  CHECK(ParseMetadataPair("X-Name=a=b")->name == "x-name");
  CHECK(ParseMetadataPair("x-name=a=b")->value == "a=b");
  CHECK(ParseMetadataPair("x-bin=AP8=")->value == std::string("\0\xff", 2));
  for (const char* bad : {"x-name", "=v", "x name=v", "x-bin=%%", "x=\n", "grpc-timeout=1S", "te=x", ":path=/"}) {
    INFO(bad);
    CHECK(absl::IsInvalidArgument(ParseMetadataPair(bad).status()));
  }
}

}  // namespace
}  // namespace sallyport::replay
