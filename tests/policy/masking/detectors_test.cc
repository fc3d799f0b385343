// What the built-in detectors find and what they leave alone.
#include "policy/masking/detectors.h"

#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace sallyport::policy {
namespace {

std::shared_ptr<const Detectors> All(const std::vector<CustomDetector>& custom = {}) {
  const std::vector<std::string> names(Detectors::BuiltIn().begin(), Detectors::BuiltIn().end());
  auto detectors = Detectors::Create(names, custom);
  INFO(detectors.status());
  REQUIRE(detectors.ok());
  return *std::move(detectors);
}

// "name:text" of all that is found.
std::vector<std::string> Finds(const Detectors& detectors, std::string_view text) {
  std::vector<Detection> found;
  detectors.Find(text, &found);
  std::vector<std::string> finds;
  size_t before = 0;
  for (const Detection& one : found) {
    REQUIRE(one.begin < one.end);
    REQUIRE(one.end <= text.size());
    REQUIRE(one.begin >= before);
    before = one.begin;
    finds.push_back(
        absl::StrCat(detectors.names()[one.detector], ":", std::string(text.substr(one.begin, one.end - one.begin))));
  }
  return finds;
}

constexpr char kJwt[] =
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U";

TEST_CASE("what is sensitive is found, alone and within a text") {
  const auto detectors = All();
  const std::vector<std::pair<std::string, std::string>> positives = {
      {"payment_card", "4111111111111111"},
      {"payment_card", "4111 1111 1111 1111"},
      {"payment_card", "5555-5555-5555-4444"},
      {"payment_card", "378282246310005"},
      {"payment_card", "3782 822463 10005"},
      {"payment_card", "6011111111111117"},
      {"payment_card", "30569309025904"},
      {"payment_card", "3530111333300000"},
      {"payment_card", "2223003122003222"},
      {"payment_card", "4222222222222"},
      {"payment_card", "6304000000000000"},
      {"payment_card", "6212345678901232"},
      {"us_ssn", "078-05-1120"},
      {"us_ssn", "219 09 9999"},
      {"iban", "DE89370400440532013000"},
      {"iban", "GB29 NWBK 6016 1331 9268 19"},
      {"iban", "NO9386011117947"},
      {"iban", "FR1420041010050500013M02606"},
      {"iban", "MT84MALT011000012345MTLCAST001S"},
      {"email", "ada@example.com"},
      {"email", "first.last+tag@sub.example.co.uk"},
      {"email", "x_y@host-1.example"},
      {"email", "a@xn--bcher-kva.xn--p1ai"},
      {"phone", "+14155550123"},
      {"phone", "+49 30 901820"},
      {"phone", "+44 (20) 7946-0958"},
      {"phone", "(212) 555-0123"},
      {"phone", "212-555-0123"},
      {"phone", "1-212-555-0123"},
      {"phone", "415.555.0123"},
      {"ipv4", "192.168.17.254"},
      {"ipv4", "8.8.8.8"},
      {"ipv4", "255.255.255.255"},
      {"ipv6", "2001:db8::8a2e:370:7334"},
      {"ipv6", "fe80::1"},
      {"ipv6", "::1"},
      {"ipv6", "2001:0db8:85a3:0000:0000:8a2e:0370:7334"},
      {"jwt", kJwt},
      {"jwt", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0."},
      {"pem_private_key", "-----BEGIN PRIVATE KEY-----\nMIIEvQ==\n-----END PRIVATE KEY-----"},
      {"pem_private_key", "-----BEGIN RSA PRIVATE KEY-----\nMIIEvQ==\n-----END RSA PRIVATE KEY-----"},
      {"cloud_access_key", "AKIAIOSFODNN7EXAMPLE"},
      {"cloud_access_key", "ASIAIOSFODNN7EXAMPLE"},
      {"cloud_access_key", absl::StrCat("AIza", std::string(35, 'x'))},
      {"cloud_access_key", absl::StrCat("ghp_", std::string(36, 'A'))},
      {"cloud_access_key", absl::StrCat("github_pat_", std::string(40, 'b'))},
      {"cloud_access_key", "xoxb-123456789012-abcdef"},
      {"cloud_access_key", absl::StrCat("sk_", "live_", "4eC39HqLyjWDarjtT1zdp7dc")},
  };
  for (const auto& [name, text] : positives) {
    const std::string wanted = absl::StrCat(name, ":", text);
    for (const char* around : {"%", " % ", "card=%;", "\"%\"", "(see %).", "x: %, y", "“%”", "«%»", "卡号：%，谢谢",
                               "%。", "—%—", "\xff%\x80", "%\xc2\xa0\xe2\x80\xa6", "№\xc2\xa0%"}) {
      std::string whole = around;
      whole.replace(whole.find('%'), 1, text);
      CAPTURE(whole);
      const std::vector<std::string> finds = Finds(*detectors, whole);
      CHECK(std::find(finds.begin(), finds.end(), wanted) != finds.end());
    }
  }
  for (const char* space : {"\xc2\xa0", "\xe2\x80\x93", "\xe2\x80\x91", "\xe2\x80\xaf", "\xe3\x80\x80"}) {
    const std::string card = absl::StrCat("4111", space, "1111", space, "1111", space, "1111");
    CHECK(Finds(*detectors, absl::StrCat("卡号", card, "です")) == std::vector<std::string>{"payment_card:" + card});
    const std::string number = absl::StrCat("078", space, "05", space, "1120");
    CHECK(Finds(*detectors, absl::StrCat("“", number, "”")) == std::vector<std::string>{"us_ssn:" + number});
    for (const std::string& phone : {absl::StrCat("212", space, "555", space, "0123"),
                                     absl::StrCat("1", space, "212", space, "555", space, "0123"),
                                     absl::StrCat("+49", space, "30", space, "901820")}) {
      CHECK(Finds(*detectors, absl::StrCat("电话", phone, "。")) == std::vector<std::string>{"phone:" + phone});
    }
  }
  const std::string iban = "DE89\u00a03704\u00a00044\u00a00532\u00a00130\u00a000";
  CHECK(Finds(*detectors, absl::StrCat("口座", iban, "。")) == std::vector<std::string>{"iban:" + iban});
  CHECK(Finds(*detectors, "カード4111111111111111です") == std::vector<std::string>{"payment_card:4111111111111111"});
  CHECK(Finds(*detectors, "a..b@example.com") == std::vector<std::string>{"email:b@example.com"});
  // What begins within another find of its kind is hidden with it.
  CHECK(Finds(*detectors, "a@b.cc@d.ee") == std::vector<std::string>{"email:a@b.cc@d.ee"});
  CHECK(Finds(*detectors, "SSN: 078051120") == std::vector<std::string>{"us_ssn:078051120"});
  CHECK(Finds(*detectors, "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY") ==
        std::vector<std::string>{"cloud_access_key:wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"});
  const std::string azure(86, 'k');
  CHECK(Finds(*detectors, absl::StrCat("AccountName=a;AccountKey=", azure, "==;")) ==
        std::vector<std::string>{absl::StrCat("cloud_access_key:", azure, "==")});
  for (const std::string& none : {azure + "=", azure, azure + "k==", azure.substr(1) + "=="}) {
    CHECK(Finds(*detectors, absl::StrCat("AccountKey=", none, ";")).empty());
  }
  CHECK(Finds(*detectors, "-----BEGIN EC PRIVATE KEY-----\ncut off") ==
        std::vector<std::string>{"pem_private_key:-----BEGIN EC PRIVATE KEY-----\ncut off"});
}

TEST_CASE("what only looks like it is left alone") {
  const auto detectors = All();
  for (const std::string text : {
           "",
           "4111111111111112",
           "41111111111111111111111",
           "0.4111111111111111",
           "a4111111111111111",
           "4111111111111111b",
           "1234567890123456",
           "4111 1111 11111111",
           "************1111",
           "411111******1111",
           "4111-1111 1111-1111",
           "4111\u00a01111\u20131111\u00a01111",
           "000-12-3456",
           "666-12-3456",
           "900-12-3456",
           "123-00-4567",
           "123-45-0000",
           "078-05-11201",
           "1078-05-1120",
           "078051120",
           "DE89370400440532013001",
           "DE8937040044053201300",
           "XX89370400440532013000",
           "de89370400440532013000",
           "@",
           "a@",
           "@b.c",
           "a@b",
           "a@b..com",
           "a@example.c",
           "a@example.123",
           "git@host",
           "***@*******.com",
           "+0123456789",
           "+1234",
           "1.2.3",
           "2026-11-25",
           "12:30:45",
           "2026-11-25T06:31:00.123Z",
           "212-155-0123",
           "112-555-0123",
           "1.2.3.4.5",
           "256.1.1.1",
           "01.2.3.4",
           "1.2.3",
           "v1.2.3.4x",
           "std::string",
           "ab::cd",
           "::",
           "a:b",
           "http://x",
           "00:1a:2b:3c:4d:5e",
           "eyJhbGciOiJIUzI1NiJ9",
           "eyJ.eyJ.x",
           "eyJmb28iOiJiYXIifQ.eyJzdWIiOiJhIn0.c2ln",
           "-----BEGIN CERTIFICATE-----\nMIIEvQ==\n-----END CERTIFICATE-----",
           "-----BEGIN PUBLIC KEY-----",
           "AKIAIOSFODNN7EXAMPL",
           "AKIAIOSFODNN7EXAMPLEX",
           "ghp_short",
           "xoxb-1",
           "550e8400-e29b-41d4-a716-446655440000",
           "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
           "4111",
           "1 2 3 4 5 6 7 8 9",
       }) {
    CAPTURE(text);
    CHECK(absl::StrJoin(Finds(*detectors, text), "|") == "");
  }
}

TEST_CASE("patterns of one's own") {
  const auto detectors = All({{"badge", "B-[0-9]{4}"}, {"word", "(?i)secret"}});
  CHECK(Finds(*detectors, "B-1234 SECRET \xff B-99999 secret 8.8.8.8") ==
        std::vector<std::string>{"badge:B-1234", "word:SECRET", "badge:B-9999", "word:secret", "ipv4:8.8.8.8"});
  const auto fault = [](const std::string& pattern) {
    return std::string(Detectors::Create({}, {{{"x", pattern}}}).status().message());
  };
  CHECK(absl::StrContains(fault("("), "is no pattern of RE2's"));
  CHECK(absl::StrContains(fault("a*"), "matches the empty text"));
}

TEST_CASE("any bytes will do, and finds are in order") {
  const auto detectors = All({{"badge", "B-[0-9]{4}"}});
  std::mt19937_64 engine(7);
  const std::vector<std::string> pieces = {"4111111111111111",
                                           "@",
                                           "a@b.cc",
                                           "eyJ",
                                           kJwt,
                                           "-----BEGIN ",
                                           "PRIVATE KEY-----",
                                           "+",
                                           "(",
                                           "::",
                                           ":",
                                           "1",
                                           "12",
                                           "123",
                                           ".",
                                           "-",
                                           " ",
                                           "AKIA",
                                           "xox",
                                           "gh",
                                           "DE89",
                                           "\xff",
                                           std::string(1, '\0'),
                                           "B-1234"};
  for (int round = 0; round < 20000; ++round) {
    std::string text;
    for (size_t n = engine() % 12; n > 0; --n) text += pieces[engine() % pieces.size()];
    for (size_t n = engine() % 3; n > 0 && !text.empty(); --n)
      text[engine() % text.size()] = static_cast<char>(engine());
    Finds(*detectors, text);
  }
}

// Digits that end in a check digit by Luhn.
std::string WithCheckDigit(const std::string& number) {
  for (char last = '0';; ++last) {
    int sum = 0;
    const std::string whole = number + last;
    for (size_t i = 0; i < whole.size(); ++i) {
      int digit = whole[whole.size() - 1 - i] - '0';
      if (i % 2 == 1) digit = digit > 4 ? 2 * digit - 9 : 2 * digit;
      sum += digit;
    }
    if (sum % 10 == 0) return whole;
  }
}

TEST_CASE(
    "cards of every scheme are found, from the first to the last of its numbers and of every length it gives out") {
  const auto detectors = All();
  struct Scheme {
    const char* name;
    int first;  // six digits
    int last;
    std::vector<size_t> lengths;
  };
  const std::vector<Scheme> schemes = {
      {"Visa", 400000, 499999, {13, 16, 19}},
      {"Mastercard", 222100, 272099, {16}},
      {"Mastercard", 510000, 559999, {16}},
      {"American Express", 340000, 349999, {15}},
      {"American Express", 370000, 379999, {15}},
      {"Discover", 601100, 601199, {16, 17, 18, 19}},
      {"Discover", 644000, 659999, {16, 17, 18, 19}},
      {"JCB", 352800, 358999, {16, 17, 18, 19}},
      {"Diners Club", 300000, 305999, {14, 16, 19}},
      {"Diners Club", 309500, 309599, {14, 16, 19}},
      {"Diners Club", 360000, 369999, {14, 16, 19}},
      {"Diners Club", 380000, 399999, {16, 19}},
      {"UnionPay", 620000, 629999, {16, 17, 18, 19}},
      {"Maestro", 500000, 509999, {13, 14, 15, 16, 17, 18, 19}},
      {"Maestro", 560000, 589999, {13, 14, 15, 16, 17, 18, 19}},
      {"Maestro", 630000, 639999, {13, 14, 15, 16, 17, 18, 19}},
      {"Maestro", 670000, 679999, {13, 14, 15, 16, 17, 18, 19}},
  };
  for (const Scheme& scheme : schemes) {
    for (const int prefix : {scheme.first, scheme.last, (scheme.first + scheme.last) / 2}) {
      for (const size_t length : scheme.lengths) {
        const std::string card = WithCheckDigit(absl::StrCat(prefix, std::string(length - 7, '7')));
        CAPTURE(scheme.name, card);
        CHECK(Finds(*detectors, absl::StrCat("<", card, ">")) == std::vector<std::string>{"payment_card:" + card});
        // Each other check digit is wrong.
        for (char digit = '0'; digit <= '9'; ++digit) {
          std::string wrong = card;
          if (wrong.back() == digit) continue;
          wrong.back() = digit;
          CHECK(Finds(*detectors, absl::StrCat("<", wrong, ">")).empty());
        }
      }
    }
  }
  // Lengths and beginnings that no scheme gives out.
  for (const std::string start : {"411111", "222099", "272100", "509999"}) {
    for (const size_t length : {12, 14, 15, 17, 18, 20}) {
      if (start == "509999" && length != 12 && length != 20) continue;
      const std::string number = WithCheckDigit(absl::StrCat(start, std::string(length - 7, '7')));
      CAPTURE(number);
      CHECK(Finds(*detectors, absl::StrCat("<", number, ">")).empty());
    }
  }
}

// With the check digits of ISO 13616.
std::string Iban(const std::string& country, const std::string& account) {
  int rest = 0;
  for (const char c : account + country + "00") {
    if (c >= 'A') rest = (rest * 100 + (c - 'A' + 10)) % 97;
    if (c < 'A') rest = (rest * 10 + (c - '0')) % 97;
  }
  const int check = 98 - rest;
  return absl::StrCat(country, check < 10 ? "0" : "", check, account);
}

TEST_CASE("account numbers of every country in the registry are found, of its length and no other") {
  const auto detectors = All();
  // SWIFT's registry of IBAN formats, release 98.
  const std::string registry =
      "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 "
      "ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 "
      "LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 "
      "QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30";
  int countries = 0;
  for (const std::string& entry : std::vector<std::string>(absl::StrSplit(registry, ' '))) {
    ++countries;
    const std::string country = entry.substr(0, 2);
    const auto length = static_cast<size_t>(std::stoi(entry.substr(2)));
    const std::string iban = Iban(country, std::string(length - 4, '7'));
    CAPTURE(iban);
    CHECK(Finds(*detectors, absl::StrCat("to ", iban, ".")) == std::vector<std::string>{"iban:" + iban});
    std::string spaced;
    for (size_t at = 0; at < iban.size(); at += 4) absl::StrAppend(&spaced, at > 0 ? " " : "", iban.substr(at, 4));
    const std::vector<std::string> finds = Finds(*detectors, absl::StrCat("to ", spaced, "."));
    CHECK(std::find(finds.begin(), finds.end(), "iban:" + spaced) != finds.end());
    // As it would be with one character more or less, rightly checked.
    for (const size_t other : {length - 1, length + 1}) {
      for (const std::string& find :
           Finds(*detectors, absl::StrCat("to ", Iban(country, std::string(other - 4, 'A')), "."))) {
        CHECK_FALSE(absl::StartsWith(find, "iban:"));
      }
    }
  }
  CHECK(countries == 88);
}

TEST_CASE("telephone numbers have eight to fifteen digits behind a plus") {
  const auto detectors = All();
  for (size_t digits = 1; digits <= 20; ++digits) {
    const std::string number = "+" + std::string(digits, '4');
    CAPTURE(number);
    const std::vector<std::string> finds = Finds(*detectors, absl::StrCat("call ", number, "!"));
    CHECK((std::find(finds.begin(), finds.end(), "phone:" + number) != finds.end()) == (digits >= 8 && digits <= 15));
  }
}

// A text with and without values, of which each line says what is in it.
TEST_CASE("precision and recall on labelled lines") {
  const auto detectors = All();
  std::mt19937_64 engine(11);
  const auto digits = [&](size_t count) {
    std::string text;
    while (text.size() < count) text.push_back(static_cast<char>('0' + engine() % 10));
    return text;
  };
  const auto letters = [&](size_t count) {
    std::string text;
    while (text.size() < count) text.push_back(static_cast<char>('A' + engine() % 26));
    return text;
  };
  const auto token = [&](const std::string& header) {
    return absl::StrCat(absl::WebSafeBase64Escape(header), ".",
                        absl::WebSafeBase64Escape("{\"sub\":\"" + digits(9) + "\"}"), ".", letters(43));
  };
  const std::vector<std::string> frames = {"%",
                                           "{\"v\":\"%\"}",
                                           "user said: % (thanks)",
                                           "v=%&x=1",
                                           "ts=2026-11-25T10:00:00Z id=7 value=%",
                                           "Please use % from now on.",
                                           "level=info msg=\"%\" n=42"};
  std::map<std::string, std::vector<std::string>> samples;
  std::vector<std::string> nothing;
  for (int i = 0; i < 100; ++i) {
    samples["payment_card"].push_back(WithCheckDigit("4" + digits(14)));
    samples["payment_card"].push_back(WithCheckDigit("51" + digits(13)));
    const std::string card = WithCheckDigit("4539" + digits(11));
    samples["payment_card"].push_back(card.substr(0, 4) + " " + card.substr(4, 4) + " " + card.substr(8, 4) + " " +
                                      card.substr(12));
    samples["us_ssn"].push_back("2" + std::to_string(10 + engine() % 80) + "-" + std::to_string(10 + engine() % 80) +
                                "-" + std::to_string(1000 + engine() % 9000));
    samples["email"].push_back("user" + digits(3) + "@mail" + digits(1) + ".example.org");
    samples["phone"].push_back("+49 " + std::to_string(30 + engine() % 900) + " " +
                               std::to_string(100000 + engine() % 900000));
    samples["phone"].push_back("(" + std::to_string(200 + engine() % 700) + ") 555-" +
                               std::to_string(1000 + engine() % 9000));
    samples["ipv4"].push_back("10." + std::to_string(engine() % 256) + "." + std::to_string(engine() % 256) + "." +
                              std::to_string(engine() % 256));
    samples["ipv6"].push_back(
        absl::StrCat("2001:db8:", absl::Hex(engine() % 65536), "::", absl::Hex(1 + engine() % 65535)));
    samples["iban"].push_back(Iban("DE", digits(18)));
    samples["iban"].push_back(Iban("GB", letters(4) + digits(14)));
    samples["jwt"].push_back(token(R"({"alg":"HS256","n":)" + digits(1 + i % 5) + "}"));
    samples["jwt"].push_back(token(R"({"kid":")" + letters(i % 7) + R"(","alg":"RS256"})"));
    const std::string kind = i % 3 == 0 ? "" : i % 3 == 1 ? "RSA " : "EC ";
    samples["pem_private_key"].push_back(absl::StrCat("-----BEGIN ", kind, "PRIVATE KEY-----\n", letters(64), "\n",
                                                      letters(9), "==\n-----END ", kind, "PRIVATE KEY-----"));
    samples["cloud_access_key"].push_back("AKIA" + letters(16));
    samples["cloud_access_key"].push_back("ghp_" + letters(36));
    // What is nearly one of these: a wrong checksum, a key that is public, a part of a token, the wrong length.
    std::string wrong_iban = Iban("DE", digits(18));
    wrong_iban[3] = wrong_iban[3] == '9' ? '0' : static_cast<char>(wrong_iban[3] + 1);
    nothing.push_back(wrong_iban);
    nothing.push_back(letters(2) + letters(20));
    const std::string whole = token(R"({"alg":"HS256"})");
    nothing.push_back(whole.substr(0, whole.find('.')));
    nothing.push_back(whole.substr(whole.find('.') + 1));
    nothing.push_back("-----BEGIN PUBLIC KEY-----\n" + letters(64) + "\n-----END PUBLIC KEY-----");
    nothing.push_back("AKIA" + letters(15));
    nothing.push_back("AKIA" + letters(17));
    nothing.push_back("ghp_" + letters(12));
    nothing.push_back(letters(40));
    nothing.push_back("order " + digits(16));
    nothing.push_back(digits(10) + "-" + digits(4));
    nothing.push_back(absl::StrCat(absl::Hex(engine()), "-", absl::Hex(engine() % 65536), "-", absl::Hex(engine())));
    nothing.push_back("build 1." + digits(2) + "." + digits(3));
    nothing.push_back("2026-" + std::to_string(10 + engine() % 3) + "-" + std::to_string(10 + engine() % 19) +
                      "T12:" + std::to_string(10 + engine() % 50) + ":00");
    nothing.push_back("price " + digits(3) + "." + digits(2) + " EUR, qty " + digits(2));
  }
  std::map<std::string, int> found, wrong, lines;
  const auto check = [&](const std::string& wanted, const std::string& value) {
    for (const std::string& frame : frames) {
      std::string line = frame;
      line.replace(line.find('%'), 1, value);
      ++lines[wanted];
      bool hit = false;
      for (const std::string& find : Finds(*detectors, line)) {
        const std::string name = find.substr(0, find.find(':'));
        if (name == wanted && find.substr(name.size() + 1) == value) {
          hit = true;
        } else {
          ++wrong[name];
        }
      }
      found[wanted] += hit ? 1 : 0;
    }
  };
  for (const auto& [name, values] : samples) {
    for (const std::string& value : values) check(name, value);
  }
  for (const std::string& value : nothing) check("", value);
  for (const std::string_view built_in : Detectors::BuiltIn()) {
    const std::string name(built_in);
    CAPTURE(name, lines[name], found[name], wrong[name]);
    REQUIRE(lines[name] >= 700);
    CHECK(found[name] > 0.99 * lines[name]);
    // One in ten numbers passes for a card; what has a form or a checksum of its own is never mistaken.
    const bool unmistakable =
        name == "jwt" || name == "pem_private_key" || name == "cloud_access_key" || name == "iban";
    CHECK(wrong[name] <= (unmistakable ? 0 : found[name] / 20));
  }
}

}  // namespace
}  // namespace sallyport::policy
