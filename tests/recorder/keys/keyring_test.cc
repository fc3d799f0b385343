#include "recorder/keys/keyring.h"

#include "tests/recorder/keys_fixture.h"

namespace sallyport::recorder {
namespace {

const std::string kOne = "kek 01234567 2026-01-02T03:04:05Z AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const std::string kTwo = "kek 89abcdef 2026-02-02T03:04:05Z ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=";
const std::string kSecret = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

std::string ErrorOf(const std::string& text) {
  const auto keyring = Keyring::Parse(text, "ring");
  REQUIRE(absl::IsInvalidArgument(keyring.status()));
  return Said(keyring.status());
}

TEST_CASE("a keyring's last key is the current one; comments, blank lines and spaces do not matter") {
  const auto keyring = Keyring::Parse("# a comment\n\n" + kOne + "\r\n   # another\n\t" + kTwo, "ring");
  REQUIRE(keyring.ok());
  CHECK(keyring->keys().size() == 2);
  CHECK(keyring->current().id == "89abcdef");
  CHECK(keyring->current().created == absl::FromUnixSeconds(1770001445));
  REQUIRE(keyring->Find("01234567") != nullptr);
  CHECK(keyring->Find("01234567")->key.bytes().substr(0, 4) == std::string_view("\x00\x01\x02\x03", 4));
  CHECK(keyring->Find("01234568") == nullptr);
}

TEST_CASE("a wrong line in a keyring is named, and what is in it is not shown") {
  CHECK(Contains(ErrorOf(""), "holds no key"));
  CHECK(Contains(ErrorOf("# only this\n"), "holds no key"));
  for (const std::string& line : {
           kSecret,                                                          // the key alone
           "kek " + kSecret,                                                 //
           kOne + " " + kSecret,                                             // too much
           "key" + kOne.substr(3),                                           // another word
           "kek 0123456 2026-01-02T03:04:05Z " + kSecret + "=",              // id too short
           "kek 0123456X 2026-01-02T03:04:05Z " + kSecret + "=",             // no hex
           "kek ABCDEF01 2026-01-02T03:04:05Z " + kSecret + "=",             // upper case
           "kek 01234567 yesterday " + kSecret + "=",                        // no time
           "kek 01234567 2026-01-02T03:04:05Z " + kSecret,                   // no padding
           "kek 01234567 2026-01-02T03:04:05Z AAAA" + kSecret + "=",         // too long
           "kek 01234567 2026-01-02T03:04:05Z " + kSecret.substr(4),         // too short
           "kek 01234567 2026-01-02T03:04:05Z " + kSecret + "9",             // stray bits
           "kek 01234567 2026-01-02T03:04:05Z " + kSecret + "\x01=",         // no base64
           std::string("kek 01234567") + '\0' + " 2026-01-02T03:04:05Z A=",  // NUL
       }) {
    const std::string error = ErrorOf("# first\n" + line + "\n" + kTwo + "\n");
    INFO(error);
    CHECK(error.starts_with("ring:2: "));
    CHECK_FALSE(Contains(error, kSecret.substr(0, 10)));
  }
  CHECK(ErrorOf(kOne + "\n" + kOne + "\n").starts_with("ring:2: a second key by the id 01234567"));
  CHECK(Contains(ErrorOf(std::string(Keyring::kMaxSize + 1, '#')), "larger"));
}

TEST_CASE("a fresh key is added behind the others, and comments stay") {
  const std::string text = "# ours\n" + kOne;  // without the end of its line
  const auto keyring = Keyring::Parse(text, "ring");
  const auto grown = WithFreshKey(text, *keyring, absl::FromUnixSeconds(1767323045));
  REQUIRE(grown.ok());
  CHECK(grown->view().starts_with(text + "\nkek "));
  const auto again = Keyring::Parse(grown->view(), "ring");
  REQUIRE(again.ok());
  REQUIRE(again->keys().size() == 2);
  CHECK(again->current().created == absl::FromUnixSeconds(1767323045));
  CHECK(again->current().key.bytes() != keyring->current().key.bytes());
}

TEST_CASE("keys are taken out of a keyring by their ids, and nothing else is") {
  const std::string text = "# kek 01234567 in a comment\n" + kOne + "\n\n" + kTwo + "\n# end";
  CHECK(WithoutKeys(text, {}).view() == text);
  CHECK(WithoutKeys(text, {"01234567"}).view() == "# kek 01234567 in a comment\n\n" + kTwo + "\n# end");
  CHECK(WithoutKeys(text, {"89abcdef", "ffffffff"}).view() == "# kek 01234567 in a comment\n" + kOne + "\n\n# end");
  CHECK(WithoutKeys(kOne, {"01234567"}).view().empty());
}

TEST_CASE("a key source is a file, a variable or a command, and what is none of these is not repeated") {
  CHECK(KeySource::Parse("file:/etc/k")->value == "/etc/k");
  CHECK(KeySource::Parse("env:SALLYPORT_KEYRING")->kind == KeySource::Kind::kEnvironment);
  CHECK(KeySource::Parse("exec:a b | c")->value == "a b | c");
  for (const std::string& text :
       {std::string(), std::string("file:"), std::string("env:"), std::string("env:A B"), std::string("env:1A"),
        std::string("exec:"), std::string("exec:  "), std::string("/etc/keyring"), std::string("FILE:/x"), kOne,
        std::string("file:/a\0b", 9)}) {
    const auto source = KeySource::Parse(text);
    CHECK(absl::IsInvalidArgument(source.status()));
    CHECK_FALSE(Contains(Said(source.status()), kSecret));
  }
  CHECK_FALSE(Contains(KeySource::Parse("exec:TOKEN=secret kms")->Describe(), "secret"));
}

}  // namespace
}  // namespace sallyport::recorder
