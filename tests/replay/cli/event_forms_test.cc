// What is said of an event; show_command_test.cc and tail_command_test.cc have it of whole calls.
#include "replay/cli/event_forms.h"

#include <catch2/catch.hpp>
#include <sstream>

namespace sallyport::replay {
namespace {

v1::TailedEvent Tailed() {
  v1::TailedEvent tailed;
  tailed.set_method("shop.Orders/Get");
  tailed.set_identity("alice");
  tailed.mutable_event()->set_call("1jd64tg8a");
  tailed.mutable_event()->mutable_time()->set_seconds(1767323045);
  tailed.mutable_event()->mutable_offset()->set_nanos(1'500'000);
  return tailed;
}

std::string Shown(const v1::Event& event) {
  std::ostringstream out;
  RecordText text(&out, FrameExtent::kWhole);
  ShowText(event, v1::CallSummary(), &text);
  return out.str();
}

TEST_CASE("an event of a kind that this version does not know is said to be one, in every form") {
  const v1::TailedEvent tailed = Tailed();
  CHECK(Shown(tailed.event()) == "+1.50ms    an entry that this version does not know\n");
  CHECK(JsonLine(ShowJson(tailed.event())) == R"({"event":"unknown","offset_ns":1500000})");
  CHECK(TailText(tailed, true) == "an entry that this version does not know");
  CHECK(JsonLine(TailJson(tailed, true)) ==
        R"({"time":"2026-01-02T03:04:05.000000000Z","call":"1jd64tg8a","method":"shop.Orders/Get",)"
        R"("identity":"alice","event":"unknown"})");
}

TEST_CASE("a half-close is said in every form") {
  v1::TailedEvent tailed = Tailed();
  tailed.mutable_event()->mutable_half_close();
  CHECK(Shown(tailed.event()) == "+1.50ms    \xe2\x86\x92 no more requests\n");
  CHECK(JsonLine(ShowJson(tailed.event())) == R"({"event":"half_close","offset_ns":1500000})");
  CHECK(TailText(tailed, false) == "\xe2\x86\x92      shop.Orders/Get  no more requests");
  CHECK(JsonLine(TailJson(tailed, false)).ends_with(R"("identity":"alice","event":"half_close"})"));
}

}  // namespace
}  // namespace sallyport::replay
