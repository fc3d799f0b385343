// Odd encodings, and kinds of fields that proto3 alone does not have.
#include <malloc.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/policy/masking/mixed_message.h"

namespace sallyport::policy {
namespace {

constexpr char kProto[] = R"(
syntax = "proto3";
package t;
import "google/protobuf/any.proto";
service S { rpc M(Outer) returns (Outer); }
enum Kind { ZERO = 0; ONE = 1; }
message Card { string number = 1; string holder = 2; int32 pin = 3; bool active = 4; Kind kind = 5; }
message Outer {
  Card card = 1;
  repeated Card cards = 2;
  map<string, Card> by_name = 3;
  oneof way { string iban = 4; Card by_card = 5; }
  google.protobuf.Any detail = 6;
  repeated google.protobuf.Any details = 7;
  repeated int32 pins = 8;
  bytes raw = 9;
  Outer inner = 10;
  string note = 11;
  Plain plain = 12;
}
message Plain { string text = 1; }
message Other { string a = 1; string b = 2; }
)";

MaskBench Cards(const std::string& more = "") {
  return MaskBench(DescriptorsOf(kProto),
                   absl::StrCat("masks: [{name: cards, fields: [\"t.Card.number\", \"t.Card.pin\", \"t.Outer.iban\", "
                                "\"t.Outer.pins\"]}]\n",
                                more));
}

TEST_CASE("no encoding of a masked value gets it through") {
  MaskBench bench = Cards();
  const std::string secret = Field(1, kCanary);
  const std::vector<std::pair<const char*, std::string>> tricks = {
      {"plain", Field(1, secret)},
      {"overlong tag", Tag(1, 2, 3) + Varint(secret.size()) + secret},
      {"overlong tag within", Field(1, Tag(1, 2, 5) + Varint(6) + kCanary)},
      {"overlong length", Tag(1, 2) + Varint(secret.size(), 5) + secret},
      {"overlong length within", Field(1, Tag(1, 2) + Varint(6, 4) + kCanary)},
      {"split in two", Field(1, Field(2, "x")) + Field(1, secret)},
      {"twice", Field(1, secret + Field(1, "y") + secret)},
      {"an unknown field", Field(1, Field(1000, kCanary) + secret)},
      {"an unknown field outside", Field(1, secret) + Field(1000, kCanary)},
      {"an unknown group", Field(1, secret) + Tag(99, 3) + Field(1, kCanary) + Tag(99, 4)},
      {"a group in place of a message", Tag(1, 3) + secret + Tag(1, 4)},
      {"a wrong wire type", Field(1, Tag(1, 1) + "c4nary!!")},
      {"a text in place of a number", Field(1, Field(3, kCanary))},
      {"repeated", Field(2, secret) + Field(2, secret)},
      {"a map entry, value first", Field(3, Field(2, secret) + Field(1, "k"))},
      {"a map entry, key twice", Field(3, Field(1, "k") + Field(2, secret) + Field(1, "l") + Field(2, secret))},
      {"all arms of a oneof", Field(4, kCanary) + Field(5, secret) + Field(4, kCanary)},
      {"deep", Field(10, Field(10, Field(10, Field(1, secret))))},
      {"not UTF-8", Field(1, Field(1, absl::StrCat("\xff", kCanary)))},
      {"Any", Field(6, Field(1, "type.googleapis.com/t.Card") + Field(2, secret))},
      {"Any, value first", Field(6, Field(2, secret) + Field(1, "x/t.Card"))},
      {"Any, type twice", Field(6, Field(1, "x/t.Plain") + Field(2, secret) + Field(1, "x/t.Card"))},
      {"Any of an unknown type", Field(6, Field(1, "x/t.Nowhere") + Field(2, secret))},
      {"Any without a type", Field(6, Field(2, secret))},
      {"Any in Any", Field(7, Field(1, "x/google.protobuf.Any") + Field(2, Field(1, "x/t.Card") + Field(2, secret)))},
      {"Any as a group", Tag(6, 3) + Field(1, "x/t.Card") + Field(2, secret) + Tag(6, 4)},
  };
  for (const auto& [what, bytes] : tricks) {
    INFO(what);
    const std::string masked = bench.Masked(bytes);
    CHECK_FALSE(absl::StrContains(masked, kCanary));
    CHECK(bench.Masked(masked) == masked);
  }
}

TEST_CASE("what parsers read in different ways is refused") {
  MaskBench bench = Cards();
  const std::string secret = Field(1, kCanary);
  for (const auto& [what, bytes] : std::vector<std::pair<const char*, std::string>>{
           {"bits beyond a tag's 32", std::string("\x8a\x80\x80\x80\x10") + Varint(secret.size()) + secret},
           {"a tag of six bytes", Tag(1, 2, 6) + Varint(secret.size()) + secret},
           {"a length of six bytes", Tag(1, 2) + Varint(secret.size(), 6) + secret},
           {"a length beyond the end", Tag(1, 2) + Varint(secret.size() + 1) + secret},
           {"field 0", Field(0, secret)},
           {"wire type 6", Tag(1, 6) + secret},
           {"wire type 7", Tag(1, 7) + secret},
           {"an end without a group", Tag(1, 4)},
           {"a group without an end", Tag(99, 3) + secret},
           {"a group with another's end", Tag(99, 3) + Tag(98, 4)},
           {"a varint of eleven bytes", Field(1, Tag(3, 0) + std::string(10, '\x80') + "\x01")},
           {"a cut varint", Field(1, Tag(3, 0) + "\x80")},
           {"a cut tag", std::string("\x80")},
       }) {
    INFO(what);
    CHECK(bench.Unreadable(bytes));
  }
  std::string deep = secret;
  for (int i = 0; i < 120; ++i) deep = Field(10, deep);
  CHECK(bench.Unreadable(deep));
  std::string groups;
  for (int i = 0; i < 200; ++i) groups += Tag(99, 3);
  CHECK(bench.Unreadable(groups));
}

TEST_CASE("numbers are re-emitted as parsers keep them") {
  MaskBench bench = Cards();
  // A change elsewhere, so that there is an output.
  const std::string change = Field(1, kCanary);
  CHECK(bench.Masked(Field(1, change + Tag(4, 0) + Varint(2))) == Field(1, Field(1, "") + Tag(4, 0) + Varint(1)));
  CHECK(bench.Masked(Field(1, change + Tag(5, 0) + Varint(1, 3))) == Field(1, Field(1, "") + Tag(5, 0) + Varint(1)));
  CHECK(bench.MaskedText("card { pin: 1234 holder: \"ada\" }") == "card { holder: \"ada\" }");
  CHECK(bench.Masked(Field(8, "\x01\x02\x03")) == Field(8, std::string(3, '\0')));
  CHECK(bench.Masked(Tag(8, 0) + "\x07") == Tag(8, 0) + std::string(1, '\0'));
}

TEST_CASE("what nothing is said about passes as it came") {
  MaskBench bench = Cards();
  std::string masked;
  std::string problem;
  const std::string plain = Field(12, Field(1, "x") + Field(77, "unknown to this type")) + Field(11, "note");
  CHECK(bench.record()->Apply(plain, &masked, &problem) == MessageMask::Outcome::kUnchanged);
  CHECK(masked.empty());
  // Beside something that is hidden it stays as it is too.
  CHECK(absl::StrContains(bench.Masked(plain + Field(4, kCanary)), Field(77, "unknown to this type")));
  // A type in which nothing can be hidden has no mask at all.
  const auto plain_only = DescriptorsOf(
      "syntax = \"proto3\"; package t; service S { rpc M(Plain) returns (Plain); } message Plain { string text = 1; }");
  MaskBench other(plain_only, "masks: [{name: m, fields: [\"elsewhere.Type.field\"]}]");
  CHECK(other.record() == nullptr);
}

TEST_CASE("unknown fields stay where the policy says so") {
  MaskBench bench = Cards("keep_unknown_fields: [\"t.C*\"]\n");
  const std::string unknown = Field(1000, "unknown");
  CHECK(bench.Masked(Field(1, Field(1, kCanary) + unknown) + unknown) == Field(1, Field(1, "") + unknown));
  CHECK(bench.Masked(Field(1, Field(3, kCanary))) == Field(1, ""));  // a known one with another's wire type does not
}

TEST_CASE("proto2: groups, extensions, required fields and closed enums") {
  MaskBench bench(DescriptorsOf(R"(
syntax = "proto2";
package t;
service S { rpc M(Outer) returns (Outer); }
enum Kind { SECOND = 2; FIRST = 1; }
message Outer {
  repeated group Part = 1 { optional string secret = 2; optional string open = 3; }
  required string id = 4;
  optional Kind kind = 5;
  required Inner inner = 7;
  extensions 100 to 200;
}
message Inner { required string id = 1; }
extend Outer { optional string extra = 100; optional Inner more = 101; }
)"),
                  "masks:\n"
                  "  - {name: all, fields: [\"t.Outer.part.secret\", \"*.extra\", t.Outer.kind, t.Inner.id]}\n"
                  "  - {name: dropped, fields: [t.Outer.id, t.Outer.inner], with: drop}\n");
  const std::string bytes = Tag(1, 3) + Field(2, kCanary) + Field(3, "open") + Tag(1, 4) + Field(4, kCanary) +
                            Tag(5, 0) + Varint(1) + Field(7, Field(1, kCanary)) + Field(100, kCanary) +
                            Field(101, Field(1, kCanary));
  const std::string masked = bench.Masked(bytes);
  CHECK_FALSE(absl::StrContains(masked, kCanary));
  CHECK(masked == Tag(1, 3) + Field(2, "") + Field(3, "open") + Tag(1, 4) + Field(4, "") + Tag(5, 0) + Varint(2) +
                      Field(7, Field(1, "")) + Field(100, "") + Field(101, Field(1, "")));
}

TEST_CASE("options of fields say what is sensitive, whoever defined them") {
  const char* const proto = R"(
syntax = "proto3";
package t;
import "google/protobuf/descriptor.proto";
extend google.protobuf.FieldOptions { bool pii = 50000; Mark sensitive = 51966; }
message Mark { string class = 1; string holds = 2; }
service S { rpc M(Person) returns (Person); }
message Person {
  string name = 1 [(pii) = true];
  string nick = 2 [(pii) = false];
  string ssn = 3 [(sensitive) = {class: "national_id"}];
  bytes packed = 4 [(sensitive) = {holds: "t.Person"}];
  string plain = 5;
}
)";
  MaskBench bench(DescriptorsOf(proto), "masks: [{name: m, options: [t.pii], classes: [\"national*\"], text: x}]");
  CHECK(bench.MaskedText("name: \"a\" nick: \"b\" ssn: \"c\" plain: \"d\"") ==
        "name: \"x\" nick: \"b\" ssn: \"x\" plain: \"d\"");
  CHECK(bench.Masked(Field(4, Field(1, kCanary))) == Field(4, Field(1, "x")));
}

