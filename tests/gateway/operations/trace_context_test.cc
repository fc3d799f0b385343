#include "gateway/operations/tracing/trace_context.h"

#include <catch2/catch.hpp>
#include <string>
#include <utility>
#include <vector>

namespace sallyport::gateway {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

constexpr char kTrace[] = "4bf92f3577b34da6a3ce929d0e0e4736";
constexpr char kSpan[] = "00f067aa0ba902b7";

TraceContext Read(const Pairs& pairs) {
  TraceHeaders headers;
  for (const auto& [name, value] : pairs) headers.Add(name, value);
  return headers.Read();
}

std::string TraceOf(const TraceContext& context) {
  return context.trace_id.has_value() ? Hex(*context.trace_id) : "none";
}

Pairs Written(const TraceContext& context, const TraceId& trace, bool sampled) {
  Pairs pairs;
  WriteTraceHeaders(context, trace, SpanId{1, 2, 3, 4, 5, 6, 7, 8}, sampled,
                    [&](std::string_view name, std::string_view value) { pairs.emplace_back(name, value); });
  return pairs;
}

std::string Parent(const std::string& flags) { return std::string("00-") + kTrace + "-" + kSpan + "-" + flags; }

}  // namespace

TEST_CASE("a traceparent says trace, parent and whether it is sampled") {
  const TraceContext context = Read({{"traceparent", Parent("01")}, {"tracestate", "a=1"}, {"tracestate", "b@c=2"}});
  CHECK(TraceOf(context) == kTrace);
  CHECK(Hex(context.parent) == kSpan);
  CHECK(context.sampled == true);
  CHECK(context.state == "a=1,b@c=2");
  CHECK(Read({{"traceparent", Parent("00")}}).sampled == false);
  CHECK(Read({{"traceparent", Parent("fe")}}).sampled == false);
  CHECK(Read({{"traceparent", Parent("ff")}}).sampled == true);
  CHECK(TraceOf(Read({})) == "none");
  CHECK(!Read({}).sampled.has_value());
}

TEST_CASE("a traceparent of a later version is read as far as it is known") {
  const std::string later = std::string("cc-") + kTrace + "-" + kSpan + "-01";
  CHECK(TraceOf(Read({{"traceparent", later}})) == kTrace);
  CHECK(TraceOf(Read({{"traceparent", later + "-what comes then"}})) == kTrace);
  CHECK(TraceOf(Read({{"traceparent", later + "."}})) == "none");
}

TEST_CASE("what is no traceparent names no trace") {
  const std::string zeros(32, '0');
  for (const std::string& text : std::vector<std::string>{
           "", "00", Parent("01") + "-", Parent("0"), Parent("0g"), Parent("0A"), Parent("01 "), " " + Parent("01"),
           "ff" + Parent("01").substr(2), "0x" + Parent("01").substr(2),
           std::string("00-") + zeros + "-" + kSpan + "-01", std::string("00-") + kTrace + "-0000000000000000-01",
           std::string("00_") + Parent("01").substr(3),
           std::string("00-4BF92F3577B34DA6A3CE929D0E0E4736-") + kSpan + "-01"}) {
    INFO(text);
    const TraceContext context = Read({{"traceparent", text}, {"tracestate", "a=1"}});
    CHECK(TraceOf(context) == "none");
    CHECK(context.state.empty());
    CHECK(context.notations.w3c);
  }
  CHECK(TraceOf(Read({{"traceparent", Parent("01")}, {"traceparent", Parent("01")}})) == "none");
}

TEST_CASE("a tracestate that is not legal counts as not sent, and the traceparent stands") {
  std::string members;
  for (int i = 0; i < 33; ++i) members += (i == 0 ? "a" : ",a") + std::to_string(i) + "=1";
  for (const std::string& state : std::vector<std::string>{
           "", ",", "a", "a=", "=1", "A=1", "a=\x01", "a=b=c", "a@=1", "@b=1", "a@b@c=1", members,
           "a=" + std::string(257, 'x'), "1a=1", std::string(257, 'a') + "=1", "a@" + std::string(15, 'b') + "=1",
           "a=" + std::string(TraceHeaders::kMostStateBytes, 'x')}) {
    INFO(state.substr(0, 80));
    const TraceContext context = Read({{"traceparent", Parent("01")}, {"tracestate", state}});
    CHECK(TraceOf(context) == kTrace);
    CHECK(context.state.empty());
  }
  CHECK(Read({{"traceparent", Parent("01")}, {"tracestate", " a=1 , ,b= x!"}}).state == " a=1 , ,b= x!");
  CHECK(Read({{"tracestate", "a=1"}}).state.empty());
}

