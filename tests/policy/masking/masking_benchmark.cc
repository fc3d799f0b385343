// How fast messages are masked and texts are searched. Asserts nothing about time.
#include <benchmark/benchmark.h>
#include <google/protobuf/dynamic_message.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/policy/masking/masking_fixture.h"

namespace sallyport::policy {
namespace {

namespace pb = google::protobuf;

// Measures `work`, which goes over so many bytes.
template <typename Work>
void Register(const std::string& what, size_t bytes, Work work) {
  benchmark::RegisterBenchmark(what.c_str(), [=](benchmark::State& state) {
    for (auto _ : state) work();
    state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(bytes));
  });
}

// What a policy makes of one message.
void RegisterMasking(const std::string& what, const std::shared_ptr<MaskBench>& bench, const std::string& message) {
  Register(what, message.size(), [=] {
    std::string masked;
    std::string problem;
    benchmark::DoNotOptimize(bench->record()->Apply(message, &masked, &problem));
  });
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

// Beside it, what a DynamicMessage costs that is parsed, cleared of two fields and serialised.
void TwoFields() {
  const auto bench =
      std::make_shared<MaskBench>(DescriptorsOf(FortyFields()), "masks: [{name: m, fields: [t.Big.f8, t.Big.f34]}]");
  const std::string message = BigMessage(*bench);
  RegisterMasking("two of 40 fields", bench, message);
  const auto dynamic = [=](pb::Message* target) {
    target->ParseFromString(message);
    for (const int number : {8, 34}) {
      target->GetReflection()->ClearField(target, bench->type()->FindFieldByNumber(number));
    }
    benchmark::DoNotOptimize(target->SerializeAsString());
  };
  Register("two of 40 fields, by DynamicMessage", message.size(), [=] { dynamic(bench->New().get()); });
  const std::shared_ptr<pb::Message> kept = bench->New();
  Register("two of 40 fields, by one that is kept", message.size(), [=] { dynamic(kept.get()); });
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
  const auto time = [&](const std::string& what, const std::string& fields) {
    const auto bench = std::make_shared<MaskBench>(descriptors, "masks: [{name: m, fields: [" + fields + "]}]");
    RegisterMasking("32 attributes, " + what, bench, bench->Bytes(text));
  };
  std::string keys = "http.request.header.7|http.request.header.21";
  time("all values masked, without keys", "t.KeyValue.value");
  time("two masked by their keys", "'t.KeyValue[" + keys + "].value'");
  time("all masked, by a glob of keys", "'t.KeyValue[http.*].value'");
  for (int i = 0; i < 1000; ++i) absl::StrAppend(&keys, "|other.key.", i);
  time("two masked, of a mask's 1,002 keys", "'t.KeyValue[" + keys + "].value'");
}

void LargeSpans() {
  const auto bench = std::make_shared<MaskBench>(
      DescriptorsOf("syntax = \"proto3\"; package t; service S { rpc M(Big) returns (Big); }\n"
                    "message Big { string secret = 1; repeated bytes data = 2; Other other = 3; }\n"
                    "message Other { repeated string texts = 1; }\n"),
      "masks: [{name: m, fields: [t.Big.secret]}]");
  std::string spans;
  for (int i = 0; i < 64; ++i) spans += absl::StrCat("\x12", "\x80\x80\x01") + std::string(1 << 14, 'x');
  RegisterMasking("1 MiB in spans of 16 KiB, nothing to change", bench, spans);
  RegisterMasking("1 MiB in spans of 16 KiB, one field beside them masked", bench, "\x0a\x06secret" + spans);
}

void Searching() {
  const std::vector<std::string> names(Detectors::BuiltIn().begin(), Detectors::BuiltIn().end());
  const auto built_in = Detectors::Create(names, {});
  const auto with_custom = Detectors::Create(names, {{"badge", "B-[0-9]{4}"}, {"word", "(?i)top secret"}});
  REQUIRE(built_in.ok());
  REQUIRE(with_custom.ok());
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
  const auto find = [](const std::string& what, const std::string& text, auto detectors) {
    Register(what, text.size(), [=] {
      std::vector<Detection> found;
      detectors->Find(text, &found);
    });
  };
  for (const auto& [what, text] : texts) {
    find(absl::StrCat("all detectors, ", what), text, *built_in);
    find(absl::StrCat("all detectors and two patterns, ", what), text, *with_custom);
  }
}

}  // namespace
}  // namespace sallyport::policy

// In a test, for what makes the messages checks them as tests do.
TEST_CASE("benchmark") {
  sallyport::policy::TwoFields();
  sallyport::policy::Keyed();
  sallyport::policy::LargeSpans();
  sallyport::policy::Searching();
  benchmark::RunSpecifiedBenchmarks();
}
