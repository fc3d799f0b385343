#include "recorder/system/command_process.h"

#include <catch2/catch.hpp>
#include <string>

#include "absl/time/time.h"

namespace sallyport::recorder {
namespace {

TEST_CASE("a command's output is bounded, and one that hangs is killed with what it started") {
  const auto echoed = RunCommand("cat; echo said >&2", "heard", 5, absl::Seconds(30));
  REQUIRE(echoed.ok());
  CHECK(echoed->succeeded());
  CHECK(echoed->said.view() == "heard");
  CHECK(echoed->complained.view() == "said\n");

  const auto endless = RunCommand("yes", "", 1000, absl::Seconds(30));
  REQUIRE(endless.ok());
  CHECK(endless->said_too_much);
  CHECK_FALSE(endless->succeeded());

  const auto hanging = RunCommand("sleep 1000 & echo $!; wait", "", 100, absl::Milliseconds(200));
  REQUIRE(hanging.ok());
  CHECK_FALSE(hanging->status.has_value());
  CHECK(hanging->HowItEnded() == "was killed");
  // Its child went with it: no such process, or one that is only waited for.
  const std::string child(hanging->said.view().substr(0, hanging->said.view().find('\n')));
  const auto gone = RunCommand("! kill -0 " + child + " || grep -q 'State:.Z' /proc/" + child + "/status", "", 100,
                               absl::Seconds(30));
  REQUIRE(gone.ok());
  CHECK(gone->succeeded());
}

}  // namespace
}  // namespace sallyport::recorder
