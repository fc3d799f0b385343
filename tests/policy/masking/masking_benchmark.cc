// How fast messages are masked and texts are searched. Prints a table; asserts nothing about time.
#include <google/protobuf/dynamic_message.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/policy/masking/masking_fixture.h"

namespace sallyport::policy {
namespace {

namespace pb = google::protobuf;

// The median over `rounds` of the seconds that one call takes.
double Seconds(const std::function<void()>& work, int calls, int rounds = 9) {
  std::vector<double> times;
  for (int round = 0; round < rounds; ++round) {
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < calls; ++i) work();
    times.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count() / calls);
  }
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

// 40 fields of common kinds, in about 1 KiB.
std::string FortyFields() {
  std::string proto = "syntax = \"proto3\"; package t; service S { rpc M(Big) returns (Big); }\nmessage Big {\n";
  static const char* const kKinds[] = {"string", "int64", "string", "bool", "double", "bytes", "uint32", "string"};
  for (int i = 1; i <= 40; ++i) absl::StrAppend(&proto, kKinds[i % 8], " f", i, " = ", i, ";\n");
  return proto + "}\n";
}

std::string BigMessage(MaskBench& bench) {
  std::string text;
  for (int i = 1; i <= 40; ++i) {
    const std::string values[] = {"\"some customer text that goes on for a while, as it does\"",
                                  "1234567",
                                  "\"a shorter one, but a text\"",
                                  "true",
                                  "3.25",
                                  "\"0123456789abcdef0123456789abcdef\"",
                                  "77",
                                  "\"status of things\""};
    absl::StrAppend(&text, "f", i, ": ", values[i % 8], " ");
  }
  return bench.Bytes(text);
}

void TwoFields() {
  MaskBench bench(DescriptorsOf(FortyFields()), "masks: [{name: m, fields: [t.Big.f8, t.Big.f34]}]");
  const std::string message = BigMessage(bench);
  std::string masked;
  std::string problem;
  const double ours = Seconds([&] { bench.record()->Apply(message, &masked, &problem); }, 20000);
  const auto parsed = bench.New();
  const pb::FieldDescriptor* const first = bench.type()->FindFieldByNumber(8);
  const pb::FieldDescriptor* const second = bench.type()->FindFieldByNumber(34);
  std::string out;
  const auto dynamic = [&](pb::Message* target) {
    target->ParseFromString(message);
    target->GetReflection()->ClearField(target, first);
    target->GetReflection()->ClearField(target, second);
    target->SerializeToString(&out);
  };
  const double reused = Seconds([&] { dynamic(parsed.get()); }, 5000);
  const double fresh = Seconds([&] { dynamic(bench.New().get()); }, 5000);
  std::printf(
      "two of 40 fields in %zu bytes: %.0f ns, %.2f GB/s; DynamicMessage parse, clear, serialise: %.0f ns (%.1f x), "
      "with the message object kept: %.0f ns (%.1f x)\n",
      message.size(), ours * 1e9, static_cast<double>(message.size()) / ours / 1e9, fresh * 1e9, fresh / ours,
      reused * 1e9, reused / ours);
}

// Attributes as telemetry has them, of which some are chosen by their keys, by a mask of so many keys.
void Keyed() {
  const auto descriptors = DescriptorsOf(
      "syntax = \"proto3\"; package t; service S { rpc M(Span) returns (Span); }\n"
      "message Span { repeated KeyValue attributes = 1; map<string, string> labels = 2; }\n"
      "message KeyValue { string key = 1; AnyValue value = 2; }\n"
      "message AnyValue { oneof value { string string_value = 1; int64 int_value = 3; } }\n");
  std::string text;
  for (int i = 0; i < 32; ++i) {
    absl::StrAppend(&text, "attributes { key: 'http.request.header.", i, "' value { string_value: 'some value of it ",
                    i, "' } } ");
  }
  const auto time = [&](const char* what, const std::string& fields) {
    MaskBench bench(descriptors, "masks: [{name: m, fields: [" + fields + "]}]");
    const std::string message = bench.Bytes(text);
    std::string masked;
    std::string problem;
    const double seconds = Seconds([&] { bench.record()->Apply(message, &masked, &problem); }, 10000);
    std::printf("32 attributes in %zu bytes, %s: %.0f ns\n", message.size(), what, seconds * 1e9);
  };
  std::string keys = "http.request.header.7|http.request.header.21";
  time("all values masked, without keys", "t.KeyValue.value");
  time("two masked by their keys", "'t.KeyValue[" + keys + "].value'");
  time("all masked, by a glob of keys", "'t.KeyValue[http.*].value'");
  for (int i = 0; i < 1000; ++i) absl::StrAppend(&keys, "|other.key.", i);
  time("two masked, of a mask's 1,002 keys", "'t.KeyValue[" + keys + "].value'");
}

void LargeSpans() {
  MaskBench bench(DescriptorsOf("syntax = \"proto3\"; package t; service S { rpc M(Big) returns (Big); }\n"
                                "message Big { string secret = 1; repeated bytes data = 2; Other other = 3; }\n"
                                "message Other { repeated string texts = 1; }\n"),
                  "masks: [{name: m, fields: [t.Big.secret]}]");
  for (const bool change : {false, true}) {
    const auto message = bench.New();
    std::string bytes;
    if (change) bytes += "\x0a\x06secret";
    for (int i = 0; i < 64; ++i) bytes += absl::StrCat("\x12", "\x80\x80\x01") + std::string(1 << 14, 'x');
    std::string masked;
    std::string problem;
    const double time = Seconds([&] { bench.record()->Apply(bytes, &masked, &problem); }, 500);
    std::printf("1 MiB in spans of 16 KiB, %s: %.1f GB/s\n",
                change ? "one field beside them masked" : "nothing to change",
                static_cast<double>(bytes.size()) / time / 1e9);
  }
}

void Searching() {
  const std::vector<std::string> names(Detectors::BuiltIn().begin(), Detectors::BuiltIn().end());
  const auto built_in = Detectors::Create(names, {});
  const auto with_custom = Detectors::Create(names, {{"badge", "B-[0-9]{4}"}, {"word", "(?i)top secret"}});
  if (!built_in.ok() || !with_custom.ok()) return;
  const auto repeated = [](const std::string& piece) {
    std::string text;
    while (text.size() < (1 << 20)) text += piece;
    return text;
  };
  const std::vector<std::pair<const char*, std::string>> texts = {
      {"JSON log lines", repeated("{\"ts\":\"2026-11-25T10:31:00.123Z\",\"level\":\"info\",\"msg\":\"payment "
                                  "authorised\",\"id\":\"550e8400-e29b-41d4-a716-446655440000\","
                                  "\"amount\":1299,\"peer\":\"10.1.2.3:4411\",\"user\":\"ada\",\"took_ms\":12.75}\n")},
      {"English prose", repeated("A sally port is a guarded entry where everyone who passes is checked and written "
                                 "down, and nothing else gets in. ")},
      {"base64", repeated("TWFuIGlzIGRpc3Rpbmd1aXNoZWQsIG5vdCBvbmx5IGJ5IGhpcyByZWFzb24sIGJ1dCBieSB0aGlz")},
      {"numbers", repeated("12 4711 3.14159 2026 88,001 5512345 7 19283746 ")},
      {"hostile: card groups", repeated("4 1 1 1 ")},
      {"hostile: signs", repeated("@.:+(-")},
      {"hostile: eyJ", repeated(" eyJhbGciOiJIUzI1NiJ9")},
      {"hostile: colons", repeated("ab:12:")},
  };
  for (const auto& [what, text] : texts) {
    std::vector<Detection> found;
    const auto find = [&, &text = text](const Detectors& detectors) {
      return static_cast<double>(text.size()) / 1e6 /
             Seconds(
                 [&] {
                   found.clear();
                   detectors.Find(text, &found);
                 },
                 5, 5);
    };
    const double alone = find(**built_in);
    std::printf("all detectors, %s: %.0f MB/s; with two patterns %.0f MB/s\n", what, alone, find(**with_custom));
  }
}

}  // namespace
}  // namespace sallyport::policy

TEST_CASE("benchmark") {
  sallyport::policy::TwoFields();
  sallyport::policy::Keyed();
  sallyport::policy::LargeSpans();
  sallyport::policy::Searching();
}