TEST_CASE("a detector is asked about what another mask leaves of a field") {
  const std::string text = absl::StrCat("pay with ", kCard, " please");
  for (const char* const masks : {"masks:\n - {name: a, detect: [payment_card], text: X}\n - {name: b, fields: "
                                  "[t.Mixed.note], with: truncate, length: 40}\n",
                                  "masks:\n - {name: b, fields: [t.Mixed.note], with: truncate, length: 40}\n - {name: "
                                  "a, detect: [payment_card], text: X}\n"}) {
    INFO(masks);
    MaskBench bench = Mixed(masks);
    CHECK(bench.Masked(Field(1, text)) == Field(1, "pay with X please"));
    // What is cut in the middle is no card any more, but most of one.
    CHECK(bench.Masked(Field(1, absl::StrCat(std::string(24, '-'), kCard))) ==
          Field(1, absl::StrCat(std::string(24, '-'), "X")));
    // Nor becomes a text one by being cut.
    const std::string cut = bench.Masked(Field(1, absl::StrCat(std::string(20, '-'), " ", kCard, " 0")));
    CHECK_FALSE(absl::StrContains(cut, kCard));
    CHECK(bench.Masked(cut) == cut);
  }
  // What shows nothing of the value, or the part of it that somebody chose, is left as the mask says.
  MaskBench last4 =
      Mixed("masks:\n - {name: a, detect: [payment_card]}\n - {name: b, fields: [t.Mixed.note], with: last4}\n");
  CHECK(last4.Masked(Field(1, kCard)) == Field(1, "**** **** **** 1111"));
}

