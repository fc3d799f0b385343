// Conditions over calls: what they say of messages and of what stands around them, and what keeps them from saying it.
#include "policy/conditions/condition.h"

#include <catch2/catch.hpp>

#include "tests/policy/conditions/condition_fixture.h"

namespace sallyport::policy {
namespace {

using Kind = Answer::Kind;
using Catch::Contains;

TEST_CASE("a condition asks about fields of messages, and of the call around them") {
  const ConditionBench bench;
  const std::string json = R"({"amount": {"minorUnits": "100001", "currency": "EUR"}})";
  CHECK(bench.Holds("request.amount.minor_units > 100000 && status == \"OK\"", json));
  CHECK_FALSE(bench.Holds("request.amount.minor_units > 100001", json));
  CHECK(bench.Holds("response.accepted && requests.size() == 1 && responses.size() == 1", json));
  CHECK(bench.Holds("method == 'pay.Payments/Pay' && service == 'pay.Payments'"));
  CHECK(bench.Holds("identity.endsWith('#alice') && upstream == 'bank' && status_code == 0"));
  CHECK(bench.Holds("duration == duration('1500ms') && request_bytes == 10 && response_bytes == 2"));
  CHECK(bench.Holds("start == timestamp('2026-01-02T03:04:05Z') && start.getFullYear() == 2026"));
}

TEST_CASE("metadata are lists by key") {
  const ConditionBench bench;
  const std::vector<SaidPair> metadata = {{"x-order", "17"}, {"x-order", "18"}, {"x-bin-bin", "\xff"}, {"x-a", "b"}};
  CHECK(bench.Ask("metadata['x-order'] == ['17', '18'] && metadata['x-a'][0] == 'b'", {}, metadata).holds());
  CHECK(bench.Ask("size(metadata) == 2 && 'x-order' in metadata && !('x-bin-bin' in metadata)", {}, metadata).holds());
  CHECK(bench.Ask("metadata['none'][0] == 'b'", {}, metadata).kind == Kind::kError);
  CHECK(bench.Ask("trailers == {}", {}, metadata).holds());
}

TEST_CASE("fields that are not set have their defaults, and has() tells those with presence") {
  const ConditionBench bench;
  CHECK(bench.Holds("request.priority == 0 && !has(request.priority)"));
  CHECK(bench.Holds("has(request.priority)", R"({"priority": 0})"));
  CHECK(bench.Holds("!has(request.ratio) && request.ratio == 0.0", R"({"ratio": 0})"));
  CHECK(bench.Holds("!has(request.amount) && request.amount.currency == ''"));
  CHECK(bench.Holds("has(request.amount)", R"({"amount": {}})"));
  CHECK(bench.Holds("request.limit == null && !has(request.limit)"));
  CHECK(bench.Holds("request.limit == 0 && has(request.limit)", R"({"limit": "0"})"));
  CHECK(bench.Holds("!has(request.notes) && request.notes == []"));
}

TEST_CASE("messages are read as parsers read them") {
  const ConditionBench bench;
  const auto holds = [&](const std::string& text, const std::string& bytes) {
    return bench.Ask(text, {bytes}).holds();
  };
  // Of a scalar the last counts, messages are merged, and of a oneof the last member.
  CHECK(
      holds("request.amount.minor_units == 2 && request.amount.currency == 'A'", std::string("\x0a\x05\x08\x01\x12\x01"
                                                                                             "A"
                                                                                             "\x0a\x02\x08\x02",
                                                                                             11)));
  CHECK(holds("!has(request.card) && request.iban == 'I'",
              "\x52\x01"
              "C"
              "\x5a\x01"
              "I"));
  CHECK(holds("has(request.card) && !has(request.iban)",
              "\x5a\x01"
              "I"
              "\x52\x01"
              "C"));
  // Packed or not, with zigzag.
  CHECK(holds("request.numbers == [-1, 1, -2]", "\x6a\x02\x01\x02\x68\x03"));
  // Of entries with one key the last.
  CHECK(holds("request.counts == {'a': 2}",
              "\x1a\x05\x0a\x01"
              "a"
              "\x10\x01\x1a\x05\x0a\x01"
              "a"
              "\x10\x02"));
  // Another wire type makes it a field that is not known.
  CHECK(holds("request.state == 0", std::string("\x2d\x01\x00\x00\x00", 5)));
}

TEST_CASE("enums are numbers, written by name from the package on or with it") {
  const ConditionBench bench;
  const std::string json = R"({"state": "CLOSED"})";
  CHECK(bench.Holds("request.state == pay.State.CLOSED && request.state == State.CLOSED && request.state == 2", json));
  CHECK_THAT(bench.Fault("request.state == State.NONE"), Contains("State"));
}

TEST_CASE("well-known types are what they stand for") {
  const ConditionBench bench;
  CHECK(bench.Holds("request.when < timestamp('2026-01-01T00:00:00Z') + duration('1h')",
                    R"({"when": "2026-01-01T00:30:00Z"})"));
  CHECK(bench.Holds("request.extra.a[1].b == 'x' && request.extra.n == 2.0 && request.extra.z == null",
                    R"({"extra": {"a": [1, {"b": "x"}], "n": 2, "z": null}})"));
  CHECK(bench.Holds("request.any.currency == 'EUR'",
                    R"({"any": {"@type": "type.googleapis.com/pay.Money", "currency": "EUR"}})"));
}

TEST_CASE("macros go through lists and keys of maps") {
  const ConditionBench bench;
  const std::string json = R"({"notes": ["a", "bb"], "counts": {"x": 1, "y": 2},
                               "parts": [{"minorUnits": "1"}, {"minorUnits": "5"}]})";
  CHECK(bench.Holds("request.notes.exists(n, n.size() == 2) && request.notes.all(n, n != '')", json));
  CHECK(bench.Holds("request.parts.exists_one(p, p.minor_units > 1)", json));
  CHECK(bench.Holds("request.counts.all(k, request.counts[k] < 3) && request.counts.exists(k, k == 'y')", json));
  CHECK(bench.Holds("request.parts.map(p, p.minor_units) == [1, 5]", json));
  CHECK(bench.Holds("request.notes.filter(n, n.matches('^b+$')) == ['bb']", json));
  CHECK(bench.Holds("request.notes.exists(n, request.notes.exists(m, m == n + 'b' || m == n))", json));
}

