#include "gateway/relay/legs/metadata_rules.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace sallyport::gateway {
namespace {

// The strings must live as long as the map.
GrpcMetadata MetadataOf(const std::vector<std::pair<std::string, std::string>>& pairs) {
  GrpcMetadata metadata;
  for (const auto& [key, value] : pairs) metadata.emplace(grpc::string_ref(key), grpc::string_ref(value));
  return metadata;
}

std::string Fault(const std::vector<std::pair<std::string, std::string>>& pairs) {
  const GrpcMetadata metadata = MetadataOf(pairs);
  const absl::Status status = CheckRequestMetadata(metadata);
  CHECK((status.ok() || absl::IsInvalidArgument(status)));
  return std::string(status.message());
}

}  // namespace

TEST_CASE("the gateway's names are told in every spelling, and pass neither way") {
  std::set<std::string> spellings;
  for (std::string prefix : {"sallyport-", "sallyport_", "sallyport.", "SALLYPORT-", "Sallyport-", "sALLYpORT_",
                             "SallyPort.", "sallyporT-", "sallyport--", "sallyport-_", "sallyport__", "sallyport.-"}) {
    for (std::string rest : {"", "identity", "Identity", "IDENTITY", "identity-bin", "identity_bin", "identity.bin",
                             "bin", "session", "session-bin", "call", "x", "\x01", " "}) {
      spellings.insert(prefix + rest);
    }
  }
  CHECK(spellings.size() >= 150);
  for (const std::string& name : spellings) {
    INFO(name);
    CHECK(IsReserved(name));
    CHECK_FALSE(PassesUpstream(name));
    CHECK_FALSE(PassesToCaller(name));
  }
}

TEST_CASE("names of others pass") {
  for (const char* name :
       {"", "sallyport", "sallyports-x", "sallypor-x", "x-sallyport-identity", "-sallyport-x", "sally-port-x",
        "sallyportidentity", "authorization", "x-identity", "sallyport\xe2\x80\x91identity", "bin"}) {
    INFO(name);
    CHECK_FALSE(IsReserved(name));
    CHECK(PassesUpstream(name));
    CHECK(PassesToCaller(name));
  }
  CHECK_FALSE(PassesUpstream("user-agent"));
  CHECK(PassesToCaller("user-agent"));
}

TEST_CASE("metadata names are made of 0-9 a-z _ . -") {
  for (const char* name : {"a", "0", "x-identity", "x_y.z-0", "-", "grpc-unknown", "key-bin"})
    CHECK(Fault({{name, "v"}}).empty());
  std::string allowed = "0123456789abcdefghijklmnopqrstuvwxyz_.-";
  for (int byte = 0; byte < 256; ++byte) {
    const std::string name = std::string("x") + static_cast<char>(byte) + "y";
    INFO(byte);
    CHECK(Fault({{name, "v"}}).empty() == (allowed.find(static_cast<char>(byte)) != std::string::npos));
  }
  CHECK(Fault({{"", "v"}}).find("metadata name \"\" is not allowed") == 0);
  // Shown escaped, and not at any length.
  CHECK(Fault({{"a\r\nb", "v"}}).find("\"a\\r\\nb\"") != std::string::npos);
  CHECK(Fault({{std::string(5000, 'A'), "v"}}).size() < 300);
}