TEST_CASE("a detector is asked about what another mask leaves of metadata") {
  MaskBench bench = Mixed(
      "masks:\n - {name: a, metadata: [x-note], with: truncate, length: 40}\n - {name: b, detect: [payment_card], "
      "text: X}\n");
  std::string value = absl::StrCat("pay with ", kCard, " please");
  bool drop = false;
  CHECK(bench.masks().MaskMetadata(MaskView::kRecord, "x-note", &value, &drop));
  CHECK(value == "pay with X please");
}

TEST_CASE("what is not known of a type is left out wherever a mask is about everything in it") {
  const std::string unknown = Field(99, kCanary);
  const std::string everywhere = Field(2, unknown) + Field(3, unknown) + unknown +
                                 Field(4, Field(1, "x/t.Empty") + Field(2, unknown)) + Field(6, unknown);
  for (const char* const masks :
       {"masks: [{name: a, detect: [payment_card]}]", "masks: [{name: a, fields: [\"t.Mixed.**\"]}]",
        "masks: [{name: a, fields: [\"**\"]}]"}) {
    INFO(masks);
    MaskBench bench = Mixed(masks);
    const std::string masked = bench.Masked(everywhere);
    CHECK_FALSE(absl::StrContains(masked, kCanary));
    CHECK(absl::StartsWith(masked, Field(2, "")));
  }
  MaskBench keeps = Mixed("masks: [{name: a, detect: [payment_card]}]\nkeep_unknown_fields: [t.Empty]\n");
  CHECK(keeps.Masked(Field(2, unknown) + Field(3, unknown)) == Field(2, unknown) + Field(3, ""));
}

