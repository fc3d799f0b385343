// What the policy file may say of masks and content rules, and what is told about one that is wrong.
#include <catch2/catch.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "policy/masking/field_glob.h"
#include "tests/policy/masking/reference_mask.h"
#include "tests/policy/policy_fixture.h"

namespace sallyport::policy {
namespace {

TEST_CASE("faults of masks name line and key") {
  const auto fault = [](const std::string& mask) { return FaultOf("masks:\n  - {" + mask + "}\n"); };
  CHECK(absl::StrContains(fault("fields: [a.B.c]"), "policy.yaml:2: masks[0].name: is missing"));
  CHECK(absl::StrContains(fault("name: m"), "policy.yaml:2: masks[0]: masks nothing"));
  CHECK(absl::StrContains(fault("name: m, fields: []"), "masks[0].fields: is an empty list"));
  CHECK(absl::StrContains(fault("name: m, fields: [a..b]"), "masks[0].fields[0]: \"a..b\" has an empty name"));
  CHECK(absl::StrContains(fault("name: m, fields: [card]"), "names no field"));
  CHECK(absl::StrContains(fault("name: m, fields: [\"a.b**\"]"), "has `**` within a name"));
  CHECK(absl::StrContains(fault("name: m, fields: [a.B.c], text: x, with: hash"),
                          "masks[0].text: goes with `with: redact`"));
  CHECK(absl::StrContains(fault("name: m, fields: [a.B.c], with: truncate"), "masks[0].length"));
  CHECK(absl::StrContains(fault("name: m, fields: [a.B.c], length: 3"), "masks[0].length"));
  CHECK(absl::StrContains(fault("name: m, fields: [a.B.c], with: redakt"), "did you mean \"redact\"?"));
  CHECK(absl::StrContains(fault("name: m, fields: [a.B.c], views: [caller], seal: true"), "masks[0].seal"));
  CHECK(absl::StrContains(fault("name: m, metadata: [x], seal: true"), "masks[0].seal: is about messages"));
  for (const char* const name : {"X-Session", "X-Secret*", "x session", ":path", "*:authority"}) {
    INFO(name);
    CHECK(absl::StrContains(fault(absl::StrCat("name: m, metadata: [x-ok, \"", name, "\"]")),
                            absl::StrCat("policy.yaml:2: masks[0].metadata[1]: \"", name, "\" matches no name of")));
  }
  Parsed("masks: [{name: m, metadata: [x-session, \"x-secret*\", \"*-?\", \"*\", \":authority\"]}]");
  CHECK(absl::StrContains(fault("name: m, detect: [pament_card]"),
                          "no detector is called \"pament_card\"; there are payment_card"));
  // A glob over names, too, that there are not.
  for (const char* const glob : {"no*", "*cards", "emai?l"}) {
    CHECK(absl::StrContains(fault(absl::StrCat("name: m, detect: [email, \"", glob, "\"]")),
                            absl::StrCat("masks[0].detect[1]: no detector is called \"", glob, "\"")));
    CHECK(absl::StrContains(FaultOf(absl::StrCat("content: [{name: c, detect: [\"", glob, "\"]}]")),
                            absl::StrCat("content[0].detect[0]: no detector is called \"", glob, "\"")));
  }
  CHECK(Parsed("masks: [{name: m, detect: [\"ip*\"]}]")->masks()[0].detect.size() == 2);
  CHECK(absl::StrContains(FaultOf("masks: [{name: m, fields: [a.B.c]}, {name: m, fields: [a.B.c]}]"),
                          "for the second time"));
  CHECK(absl::StrContains(FaultOf("detectors: [{name: d, pattern: \"(\"}]"),
                          "detectors[0].pattern: is no pattern of RE2's"));
  CHECK(absl::StrContains(FaultOf("detectors: [{name: email, pattern: x}]"), "for the second time"));
  CHECK(absl::StrContains(FaultOf("content: [{name: c}]"), "content[0]: looks for nothing"));
  CHECK(absl::StrContains(FaultOf("content: [{name: c, fields: [{field: x}]}]"), "content[0].fields[0].field"));
}

TEST_CASE("faults of keys in brackets say what to write instead") {
  const auto fault = [](const std::string& glob) {
    const std::string text = FaultOf(absl::StrCat("masks:\n  - name: m\n    fields:\n      - '", glob, "'\n"));
    CHECK_THAT(text, Catch::StartsWith("policy.yaml:4: masks[0].fields[0]: \""));
    return text;
  };
  for (const auto& [glob, problem] : std::vector<std::pair<std::string, std::string>>{
           {"a.B[x", "has a bracket that is not closed"},
           {"a.B[", "has a bracket that is not closed"},
           {"a.B[]", "has an empty key: for the key that is empty write [\"\"]"},
           {"a.B[key=]", "has an empty key"},
           {"a.B[x|]", "has an empty key"},
           {"a.B[x, y]", "has a comma in brackets: write `|` between keys, or quote the key"},
           {"a.B[x y]", "has a space in a key: quote the key, as in [\"a b\"]"},
           {"a.B[x[0]]", "has `[` in a key: quote the key"},
           {"a.B[k=x=y]", "has `=` in a key: quote the key"},
           {"a.B[\"k\"=y]", "has `=` in a key: quote the key"},
           {"a.B[x\\y]", "has `\\` in a key: quote the key"},
           {"a.B[\"x]", "has a quote that is not closed"},
           {"a.B[\"x\\n\"]", "has a backslash in quotes before something that is no quote or backslash"},
           {"a.B[\"*\"*]", "has `*` or `?` in quotes and outside in one key"},
           {"a.B[x]y", "has something else than a dot behind a bracket"},
           {"a.B[x][y]", "has something else than a dot behind a bracket"},
           {"a.B[x].", "has an empty name"},
           {"a.[x].y", "has an empty name"},
           {"[x].y", "has an empty name"},
           {"a.**[x].y", "has a key at `**`: write `**.*[…]` for messages in any field"},
           {"a.B]x", "is not made of names, dots, `*`, `?`, `**` and keys in brackets"},
       }) {
    INFO(glob);
    CHECK(absl::StrContains(fault(glob), problem));
  }
  Parsed("masks: [{name: m, fields: ['a.B[x]', \"*[k='a \\\\' [x]']\", 'a.B[k=x|\"y\"|z*].c[7].**', 'a[\"\"].b']}]");
  CHECK(absl::StrContains(FaultOf("content: [{name: c, fields: [{field: 'a.B[x'}]}]"),
                          "content[0].fields[0].field: \"a.B[x\" has a bracket that is not closed"));
  // What YAML makes of brackets without quotes around all of it.
  CHECK_FALSE(FaultOf("masks: [{name: m, fields: [a.B[x].c]}]").empty());
}

TEST_CASE("globs have bounds, and say which") {
  const auto mask = [](const std::string& glob) {
    return absl::StrCat("masks: [{name: m, fields: ['", glob, "']}]\n");
  };
  const auto joined = [](int count, const char* with) {
    return absl::StrJoin(std::vector<std::string>(static_cast<size_t>(count), "x"), with);
  };
  Parsed(mask(joined(256, ".")));
  CHECK(absl::StrContains(FaultOf(mask(joined(257, "."))), "has more than 256 names"));
  Parsed(mask(absl::StrCat("a.B[", joined(1024, "|"), "]")));
  CHECK(absl::StrContains(FaultOf(mask(absl::StrCat("a.B[", joined(1025, "|"), "]"))),
                          "has more than 1024 keys in brackets"));
}

TEST_CASE("globs mean fields as the slow and obvious way says") {
  const std::vector<std::string> globs = {"t.A.b",    "*.b",    "t.*.b", "t.A.*",   "t.A.b.c", "t.A.**",
                                          "t.A.b.**", "**.c",   "**",    "t.?.b",   "*.b.c",   "*.**.c",
                                          "t.**.c",   "t.A.b*", "u.A.b", "t.A.**.c"};
  const std::vector<std::pair<std::string, std::vector<std::string>>> paths = {
      {"t.A", {"b"}}, {"t.A", {"c"}},   {"t.A", {"b", "c"}}, {"t.A", {"b", "b", "c"}},
      {"t.B", {"b"}}, {"u.v.A", {"b"}}, {"A", {"b"}},        {"t.A", {"bb"}}};
  for (const std::string& text : globs) {
    const auto glob = FieldGlob::Parse(text);
    REQUIRE(glob.ok());
    for (const auto& [type, fields] : paths) {
      FieldGlob::Places places = glob->AtType(type);
      for (const std::string& field : fields) places = glob->After(places, field);
      bool by_wildcard = false;
      bool whole = false;
      const bool expected = ReferenceMatches(text, type, fields, &whole);
      CAPTURE(text, type, fields);
      CHECK(glob->Accepts(places, &by_wildcard) == expected);
      if (expected) CHECK(by_wildcard != whole);
    }
  }
}

}  // namespace
}  // namespace sallyport::policy