TEST_CASE("a pair that is not allowed is found wherever it stands, and the first of several is named") {
  const std::vector<std::pair<std::string, std::string>> good = {
      {"a", "v"}, {"a-bin", "\x01"}, {"k", ""}, {"k-bin", std::string(1, '\0')}, {"trace-bin", "\xff"}, {"z", "~ "}};
  const std::vector<std::pair<std::string, std::string>> bad = {{"a", "\n"},        {"b-bi", "\x01"}, {"k", "\x7f"},
                                                                {"m-bin-", "\xff"}, {"zz", "\r"},     {"zz-Bin", "v"},
                                                                {"B", "v"},         {"", "v"}};
  std::mt19937 random(3);
  int refused = 0;
  for (int round = 0; round < 3000; ++round) {
    std::vector<std::pair<std::string, std::string>> pairs;
    for (size_t n = random() % 8; n > 0; --n) pairs.push_back(good[random() % good.size()]);
    for (size_t n = random() % 3; n > 0; --n) pairs.push_back(bad[random() % bad.size()]);
    std::shuffle(pairs.begin(), pairs.end(), random);
    // In the order of their names, which is the map's.
    std::stable_sort(pairs.begin(), pairs.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    const auto first = std::find_if(pairs.begin(), pairs.end(), [&](const auto& pair) {
      return std::find(bad.begin(), bad.end(), pair) != bad.end();
    });
    const GrpcMetadata metadata = MetadataOf(pairs);
    const absl::Status status = CheckMetadata(metadata);
    std::string names;
    for (const auto& [name, value] : pairs) names += name + " ";
    CAPTURE(names);
    REQUIRE(status.ok() == (first == pairs.end()));
    if (status.ok()) continue;
    ++refused;
    REQUIRE(absl::IsInvalidArgument(status));
    CHECK(std::string(status.message()).find("metadata \"" + first->first + "\"") +
              std::string(status.message()).find("metadata name \"" + first->first + "\"") !=
          2 * std::string::npos);
  }
  CHECK(refused > 500);
}

TEST_CASE("values are printable ASCII unless their name ends in -bin, and are not shown") {
  for (int byte = 0; byte < 256; ++byte) {
    const std::string value = std::string("secret") + static_cast<char>(byte);
    const bool printable = byte >= 0x20 && byte <= 0x7e;
    INFO(byte);
    CHECK(Fault({{"key", value}}).empty() == printable);
    CHECK(Fault({{"key-bin", value}}).empty());
    CHECK(Fault({{"key_bin", value}}).empty() == printable);
    CHECK(Fault({{"key", value}}).find("secret") == std::string::npos);
  }
}

TEST_CASE("authorization is sent once or not at all") {
  CHECK(Fault({}).empty());
  CHECK(Fault({{"authorization", "Bearer a"}}).empty());
  CHECK(Fault({{"authorization", "Bearer a"}, {"authorization", "Bearer b"}}) ==
        "authorization is there 2 times: send one");
  CHECK(Fault({{"authorization", "Bearer a"}, {"x", "y"}, {"authorization", "Bearer a"}, {"authorization", ""}}) ==
        "authorization is there 3 times: send one");
  // Other names may repeat, and what an upstream sends may hold anything by this name.
  CHECK(Fault({{"x", "a"}, {"x", "b"}, {"authorization-bin", "a"}, {"authorization-bin", "b"}}).empty());
  const std::vector<std::pair<std::string, std::string>> twice = {{"authorization", "a"}, {"authorization", "b"}};
  CHECK(CheckMetadata(MetadataOf(twice)).ok());
}

TEST_CASE("paths of methods are taken, with a package or without") {
  for (const char* path : {"/package.Service/Method", "/Service/Method", "/a.b.c.D/E", "/grpc.health.v1.Health/Check",
                           "/a_b/_", "/my-service/do-it", "/0/0"}) {
    INFO(path);
    CHECK(CheckPath(path).ok());
  }
}

TEST_CASE("other paths are refused") {
  for (const char* path : {
           "",
           "/",
           "//",
           "///",
           "a",
           "Service/Method",
           "/Service",
           "/Service/",
           "//Method",
           "/Service//Method",
           "/Service/Method/",
           "/Service/Method/x",
           "//Service/Method",
           "*",
           "/*",
           "/Service/*",
           "/a..B/C",
           "/.A/B",
           "/A./B",
           "/../B",
           "/./B",
           "/A/..",
           "/A/.",
           "/A/../B/C",
           "/A/B.",
           "/A/.B",
           "/A/a.b",
           "/A/B?x=y",
           "/A/B#c",
           "/A/B;c",
           "/A/B:c",
           "/A B/C",
           "/A/B C",
           " /A/B",
           "/A/B ",
           "/A/B\t",
           "/A/B\n",
           "/A/B\x01",
           "/A/B\x7f",
           "/A/B\xff",
           "/\xc3\x84/B",
           "/A%2fB/C",
           "/A/%2e%2e",
           "/A\\B/C",
           "\\A\\B",
           "/A/B\\",
           "http://host/A/B",
           "/A/B,",
           "/A/\"B\"",
           "/A/'B'",
           "/A/<B>",
           "/{A}/B",
           "/A/B|C",
           "/A/$(B)",
           "/A/@B",
           "/~A/B",
           "/A+B/C",
           "/A/B=C",
           "/A/&B",
           "/A!/B",
       }) {
    INFO(path);
    const absl::Status status = CheckPath(path);
    CHECK(absl::IsInvalidArgument(status));
    CHECK(std::string(status.message()).ends_with("is not /package.Service/Method"));
  }
  CHECK_FALSE(CheckPath(std::string("/A/B\0C", 6)).ok());
  CHECK(CheckPath("/A/" + std::string(1021, 'b')).ok());
  CHECK_FALSE(CheckPath("/A/" + std::string(1022, 'b')).ok());
  CHECK(CheckPath("/A/" + std::string(100000, 'b')).message().size() < 300);
}

TEST_CASE("names of sessions are bounded, and who sends a longer one is told the limit") {
  const auto check = [](const std::vector<std::pair<std::string, std::string>>& pairs) {
    return CheckSessionName(MetadataOf(pairs));
  };
  CHECK(check({}).ok());
  CHECK(check({{"sallyport-session", ""}}).ok());
  CHECK(check({{"sallyport-session", std::string(256, 'n')}}).ok());
  CHECK(check({{"x-session", std::string(6000, 'n')}}).ok());
  const absl::Status one = check({{"sallyport-session", std::string(257, 'n')}});
  CHECK(absl::IsInvalidArgument(one));
  CHECK(one.message() == "the value of metadata \"sallyport-session\" has 257 bytes: at most 256");
  CHECK(absl::IsInvalidArgument(check({{"sallyport-session", "a"}, {"sallyport-session", std::string(6000, 'n')}})));
}

}  // namespace sallyport::gateway
