// `sallyport show CALL`.
#include <google/protobuf/io/gzip_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "absl/strings/escaping.h"
#include "tests/replay/cli/command_fixture.h"
#include "tests/replay/shop_store.h"

namespace sallyport::replay {
namespace {

using Json = nlohmann::json;

Json ShowJson(const ShopStore& store, const std::string& id, std::vector<std::string> more = {}) {
  std::vector<std::string> arguments = {"show", id, "--json", "--data", store.data()};
  arguments.insert(arguments.end(), more.begin(), more.end());
  const CommandResult result = Run(arguments);
  CAPTURE(result.errors);
  REQUIRE(result.code == 0);
  REQUIRE(LinesOf(result.output).size() == 1);
  return Json::parse(result.output);
}

std::string Gzip(const std::string& text) {
  std::string bytes;
  google::protobuf::io::StringOutputStream sink(&bytes);
  google::protobuf::io::GzipOutputStream gzip(&sink);
  void* data = nullptr;
  int size = 0;
  size_t done = 0;
  while (done < text.size() && gzip.Next(&data, &size)) {
    const size_t part = std::min(static_cast<size_t>(size), text.size() - done);
    memcpy(data, text.data() + done, part);
    gzip.BackUp(size - static_cast<int>(part));
    done += part;
  }
  gzip.Close();
  return bytes;
}

TEST_CASE("a call is shown whole, its frames decoded with the descriptors kept beside it") {
  ShopStore store;
  const std::string id = store.AddGet(absl::ZeroDuration());
  store.Close();
  const CommandResult result = Run({"show", id, "--data", store.data()});
  REQUIRE(result.code == 0);
  for (const char* part :
       {"shop.Orders/Get", "OK, completed in 3.00ms", "2026-01-02 03:04:05.000 UTC", "https://idp.test#alice",
        "Peer         10.0.0.7:51514", "Trace        4bf92f3577b34da6a3ce929d0e0e4736", "nightly", "dns:///shop:443",
        "in 5.00s", "user-agent: grpc-test/1.0", "x-trace-bin: AP8=", "x-served-by: shop-1",
        "\"card_number\": \"4111\"", "\"amount\": \"42\"", "+100us", "+2.00ms", "request 0", "response 0",
        "no more requests"}) {
    CAPTURE(part, result.output);
    CHECK(Contains(result.output, part));
  }
}

TEST_CASE("credentials are shown as fingerprints only") {
  ShopStore store;
  const std::string id = store.AddGet(absl::ZeroDuration());
  const CommandResult text = Run({"show", id, "--data", store.data(), "--full"});
  CHECK_FALSE(Contains(text.output, "very-secret"));
  CHECK(Contains(text.output, "authorization: [not stored; fingerprint "));
  const Json json = ShowJson(store, id);
  CHECK(json["metadata"][1]["key"] == "authorization");
  CHECK(json["metadata"][1].contains("fingerprint"));
  CHECK_FALSE(json["metadata"][1].contains("value"));
}

TEST_CASE("recorded bytes cannot act on a terminal") {
  ShopStore store;
  const uint64_t open = store.AddOpen(absl::ZeroDuration(), "/evil\x1b[2J.S/M\xc2\x9b\xe2\x80\xae");
  const std::string get = store.AddGet(absl::Seconds(1));
  const std::string failed = store.AddFailure(absl::Seconds(2), "/a.B/C", 2, "bad\x1b[31m\r\n\x9b");
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{"calls"},
                                             {"calls", "--wide"},
                                             {"calls", "--json"},
                                             {"show", recorder::FormatId(open)},
                                             {"show", recorder::FormatId(open), "--json"},
                                             {"show", get},
                                             {"show", get, "--json"},
                                             {"show", failed},
                                             {"show", failed, "--raw"}}) {
    std::vector<std::string> all = arguments;
    all.insert(all.end(), {"--data", store.data()});
    const CommandResult result = Run(all);
    CAPTURE(all);
    CHECK(result.code == 0);
    for (const char* bad : {"\x1b", "\x07", "\r", "\xc2\x9b", "\xe2\x80\xae"})
      CHECK_FALSE(Contains(result.output, bad));
  }
  CHECK(Contains(Run({"show", get, "--data", store.data()}).output, "x-evil: a\\x1b]0;owned\\x07z"));
}

