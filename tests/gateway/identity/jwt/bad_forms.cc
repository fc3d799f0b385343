#include <functional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "tests/gateway/identity/jwt/bad_tokens.h"
#include "tests/gateway/identity/jwt/key_ring.h"

namespace sallyport::gateway {
namespace {

const Signing kSigning = {"ES256", "p256"};

std::string Sign(std::string_view header, std::string_view claims) {
  return Signed(UnsignedText(header, claims), kSigning.algorithm, Keys().at(kSigning.key));
}

// What is done to the text of one of the three parts.
struct Change {
  const char* name;
  std::function<std::string(const std::string&)> make;
};

std::string Repeat(const std::string& text, int count) {
  std::string all;
  for (int i = 0; i < count; ++i) all += text;
  return all;
}

void AddParts(std::vector<BadToken>& bad) {
  const std::string good = GoodToken(kSigning);
  const std::vector<std::string> parts = absl::StrSplit(good, '.');
  const std::string &header = parts[0], &claims = parts[1], &signature = parts[2];
  const std::vector<std::pair<const char*, std::string>> wholes = {
      {"nothing", ""},
      {"a dot", "."},
      {"two dots", ".."},
      {"three dots", "..."},
      {"a word", "token"},
      {"no signature part", header + "." + claims},
      {"no claims part", header + "." + signature},
      {"only a header", header},
      {"a dot before", "." + good},
      {"a dot after", good + "."},
      {"two dots between", header + ".." + claims + "." + signature},
      {"four parts", good + "." + signature},
      {"five parts, as encrypted ones have", good + "." + header + "." + signature},
      {"a scheme before", "Bearer " + good},
      {"two tokens with a comma", good + "," + good},
      {"two tokens with a space", good + " " + good},
      {"a line end after", good + "\n"},
      {"a space before", " " + good},
      {"a NUL after", good + std::string(1, '\0')},
      {"in quotes", "\"" + good + "\""},
      {"percent encoded dots", absl::StrReplaceAll(good, {{".", "%2E"}})},
      {"full-width dots", absl::StrReplaceAll(good, {{".", "\xef\xbc\x8e"}})},
      {"the JSON form, general", R"({"payload":")" + claims + R"(","signatures":[{"protected":")" + header +
                                     R"(","signature":")" + signature + R"("}]})"},
      {"the JSON form, flat",
       R"({"payload":")" + claims + R"(","protected":")" + header + R"(","signature":")" + signature + R"("})"},
      {"8193 bytes", good + std::string(8193 - good.size(), 'A')},
      {"a megabyte", Repeat("A", 1 << 20)},
      {"a megabyte of dots", Repeat(".", 1 << 20)},
      {"8 KiB of dots", Repeat(".", 8 << 10)},
  };
  for (const auto& [name, token] : wholes) bad.push_back({name, token, TokenFault::kMalformed});
}

void AddBase64(std::vector<BadToken>& bad) {
  const std::vector<Change> changes = {
      {"padded", [](const std::string& part) { return part + "="; }},
      {"padded twice", [](const std::string& part) { return part + "=="; }},
      {"with a plus", [](const std::string& part) { return "+" + part.substr(1); }},
      {"with a slash", [](const std::string& part) { return part.substr(0, 5) + "/" + part.substr(6); }},
      {"with a space", [](const std::string& part) { return part.substr(0, 4) + " " + part.substr(4); }},
      {"with a line end", [](const std::string& part) { return part.substr(0, 8) + "\r\n" + part.substr(8); }},
      {"with a NUL", [](const std::string& part) { return part + std::string(1, '\0'); }},
      {"with a letter that looks right", [](const std::string& part) { return "\xd0\xb5" + part.substr(2); }},
      {"with a percent sign", [](const std::string& part) { return part.substr(0, 4) + "%3D" + part.substr(7); }},
      {"one character alone", [](const std::string&) { return std::string("e"); }},
      {"a stray character after whole groups",
       [](const std::string& part) { return part.substr(0, part.size() / 4 * 4) + "A"; }},
      {"stray bits at the end", [](const std::string& part) { return part.substr(0, part.size() / 4 * 4) + "QR"; }},
      {"stray bits at the end of three",
       [](const std::string& part) { return part.substr(0, part.size() / 4 * 4) + "QUF"; }},
  };
  constexpr const char* kNames[] = {"header", "claims", "signature"};
  for (size_t i = 0; i < 3; ++i) {
    for (const Change& change : changes) {
      std::vector<std::string> parts = absl::StrSplit(GoodToken(kSigning), '.');
      parts[i] = change.make(parts[i]);
      bad.push_back({absl::StrCat(kNames[i], " ", change.name), absl::StrCat(parts[0], ".", parts[1], ".", parts[2]),
                     TokenFault::kMalformed});
    }
  }
}

