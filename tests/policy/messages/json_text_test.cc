#include "policy/messages/json_text.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <nlohmann/json.hpp>
#include <random>

namespace sallyport::policy {
namespace {

std::string Double(double value) {
  std::string text;
  AppendJsonDouble(value, &text);
  return text;
}

std::string Float(float value) {
  std::string text;
  AppendJsonFloat(value, &text);
  return text;
}

TEST_CASE("numbers are shown with the fewest digits that are read back as them") {
  CHECK(Double(0) == "0");
  CHECK(Double(-0.0) == "-0.0");
  CHECK(Double(1) == "1");
  CHECK(Double(-1.5) == "-1.5");
  CHECK(Double(0.1) == "0.1");
  CHECK(Double(1.0 / 3) == "0.3333333333333333");
  CHECK(Double(1'000'000) == "1000000");
  CHECK(Double(123456.75) == "123456.75");
  CHECK(Double(1e15) == "1000000000000000");
  CHECK(Double(1e16) == "1e+16");
  CHECK(Double(0.00001) == "0.00001");
  CHECK(Double(0.000001) == "1e-06");
  CHECK(Double(5e-324) == "5e-324");
  CHECK(Double(std::numeric_limits<double>::max()) == "1.7976931348623157e+308");
  CHECK(Double(NAN) == "\"NaN\"");
  CHECK(Double(-NAN) == "\"NaN\"");
  CHECK(Double(INFINITY) == "\"Infinity\"");
  CHECK(Double(-INFINITY) == "\"-Infinity\"");
  CHECK(Float(0.1f) == "0.1");
  CHECK(Float(-0.0f) == "-0.0");
  CHECK(Float(16777216) == "16777216");
  CHECK(Float(1.1e10f) == "11000000000");
  CHECK(Float(std::numeric_limits<float>::max()) == "3.4028235e+38");
  CHECK(Float(std::numeric_limits<float>::denorm_min()) == "1e-45");
}

TEST_CASE("any number is read back as itself, by this and by JSON's readers") {
  std::mt19937_64 random(7);
  for (int i = 0; i < 200'000; ++i) {
    const double value = std::bit_cast<double>(random());
    if (!std::isfinite(value)) continue;
    const std::string text = Double(value);
    CAPTURE(text);
    REQUIRE(std::strtod(text.c_str(), nullptr) == value);
    const float narrow = std::bit_cast<float>(static_cast<uint32_t>(random()));
    if (!std::isfinite(narrow)) continue;
    REQUIRE(std::strtof(Float(narrow).c_str(), nullptr) == narrow);
    if (i % 10 == 0) REQUIRE(nlohmann::json::parse(text).get<double>() == value);
  }
}

TEST_CASE("texts are escaped as JSON wants it") {
  std::string text;
  AppendJsonString(std::string("a\"\\/\b\f\n\r\t\x01\x1f\0z\x7f\xc3\xa9\xf0\x9f\x98\x80", 20), &text);
  CHECK(text == "\"a\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\\u0000z\x7f\xc3\xa9\xf0\x9f\x98\x80\"");
}

TEST_CASE("what is UTF-8 and what only looks like it") {
  for (const char* good : {"", "abc", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
                           "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "12345678\xc3\xa9", "1234567\xc3\xa9x"}) {
    CAPTURE(good);
    CHECK(IsUtf8(good));
  }
  for (const char* bad :
       {"\x80", "\xc1\xbf", "\xc2", "\xc2z", "\xe0\x9f\xbf", "\xe0\xa0", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "12345678\xff", "abc\xe2\x82"}) {
    CAPTURE(bad);
    CHECK_FALSE(IsUtf8(bad));
  }
}

TEST_CASE("bytes are base64 with padding") {
  const auto base64 = [](std::string_view bytes) {
    std::string text;
    AppendBase64(bytes, &text);
    return text;
  };
  CHECK(base64("") == "");
  CHECK(base64("f") == "Zg==");
  CHECK(base64("fo") == "Zm8=");
  CHECK(base64("foo") == "Zm9v");
  CHECK(base64("foob") == "Zm9vYg==");
  CHECK(base64("\xfb\xff\xbf") == "+/+/");
}

}  // namespace
}  // namespace sallyport::policy