TEST_CASE("--json has everything under the documented names") {
  ShopStore store;
  const std::string id = store.AddGet(absl::ZeroDuration());
  const Json call = ShowJson(store, id);
  CHECK(call["id"] == id);
  CHECK(call["method"] == "shop.Orders/Get");
  CHECK(call["authority"] == "example.test");
  CHECK(call["identity"] == Json({{"name", "https://idp.test#alice"},
                                  {"issuer", "https://idp.test"},
                                  {"subject", "alice"},
                                  {"groups", Json::array()},
                                  {"proof", "jwt"}}));
  CHECK(call["timeout_ns"] == 5'000'000'000);
  CHECK(call["path"] == "unary");
  CHECK(call["descriptors"] == store.descriptors());
  CHECK(call["metadata"][2] == Json({{"key", "x-trace-bin"}, {"value_base64", "AP8="}}));
  CHECK(call["metadata"][3]["value"] == "a\x1b]0;owned\x07z");  // exact, once parsed
  REQUIRE(call["entries"].size() == 4);
  CHECK(call["entries"][0] == Json({{"event", "frame"},
                                    {"offset_ns", 100'000},
                                    {"direction", "request"},
                                    {"index", 0},
                                    {"number", 0},
                                    {"size", 8},
                                    {"compressed", false},
                                    {"message", {{"card_number", "4111"}, {"amount", "42"}}}}));
  CHECK(call["entries"][1] == Json({{"event", "half_close"}, {"offset_ns", 200'000}}));
  CHECK(call["entries"][2]["event"] == "response_headers");
  CHECK(call["entries"][2]["metadata"][0] == Json({{"key", "x-served-by"}, {"value", "shop-1"}}));
  CHECK(call["entries"][3]["number"] == 1);
  CHECK(call["end"]["state"] == "completed");
  CHECK(call["end"]["status"] == "OK");
  CHECK(call["end"]["duration_ns"] == 3'000'000);
  CHECK(call["end"]["connection_lost"] == false);
  CHECK(call["end"]["told"].is_null());
  CHECK(call["end"]["ended_by"].is_null());
}

TEST_CASE("an end says what reached the caller and whose doing it was") {
  struct Case {
    recorder::Told told;
    recorder::EndedBy ended_by;
    const char* told_name;
    const char* ended_by_name;
    const char* text;
  };
  using recorder::EndedBy;
  using recorder::Told;
  for (const Case& one :
       {Case{Told::kStatus, EndedBy::kUpstream, "status", "upstream", "CANCELLED"},
        Case{Told::kNothing, EndedBy::kCaller, "nothing", "caller", "nothing of this could be handed to the caller"},
        Case{Told::kReset, EndedBy::kGateway, "reset", "gateway", "the caller's stream was reset, without this status"},
        Case{Told::kStatus, EndedBy::kGateway, "status", "gateway", "ended by the gateway"}}) {
    ShopStore store;
    const uint64_t id = store.AddOpen(absl::ZeroDuration());
    recorder::EntryBatch batch = store.recorder().NewBatch(id);
    recorder::CallEnd end;
    end.reason = recorder::EndReason::kCancelled;
    end.status_code = 1;
    end.told = one.told;
    end.ended_by = one.ended_by;
    end.connection_lost = one.ended_by == EndedBy::kCaller;
    batch.AddEnd(ShopTime() + absl::Seconds(1), end);
    store.Append(std::move(batch));
    const Json shown = ShowJson(store, recorder::FormatId(id))["end"];
    CHECK(shown["told"] == one.told_name);
    CHECK(shown["ended_by"] == one.ended_by_name);
    CHECK(shown["connection_lost"] == end.connection_lost);
    const Json listed = Json::parse(Run({"calls", "--json", "--data", store.data()}).output);
    CHECK(listed["state"] == "cancelled");
    CHECK(listed["connection_lost"] == end.connection_lost);
    const std::string text = Run({"show", recorder::FormatId(id), "--data", store.data()}).output;
    CHECK(Contains(text, one.text));
    CHECK(Contains(text, "the caller's connection was lost") == end.connection_lost);
  }
}

TEST_CASE("a call that has not ended is shown as far as it went") {
  ShopStore store;
  const std::string id = recorder::FormatId(store.AddOpen(absl::ZeroDuration()));
  CHECK(Contains(Run({"show", id, "--data", store.data()}).output, "open: not ended yet"));
  const Json call = ShowJson(store, id);
  CHECK(call["entries"].empty());
  CHECK(call["end"].is_null());
}

TEST_CASE("frames that cannot be decoded are shown as bytes, with the reason") {
  ShopStore store;
  const std::string id = store.AddFailure(absl::ZeroDuration(), "/other.Service/Lookup", 5);
  const CommandResult text = Run({"show", id, "--data", store.data()});
  CHECK(Contains(text.output, "[not decoded: no descriptor was known for this method]"));
  CHECK(Contains(text.output, "00000000  01 02 6f 70 61 71 75 65"));
  CHECK(Contains(text.output, "..opaque"));
  const Json frame = ShowJson(store, id)["entries"][0];
  CHECK(frame["payload"] == "AQJvcGFxdWU=");
  CHECK(frame["undecoded"] == "no descriptor was known for this method");
}

TEST_CASE("what the descriptors do not know of a message is shown, and does not hide the rest") {
  ShopStore store;
  const uint64_t id = store.AddOpen(absl::ZeroDuration(), "/shop.Orders/Chat");
  recorder::EntryBatch batch = store.recorder().NewBatch(id);
  const std::string any = std::string("\x0a\x09") + "x/no.Such" + "\x12\x01" + "A";
  const std::string unknown = std::string(kOrder) + "\x22" + static_cast<char>(any.size()) + any + "\xfa\x01\x01" + "A";
  const std::string broken = std::string(kOrder) + "\x22\x7f";
  batch.AddFrame(ShopTime(), recorder::Direction::kRequest, 0, false, {unknown});
  batch.AddFrame(ShopTime(), recorder::Direction::kRequest, 1, false, {broken});
  store.Append(std::move(batch));
  const Json entries = ShowJson(store, recorder::FormatId(id))["entries"];
  CHECK(entries[0]["message"] ==
        Json::parse(R"({"card_number":"4111","amount":"42","detail":{"@type":"x/no.Such","@bytes":"QQ=="},)"
                    R"("@unknown":[{"number":31,"wire_type":"length","bytes":"QQ=="}]})"));
  CHECK(entries[1]["message"]["amount"] == "42");
  CHECK(entries[1]["message"]["@unparsed"][0]["offset"] == kOrder.size() + 2);
  const std::string text = Run({"show", recorder::FormatId(id), "--data", store.data()}).output;
  CHECK(Contains(text, R"({"number": 31, "wire_type": "length", "bytes": "QQ=="})"));
  CHECK(Contains(text, R"("@type": "x/no.Such")"));
}

TEST_CASE("long frames are cut on a terminal unless --full is given, and nowhere else") {
  ShopStore store;
  const uint64_t id = store.AddOpen(absl::ZeroDuration(), "/unknown.S/M");
  recorder::EntryBatch batch = store.recorder().NewBatch(id);
  const std::string large = std::string(100'000, 'x') + "the end";
  batch.AddFrame(ShopTime(), recorder::Direction::kRequest, 0, false, {large});
  store.Append(std::move(batch));
  const std::string cut = RunInTerminal({"show", recorder::FormatId(id), "--data", store.data()});
  CHECK(cut.size() < 5'000);
  CHECK(Contains(cut, "more: --full shows all]"));
  for (const std::string& whole : {RunInTerminal({"show", recorder::FormatId(id), "--data", store.data(), "--full"}),
                                   Run({"show", recorder::FormatId(id), "--data", store.data()}).output}) {
    CHECK(Contains(whole, "the end"));
    CHECK_FALSE(Contains(whole, "--full shows all"));
  }
}

TEST_CASE("--raw gives frames as they passed, and with --frame the bytes alone") {
  ShopStore store;
  const std::string id = store.AddGet(absl::ZeroDuration());
  const CommandResult result = Run({"show", id, "--raw", "--data", store.data()});
  REQUIRE(result.code == 0);
  const Json call = Json::parse(result.output);
  CHECK(call["entries"][0]["payload"] == absl::Base64Escape(kOrder));
  CHECK_FALSE(call["entries"][0].contains("message"));

  const CommandResult frame = Run({"show", id, "--frame", "1", "--raw", "--data", store.data()});
  CHECK(frame.code == 0);
  CHECK(frame.output == kOrder);
  const CommandResult json = Run({"show", id, "--frame", "1", "--json", "--data", store.data()});
  CHECK(Json::parse(json.output)["direction"] == "response");
  CHECK(Json::parse(json.output)["message"]["amount"] == "42");
  CHECK(Contains(Run({"show", id, "--frame", "0", "--data", store.data()}).output, "\"amount\": \"42\""));
}

TEST_CASE("a frame shown alone says how long after the call's start it passed") {
  ShopStore store;
  const std::string id = store.AddGet(absl::ZeroDuration());
  const CommandResult frame = Run({"show", id, "--frame", "1", "--data", store.data()});
  CHECK(frame.output.starts_with("+2.00ms "));
}

TEST_CASE("compressed frames are inflated before they are decoded, within a bound") {
  ShopStore store;
  const uint64_t id = store.AddOpen(absl::ZeroDuration(), "/shop.Orders/Chat");
  recorder::EntryBatch batch = store.recorder().NewBatch(id);
  const std::string order = Gzip(kOrder);
  const std::string bomb = Gzip(std::string(100 << 20, '\0'));
  batch.AddResponseHeaders(ShopTime(), {}, "gzip");
  batch.AddFrame(ShopTime(), recorder::Direction::kResponse, 0, true, {order});
  batch.AddFrame(ShopTime(), recorder::Direction::kResponse, 1, true, {bomb});
  batch.AddFrame(ShopTime(), recorder::Direction::kResponse, 2, true, {"not gzip"});
  batch.AddFrame(ShopTime(), recorder::Direction::kRequest, 0, true, {"no encoding said"});
  store.Append(std::move(batch));
  const Json entries = ShowJson(store, recorder::FormatId(id))["entries"];
  REQUIRE(entries.size() == 5);
  CHECK(entries[1]["message"]["amount"] == "42");
  CHECK(entries[1]["compressed"] == true);
  CHECK(entries[1]["size"] == order.size());
  CHECK(Contains(entries[2]["undecoded"], "67108864"));
  CHECK(entries[2]["payload"] == absl::Base64Escape(bomb));
  CHECK(entries[3].contains("undecoded"));
  CHECK(Contains(entries[4]["undecoded"], "encoding"));
  CHECK(Contains(Run({"show", recorder::FormatId(id), "--data", store.data()}).output, "8 B inflated"));
}

TEST_CASE("status details are decoded") {
  ShopStore store;
  const std::string any = std::string("\x0a\x28") + "type.googleapis.com/google.rpc.ErrorInfo" +
                          "\x12\x06\x0a\x04"
                          "FULL";
  const std::string details = std::string("\x08\x08\x12\x02no\x1a") + static_cast<char>(any.size()) + any;
  const std::string id = store.AddFailure(absl::ZeroDuration(), "/a.B/C", 8, "no", details);
  CHECK(ShowJson(store, id)["end"]["status_details"] ==
        Json::parse(R"({"code":8,"message":"no","details":[)"
                    R"({"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"FULL"}]})"));
  CHECK(Contains(Run({"show", id, "--data", store.data()}).output, "\"reason\": \"FULL\""));
  const std::string odd = store.AddFailure(absl::Seconds(1), "/a.B/C", 8, "no", "\xff\xff");
  CHECK(ShowJson(store, odd)["end"]["status_details"] ==
        Json::parse(R"({"@unparsed":[{"offset":0,"reason":"no field begins like this","bytes":"//8="}]})"));
  CHECK(ShowJson(store, odd)["end"]["trailers"][0]["value_base64"] == "//8=");
}

TEST_CASE("a call or a frame that is not there is told with exit status 1") {
  ShopStore store;
  const std::string id = store.AddGet(absl::ZeroDuration());
  const CommandResult call = Run({"show", "zz", "--data", store.data()});
  CHECK(call.code == 1);
  CHECK(call.output.empty());
  CHECK(Contains(call.errors, "there is no call zz in "));
  const CommandResult frame = Run({"show", id, "--frame", "2", "--data", store.data()});
  CHECK(frame.code == 1);
  CHECK(frame.output.empty());
  CHECK(Contains(frame.errors, "has no frame 2"));
}

}  // namespace
}  // namespace sallyport::replay
