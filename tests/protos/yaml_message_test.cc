#include "protos/yaml_message.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdio>
#include <random>
#include <string>

#include "absl/strings/str_cat.h"
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/wrappers.pb.h"
#include "sallyport/v1/config.pb.h"

namespace sallyport {
namespace {

std::string Fault(const std::string& text) {
  v1::Config config;
  const absl::Status status = ReadYaml(text, "sallyport.yaml", &config);
  REQUIRE(status.code() == absl::StatusCode::kInvalidArgument);
  return std::string(status.message());
}

TEST_CASE("a whole configuration is read by the names of its fields") {
  v1::Config config;
  const absl::Status status = ReadYaml(R"(
listen: {addresses: ["0.0.0.0:50050", "unix:/run/x.sock"], tls: {cert: a.pem, key: b.pem}}
data:
  directory: /var/lib/sallyport
  durability: write_ahead
upstreams:
  etcd: {target: "dns:///etcd:2379"}
  pay: {target: pay:443, tls: {}}
routes:
  - services: etcdserverpb.*
    metadata: {tenant: "a*", number: 12}
    upstream: etcd
  - upstream: pay
)",
                                       "sallyport.yaml", &config);
  REQUIRE(status.ok());
  CHECK(config.listen().addresses_size() == 2);
  CHECK(config.listen().tls().key() == "b.pem");
  CHECK(config.data().durability() == v1::write_ahead);
  CHECK(config.upstreams().at("etcd").target() == "dns:///etcd:2379");
  CHECK(config.upstreams().at("pay").has_tls());
  CHECK_FALSE(config.upstreams().at("etcd").has_tls());
  REQUIRE(config.routes_size() == 2);
  CHECK(config.routes(0).services(0) == "etcdserverpb.*");
  CHECK(config.routes(0).metadata().at("number") == "12");
}

TEST_CASE("an empty document leaves the message as it is") {
  v1::Config config;
  CHECK(ReadYaml("", "x", &config).ok());
  CHECK(ReadYaml("# only a comment\n", "x", &config).ok());
  CHECK(config.ByteSizeLong() == 0);
}

TEST_CASE("faults name the file, the line and the key") {
  CHECK(Fault("listen:\n  adress: x\n") == "sallyport.yaml:2: listen.adress: unknown key; did you mean \"address\"?");
  CHECK(Fault("wombat: 1\n") ==
        "sallyport.yaml:1: wombat: unknown key; expected one of: listen, data, upstreams, routes, descriptors, limits, "
        "sessions, checkpoints, identity, policy, admin, token_signing, tracing, log, events, drain, api");
  CHECK(Fault("data:\n  directory: a\n  directory: b\n") ==
        "sallyport.yaml:3: data: key \"directory\" is given twice: keep one of them");
  CHECK(Fault("upstreams:\n  a: {target: x}\n  a: {target: y}\n") ==
        "sallyport.yaml:3: upstreams: key \"a\" is given twice: keep one of them");
  CHECK(Fault("data:\n  durability: comit\n") ==
        "sallyport.yaml:2: data.durability: unknown value \"comit\"; did you mean \"commit\"?");
  CHECK(Fault("data: yes\n") == "sallyport.yaml:1: data: expected a map of keys to values, found a single value");
  CHECK(Fault("data:\n  directory: [a]\n") ==
        "sallyport.yaml:2: data.directory: expected a single value, found a list");
  CHECK(Fault("routes:\n- upstream: a\n- {upstream: b, methods: {x: y}}\n") ==
        "sallyport.yaml:3: routes[1].methods: expected a list, found a map");
  CHECK(Fault("data:\n") == "sallyport.yaml:1: data: has no value: give it one or remove the key");
  CHECK(Fault("\"\": x\n") == "sallyport.yaml:1: a key is empty: every key needs a name");
  CHECK(Fault("[a]: x\n").find("sallyport.yaml:1: a key is empty") == 0);
  CHECK(Fault("- a\n") == "sallyport.yaml:1: expected a map of keys to values, found a list");
  CHECK(Fault("data: {}\n---\ndata: {}\n").find("a second document") != std::string::npos);
}

TEST_CASE("what is not YAML is refused with its line") {
  CHECK(Fault("data: {directory: x\nlisten: y").find("sallyport.yaml:") == 0);
  CHECK(Fault("a: b: c").find("sallyport.yaml:1: not YAML: ") == 0);
  CHECK(Fault("a: [b.C[key=d].e]").find("; a text with brackets in it has to be quoted in a list") !=
        std::string::npos);
  CHECK(Fault("a: [b.C, d").find("has to be quoted") == std::string::npos);
  CHECK(Fault("data: *nowhere").find("not YAML") != std::string::npos);
  CHECK(Fault(",listen: x").find("sallyport.yaml:1: ") == 0);
  CHECK(Fault("\t- x").find("not YAML") != std::string::npos);
}

TEST_CASE("numbers and truths are read strictly") {
  google::protobuf::Int32Value number;
  CHECK(ReadYaml("value: -12", "x", &number).ok());
  CHECK(number.value() == -12);
  CHECK_FALSE(ReadYaml("value: 12a", "x", &number).ok());
  CHECK_FALSE(ReadYaml("value: 3000000000", "x", &number).ok());
  google::protobuf::UInt64Value large;
  CHECK(ReadYaml("value: 18446744073709551615", "x", &large).ok());
  CHECK_FALSE(ReadYaml("value: -1", "x", &large).ok());
  google::protobuf::BoolValue truth;
  CHECK(ReadYaml("value: true", "x", &truth).ok());
  CHECK_FALSE(ReadYaml("value: yes", "x", &truth).ok());
}

TEST_CASE("only one member of a oneof may be given") {
  google::protobuf::Value value;
  const absl::Status status = ReadYaml("string_value: a\nbool_value: true\n", "x", &value);
  REQUIRE_FALSE(status.ok());
  CHECK(status.message() == "x:2: bool_value: cannot stand together with \"string_value\"");
}

TEST_CASE("documents that stand for far more than they say are refused") {
  SECTION("a list that holds itself") {
    google::protobuf::Value value;
    const absl::Status status = ReadYaml("list_value: {values: &x [{list_value: {values: *x}}]}", "x", &value);
    CHECK(status.code() == absl::StatusCode::kInvalidArgument);
  }
  SECTION("aliases of aliases") {
    std::string text = "fields:\n  a0: &a0 {list_value: {values: [{number_value: 1}, {number_value: 1}]}}\n";
    for (int i = 1; i < 40; ++i) {
      const std::string last = "*a" + std::to_string(i - 1);
      absl::StrAppend(&text, "  a", i, ": &a", i, " {list_value: {values: [", last, ", ", last, "]}}\n");
    }
    google::protobuf::Struct value;
    const absl::Status status = ReadYaml(text, "x", &value);
    REQUIRE(status.code() == absl::StatusCode::kInvalidArgument);
    CHECK(std::string(status.message()).find("more than") != std::string::npos);
  }
  SECTION("brackets without end") {
    v1::Config config;
    CHECK_FALSE(ReadYaml(std::string(100'000, '['), "x", &config).ok());
    CHECK_FALSE(ReadYaml(std::string(100'000, '{'), "x", &config).ok());
    CHECK_FALSE(ReadYaml("data: " + std::string(100'000, '['), "x", &config).ok());
  }
  SECTION("a file too large to be one") {
    v1::Config config;
    CHECK_FALSE(ReadYaml(std::string(5 << 20, '#'), "x", &config).ok());
  }
}

TEST_CASE("mangled documents give a fault or a message, and nothing else") {
  const std::string good =
      "listen: {addresses: [a, b]}\ndata: &d {directory: x, durability: relaxed}\nupstreams: {e: {target: \"t\"}}\n"
      "routes: [{metadata: {a: b}, upstream: e}]\n";
  std::mt19937 random(7);
  constexpr char kSpice[] = "{}[]:,-&*!|>'\"%@`#?\n\t \\\x00\xff~<";
  constexpr size_t kSpices = sizeof kSpice - 1;
  int refused = 0;
  for (int round = 0; round < 3000; ++round) {
    std::string text = good;
    for (int change = 1 + static_cast<int>(random() % 4); change > 0; --change) {
      text[random() % text.size()] = kSpice[random() % kSpices];
    }
    v1::Config config;
    if (!ReadYaml(text, "x", &config).ok()) ++refused;
  }
  CHECK(refused > 1000);
}

TEST_CASE("all faults are told, twenty of them one by one") {
  v1::Config config;
  const absl::Status several = ReadYaml(
      "listen: {adress: x, insecure: yes}\ndata: {durability: sometimes}\nlimits: {conections: 7, connections: many}\n"
      "upstreams: {a: {target: \"x:1\", target: \"y:1\"}}\n",
      "f.yaml", &config);
  CHECK(several.message() ==
        "f.yaml:1: listen.adress: unknown key; did you mean \"address\"?\n"
        "f.yaml:1: listen.insecure: expected true or false, found \"yes\"\n"
        "f.yaml:2: data.durability: unknown value \"sometimes\"; expected one of: commit, write_ahead, relaxed, off\n"
        "f.yaml:3: limits.conections: unknown key; did you mean \"connections\"?\n"
        "f.yaml:3: limits.connections: expected a whole number of 32 bits, not negative, found \"many\"\n"
        "f.yaml:4: upstreams.a: key \"target\" is given twice: keep one of them");
  std::string many;
  for (int i = 0; i < 25; ++i) many += "wrong" + std::to_string(i) + ": 1\n";
  CHECK_THAT(std::string(ReadYaml(many, "f.yaml", &config).message()), Catch::EndsWith("\nf.yaml: and 5 more"));
}

TEST_CASE("what trips people in YAML is told with what to write instead") {
  const std::pair<const char*, const char*> cases[] = {
      {"a: [*/Delete*]\n", "quoted: \"*/Delete*\""},
      {"a: [**, b]\n", "quoted: \"**\""},
      {"a:\n  - *\n", "quoted: \"*\""},
      {"a: [@x]\n", "quoted: \"@x\""},
      {"a: %x\n", "quoted: \"%x\""},
      {"a: `x`\n", "quoted: \"`x`\""},
      {"a:\n\tb: 1\n", "indented with spaces only"},
      {"a:\n  b: 1\n\t  c: 1\n", "indented with spaces only"},
      {"a: b: c\n", "a colon and a space"},
  };
  for (const auto& [text, advice] : cases) {
    v1::Config config;
    INFO(text);
    CHECK_THAT(std::string(ReadYaml(text, "f.yaml", &config).message()), Catch::Contains(advice));
  }
}

TEST_CASE("a file that cannot be read is named") {
  v1::Config config;
  const absl::Status missing = ReadYamlFile("/nonexistent/sallyport.yaml", &config);
  CHECK(missing.code() == absl::StatusCode::kNotFound);
  CHECK(std::string(missing.message()).find("/nonexistent/sallyport.yaml") == 0);
  CHECK(ReadYamlFile("/", &config).code() == absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace sallyport