TEST_CASE("what is of a type that is not known is left out under any mask") {
  const std::string secret = Field(1, kCanary);
  for (const char* const masks :
       {"masks: [{name: a, fields: [t.Text.text]}]", "masks: [{name: a, fields: [t.Elsewhere.field]}]",
        "masks: [{name: a, detect: [email]}]"}) {
    INFO(masks);
    MaskBench bench = Mixed(masks);
    CHECK(bench.Masked(Field(5, secret)) == "");
    CHECK(bench.Masked(Field(4, Field(1, "x/no.such.Type") + Field(2, secret))) ==
          Field(4, Field(1, "x/no.such.Type")));
  }
  // A mask that is about metadata alone says nothing about messages, nor about details of a status.
  MaskBench metadata = Mixed("masks: [{name: a, metadata: [x-secret]}]");
  CHECK(metadata.record() == nullptr);
  std::string details = Field(3, Field(1, "x/no.such.Type") + Field(2, secret));
  bool drop = false;
  CHECK_FALSE(metadata.masks().MaskMetadata(MaskView::kRecord, "grpc-status-details-bin", &details, &drop));
}

TEST_CASE("a message that is masked as a whole keeps what it must have") {
  for (const char* const how : {"redact", "drop", "hash"}) {
    MaskBench bench = Mixed(absl::StrCat(
        "masks: [{name: a, fields: [t.Mixed.strict, t.Mixed.stricts, t.Mixed.by_name, t.Strict.more], with: ", how,
        "}]"));
    const std::string strict =
        "{ id: 'c4nary' kind: FIRST more { a: 1 b: 2 c: true G { d: 'c4nary' } } next { id: 'c4nary' kind: SECOND more "
        "{ a: 3 b: 4 c: true G { d: 'c4nary' } } } }";
    const std::string bytes =
        bench.Bytes(absl::StrCat("strict ", strict, " stricts ", strict, " by_name { key: 'k' value ", strict, "}"));
    // Text() parses strictly.
    const std::string empty = "{ id: \"\" kind: SECOND more { a: 0 b: 0 c: false G { d: \"\" } } }";
    const std::string masked = bench.Masked(bytes);
    CHECK(bench.Text(masked) ==
          (std::string(how) == "drop"
               ? ""
               : absl::StrCat("strict ", empty, " stricts ", empty, " by_name { key: \"\" value ", empty, " }")));
    CHECK_FALSE(absl::StrContains(masked, kCanary));
  }
  // A required one that is dropped stays, as small as it may be.
  MaskBench dropped = Mixed("masks: [{name: a, fields: [t.Strict.more, t.Strict.id], with: drop}]");
  CHECK(dropped.MaskedText("strict { id: 'c4nary' kind: FIRST more { a: 1 b: 2 c: true G { d: 'x' } } }") ==
        "strict { id: \"\" kind: FIRST more { a: 0 b: 0 c: false G { d: \"\" } } }");
}

