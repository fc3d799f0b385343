// Texts that are looked for in messages.
#include "policy/conditions/text_search.h"

#include <catch2/catch.hpp>

#include "tests/policy/conditions/condition_fixture.h"

namespace sallyport::policy {
namespace {

using Found = TextSearch::Found;

TEST_CASE("a text is found in any case of letters") {
  const TextSearch search = *TextSearch::Create("ÄRGER im");
  CHECK(search.IsIn("viel ärger IM Haus"));
  CHECK_FALSE(search.IsIn("viel arger im Haus"));
  CHECK(TextSearch::Create("k")->IsIn("K"));
  CHECK(TextSearch::Create("ⱥ")->IsIn("Ⱥ"));
  CHECK_FALSE(TextSearch::Create("STRASSE")->IsIn("Straße"));
  CHECK(
      TextSearch::Create("b")->IsIn("\xff"
                                    "B"));
}

TEST_CASE("it is found in texts of any depth, keys, and what an Any holds, and nowhere else") {
  const ConditionBench bench;
  const auto find = [&](const std::string& text, const std::string& json) {
    return TextSearch::Create(text)->InMessage(*bench.request, bench.Encode(bench.request, json), bench.set->types());
  };
  CHECK(find("eur", R"({"amount": {"currency": "EUR"}})") == Found::kYes);
  CHECK(find("key", R"({"counts": {"my key": 3}})") == Found::kYes);
  CHECK(find("b", R"({"notes": ["a", "b"]})") == Found::kYes);
  CHECK(find("deep", R"({"extra": {"a": [{"b": "so Deep"}]}})") == Found::kYes);
  CHECK(find("eur", R"({"any": {"@type": "type.googleapis.com/pay.Money", "currency": "EUR"}})") == Found::kYes);
  CHECK(find("closed", R"({"state": "CLOSED"})") == Found::kNo);
  CHECK(find("42", R"({"priority": 42})") == Found::kNo);
  CHECK(find("abc", R"({"secret": "YWJj"})") == Found::kNo);
  CHECK(find("amount", R"({"amount": {}})") == Found::kNo);
}

TEST_CASE("a message that is damaged is told apart from one without the text") {
  const ConditionBench bench;
  const auto find = [&](const std::string& text, const std::string& bytes) {
    return TextSearch::Create(text)->InMessage(*bench.request, bytes, bench.set->types());
  };
  CHECK(find("a",
             "\x12\x01"
             "b\x12\x05") == Found::kUndecodable);
  CHECK(find("b",
             "\x12\x01"
             "b\x12\x05") == Found::kYes);
}

TEST_CASE("texts that are looked for are bounded") {
  CHECK(TextSearch::Create(std::string(TextSearch::kMostBytes, 'a')).ok());
  CHECK_FALSE(TextSearch::Create(std::string(TextSearch::kMostBytes + 1, 'a')).ok());
  CHECK_FALSE(TextSearch::Create("").ok());
  CHECK_FALSE(TextSearch::Create("\xff").ok());
}

}  // namespace
}  // namespace sallyport::policy