TEST_CASE("B3 in one header") {
  const std::string ids = std::string(kTrace) + "-" + kSpan;
  const TraceContext plain = Read({{"b3", ids}});
  CHECK(TraceOf(plain) == kTrace);
  CHECK(Hex(plain.parent) == kSpan);
  CHECK(!plain.sampled.has_value());
  CHECK(Read({{"b3", ids + "-1"}}).sampled == true);
  CHECK(Read({{"b3", ids + "-0"}}).sampled == false);
  CHECK(Read({{"b3", ids + "-1-" + kSpan}}).sampled == true);
  CHECK(Read({{"b3", ids + "-d"}}).debug);
  CHECK(Read({{"b3", ids + "-d"}}).sampled == true);
  CHECK(Read({{"b3", "0"}}).sampled == false);
  CHECK(TraceOf(Read({{"b3", "0"}})) == "none");
  const TraceContext shorter = Read({{"b3", std::string("a3ce929d0e0e4736-") + kSpan + "-1"}});
  CHECK(TraceOf(shorter) == "0000000000000000a3ce929d0e0e4736");
  CHECK(shorter.short_id);
  for (const std::string& text :
       std::vector<std::string>{"", "2", "-", ids + "-2", ids + "-", ids + "-1-", ids + "-1-" + kSpan + "-",
                                std::string(kTrace), std::string(kTrace) + "-0000000000000000",
                                std::string("0000000000000000-") + kSpan, "x" + ids, std::string(200, 'a')}) {
    INFO(text);
    const TraceContext context = Read({{"b3", text}});
    CHECK(TraceOf(context) == "none");
    CHECK(!context.sampled.has_value());
  }
}

TEST_CASE("B3 in several headers") {
  const Pairs ids = {{"x-b3-traceid", kTrace}, {"x-b3-spanid", kSpan}};
  const auto with = [&](const std::string& name, const std::string& value) {
    Pairs pairs = ids;
    pairs.emplace_back(name, value);
    return Read(pairs);
  };
  CHECK(TraceOf(Read(ids)) == kTrace);
  CHECK(!Read(ids).sampled.has_value());
  CHECK(with("x-b3-sampled", "1").sampled == true);
  CHECK(with("x-b3-sampled", "true").sampled == true);
  CHECK(with("x-b3-sampled", "0").sampled == false);
  CHECK(!with("x-b3-sampled", "d").sampled.has_value());
  CHECK(with("x-b3-flags", "1").debug);
  CHECK(!with("x-b3-flags", "0").sampled.has_value());
  CHECK(TraceOf(Read({{"x-b3-traceid", kTrace}})) == "none");
  CHECK(TraceOf(with("x-b3-spanid", kSpan)) == "none");  // sent twice
  CHECK(Read({{"x-b3-sampled", "0"}}).sampled == false);
}

TEST_CASE("traceparent comes before b3, and b3 before its several headers") {
  const std::string other(32, 'b');
  const std::string third(32, 'c');
  const Pairs all = {
      {"x-b3-traceid", third}, {"x-b3-spanid", kSpan}, {"b3", other + "-" + kSpan}, {"traceparent", Parent("01")}};
  CHECK(TraceOf(Read(all)) == kTrace);
  CHECK(TraceOf(Read({all[0], all[1], all[2]})) == other);
  CHECK(TraceOf(Read({all[0], all[1], {"traceparent", "none"}})) == third);
}

TEST_CASE("an upstream is told in the notations that the caller used") {
  const TraceContext w3c = Read({{"traceparent", Parent("01")}, {"tracestate", "a=1"}});
  CHECK(Written(w3c, *w3c.trace_id, true) ==
        Pairs{{"traceparent", std::string("00-") + kTrace + "-0102030405060708-01"}, {"tracestate", "a=1"}});
  // Another trace's state is not this one's.
  CHECK(Written(w3c, TraceId{9}, false) ==
        Pairs{{"traceparent", "00-09000000000000000000000000000000-0102030405060708-00"}});
  const TraceContext none = Read({});
  CHECK(Written(none, TraceId{9}, true).front().first == "traceparent");
  const TraceContext single = Read({{"b3", std::string("a3ce929d0e0e4736-") + kSpan}});
  CHECK(Written(single, *single.trace_id, false) == Pairs{{"b3", "a3ce929d0e0e4736-0102030405060708-0"}});
  const TraceContext debug = Read({{"b3", std::string(kTrace) + "-" + kSpan + "-d"}});
  CHECK(Written(debug, *debug.trace_id, true) == Pairs{{"b3", std::string(kTrace) + "-0102030405060708-d"}});
  const TraceContext multi = Read({{"x-b3-traceid", kTrace}, {"x-b3-spanid", kSpan}, {"x-b3-sampled", "1"}});
  CHECK(Written(multi, *multi.trace_id, true) ==
        Pairs{{"x-b3-traceid", kTrace}, {"x-b3-spanid", "0102030405060708"}, {"x-b3-sampled", "1"}});
  for (const Pairs& pairs : {Written(w3c, *w3c.trace_id, true), Written(debug, *debug.trace_id, true),
                             Written(multi, *multi.trace_id, true)}) {
    // What is written is read as what it was.
    CHECK(TraceOf(Read(pairs)) == kTrace);
    CHECK(Hex(Read(pairs).parent) == "0102030405060708");
    CHECK(Read(pairs).sampled == true);
    for (const auto& [name, value] : pairs) CHECK(IsTraceHeader(name));
  }
  CHECK(!IsTraceHeader("tracing"));
}

}  // namespace sallyport::gateway