TEST_CASE("packed numbers that do not parse are refused beside a mask too") {
  MaskBench bench = Mixed("masks: [{name: a, fields: [t.Mixed.note]}]");
  CHECK(bench.Unreadable(Field(1, kCanary) + Field(9, "\x80")));
  CHECK(bench.Unreadable(Field(1, kCanary) + Field(9, absl::StrCat("\x01", std::string(10, '\x80'), "\x01"))));
  CHECK(bench.Unreadable(Field(1, kCanary) + Field(10, "1234567")));
  CHECK(bench.Masked(Field(1, kCanary) + Field(9, absl::StrCat(std::string(9, '\xff'), "\x01\x05")) +
                     Field(10, "12345678")) ==
        Field(1, "") + Field(9, absl::StrCat(std::string(9, '\xff'), "\x01\x05")) + Field(10, "12345678"));
}

TEST_CASE("a content rule's detectors look into what is not known as well") {
  MaskBench bench = Mixed("content: [{name: no cards, detect: [payment_card]}]");
  for (const auto& [what, bytes] : std::vector<std::pair<const char*, std::string>>{
           {"a text", Field(1, kCard)},
           {"an unknown field", Field(2, Field(99, kCard))},
           {"a message in an unknown field",
            Field(99, Field(2, "") + Field(1, std::string(kCard) + std::string(29, ' ')) + Field(16, ""))},
           {"an unknown group", Tag(98, 3) + Field(1, kCard) + Tag(98, 4)},
           {"an Any of an unknown type", Field(4, Field(1, "x/no.such.Type") + Field(2, Field(1, kCard)))},
           {"a field that holds an unknown type", Field(5, Field(1, kCard))},
           {"a field that holds an unknown type with more behind",
            Field(5, Field(2, "") + Field(1, std::string(kCard) + std::string(29, ' ')) + Field(16, ""))},
           {"a field that holds a known one", Field(6, Field(1, kCard))},
           {"a known field as a group", Tag(1, 3) + Field(1, kCard) + Tag(1, 4)},
       }) {
    INFO(what);
    CHECK(bench.masks().CheckContent(MessageSide::kRequest, bytes).rule == "no cards");
  }
  CHECK(bench.masks().CheckContent(MessageSide::kRequest, Field(2, Field(99, "4111"))).rule.empty());
}

