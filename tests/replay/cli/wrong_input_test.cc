// Wrong input on the command line is told with what to type.
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "tests/replay/cli/command_fixture.h"
#include "tests/replay/shop_store.h"

namespace sallyport::replay {
namespace {

struct Told {
  Arguments arguments;
  int code;
  std::string told;  // on stderr
};

TEST_CASE("wrong input is told with what to type, and never answered by an empty list") {
  ShopStore store;
  const std::string call = store.AddGet(absl::ZeroDuration());
  const Told each = GENERATE(values<Told>({
      // Filters that nothing can match.
      {{"calls", "--since", "5m", "--until", "1h"}, 2, "nothing is after the one and before the other"},
      {{"calls", "--since", "2026-01-02", "--until", "2026-01-02"}, 2, "--since 2026-01-02 is 2026-01-02 00:00:00 UTC"},
      {{"calls", "--since", "2999-01-01"}, 2, "--since 2999-01-01 is 2999-01-01 00:00:00 UTC, and now it is "},
      {{"sessions", "--since", "2999-01-01"}, 2, "times are in UTC"},
      {{"replay", "--dry-run", "--since", "2999-01-01"}, 2, "times are in UTC"},
      {{"policy", "discover", "--since", "5m", "--until", "1h"}, 2, "A duration counts back from now"},
      {{"calls", "--status", "open", "--min-duration", "1s"}, 2, "calls that have not ended have no duration yet"},
      // Ids and numbers that are not there.
      {{"calls", "--after", "$OTHER"}, 2, "--after: there is no call $OTHER here"},
      {{"sessions", "--after", "$OTHER"}, 2, "--after: no call here is of a session $OTHER"},
      {{"calls", "--session", "$OTHER"}, 2, "take an id that `sallyport sessions` lists"},
      {{"hold-data", "--session", "$OTHER"}, 2, "no call here is of a session $OTHER"},
      {{"calls", "--trace", "4bf92f3577b34da6"},
       2,
       "--trace: \"4bf92f3577b34da6\" is not the id of a trace: 32 digits"},
      {{"calls", "--trace", "4bf92f3577b34da6a3ce929d0e0e473g"}, 2, "is not the id of a trace"},
      {{"calls", "--trace", "00000000000000000000000000000000"}, 2, "no trace has an id of zeros"},
      {{"calls", "--status", "99"}, 2, "99 is no status of gRPC's, which has 0 to 16, and no call here ended with it"},
      {{"calls", "--status", "-1"}, 2, "-1 is no status of gRPC's"},
      {{"calls", "--status", "FINE"}, 2, "\"FINE\" is not a status: name one of OK, CANCELLED, "},
      {{"show", "$OTHER"}, 1, "there is no call $OTHER in $DATA"},
      {{"evidence", "$OTHER"}, 1, "there is no call $OTHER"},
      {{"show", "$CALL", "--frame", "7"}, 1, "call $CALL has no frame 7: its frames are 0 to 1"},
      // What a variable that was not set leaves.
      {{"calls", "--session", ""}, 2, "--session: it is empty; leave the option out to ask for everything"},
      {{"replay", "--dry-run", "--identity", "", "--since", "1h"}, 2, "--identity: it is empty"},
      {{"sessions", "--since", ""}, 2, "--since: it is empty"},
      {{"tail", "--method", ""}, 2, "--method: it is empty"},
      {{"policy", "discover", "--session", "$OTHER"}, 2, "no call here is of a session $OTHER"},
      {{"replay", "--dry-run", "--session", "$OTHER"}, 2, "no call here is of a session $OTHER"},
      // Where nothing can be sent to.
      {{"replay", "$CALL", "--to", "http://127.0.0.1:1"}, 2, "--to: \"http://127.0.0.1:1\" is a URL, which gRPC takes"},
      {{"replay", "$CALL", "--to", "https://pay"}, 2, "write \"pay:443\", with --tls"},
      {{"replay", "$CALL", "--to", "127.0.0.1:99999"}, 2, "\"99999\" is no port: write a number from 1 to 65535"},
      {{"replay", "$CALL", "--to", "pay"}, 2, "--to: \"pay\" has no port: write \"pay:443\" if 443 is meant"},
      {{"calls", "--session", "alpha"}, 2, "no call here is of a session \"alpha\" (read as a1pha): take an id"},
      {{"calls", "--after", "Oll"}, 2, "there is no call \"Oll\" (read as 11) here"},
      {{"sessions", "--after", "alpha"}, 2, "no call here is of a session \"alpha\" (read as a1pha)"},
      {{"hold-data", "--session", "alpha"}, 2, "no call here is of a session \"alpha\" (read as a1pha)"},
      {{"policy", "discover", "--session", "alpha"}, 2, "a session \"alpha\" (read as a1pha)"},
      {{"show", "alpha"}, 1, "there is no call \"alpha\" (read as a1pha) in $DATA"},
      {{"evidence", "alpha"}, 1, "there is no call \"alpha\" (read as a1pha) in $DATA"},
      {{"replay", "--dry-run", "alpha"}, 3, "not recorded here: \"alpha\" (read as a1pha)"},
      // What would take everything.
      {{"keys", "shred", "--before", "2999", "--yes"}, 2, "--before: \"2999\""},
      {{"keys", "shred", "--before", "2999-01-01", "--yes"},
       2,
       "2999-01-01 is 2999-01-01 00:00:00 UTC, which is still to come"},
      // Numbers that are none.
      {{"show", "$CALL", "--frame", "-1"}, 2, "--frame: \"-1\" is not a whole number from 0 on"},
      {{"show", "$CALL", "--frame", "first"}, 2, "--frame: \"first\" is not a whole number from 0 on"},
      {{"show", "$CALL", "--frame", "99999999999999999999"}, 2, "is not a whole number from 0 on"},
      {{"calls", "--limit", "-1"}, 2, "--limit: \"-1\" is not a whole number from 0 to 1000000000"},
      {{"calls", "--limit", "1e3"}, 2, "--limit: \"1e3\" is not a whole number"},
      {{"sessions", "--limit", "-5"}, 2, "--limit: \"-5\" is not a whole number from 0"},
      {{"verify", "--jobs", "0"}, 2, "--jobs: \"0\" is not a whole number from 1 to 256"},
      {{"keys", "shred", "--segment", "-1"}, 2, "--segment: \"-1\" is not a whole number from 1 on"},
      {{"hold-data", "--release", "-1"}, 2, "--release: \"-1\" is not a whole number from 1 on"},
  }));
  Arguments arguments = Filled(each.arguments, store.data(), call);
  arguments.insert(arguments.end(), {"--data", store.data()});
  const CommandResult result = Run(arguments);
  CAPTURE(arguments, result.errors, result.output);
  CHECK(result.code == each.code);
  CHECK(Contains(result.errors, Filled({each.told}, store.data(), call).front()));
  CHECK(result.output.empty());
}

TEST_CASE("what is in the wrong place or mistyped on the command line is told with what to type") {
  const Told each = GENERATE(values<Told>({
      {{"--data", "D", "calls"},
       2,
       "\"--data\" comes after the command that it is for: write `sallyport calls --data ...`"},
      {{"keys", "--data", "D", "status"}, 2, "write `sallyport keys status --data ...`"},
      {{"index", "--data=D", "rebuild"}, 2, "write `sallyport index rebuild --data ...`"},
      {{"policy", "--method", "a.B/C", "explain", "policy.yaml"}, 2, "write `sallyport policy explain --method ...`"},
      {{"--wide"}, 2, "write `sallyport calls --wide ...`"},
      {{"call"}, 2, "`sallyport` has no command \"call\": did you mean `calls`?"},
      {{"keys", "rotat"}, 2, "`sallyport keys` has no command \"rotat\": did you mean `rotate`?"},
      {{"wombat"}, 2, "it has calls, show, sessions, "},
      {{"calls", "data"}, 2, "`sallyport calls` does not know what to do with \"data\"\n`sallyport calls --help` says"},
      {{"calls", "--sinc", "5m"}, 2, "`sallyport calls` has no option \"--sinc\": did you mean --since?"},
      {{"calls", "--wombat"}, 2, "`sallyport calls` has no option \"--wombat\"\n`sallyport calls --help` lists them"},
      {{"calls", "--\x1b[2J"}, 2, "\"--\\x1b[2J\""},
      {{"show"}, 2, "CALL is required\n`sallyport show --help` says what it takes"},
      {{"calls", "--since"}, 2, "--since"},
  }));
  const CommandResult result = Run(each.arguments);
  CAPTURE(each.arguments, result.errors);
  CHECK(result.code == each.code);
  CHECK(Contains(result.errors, each.told));
  CHECK_FALSE(Contains(result.errors, "\x1b"));
  CHECK(result.output.empty());
}

}  // namespace
}  // namespace sallyport::replay