void AddJson(std::vector<BadToken>& bad) {
  // `good` always is an object that begins with "{" and ends with "}".
  const auto with = [](const char* member) {
    return [member](const std::string& good) { return absl::StrCat("{", member, ",", good.substr(1)); };
  };
  const std::vector<Change> changes = {
      {"is empty", [](const std::string&) { return std::string(); }},
      {"is blank", [](const std::string&) { return std::string("  "); }},
      {"is null", [](const std::string&) { return std::string("null"); }},
      {"is true", [](const std::string&) { return std::string("true"); }},
      {"is a number", [](const std::string&) { return std::string("7"); }},
      {"is text", [](const std::string& good) { return nlohmann::json(good).dump(); }},
      {"is in a list", [](const std::string& good) { return "[" + good + "]"; }},
      {"is a word", [](const std::string&) { return std::string("alg"); }},
      {"is cut", [](const std::string& good) { return good.substr(0, good.size() - 1); }},
      {"is there twice", [](const std::string& good) { return good + good; }},
      {"has a brace after it", [](const std::string& good) { return good + "}"; }},
      {"has a word after it", [](const std::string& good) { return good + " x"; }},
      {"has a NUL after it", [](const std::string& good) { return good + std::string(1, '\0'); }},
      {"has a NUL and more after it", [](const std::string& good) { return good + std::string(1, '\0') + "{}"; }},
      {"has a byte order mark", [](const std::string& good) { return "\xef\xbb\xbf" + good; }},
      {"is UTF-16",
       [](const std::string& good) {
         std::string wide = "\xff\xfe";
         for (const char c : good) wide.append({c, '\0'});
         return wide;
       }},
      {"has a comment", [](const std::string& good) { return "/* x */" + good; }},
      {"has single quotes",
       [](const std::string& good) {
         return absl::StrReplaceAll(good, {{"\"", "'"}});
       }},
      {"has a comma too many", [](const std::string& good) { return good.substr(0, good.size() - 1) + ",}"; }},
      {"has no comma",
       [](const std::string& good) {
         return absl::StrReplaceAll(good, {{",\"", " \""}});
       }},
      {"has a bare name", with("x:1")},
      {"has a name that is no text", with("1:1")},
      {"has NaN", with(R"("x":NaN)")},
      {"has Infinity", with(R"("x":-Infinity)")},
      {"has a number without end", with(R"("x":1e999)")},
      {"has a number with a leading zero", with(R"("x":01)")},
      {"has a number with a plus", with(R"("x":+1)")},
      {"has a hexadecimal number", with(R"("x":0x10)")},
      {"has a number that ends in a dot", with(R"("x":1.)")},
      {"has a control character in text", with("\"x\":\"\n\"")},
      {"has a DEL escape that is none", with(R"("x":"\x7f")")},
      {"has bytes that are no UTF-8", with("\"x\":\"\xff\"")},
      {"has an overlong character", with("\"x\":\"\xc0\xaf\"")},
      {"has a surrogate in UTF-8", with("\"x\":\"\xed\xa0\x80\"")},
      {"has half a surrogate pair", with(R"("x":"\ud800")")},
      {"has the halves of a pair in the wrong order", with(R"("x":"\udc00\ud800")")},
      {"has a name that is no UTF-8", with("\"\xfe\":1")},
      {"has a member twice", with(R"("x":1,"x":2)")},
      {"has a member twice with one value", with(R"("x":1,"x":1)")},
      {"has a member twice, once escaped", with(R"("x":1,"\u0078":2)")},
      {"has an empty member twice", with(R"("":1,"":2)")},
      {"has a member twice further in", with(R"("x":{"y":{"z":1,"z":2}})")},
      {"has a member twice in a list", with(R"("x":[{"y":1,"y":1}])")},
  };
  const std::string header = Header(kSigning.algorithm, kSigning.key).dump();
  const std::string claims = Claims().dump();
  for (const Change& change : changes) {
    bad.push_back({absl::StrCat("header ", change.name), Sign(change.make(header), claims), TokenFault::kMalformed});
    bad.push_back({absl::StrCat("payload ", change.name), Sign(header, change.make(claims)), TokenFault::kMalformed});
  }
  for (const int depth : {16, 17, 100, 1000}) {
    const std::string lists = absl::StrCat(R"("x":)", Repeat("[", depth), Repeat("]", depth));
    const std::string objects = absl::StrCat(R"("x":)", Repeat("{\"a\":", depth), "1", Repeat("}", depth));
    bad.push_back({absl::StrCat(depth, " lists"), Sign(header, with(lists.c_str())(claims)), TokenFault::kMalformed});
    bad.push_back({absl::StrCat(depth, " lists in the header"), Sign(with(lists.c_str())(header), claims),
                   TokenFault::kMalformed});
    if (depth > 100) continue;  // too long
    bad.push_back(
        {absl::StrCat(depth, " objects"), Sign(header, with(objects.c_str())(claims)), TokenFault::kMalformed});
  }
  // What a second reader that takes the last, or the first, of two would believe.
  for (const char* name : {"alg", "kid", "typ"}) {
    for (const char* value : {"none", "HS256", "p256", "at+jwt"}) {
      const std::string twice = absl::StrCat("{\"", name, "\":\"", value, "\",", header.substr(1));
      bad.push_back(
          {absl::StrCat("header with a second ", name, " ", value), Sign(twice, claims), TokenFault::kMalformed});
    }
  }
  for (const char* name : {"iss", "sub", "aud", "exp", "groups"}) {
    const std::string first = absl::StrCat("{\"", name, "\":\"evil\",", claims.substr(1));
    const std::string last = absl::StrCat(claims.substr(0, claims.size() - 1), ",\"", name, "\":\"evil\"}");
    bad.push_back(
        {absl::StrCat("payload with a second ", name, " first"), Sign(header, first), TokenFault::kMalformed});
    bad.push_back({absl::StrCat("payload with a second ", name, " last"), Sign(header, last), TokenFault::kMalformed});
  }
}

}  // namespace

std::vector<BadToken> BadForms() {
  std::vector<BadToken> bad;
  AddParts(bad);
  AddBase64(bad);
  AddJson(bad);
  return bad;
}

}  // namespace sallyport::gateway
