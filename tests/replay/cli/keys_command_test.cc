// `sallyport keys …` and `--keys`, and sealed views in `sallyport show`.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "recorder/keys/sealed_view.h"
#include "tests/replay/cli/command_fixture.h"
#include "tests/replay/shop_store.h"

namespace sallyport::replay {
namespace {

using Json = nlohmann::json;

Json StatusOf(const ShopStore& store) {
  const CommandResult result = Run({"keys", "status", "--json", "--data", store.data()});
  CAPTURE(result.errors);
  REQUIRE(result.code == 0);
  return Json::parse(result.output);
}

bool CanRead(const ShopStore& store, const std::string& call) {
  return Run({"show", call, "--data", store.data()}).code == 0;
}

TEST_CASE("the status of keys names keyring, verifier key and what wraps what") {
  ShopStore store;
  const Json status = StatusOf(store);
  CHECK(Contains(status["source"], ".keyring"));
  CHECK(status["verifier_key"].get<std::string>().find("sallyport/" + status["store"].get<std::string>() + "+") == 0);
  REQUIRE(status["key_encryption_keys"].size() == 1);
  CHECK(status["key_encryption_keys"][0]["current"] == true);
  CHECK(status["key_encryption_keys"][0]["key_files"] == 3);
  REQUIRE(status["segments"].size() == 1);
  CHECK(status["segments"][0]["shredded"] == false);
  const CommandResult text = Run({"keys", "status", "--data", store.data()});
  CHECK(text.code == 0);
  CHECK(Contains(text.output, status["key_encryption_keys"][0]["id"]));
  CHECK(Contains(text.output, "current"));
}

TEST_CASE("keys are rotated and rewrapped beside a gateway that runs, and what was recorded stays readable") {
  ShopStore store;
  const std::string before = store.AddGet(absl::ZeroDuration());
  const CommandResult rotation = Run({"keys", "rotate", "--data", store.data()});
  CAPTURE(rotation.errors);
  REQUIRE(rotation.code == 0);
  CHECK(Contains(rotation.errors, "Back the keyring up"));
  CHECK(StatusOf(store)["key_encryption_keys"].size() == 2);
  const CommandResult rewrapping = Run({"keys", "rewrap", "--drop-unused", "--data", store.data()});
  CAPTURE(rewrapping.errors);
  REQUIRE(rewrapping.code == 0);
  CHECK(Contains(rewrapping.output, "3 key files rewrapped"));
  CHECK(Contains(rewrapping.output, "dropped"));
  CHECK(StatusOf(store)["key_encryption_keys"].size() == 1);
  const std::string after = store.AddGet(absl::Seconds(1));
  CHECK(CanRead(store, before));
  CHECK(CanRead(store, after));
  store.Close();
  CHECK(CanRead(store, before));
}

TEST_CASE("a closed segment is shredded, if that is confirmed, and the one being written is not") {
  ShopStore store;
  const std::string call = store.AddGet(absl::ZeroDuration());
  const CommandResult open = Run({"keys", "shred", "--segment", "1", "--yes", "--data", store.data()});
  CHECK(open.code == 3);
  CHECK(Contains(open.errors, "no footer"));
  CHECK(Contains(Run({"keys", "shred", "--before", "1s", "--yes", "--data", store.data()}).output,
                 "no segment to shred"));
  store.Close();
  // Nobody to ask.
  const CommandResult unasked = Run({"keys", "shred", "--segment", "1", "--data", store.data()});
  CHECK(unasked.code == 2);
  CHECK(Contains(unasked.errors, "--yes"));
  CHECK(StatusOf(store)["segments"][0]["shredded"] == false);
  CHECK(CanRead(store, call));
  const CommandResult done = Run({"keys", "shred", "--segment", "1", "--yes", "--data", store.data()});
  CAPTURE(done.errors);
  CHECK(done.code == 0);
  CHECK(Contains(done.output, "segment 1 shredded"));
  CHECK(StatusOf(store)["segments"][0]["shredded"] == true);
  CHECK_FALSE(CanRead(store, call));
  CHECK(Run({"keys", "shred", "--segment", "1", "--yes", "--data", store.data()}).code == 0);
}

TEST_CASE("what cannot be understood about keys is wrong usage") {
  ShopStore store;
  CHECK(Run({"keys"}).code == 2);
  CHECK(Run({"keys", "shred", "--yes", "--data", store.data()}).code == 2);
  CHECK(Run({"keys", "shred", "--segment", "1", "--before", "1d", "--yes", "--data", store.data()}).code == 2);
  CHECK(Run({"keys", "shred", "--before", "soon", "--yes", "--data", store.data()}).code == 2);
  CHECK(Run({"keys", "status", "--keys", "/etc/keyring", "--data", store.data()}).code == 2);
  CHECK(Run({"calls", "--keys", "/etc/keyring", "--data", store.data()}).code == 2);
}

TEST_CASE("--keys says where the keyring is, to every command that reads data") {
  ShopStore store;
  const std::string call = store.AddGet(absl::ZeroDuration());
  store.Close();
  const std::string elsewhere = store.data() + ".elsewhere";
  std::filesystem::rename(store.data() + ".keyring", elsewhere);
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"calls"}, {"show", call}, {"sessions"}, {"index", "rebuild"}, {"keys", "status"}}) {
    std::vector<std::string> arguments = command;
    arguments.insert(arguments.end(), {"--data", store.data()});
    const CommandResult without = Run(arguments);
    CHECK(without.code == 3);
    CHECK(Contains(without.errors, "--keys"));
    arguments.insert(arguments.end(), {"--keys", "file:" + elsewhere});
    const CommandResult with = Run(arguments);
    CAPTURE(command[0], with.errors);
    CHECK(with.code == 0);
  }
}