TEST_CASE("a content rule refuses what its own detectors find, and not what others do that a mask or rule asks for") {
  const std::vector<std::pair<std::string, std::string>> samples = {{"payment_card", kCard},
                                                                    {"email", "ada@example.com"},
                                                                    {"ipv4", "10.0.0.7"},
                                                                    {"us_ssn", "078-05-1120"},
                                                                    {"own", "badge B-1234"}};
  const std::string own = "detectors: [{name: own, pattern: \"B-[0-9]{4}\"}]\n";
  for (const auto& [asked, sample] : samples) {
    for (const auto& [other, other_sample] : samples) {
      if (asked == other) continue;
      INFO(asked << " and " << other);
      const std::string rule = absl::StrCat(own, "content:\n - {name: c, detect: [", asked, "]}\n");
      for (const std::string& more : {absl::StrCat(" - {name: d, detect: [", other, "], in: [responses]}\n"),
                                      absl::StrCat("masks: [{name: m, detect: [", other, "]}]\n")}) {
        MaskBench bench = Mixed(rule + more);
        CHECK(bench.masks().CheckContent(MessageSide::kRequest, Field(1, sample)).rule == "c");
        CHECK(bench.masks().CheckContent(MessageSide::kRequest, Field(1, other_sample)).rule.empty());
      }
    }
  }
}

TEST_CASE("what a detector finds that no mask of the view asks for hides nothing, and no find of another") {
  const std::string detectors =
      "detectors: [{name: outer, pattern: \"x[0-9]+x\"}, {name: inner, pattern: \"[0-9]{3}\"}]\n";
  for (const char* const rest :
       {"masks:\n - {name: o, detect: [outer], views: [caller]}\n - {name: i, detect: [inner], text: N}\n",
        "masks:\n - {name: i, detect: [inner], text: N}\n - {name: o, detect: [outer], views: [caller]}\n",
        "content: [{name: c, detect: [outer]}]\nmasks: [{name: i, detect: [inner], text: N}]\n"}) {
    INFO(rest);
    MaskBench bench = Mixed(detectors + rest);
    CHECK(bench.Masked(Field(1, "x123x")) == Field(1, "xNx"));
    CHECK(bench.Masked(Field(1, "a x123x")) == Field(1, "a xNx"));
    CHECK(bench.Masked(Field(1, "x12x")) == Field(1, "x12x"));
    CHECK(bench.Masked(Field(1, "x12x 345")) == Field(1, "x12x N"));
  }
}

TEST_CASE("what is left once a find is masked is looked into again") {
  MaskBench bench = Mixed("detectors: [{name: ab, pattern: \"ab\"}]\nmasks: [{name: m, detect: [ab]}]\n");
  CHECK(bench.Masked(Field(1, "1 aabb 2")) == Field(1, "1  2"));
  CHECK(bench.Masked(Field(1, "aaaabbbb")) == Field(1, ""));
  // Deeper than anybody writes: nothing is left of it.
  CHECK(bench.Masked(Field(1, "x" + std::string(1000, 'a') + std::string(1000, 'b'))) == Field(1, ""));
  CHECK(bench.Masked(Field(1, "ba")) == Field(1, "ba"));
  // What a mask puts there is none of the original, whatever it looks like.
  MaskBench longer =
      Mixed("detectors: [{name: ab, pattern: \"ab\"}]\nmasks: [{name: m, detect: [ab], text: \"<ab>\"}]\n");
  CHECK(longer.Masked(Field(1, "1 ab 2 ab")) == Field(1, "1 <ab> 2 <ab>"));
  MaskBench tokens = Mixed("masks: [{name: m, detect: [email], with: tokenize}]\n");
  const std::string once = tokens.Masked(Field(1, "to ada@example.com and bob@example.com"));
  CHECK(once == tokens.Masked(Field(1, "to ada@example.com and bob@example.com")));
  CHECK_FALSE(absl::StrContains(once, "example"));
}

