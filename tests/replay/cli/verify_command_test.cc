// `sallyport verify`, `sallyport evidence` and `sallyport calls --prove`.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "recorder/format/checkpoint.h"
#include "recorder/format/store_layout.h"
#include "recorder/format/tree_state.h"
#include "recorder/keys/store_keys.h"
#include "sallyport/v1/record.pb.h"
#include "tests/replay/cli/command_fixture.h"
#include "tests/replay/shop_store.h"

namespace sallyport::replay {
namespace {

using Json = nlohmann::json;

// The key that signs the store's checkpoints, as somebody would have noted it.
std::string KeyOf(const ShopStore& store) {
  const auto keys = recorder::StoreKeys::Open(recorder::StoreLayout(store.data()), std::nullopt);
  REQUIRE(keys.ok());
  return recorder::VerifierKey::Make(recorder::CheckpointOrigin((*keys)->store_id()), recorder::SignatureType::kEd25519,
                                     (*keys)->signing_key().public_key())
      ->Text();
}

std::string Contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void Overwrite(const std::string& path, const std::string& bytes) { std::ofstream(path, std::ios::binary) << bytes; }

// A file beside the store.
std::string Beside(const ShopStore& store, const std::string& name) { return store.data() + "." + name; }

TEST_CASE("a store is verified while a gateway writes it and when it is closed") {
  ShopStore store;
  store.AddGet(absl::ZeroDuration());
  CommandResult result = Run({"verify", "--data", store.data()});
  CAPTURE(result.output, result.errors);
  CHECK(result.code == 0);
  CHECK(result.errors.empty());
  store.Close();
  result = Run({"verify", "--data", store.data(), "--key", KeyOf(store), "--jobs", "2", "--json"});
  CAPTURE(result.output, result.errors);
  CHECK(result.code == 0);
  const Json json = Json::parse(result.output);
  CHECK(json["verified"] == true);
  CHECK(json["calls"] == 1);
  CHECK(json["findings"].empty());
  CHECK(json["checkpoint"]["size"] == json["leaves"]);
  CHECK(json["checkpoint"]["key_was_given"] == true);
  CHECK(json["index_checked"] == true);
}

TEST_CASE("without keys everything but the contents is verified") {
  ShopStore store;
  store.AddGet(absl::ZeroDuration());
  store.Close();
  const std::string key = KeyOf(store);
  const recorder::StoreLayout layout(store.data());
  std::filesystem::rename(layout.DefaultKeyring(), Beside(store, "elsewhere"));
  const CommandResult result = Run({"verify", "--data", store.data(), "--key", key});
  CAPTURE(result.output, result.errors);
  CHECK(result.code == 0);
  CHECK(Contains(result.output, "VERIFIED"));
  CHECK(Contains(result.output, "no block was opened"));
}

TEST_CASE("the first bad byte is named, and the exit status says that the store is not verified") {
  ShopStore store;
  store.AddGet(absl::ZeroDuration());
  store.Close();
  const std::string path = recorder::StoreLayout(store.data()).Segment(1);
  std::string bytes = Contents(path);
  bytes[150] = static_cast<char>(bytes[150] ^ 1);
  Overwrite(path, bytes);
  const CommandResult result = Run({"verify", "--data", store.data()});
  CAPTURE(result.output, result.errors);
  CHECK(result.code == 1);
  CHECK(Contains(result.output, "error: log/00000001.seg, offset 150: "));
  CHECK(Contains(result.output, "NOT VERIFIED"));
}

TEST_CASE("a store extends a checkpoint that was kept, and what is no checkpoint is wrong usage") {
  ShopStore store;
  store.AddGet(absl::ZeroDuration());
  store.Close();
  const recorder::StoreLayout layout(store.data());
  const std::string kept = Beside(store, "checkpoint");
  Overwrite(kept, *recorder::ReadCheckpoint(layout));
  CommandResult result = Run({"verify", "--data", store.data(), "--against", kept});
  CAPTURE(result.output, result.errors);
  CHECK(result.code == 0);
  CHECK(Contains(result.output, "extends the checkpoint given"));
  Overwrite(kept, "no checkpoint\n");
  result = Run({"verify", "--data", store.data(), "--against", kept});
  CHECK(result.code == 2);
}

TEST_CASE("what cannot be verified at all is no failed verification") {
  CHECK(Run({"verify", "--data", "/nonexistent"}).code == 3);
  CHECK(Run({"verify", "--data", "/nonexistent", "--key", "nonsense"}).code == 2);
  CHECK(Run({"verify", "--evidence", "/nonexistent"}).code == 2);
}

TEST_CASE("a call's evidence is written and checked with the key alone, also while the gateway runs") {
  ShopStore store;
  store.AddGet(absl::ZeroDuration());
  const std::string id = store.AddGet(absl::Seconds(1));
  const std::string file = Beside(store, "evidence");
  CommandResult result = Run({"evidence", id, "--data", store.data(), "--out", file});
  CAPTURE(result.output, result.errors);
  REQUIRE(result.code == 0);
  const std::string key = KeyOf(store);
  store.Close();
  std::filesystem::remove_all(store.data());
  result = Run({"verify", "--evidence", file, "--key", key});
  CAPTURE(result.output, result.errors);
  CHECK(result.code == 0);
  CHECK(Contains(result.output, "PROVED"));
  CHECK(Contains(result.output, "called shop.Orders/Get"));
  CHECK(Contains(result.output, id));
  result = Run({"verify", "--evidence", file, "--key", key, "--json"});
  CHECK(Json::parse(result.output)["call"] == id);
  std::string changed = Contents(file);
  changed.replace(changed.find("\"entry\": \"") + 20, 1, "_");
  Overwrite(file, changed);
  result = Run({"verify", "--evidence", file, "--key", key});
  CHECK(result.code == 1);
  CHECK(Contains(result.output, "NOT PROVED"));
}

TEST_CASE("evidence from which an end or a decision was taken is NOT PROVED, exit status 1") {
  ShopStore store;
  const std::string whole = store.AddGet(absl::ZeroDuration());
  const uint64_t denied = store.NewId(absl::Seconds(1));
  recorder::EntryBatch batch = store.recorder().NewBatch(denied);
  batch.AddStart(ShopTime(), store.Start("/shop.Orders/Get"));
  v1::Entry decision;
  decision.mutable_decision()->set_outcome(v1::Decision::OUTCOME_DENIED);
  batch.Add(ShopTime(), &decision);
  recorder::CallEnd end;
  end.reason = recorder::EndReason::kRefused;
  end.status_code = 7;
  batch.AddEnd(ShopTime(), end);
  store.Append(std::move(batch));
  const std::string open = recorder::FormatId(store.AddOpen(absl::Seconds(2)));
  store.AddGet(absl::Seconds(3));
  const std::string key = KeyOf(store);
  const std::string file = Beside(store, "call.evidence");
  const auto verify = [&](const Json& evidence) {
    Overwrite(file, evidence.dump());
    return Run({"verify", "--evidence", file, "--key", key});
  };
  for (const auto& [id, index, entries] :
       {std::tuple{whole, 5, 6}, {whole, 0, 6}, {recorder::FormatId(denied), 1, 3}}) {
    CAPTURE(id, index);
    REQUIRE(Run({"evidence", id, "--data", store.data(), "--out", file}).code == 0);
    Json evidence = Json::parse(Contents(file));
    const CommandResult good = verify(evidence);
    CAPTURE(good.output);
    CHECK(good.code == 0);
    CHECK(Contains(good.output, absl::StrCat("These ", entries, " entries")));
    CHECK(Contains(good.output, "and no more"));
    evidence["call"]["blocks"][0]["entries"].erase(static_cast<size_t>(index));
    const CommandResult bad = verify(evidence);
    CHECK(bad.code == 1);
    CHECK(Contains(bad.output, "NOT PROVED"));
    CHECK_FALSE(Contains(bad.output, "still open"));
  }
  REQUIRE(Run({"evidence", open, "--data", store.data(), "--out", file}).code == 0);
  Json evidence = Json::parse(Contents(file));
  CHECK(Contains(verify(evidence).output, "the call was still open"));
  const CommandResult json = Run({"verify", "--evidence", file, "--key", key, "--json"});
  CHECK(Json::parse(json.output)["state"] == "open");
  CHECK(Json::parse(json.output)["complete"] == true);
  evidence["call"]["later"] = Json::array();
  const CommandResult cut = verify(evidence);
  CHECK(cut.code == 1);
  CHECK(Contains(cut.output, "whether the call had ended is not proved"));
}

TEST_CASE("there is no evidence of a call that there is not") {
  ShopStore store;
  const CommandResult result = Run({"evidence", recorder::FormatId(5), "--data", store.data()});
  CHECK(result.code == 1);
  CHECK(result.output.empty());
}

TEST_CASE("calls --prove says which calls lie between those listed, and that there are no more") {
  ShopStore store;
  const std::string first = store.AddGet(absl::ZeroDuration());
  const std::string other = store.AddFailure(absl::Seconds(10), "/other.Service/Lookup", 5);
  const std::string last = store.AddGet(absl::Seconds(20));
  store.Close();
  const std::string file = Beside(store, "answer");
  CommandResult result = Run({"calls", "--data", store.data(), "--method", "shop.*", "--json", "--prove", file});
  CAPTURE(result.output, result.errors);
  REQUIRE(result.code == 0);
  CHECK(LinesOf(result.output).size() == 2);
  result = Run({"verify", "--evidence", file, "--key", KeyOf(store), "--json"});
  CAPTURE(result.output, result.errors);
  CHECK(result.code == 0);
  const Json json = Json::parse(result.output);
  CHECK(json["listed"] == Json::array({last, first}));
  CHECK(json["others"] == Json::array({other}));
}

}  // namespace
}  // namespace sallyport::replay