TEST_CASE("the original of a masked frame is shown to who has the reveal key, and to nobody else") {
  ShopStore store;
  const std::string key_file = store.data() + ".reveal";
  const CommandResult made = Run({"keys", "reveal-key", "--out", key_file});
  CAPTURE(made.errors);
  REQUIRE(made.code == 0);
  CHECK(Run({"keys", "reveal-key", "--out", key_file}).code == 3);
  REQUIRE(Run({"keys", "reveal-key", "--out", key_file + ".other"}).code == 0);
  const auto key = recorder::RevealKey::Parse(made.output.substr(0, made.output.size() - 1));
  REQUIRE(key.ok());

  const uint64_t id = store.NewId(absl::ZeroDuration());
  recorder::EntryBatch batch = store.recorder().NewBatch(id);
  batch.AddStart(ShopTime(), store.Start("/shop.Orders/Get"));
  const auto sealed = recorder::SealView(*key, {id, 1, 0, false}, kOrder);
  REQUIRE(sealed.ok());
  const std::string masked = std::string("\x0a\x04****\x10\x2a");
  batch.AddFrame(ShopTime(), recorder::Direction::kRequest, 0, false, {masked}, {true, &*sealed, {}});
  batch.AddEnd(ShopTime(), {});
  store.Append(std::move(batch));
  const std::string call = recorder::FormatId(id);

  const auto frame = [&](const std::vector<std::string>& more) {
    std::vector<std::string> arguments = {"show", call, "--frame", "0", "--json", "--data", store.data()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const CommandResult result = Run(arguments);
    CAPTURE(result.errors);
    REQUIRE(result.code == 0);
    return Json::parse(result.output);
  };
  CHECK(frame({})["message"]["card_number"] == "****");
  CHECK(frame({})["view"] == "masked");
  CHECK(frame({"--reveal-key", key_file})["message"]["card_number"] == "4111");
  CHECK(frame({"--reveal-key", key_file})["view"] == "revealed");
  CHECK(frame({"--reveal-key", key_file + ".other"})["message"]["card_number"] == "****");
  const CommandResult text = Run({"show", call, "--reveal-key", key_file, "--data", store.data()});
  CHECK(Contains(text.output, "4111"));
  CHECK(Contains(text.output, "revealed"));
  CHECK(Run({"show", call, "--reveal-key", store.data(), "--data", store.data()}).code == 3);
}

}  // namespace
}  // namespace sallyport::replay