TEST_CASE("what would be too much work is refused") {
  // Values to hash: each costs as much as reading hundreds.
  MaskBench hash = Mixed("masks: [{name: m, fields: [t.Mixed.numbers], with: hash}]\n");
  const std::string most(size_t{1} << 20, '\1');
  CHECK_FALSE(hash.Unreadable(Field(9, most)));
  CHECK(hash.Unreadable(Field(9, most + '\1')));
  CHECK(hash.Unreadable(Field(9, most) + Tag(9, 0) + '\1'));
  // Finds are such values, whatever becomes of them, in one field or in many.
  std::string addresses;
  while (addresses.size() < (8 << 20)) addresses += "1.1.1.1 ";
  for (const char* const how : {"hash", "redact"}) {
    MaskBench finds = Mixed(absl::StrCat("masks: [{name: m, detect: [ipv4], with: ", how, "}]\n"));
    CHECK(finds.Unreadable(Field(1, addresses + "1.1.1.1 ")));
    if (std::string(how) == "hash") continue;
    CHECK_FALSE(finds.Unreadable(Field(1, addresses)));
    CHECK(finds.Unreadable(Field(1, addresses) + Field(1, "1.1.1.1")));
    bool drop = false;
    std::string value = addresses + "1.1.1.1";
    CHECK(finds.masks().MaskMetadata(MaskView::kRecord, "x", &value, &drop));
    CHECK(value.empty());
  }
  // Unknown messages in unknown messages, each of which is looked into as a whole.
  MaskBench content = Mixed("content: [{name: no cards, detect: [payment_card]}]");
  std::string nested(200'000, 'x');
  for (int i = 0; i < 10; ++i) nested = Field(99, nested);
  CHECK_FALSE(content.masks().CheckContent(MessageSide::kRequest, nested).unreadable);
  for (int i = 0; i < 40; ++i) nested = Field(99, nested);
  CHECK(content.masks().CheckContent(MessageSide::kRequest, nested).unreadable);
  // A long text that is made to look like something again and again goes as a whole.
  MaskBench again = Mixed("detectors: [{name: ab, pattern: \"ab\"}]\nmasks: [{name: m, detect: [ab]}]\n");
  CHECK(again.Masked(Field(1, std::string(50'000, 'x') + "aaaaabbbbb" + std::string(50'000, 'x'))) == Field(1, ""));
}

TEST_CASE("what a long text took is given back") {
  MaskBench bench = Mixed("masks: [{name: m, detect: [ipv4], with: hash}]\n");
  const auto in_use = [] {
    const struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
  };
  const auto mask = [&](size_t bytes) {
    std::string addresses;
    while (addresses.size() < bytes) addresses += "1.1.1.1 ";
    return bench.Masked(Field(1, addresses)).size();
  };
  mask(100);
  const size_t before = in_use();
  CHECK(mask(4 << 20) > 4 << 20);
  CHECK(in_use() < before + (1 << 20));
}

TEST_CASE("what is compiled for kinds of calls is bounded in bytes") {
  // Callers choose by their metadata which masks match them.
  constexpr size_t kMost = size_t{1} << 20;
  constexpr int kMasks = 9;
  std::string masks = "masks:\n";
  std::string rules = "content:\n";
  for (int i = 0; i < kMasks; ++i) {
    const std::string match = absl::StrCat("match: {metadata: {\"m", i, "\": \"*\"}}");
    absl::StrAppend(&masks, " - {name: m", i, ", ", match, ", fields: [t.Mixed.note, t.Text.text]}\n");
    absl::StrAppend(&rules, " - {name: c", i, ", ", match, ", detect: [ipv4]}\n");
  }
  const auto masker = Masker::Create(Parsed(masks + rules), DescriptorsOf(kMixedProto), kTestKey, nullptr, kMost);
  size_t most = 0;
  for (int kind = 1; kind < (1 << kMasks); ++kind) {
    MadeCall call = AliceReads();
    call.method = "/t.S/M";
    call.metadata.clear();
    for (int i = 0; i < kMasks; ++i) {
      if ((kind >> i & 1) != 0) call.metadata.push_back({absl::StrCat("m", i), "x"});
    }
    const auto calls = masker->ForCall(call.request());
    REQUIRE(calls != nullptr);
    std::string masked;
    std::string problem;
    REQUIRE(calls->message(MessageSide::kRequest, MaskView::kRecord)->Apply(Field(1, kCanary), &masked, &problem) ==
            MessageMask::Outcome::kMasked);
    most = std::max(most, masker->bytes());
  }
  CHECK(most > kMost / 2);
  CHECK(most < 2 * kMost);
}

}  // namespace
}  // namespace sallyport::policy
