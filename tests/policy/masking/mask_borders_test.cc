// What is promised of every mask: whatever is masked still parses, the first rule counts, borders are where they are
// said to be.
#include <catch2/catch.hpp>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "policy/masking/field_options.h"
#include "tests/policy/masking/mixed_message.h"

namespace sallyport::policy {
namespace {

TEST_CASE("of masks that name metadata the first says what becomes of it, and it is what gRPC sends") {
  MaskBench bench = Mixed(
      "masks:\n"
      " - {name: a, metadata: [x-gone, x-gone-bin], with: drop}\n"
      " - {name: b, metadata: [x-odd, x-odd-bin], text: \"\\u00e4\\n~\"}\n"
      " - {name: c, metadata: [\"x-*\"], with: last4}\n"
      " - {name: d, metadata: [x-gone, x-last], with: hash}\n");
  struct Pair {
    const char* name;
    std::string value;
    std::string masked;
    bool changed;
    bool drop;
  };
  for (const Pair& pair : std::vector<Pair>{
           {"x-gone", kCanary, "", true, true},
           {"x-gone-bin", kCanary, "", true, true},
           {"x-odd", kCanary, "???~", true, false},
           {"x-odd-bin", kCanary, "\xc3\xa4\n~", true, false},
           {"x-last", "canary-12345678", "******-****5678", true, false},
           {"x-short", "1234567", "*******", true, false},
           {"y-other", kCanary, kCanary, false, false},
       }) {
    CAPTURE(pair.name);
    std::string value = pair.value;
    bool drop = false;
    CHECK(bench.masks().MaskMetadata(MaskView::kRecord, pair.name, &value, &drop) == pair.changed);
    CHECK(drop == pair.drop);
    CHECK(value == pair.masked);
    // What is hidden in the record is not by that in other views.
    value = pair.value;
    drop = false;
    CHECK_FALSE(bench.masks().MaskMetadata(MaskView::kCaller, pair.name, &value, &drop));
    CHECK_FALSE(drop);
    CHECK(value == pair.value);
  }
}

TEST_CASE("of who is not known every mask hides, whomever it is about, and in its views alone") {
  const auto descriptors = DescriptorsOf(kMixedProto);
  const auto masker = Masker::Create(Parsed("masks:\n"
                                            " - {name: a, match: {groups: [support]}, metadata: [x-a]}\n"
                                            " - {name: b, match: {methods: [no.Such/Method]}, metadata: [x-b]}\n"
                                            " - {name: c, match: {networks: [192.0.2.1]}, metadata: [x-c], views: "
                                            "[caller]}\n"
                                            " - {name: d, match: {proofs: [mtls]}, detect: [email]}\n"),
                                     descriptors, kTestKey);
  // None of them matches an anonymous call of this method.
  MadeCall call = AnonymousReads();
  call.method = "/t.S/M";
  CHECK(masker->ForCall(call.request()) == nullptr);
  const auto masks = masker->ForUnproved();
  REQUIRE(masks != nullptr);
  const auto hides = [&](MaskView view, const std::string& name, std::string value = kCanary) {
    bool drop = false;
    return masks->MaskMetadata(view, name, &value, &drop);
  };
  CHECK(hides(MaskView::kRecord, "x-a"));
  CHECK(hides(MaskView::kRecord, "x-b"));
  CHECK_FALSE(hides(MaskView::kRecord, "x-c"));
  CHECK(hides(MaskView::kCaller, "x-c"));
  CHECK_FALSE(hides(MaskView::kCaller, "x-a"));
  CHECK_FALSE(hides(MaskView::kUpstream, "x-a"));
  CHECK(hides(MaskView::kRecord, "x-other", "ada@example.com"));
  CHECK_FALSE(hides(MaskView::kRecord, "x-other"));
  // Of a method that is not known no message can be looked into.
  CHECK(masks->unreadable(MessageSide::kRequest, MaskView::kRecord));
  CHECK_FALSE(masks->checks_content(MessageSide::kRequest));
  CHECK(Masker::Create(Parsed("content: [{name: c, detect: [email]}]"), descriptors, kTestKey)->ForUnproved() ==
        nullptr);
}

TEST_CASE("details of a status are looked into, and left out where they cannot be unless every mask allows that") {
  const std::string sound = Field(3, Field(1, "x/t.Text") + Field(2, Field(1, kCanary)));
  const std::string broken = Field(3, Field(1, "x/t.Text") + Field(2, "\x0a\x7f"));
  for (const bool first : {false, true}) {
    for (const bool second : {false, true}) {
      const auto passes = [](bool allowed) { return allowed ? ", pass_unreadable: true" : ""; };
      MaskBench bench = Mixed(absl::StrCat("masks:\n - {name: a, fields: [t.Text.text], text: X", passes(first),
                                           "}\n - {name: b, fields: [t.Mixed.note]", passes(second), "}\n"));
      bool drop = false;
      std::string details = sound;
      CHECK(bench.masks().MaskMetadata(MaskView::kRecord, "grpc-status-details-bin", &details, &drop));
      CHECK_FALSE(drop);
      CHECK(details == Field(3, Field(1, "x/t.Text") + Field(2, Field(1, "X"))));
      details = broken;
      bench.masks().MaskMetadata(MaskView::kRecord, "grpc-status-details-bin", &details, &drop);
      CHECK(drop == !(first && second));
      CHECK(bench.masks().passes_unreadable() == (first && second));
    }
  }
}

TEST_CASE("of an option that comes several times the last counts, and parts of a mark are one, as parsers have it") {
  const uint32_t sensitive = 51966;
  const auto flag = [](uint32_t number, uint64_t value) { return Tag(number, 0) + Varint(value); };
  CHECK(ReadFieldOptions(flag(50000, 1)).set == std::set<uint32_t>{50000});
  CHECK(ReadFieldOptions(flag(50000, 0)).set.empty());
  CHECK(ReadFieldOptions(flag(50000, 1) + flag(50001, 1) + flag(50000, 0)).set == std::set<uint32_t>{50001});
  CHECK(ReadFieldOptions(flag(50000, 0) + flag(50000, 1)).set == std::set<uint32_t>{50000});
  const FieldOptions marked =
      ReadFieldOptions(flag(50000, 1) + Field(sensitive, Field(1, "pii") + Field(2, "t.Person")));
  CHECK(marked.sensitive_class == "pii");
  CHECK(marked.holds == "t.Person");
  const FieldOptions parts =
      ReadFieldOptions(Field(sensitive, Field(1, "pii")) + flag(50000, 1) + Field(sensitive, Field(2, "t.Person")));
  CHECK(parts.sensitive_class == "pii");
  CHECK(parts.holds == "t.Person");
  CHECK(parts.set == std::set<uint32_t>{50000});
  CHECK(ReadFieldOptions(Field(sensitive, Field(1, "pii")) + Field(sensitive, Field(1, "card"))).sensitive_class ==
        "card");
}

// The paths of all fields of a type, so many names deep.
void AddPaths(const google::protobuf::Descriptor& type, const std::string& at, int depth,
              std::vector<std::string>* paths) {
  for (int i = 0; i < type.field_count(); ++i) {
    const std::string path = absl::StrCat(at, ".", type.field(i)->name());
    paths->push_back(path);
    if (depth > 1 && type.field(i)->message_type() != nullptr) {
      AddPaths(*type.field(i)->message_type(), path, depth - 1, paths);
    }
  }
}

TEST_CASE("whichever field is masked, and however, what parsed before parses afterwards") {
  const auto descriptors = DescriptorsOf(R"(
syntax = "proto2";
package t;
service S { rpc M(Root) returns (Root); }
enum Kind { SECOND = 2; FIRST = 1; }
message Strict { required string id = 1; required Kind kind = 2; required Deep deep = 3; optional Loose loose = 4; }
message Deep { required group G = 4 { required bytes d = 5; optional string e = 6; } map<int32, Deep> more = 7; }
message Loose { optional string s = 1; optional Deep deep = 2; }
message Root {
  map<string, Strict> strict_of = 1;
  map<int64, Loose> loose_of = 2;
  map<bool, Deep> deep_of = 3;
  map<string, bytes> bytes_of = 4;
  repeated Strict stricts = 5;
  optional Strict strict = 6;
  required Loose loose = 7;
  oneof way { Deep deep = 8; string other = 9; }
  repeated group Part = 10 { required Deep deep = 1; required fixed32 n = 2; }
}
)");
  const std::string deep = "{ G { d: 'c4nary' e: 'x' } more { key: 1 value { G { d: 'c4nary' } } } }";
  const std::string loose = absl::StrCat("{ s: 'c4nary' deep ", deep, " }");
  const std::string strict = absl::StrCat("{ id: 'c4nary' kind: FIRST deep ", deep, " loose ", loose, " }");
  const std::string text =
      absl::StrCat("strict_of { key: 'k' value ", strict, " } loose_of { key: 7 value ", loose,
                   " } deep_of { key: true value ", deep, " } bytes_of { key: 'k' value: 'c4nary' } stricts ", strict,
                   " strict ", strict, " loose ", loose, " deep ", deep, " Part { deep ", deep, " n: 5 }");
  std::vector<std::string> paths;
  AddPaths(*descriptors->pool().FindMessageTypeByName("t.Root"), "t.Root", 4, &paths);
  CHECK(paths.size() > 60);
  for (const std::string& path : paths) {
    for (int kind = v1::Mask::Action_MIN; kind <= v1::Mask::Action_MAX; ++kind) {
      const auto action = static_cast<v1::Mask::Action>(kind);
      MaskBench bench(descriptors,
                      absl::StrCat("masks: [{name: m, fields: [\"", path, "\"], with: ", v1::Mask::Action_Name(action),
                                   action == v1::Mask::truncate ? ", length: 2" : "", "}]\n"));
      const std::string bytes = bench.Bytes(text);
      const std::string masked = bench.Masked(bytes);
      CAPTURE(path, v1::Mask::Action_Name(action));
      // Strictly: with all that is required.
      REQUIRE(bench.New()->ParseFromString(masked));
    }
  }
}

TEST_CASE("a map's value that is dropped goes, or stays empty where its type requires something") {
  MaskBench bench = Mixed("masks: [{name: a, fields: [t.Mixed.by_name.value], with: drop}]");
  CHECK(bench.MaskedText("by_name { key: 'k' value { id: 'c4nary' kind: FIRST more { a: 1 b: 2 c: true G { d: 'c4nary' "
                         "} } } }") ==
        "by_name { key: \"k\" value { id: \"\" kind: SECOND more { a: 0 b: 0 c: false G { d: \"\" } } } }");
}

TEST_CASE("messages and groups are read to one depth, known or not, all of which protobuf reads") {
  const auto descriptors = DescriptorsOf(R"(
syntax = "proto2";
package t;
service S { rpc M(Root) returns (Root); }
message Root { optional Root inner = 1; optional string secret = 2; repeated group Part = 3 { optional Root inner = 1; } }
)");
  const auto in_groups = [](uint32_t number, int count, std::string bytes) {
    for (int i = 0; i < count; ++i) bytes = absl::StrCat(Tag(number, 3), bytes, Tag(number, 4));
    return bytes;
  };
  for (const char* const unknown : {"keep_unknown_fields: [\"*\"]\n", "\n"}) {
    MaskBench bench(descriptors, absl::StrCat("masks: [{name: m, fields: [t.Root.secret]}]\n", unknown));
    for (int messages = 0; messages <= 102; ++messages) {
      for (const int groups : {0, 1, 2, 98 - messages, 99 - messages, 100 - messages, 101 - messages, 102 - messages}) {
        if (groups < 0) continue;
        for (const uint32_t number : {99u, 2u}) {
          // Unknown groups, and such in place of the text, beside something to hide.
          std::string bytes = in_groups(number, groups, "") + Field(2, kCanary);
          for (int i = 0; i < messages; ++i) bytes = Field(1, bytes);
          const auto parsed = bench.New();
          const bool readable = parsed->ParseFromString(bytes);
          CAPTURE(unknown, messages, groups, number);
          // One less deep than protobuf goes.
          REQUIRE(bench.Unreadable(bytes) == (messages + groups > 99));
          REQUIRE(readable == (messages + groups <= 100));
          if (messages + groups > 99) continue;
          const std::string masked = bench.Masked(bytes);
          REQUIRE_FALSE(absl::StrContains(masked, kCanary));
          REQUIRE(bench.New()->ParseFromString(masked));
        }
      }
    }
    // Groups and messages that are known, in turn.
    std::string bytes = Field(2, kCanary);
    for (int depth = 1; depth <= 104; ++depth) {
      bytes = depth % 2 == 0 ? absl::StrCat(Tag(3, 3), bytes, Tag(3, 4)) : Field(1, bytes);
      CAPTURE(unknown, depth);
      const std::string whole = depth % 2 == 0 ? bytes : Tag(3, 3) + bytes + Tag(3, 4);
      const int levels = depth % 2 == 0 ? depth : depth + 1;
      REQUIRE(bench.Unreadable(whole) == (levels > 99));
      REQUIRE(bench.New()->ParseFromString(whole) == (levels <= 100));
    }
  }
}

// Every order of rules, in shadow or not, that find something or do not.
TEST_CASE("the first content rule in force that finds something refuses, and those in shadow before it are named") {
  const char* const conditions[] = {"fields: [{field: t.Mixed.note, value: yes}]",
                                    "fields: [{field: t.Mixed.note, value: no}]", "detect: [payment_card]"};
  const std::string found = Field(1, "yes") + Field(3, Field(1, kCard));
  const std::string broken = Field(1, "yes") + Field(3, "\x0a\x7f");
  for (int code = 0; code < 216; ++code) {
    std::string rules = "content:\n";
    std::string refuses;
    std::vector<std::string> shadow;
    bool enforced = false;
    for (int i = 0, left = code; i < 3; ++i, left /= 6) {
      const int condition = left % 3;
      const bool in_shadow = left / 3 % 2 == 1;
      const std::string name = absl::StrCat("r", i);
      absl::StrAppend(&rules, " - {name: ", name, ", ", conditions[condition], in_shadow ? ", shadow: true" : "",
                      "}\n");
      enforced = enforced || !in_shadow;
      if (condition == 1 || !refuses.empty()) continue;
      if (in_shadow) shadow.push_back(name);
      if (!in_shadow) refuses = name;
    }
    INFO(rules);
    MaskBench bench = Mixed(rules);
    CHECK(bench.masks().enforces_content(MessageSide::kRequest) == enforced);
    CHECK(bench.masks().checks_content(MessageSide::kRequest));
    CHECK_FALSE(bench.masks().checks_content(MessageSide::kResponse));
    const ContentVerdict verdict = bench.masks().CheckContent(MessageSide::kRequest, found);
    CHECK(verdict.rule == refuses);
    CHECK(std::vector<std::string>(verdict.shadow.begin(), verdict.shadow.end()) == shadow);
    CHECK_FALSE(verdict.unreadable);
    // What cannot be read is refused by a rule in force alone; one in shadow says that it would have.
    const ContentVerdict of_broken = bench.masks().CheckContent(MessageSide::kRequest, broken);
    if (!enforced) {
      CHECK_FALSE(of_broken.unreadable);
      CHECK(of_broken.rule.empty());
    }
    if (absl::StrContains(rules, "r0, detect: [payment_card]}")) CHECK(of_broken.unreadable);
    if (absl::StrContains(rules, "r0, detect: [payment_card], shadow")) {
      CHECK((!of_broken.shadow.empty() && of_broken.shadow.front() == "r0"));
    }
  }
}

}  // namespace
}  // namespace sallyport::policy
