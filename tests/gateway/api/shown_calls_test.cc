#include "gateway/api/looks/shown_calls.h"

#include <catch2/catch.hpp>

#include "recorder/format/call_id.h"

namespace sallyport::gateway {
namespace {

TEST_CASE("ids are listed in order, each as the difference from the one before, and once") {
  ShownCalls shown;
  for (const uint64_t id : {1000, 10, 10, 500}) shown.Add(recorder::FormatId(id), "pay.v1.Pay/Do");
  const v1::Look look = shown.Take();
  REQUIRE(look.calls_size() == 3);
  CHECK(look.calls(0) == 10);
  CHECK(look.calls(1) == 490);
  CHECK(look.calls(2) == 500);
  CHECK(look.ranges_size() == 0);
  CHECK(shown.empty());
}

TEST_CASE("beyond ten thousand, no more is kept than a range and how many") {
  ShownCalls shown;
  for (uint64_t id = 1; id <= ShownCalls::kMostListed + 1; ++id) shown.Add(recorder::FormatId(id * 2), "a.B/C");
  shown.Add(recorder::FormatId(50'000), "a.B/C");
  const v1::Look look = shown.Take();
  REQUIRE(look.ranges_size() == 1);
  CHECK(look.ranges(0).first() == 2);
  CHECK(look.ranges(0).last() == 2 * (ShownCalls::kMostListed + 1));
  CHECK(look.ranges(0).calls() == ShownCalls::kMostListed + 1);
  REQUIRE(look.calls_size() == 1);
  CHECK(look.calls(0) == 50'000);
}

TEST_CASE("looks are counted, not listed") {
  ShownCalls shown;
  shown.Add(recorder::FormatId(7), "sallyport.v1.Audit/TailCalls");
  CHECK_FALSE(shown.any_listed());
  CHECK_FALSE(shown.empty());
  const v1::Look look = shown.Take();
  CHECK(look.calls_size() == 0);
  CHECK(look.looks() == 1);
}

TEST_CASE("what is no id is nothing") {
  ShownCalls shown;
  shown.Add("not an id!", "a.B/C");
  shown.Add("", "a.B/C");
  CHECK(shown.empty());
  shown.AddNumbers();
  CHECK(shown.Take().numbers());
}

}  // namespace
}  // namespace sallyport::gateway
