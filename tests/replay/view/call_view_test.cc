// How recorded entries are shown.
#include "replay/view/call_view.h"

#include <catch2/catch.hpp>
#include <limits>

#include "replay/view/exact_text.h"
#include "replay/view/proto_time.h"
#include "tests/replay/record_builder.h"

namespace sallyport::replay {
namespace {

StoredDescriptors NoDescriptors() {
  return StoredDescriptors([](const std::string&) { return absl::NotFoundError("none are kept"); });
}

std::vector<v1::Event> Show(const RecordBuilder& call, v1::EventForm form = v1::EVENT_FORM_DECODED) {
  StoredDescriptors descriptors = NoDescriptors();
  CallView view(&descriptors, form, policy::JsonStyle::kOneLine);
  std::vector<v1::Event> events;
  for (const v1::Entry& entry : call.entries()) events.push_back(view.Show(entry).value());
  return events;
}

TEST_CASE("a text that is UTF-8 is a text, and of any other nothing is lost") {
  std::string text;
  ExactBytes exact;
  SetText("gr\xc3\xbc\xc3\x9f", "name", &text, &exact);
  CHECK(text == "gr\xc3\xbc\xc3\x9f");
  CHECK(exact.empty());
  CHECK(ExactText(text, "name", exact) == text);
  SetText("a\xff\xc3(", "name", &text, &exact);
  CHECK(text == "a\xef\xbf\xbd\xef\xbf\xbd(");
  CHECK(ExactText(text, "name", exact) == "a\xff\xc3(");
  CHECK(ExactText(text, "other", exact) == text);
}

TEST_CASE("times and durations are kept to the nanosecond, before 1970 and below zero too") {
  for (const int64_t ns :
       {int64_t{0}, int64_t{1}, int64_t{-1}, int64_t{1'767'323'045'678'901'234}, int64_t{-1'500'000'001},
        std::numeric_limits<int64_t>::max(), std::numeric_limits<int64_t>::min()}) {
    google::protobuf::Timestamp time;
    SetTime(absl::FromUnixNanos(ns), &time);
    CHECK(time.nanos() >= 0);
    CHECK(absl::ToUnixNanos(ToTime(time)) == ns);
    google::protobuf::Duration duration;
    SetDuration(absl::Nanoseconds(ns), &duration);
    CHECK(absl::ToInt64Nanoseconds(ToDuration(duration)) == ns);
  }
}

TEST_CASE("metadata is text, bytes or a fingerprint") {
  RecordBuilder call(7, "/a.B/C");
  call.Metadata("x-text", "plain").Metadata("x-data-bin", "text").Metadata("x-odd", "\xff");
  call.Metadata("authorization", "hmac-sha256:00", true).End();
  const v1::CallBeginning beginning = Show(call).front().beginning();
  REQUIRE(beginning.metadata_size() == 4);
  CHECK(beginning.metadata(0).text() == "plain");
  CHECK(beginning.metadata(1).data() == "text");
  CHECK(beginning.metadata(2).data() == "\xff");
  CHECK(beginning.metadata(3).fingerprint() == "hmac-sha256:00");
}

TEST_CASE("frames are numbered, and every event says how long after the start it came") {
  RecordBuilder call(7, "/a.B/C");
  call.Request("one").Response("two").HalfClose().Request("three").End(5, "no");
  const std::vector<v1::Event> events = Show(call);
  REQUIRE(events.size() == 6);
  CHECK(events[1].frame().number() == 0);
  CHECK(events[2].frame().number() == 1);
  CHECK(events[4].frame().number() == 2);
  for (size_t i = 0; i < events.size(); ++i) {
    CHECK(events[i].call() == "7");
    CHECK(ToDuration(events[i].offset()) == absl::Milliseconds(i));
  }
  CHECK(events[5].end().state() == v1::CALL_STATE_COMPLETED);
  CHECK(events[5].end().outcome().status_code() == 5);
}

TEST_CASE("what is not asked for is not filled in") {
  RecordBuilder call(7, "/a.B/C");
  call.Request("bytes").End();
  CHECK(Show(call, v1::EVENT_FORM_RAW)[1].frame().payload() == "bytes");
  CHECK(Show(call, v1::EVENT_FORM_RAW)[1].frame().undecoded().empty());
  CHECK(Show(call, v1::EVENT_FORM_OUTLINE)[1].frame().payload().empty());
  CHECK(Show(call, v1::EVENT_FORM_OUTLINE)[1].frame().size() == 5);
  const v1::FrameEvent decoded = Show(call)[1].frame();
  CHECK(decoded.undecoded() == "no descriptor was known for this method");
  CHECK(decoded.payload() == "bytes");
  const v1::Event recorded = Show(call, v1::EVENT_FORM_RECORD)[1];
  CHECK(recorded.record().SerializeAsString() == call.entries()[1].SerializeAsString());
  CHECK(recorded.event_case() == v1::Event::EVENT_NOT_SET);
}

TEST_CASE("descriptors that could not be had are asked for again, and others are not") {
  int asked = 0;
  StoredDescriptors descriptors([&](const std::string& version) -> absl::StatusOr<std::string> {
    ++asked;
    if (version == "late" && asked == 1) return absl::UnavailableError("not now");
    return std::string();
  });
  CHECK(descriptors.Find("")->get() != nullptr);
  CHECK(asked == 0);
  CHECK(absl::IsUnavailable(descriptors.Find("late").status()));
  CHECK(descriptors.Find("late").ok());
  CHECK(descriptors.Find("late").ok());
  CHECK(asked == 2);
}

}  // namespace
}  // namespace sallyport::replay