TEST_CASE("numbers compare by their value, whatever their kind") {
  const ConditionBench bench;
  const std::string json = R"({"big": "18446744073709551615"})";
  CHECK(bench.Holds("request.big > 9223372036854775807 && request.big > -1 && request.big < 1e300", json));
  CHECK(bench.Holds("9007199254740993 > 9007199254740992.0 && 1 == 1.0 && 1u == 1 && 2 in [1.0, 2.0]"));
}

TEST_CASE("what decides makes errors beside it count for nothing") {
  const ConditionBench bench;
  CHECK(bench.Holds("1 / 0 == 1 || true"));
  CHECK(bench.Holds("!(1 / 0 == 1 && false)"));
  CHECK(bench.Holds("[0, 1].exists(i, 1 / i == 1)"));
  CHECK(bench.Ask("1 / 0 == 1 || false", {}).kind == Kind::kError);
  CHECK(bench.Ask("1 / 0 == 1 && true", {}).kind == Kind::kError);
}

TEST_CASE("faults name what is wrong, and where") {
  const ConditionBench bench;
  CHECK_THAT(bench.Fault("request.amount.minor == 1"), Contains("1:16:") && Contains("minor") && Contains("pay.Money"));
  CHECK_THAT(bench.Fault("status == 'OK' &&\n  nobody"), Contains("2:3:") && Contains("nobody"));
  CHECK_THAT(bench.Fault("request.amount.currency > 3"), Contains("string and int"));
  CHECK_THAT(bench.Fault("request.amount"), Contains("pay.Money"));
  CHECK_THAT(bench.Fault("status == "), Contains("ends"));
  CHECK_THAT(bench.Fault("status.matches('(')"), Contains("RE2"));
  CHECK_THAT(bench.Fault("status.matches(method)"), Contains("written out"));
  CHECK_THAT(bench.Fault("true true"), Contains("1:6:"));
  CHECK_THAT(bench.Fault("'\\q' == ''"), Contains("escape"));
  CHECK_THAT(bench.Fault("pay.Money{} == request.amount"), Contains("messages cannot be made"));
}

TEST_CASE("conditions are bounded in length, depth and height") {
  CHECK(Condition::Parse(std::string(60, '(') + "true" + std::string(60, ')')).ok());
  CHECK_FALSE(Condition::Parse(std::string(64, '(') + "true" + std::string(64, ')')).ok());
  CHECK(Condition::Parse("true" + std::string(kMostConditionBytes - 4, ' ')).ok());
  CHECK_FALSE(Condition::Parse("true" + std::string(kMostConditionBytes - 3, ' ')).ok());
  std::string sum = "1";
  for (int i = 0; i < 1000; ++i) sum += "+1";
  CHECK_FALSE(Condition::Parse(sum + "==1").ok());
  CHECK_FALSE(Condition::Parse(std::string(2000, '!') + "true").ok());
  CHECK_FALSE(Condition::Parse(std::string(2000, '-') + "1 == 1").ok());
}

TEST_CASE("an answer costs no more than it may") {
  const ConditionBench bench;
  std::string json = R"({"notes": [)";
  for (int i = 0; i < 2000; ++i) json += i == 0 ? "\"a\"" : ", \"a\"";
  json += "]}";
  const Answer answer =
      bench.Ask("request.notes.all(a, request.notes.all(b, a == b))", {bench.Encode(bench.request, json)});
  CHECK(answer.kind == Kind::kUnreadable);
  CHECK_THAT(answer.why, Contains("cost"));
}

TEST_CASE("what cannot be read is told apart from what does not hold") {
  const ConditionBench bench;
  CHECK(bench.Ask("request.priority == 0", {"\x0a\x05"}).kind == Kind::kUnreadable);
  CHECK(bench.Ask("request.amount.currency == ''", {"\x0a\x03\x12\x01\xff"}).kind == Kind::kUnreadable);
  CHECK(bench.Ask("request.priority == 0", {"", ""}).kind == Kind::kError);
  CHECK(bench.Ask("requests.all(r, r.priority == 0)", {"", ""}).holds());
}

TEST_CASE("a condition about messages needs their descriptors, any other does not") {
  const ConditionBench bench;
  const Condition about_messages = *Condition::Parse("requests.size() > 3");
  CHECK(about_messages.ReadsMessages());
  CHECK(absl::IsFailedPrecondition(about_messages.For(nullptr, nullptr, bench.set->types()).status()));
  const Condition other = *Condition::Parse("metadata['a'][0] == 'request'");
  CHECK_FALSE(other.ReadsMessages());
  CHECK_FALSE(other.ReadsBeyondStart());
  CHECK(other.For(nullptr, nullptr, bench.set->types()).ok());
  CHECK(Condition::Parse("status == 'OK'")->ReadsBeyondStart());
}

TEST_CASE("a call that goes on has no end to ask about") {
  ConditionBench bench;
  bench.ended = false;
  CHECK(bench.Ask("status == 'OK'", {}).kind == Kind::kError);
  CHECK(bench.Ask("status == 'OK' || upstream == 'bank'", {}).holds());
}

}  // namespace
}  // namespace sallyport::policy
