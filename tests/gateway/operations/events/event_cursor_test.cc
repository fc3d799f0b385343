#include "gateway/operations/events/event_cursor.h"

#include <catch2/catch.hpp>
#include <fstream>
#include <string>

#include "tests/recorder/store_fixture.h"

namespace sallyport::gateway {

using recorder::Position;

TEST_CASE("a cursor is read as it was written, and nothing else is read") {
  const EventCursor cursor{Position(7, 4096), 991};
  const std::string text = FormatEventCursor(cursor);
  CHECK(text == "sallyport-event-cursor 1\nsegment 7\noffset 4096\nsequence 991\n");
  CHECK(*ParseEventCursor(text) == cursor);
  CHECK(*ParseEventCursor(FormatEventCursor({})) == EventCursor{});
  for (const char* wrong : {
           "",
           "sallyport-event-cursor 2\nsegment 7\noffset 4096\nsequence 991\n",
           "sallyport-event-cursor 1\nsegment 7\noffset 4096\nsequence 991",
           "sallyport-event-cursor 1\nsegment 7\noffset 4096\nsequence 991\n\n",
           "sallyport-event-cursor 1\nsegment +7\noffset 4096\nsequence 991\n",
           "sallyport-event-cursor 1\nsegment 07\noffset 4096\nsequence 991\n",
           "sallyport-event-cursor 1\nsegment  7\noffset 4096\nsequence 991\n",
           "sallyport-event-cursor 1\noffset 4096\nsegment 7\nsequence 991\n",
           "sallyport-event-cursor 1\nsegment 8388608\noffset 4096\nsequence 991\n",
           "sallyport-event-cursor 1\nsegment 7\noffset 549755813888\nsequence 991\n",
           "sallyport-event-cursor 1\nsegment 7\noffset 4096\nsequence 18446744073709551616\n",
       }) {
    CAPTURE(wrong);
    CHECK(absl::IsDataLoss(ParseEventCursor(wrong).status()));
  }
}

TEST_CASE("a cursor's file is replaced whole, and what is damaged says where") {
  const recorder::TemporaryDirectory directory;
  const std::string path = directory.path() + "/siem.cursor";
  CHECK(absl::IsNotFound(LoadEventCursor(path).status()));
  const EventCursor cursor{Position(7, 4096), 991};
  REQUIRE(SaveEventCursor(path, {}).ok());
  REQUIRE(SaveEventCursor(path, cursor).ok());
  CHECK(*LoadEventCursor(path) == cursor);
  std::ofstream(path) << std::string(1000, 'x');
  const absl::Status damaged = LoadEventCursor(path).status();
  CHECK(absl::IsDataLoss(damaged));
  CHECK(std::string(damaged.message()).find(path) == 0);
}

}  // namespace sallyport::gateway
