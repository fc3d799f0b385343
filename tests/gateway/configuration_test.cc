#include "gateway/configuration.h"

#include <catch2/catch.hpp>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "tests/gateway/temporary_directory.h"
#include "tests/gateway/tls/certificates.h"

namespace sallyport::gateway {
namespace {

// What LoadConfiguration says of a text, with the file's directory taken off.
std::string Fault(const std::string& text) {
  testing::TemporaryDirectory directory;
  std::string path = directory.path() + "/sallyport.yaml";
  std::ofstream(path) << text;
  absl::StatusOr<GatewayOptions> options = LoadConfiguration(path);
  if (options.ok()) return "";
  std::string message(options.status().message());
  CHECK(message.starts_with(path));
  return absl::StrReplaceAll(message, {{directory.path() + "/", ""}});
}

constexpr char kLeast[] = R"(listen: {address: "127.0.0.1:0"}
data: {directory: /nonexistent/data}
upstreams:
  etcd: {target: "127.0.0.1:2379"}
)";

}  // namespace

TEST_CASE("the least configuration sends everything to its one upstream") {
  testing::TemporaryDirectory directory;
  std::string path = directory.path() + "/sallyport.yaml";
  std::ofstream(path) << kLeast;
  absl::StatusOr<GatewayOptions> options = LoadConfiguration(path);
  REQUIRE(options.ok());
  CHECK(options->listen == std::vector<std::string>{"127.0.0.1:0"});
  CHECK(options->durability == Durability::kCommit);
  CHECK(options->message_bytes == 64 << 20);
  REQUIRE(options->routes.size() == 1);
  CHECK(options->routes[0].upstream == "etcd");
  CHECK(options->upstreams[0].load_balancing == "round_robin");
}

TEST_CASE("everything that can be configured is read") {
  testing::TemporaryDirectory directory;
  const testing::Issued certificate = testing::Issue(testing::ServerSpec("gateway.test"), nullptr);
  testing::WriteText(directory.path() + "/cert.pem", certificate.Pem());
  testing::WriteText(directory.path() + "/key.pem", certificate.KeyPem());
  testing::WriteText(directory.path() + "/ca.pem", testing::Issue(testing::AuthoritySpec("CA"), nullptr).Pem());
  std::string path = directory.path() + "/sallyport.yaml";
  const std::string& at = directory.path();
  testing::WriteText(at + "/x.binpb", "");
  std::ofstream(path)
      << "listen:\n  addresses: [\"127.0.0.1:0\", \"unix:/tmp/s\"]\n  tls: {cert: " << at << "/cert.pem, key: " << at
      << "/key.pem, client_ca: " << at << "/ca.pem}\n"
      << "data: {directory: /nonexistent/data, durability: write_ahead, keys: \"exec:kms wrap\", buffer: 1MiB,"
      << " segment_size: 8MiB, retention: 90d, retention_size: 1GiB, retention_min_age: 6h}\n"
      << "upstreams:\n  a: {target: \"dns:///a:1\", load_balancing: pick_first}\n"
      << "  b: {target: \"unix:/b\", tls: {ca: " << at << "/ca.pem, server_name: b.example}}\n"
      << "routes:\n  - {services: [\"pay.*\"], metadata: {tenant: \"eu-*\"}, upstream: a}\n"
      << "  - {methods: [\"*/Get\"], authorities: [\"*.b\"], upstream: b}\n"
      << "descriptors: [{file: " << at << "/x.binpb}, {reflection: b, refresh: 1m}]\n"
      << "limits: {message_size: 1MiB, metadata_size: 8KiB}\nsessions: {idle: 5m}\n";
  absl::StatusOr<GatewayOptions> options = LoadConfiguration(path);
  INFO(options.status().ToString());
  REQUIRE(options.ok());
  CHECK(options->listen.size() == 2);
  REQUIRE(options->tls.has_value());
  CHECK(options->tls->cert_file == at + "/cert.pem");
  CHECK(options->tls->key_file == at + "/key.pem");
  CHECK(options->tls->client_ca_files == std::vector<std::string>{at + "/ca.pem"});
  CHECK(options->durability == Durability::kWriteAhead);
  CHECK(options->segment_bytes == 8 << 20);
  CHECK(options->retention.age == absl::Hours(24 * 90));
  CHECK(options->retention.bytes == uint64_t{1} << 30);
  CHECK(options->retention.min_age == absl::Hours(6));
  REQUIRE(options->keys.has_value());
  CHECK(options->keys->kind == recorder::KeySource::Kind::kCommand);
  CHECK(options->keys->value == "kms wrap");
  CHECK(options->upstreams[0].load_balancing == "pick_first");
  CHECK(options->upstreams[1].tls);
  CHECK(options->upstreams[1].server_name == "b.example");
  // With several upstreams, the gateway answers reflection itself.
  REQUIRE(options->routes.size() == 4);
  CHECK(options->routes[0].upstream == "sallyport");
  CHECK(options->routes[0].match.services(0) == "grpc.health.v1.Health");
  CHECK(options->routes[1].upstream == "sallyport");
  CHECK(options->routes[1].match.services(0) == "grpc.reflection.v1.ServerReflection");
  CHECK(options->routes[2].match.metadata().at("tenant") == "eu-*");
  CHECK(options->reflection[0].refresh == absl::Minutes(1));
  CHECK(options->metadata_bytes == 8 << 10);
  CHECK(options->session_idle == absl::Minutes(5));
}

TEST_CASE("errors of the configuration name file, line and key") {
  std::string least = kLeast;
  CHECK(Fault("listen: {adress: \"x:1\"}\n") ==
        "sallyport.yaml:1: listen.adress: unknown key; did you mean \"address\"?\n"
        "sallyport.yaml:1: data.directory: is missing: where to keep what is recorded\n"
        "sallyport.yaml:1: upstreams: give at least one upstream, such as etcd: {target: \"host:port\"}");
  CHECK(Fault("listen: {address: here}\n" + least.substr(least.find('\n') + 1)) ==
        "sallyport.yaml:1: listen.address: \"here\" is neither host:port nor "
        "unix:/path");
  CHECK(Fault(least + "routes:\n  - {upstream: etcd}\n  - {upstream: etc}\n") ==
        "sallyport.yaml:7: routes[1].upstream: \"etc\" is not one of upstreams");
  CHECK(Fault(least + "  sallyport: {target: \"x:1\"}\nroutes: [{upstream: etcd}]\n")
            .starts_with("sallyport.yaml:5: upstreams.sallyport: has the name that stands for the gateway itself"));
  CHECK(Fault(least + "  two: {load_balancing: pick_first}\n")
            .starts_with("sallyport.yaml:5: upstreams.two.target: is missing"));
  CHECK(Fault(least + "  two: {target: \"x:1\"}\n").starts_with("sallyport.yaml:1: routes: is missing"));
  CHECK(Fault(least + "routes: [{metadata: {X-Tenant: eu}, upstream: etcd}]\n") ==
        "sallyport.yaml:5: routes[0].metadata: \"X-Tenant\" is no name of metadata: those have a-z, 0-9, _, . and - "
        "only");
  CHECK(Fault(least + "routes: [{metadata: {x-tenant: EU}, upstream: etcd}]\n").empty());
  CHECK(Fault(least + "limits: {message_size: many}\n").starts_with("sallyport.yaml:5: limits.message_size: "));
  CHECK(Fault(least + "sessions: {idle: -3m}\n").starts_with("sallyport.yaml:5: sessions.idle: "));
  CHECK(Fault(least + "descriptors: [{}]\n") == "sallyport.yaml:5: descriptors[0]: give either file or reflection");
  CHECK(Fault("listen: {address: \"x:1\", tls: {cert: /nonexistent/c}}\n" + least.substr(least.find('\n') + 1))
            .starts_with("sallyport.yaml:1: listen.tls.key: is missing"));
  CHECK(Fault("listen: {address: \"127.0.0.1:1\"}\ndata: {directory: /x,\n  keys: /etc/keyring}\n")
            .starts_with("sallyport.yaml:3: data.keys: say where keys come from as file:PATH"));
  CHECK(Fault("data: {durability: sometimes}\n").starts_with("sallyport.yaml:1: data.durability: "));
}

TEST_CASE("faults of form do not hide those of meaning, and make up none") {
  struct Both {
    const char* text;  // behind the least
    std::vector<std::string> told;
  };
  const auto both = GENERATE(values<Both>({
      {"limits: {mesage_size: 1, metadata_size: 1}\n",
       {"5: limits.mesage_size: unknown key; did you mean \"message_size\"?",
        "5: limits.metadata_size: 1 is not between 1024 and 67108864 bytes"}},
      {"  two: {target: \"http://x\", tlss: {}}\nroutes: [{upstream: tow}]\n",
       {"5: upstreams.two.tlss: unknown key; did you mean \"tls\"?",
        "5: upstreams.two.target: \"http://x\" is a URL, which gRPC takes for a name: write \"x:80\"",
        "6: routes[0].upstream: \"tow\" is not one of upstreams"}},
      // Those that would be about what stands under the wrong name.
      {"  two: {taget: \"x:1\"}\nroutes: [{upstream: two}]\n",
       {"5: upstreams.two.taget: unknown key; did you mean \"target\"?"}},
      {"  two: [x]\nroutes: [{upstream: two}]\n", {"5: upstreams.two: expected a map of keys to values, found a list"}},
      {"  two:\nroutes: [{upstream: two}]\n", {"5: upstreams.two: has no value: give it one or remove the key"}},
      {"identity: {mtls: {ca: /none/such}}\n", {"5: identity.mtls: needs listen.tls: ", "5: identity.mtls: "}},
      {"token_sining: {}\nsessions: {idle: soon}\n",
       {"5: token_sining: unknown key; did you mean \"token_signing\"?", "6: sessions.idle: "}},
  }));
  const std::string fault = Fault(std::string(kLeast) + both.text);
  CAPTURE(both.text, fault);
  size_t at = 0;
  for (const std::string& told : both.told) {
    CHECK(fault.compare(at, 15 + told.size(), "sallyport.yaml:" + told) == 0);
    at = std::min(fault.find('\n', at), fault.size() - 1) + 1;
  }
  CHECK(at == fault.size());
  CHECK(Fault("upstrems:\n  etcd: {target: \"x:1\"}\nlisten: {address: \"127.0.0.1:0\", tlss: {}}\n"
              "data: {directory: /nonexistent/data}\nroutes: [{upstream: etcd}]\n") ==
        "sallyport.yaml:1: upstrems: unknown key; did you mean \"upstreams\"?\n"
        "sallyport.yaml:3: listen.tlss: unknown key; did you mean \"tls\"?");
}

TEST_CASE("paths of what is of another kind are told") {
  testing::TemporaryDirectory directory;
  const std::string& at = directory.path();
  testing::WriteText(at + "/file", "text");
  const std::string head = "listen: {address: \"127.0.0.1:0\"}\nupstreams: {etcd: {target: \"x:1\"";
  const std::string data = "}}\ndata: {directory: " + at + "/data";
  const auto fault = [](const std::string& text) {
    const std::string told = Fault(text);
    return told.substr(std::min(told.size(), std::string("sallyport.yaml:").size()));
  };
  CHECK(fault(head + data + "}\n").empty());
  CHECK(fault(head + "}}\ndata: {directory: " + at + "/file}\n") ==
        "3: data.directory: " + at + "/file is a file: give a directory, which is made if it is not there");
  CHECK(fault(head + "}}\ndata: {directory: " + at + "/file/data}\n")
            .starts_with("3: data.directory: " + at + "/file is a file"));
  CHECK(fault(head + data + "}\ncheckpoints: {directory: " + at + "/file}\n")
            .starts_with("4: checkpoints.directory: " + at + "/file is a file"));
  CHECK(fault(head + data + ", keys: \"file:" + at + "\"}\n") ==
        "3: data.keys: " + at + " is a directory, and no keyring file");
  CHECK(fault(head + data + ", keys: \"env:SALLYPORT_TEST_NO_SUCH\"}\n") ==
        "3: data.keys: the environment has no variable SALLYPORT_TEST_NO_SUCH");
  CHECK(fault(head + data + "}\ndescriptors: [{file: " + at + "/none}]\n")
            .starts_with("4: descriptors[0].file: " + at + "/none: "));
  for (const std::string& wrong : {at, at + "/file"}) {
    const std::string said = wrong != at
                                 ? absl::StrCat(wrong, " has no certificate in PEM (-----BEGIN CERTIFICATE-----)")
                                 : absl::StrCat("cannot read ", wrong);
    CHECK(fault(absl::StrCat(head, ", tls: {ca: ", wrong, "}", data, "}\n")) ==
          absl::StrCat("2: upstreams.etcd.tls.ca: ", said));
    CHECK(fault(absl::StrCat(head, data, "}\ncheckpoints: {url: \"https://x/\", ca: ", wrong, "}\n")) ==
          absl::StrCat("4: checkpoints.ca: ", said));
  }
}

TEST_CASE("without TLS only this machine is listened to, unless the configuration says so") {
  const std::string rest = std::string(kLeast).substr(std::string(kLeast).find('\n') + 1);
  const auto fault = [&](const std::string& listen) { return Fault("listen: " + listen + "\n" + rest); };
  for (const char* address : {"127.0.0.1:1", "localhost:1", "[::1]:1", "unix:/run/x"}) {
    CHECK(fault(absl::StrCat("{address: \"", address, "\"}")).empty());
  }
  for (const char* address : {"0.0.0.0:1", "[::]:1", "gateway.internal:1", "10.0.0.1:1"}) {
    CHECK(fault(absl::StrCat("{address: \"", address, "\"}"))
              .starts_with(
                  absl::StrCat("sallyport.yaml:1: listen: \"", address, "\" can be reached from other machines")));
    CHECK(fault(absl::StrCat("{addresses: [\"127.0.0.1:1\", \"", address, "\"]}")).find(address) != std::string::npos);
    const std::string insecure = absl::StrCat("{address: \"", address, "\", insecure: true}");
    // Nobody could prove who they are: that everybody may call has to be said, too.
    CHECK(fault(insecure).find("identity: is missing") != std::string::npos);
    CHECK(fault(insecure + "\nidentity: {anonymous: true}").empty());
  }
}

TEST_CASE("TLS files that are not in order are told when the configuration is read") {
  testing::TemporaryDirectory directory;
  const std::string& at = directory.path();
  const testing::Issued certificate = testing::Issue(testing::ServerSpec("gateway.test"), nullptr);
  testing::WriteText(at + "/cert.pem", certificate.Pem());
  testing::WriteText(at + "/key.pem", testing::Issue(testing::ServerSpec("gateway.test"), nullptr).KeyPem());
  const std::string least = kLeast;
  const std::string text = "listen: {address: \"0.0.0.0:1\", tls: {cert: " + at + "/cert.pem, key: " + at +
                           "/key.pem}}\n" + least.substr(least.find('\n') + 1) + "identity: {anonymous: true}\n";
  CHECK(Fault(text) == "sallyport.yaml:1: listen.tls: " + at + "/key.pem holds no private key for " + at +
                           "/cert.pem: it is not that of the certificate");
  testing::WriteText(at + "/key.pem", certificate.KeyPem());
  CHECK(Fault(text).empty());
}

TEST_CASE("where checkpoints go is read and checked") {
  const std::string key = "witness.example/w1+3378c6f1+BPcAAQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0e";
  const std::string plain = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
  testing::TemporaryDirectory directory;
  std::string path = directory.path() + "/sallyport.yaml";
  std::ofstream(directory.path() + "/ca.pem") << testing::Issue(testing::AuthoritySpec("CA"), nullptr).Pem();
  std::string least = kLeast;
  std::ofstream(path) << least
                      << "checkpoints:\n  interval: 5s\n  directory: /mnt/c\n  url: \"https://c.example/x?t=1\"\n"
                      << "  ca: " << directory.path() << "/ca.pem\n  witnesses:\n"
                      << "    - {url: \"https://witness.example/\", key: \"" << key << "\"}\n";
  absl::StatusOr<GatewayOptions> options = LoadConfiguration(path);
  INFO(options.status().ToString());
  REQUIRE(options.ok());
  CHECK(options->checkpoints.interval == absl::Seconds(5));
  CHECK(options->checkpoints.directory == "/mnt/c");
  CHECK(options->checkpoints.url == "https://c.example/x?t=1");
  CHECK(options->checkpoints.ca_pem.starts_with("-----BEGIN CERTIFICATE-----"));
  REQUIRE(options->checkpoints.witnesses.size() == 1);
  CHECK(options->checkpoints.witnesses[0].key.Text() == key);

  std::ofstream(path) << least;
  CHECK(LoadConfiguration(path).value().checkpoints.interval == absl::Seconds(1));

  const auto fault = [&](const std::string& checkpoints) {
    return Fault(least + "checkpoints: {" + checkpoints + "}\n");
  };
  CHECK(fault("interval: 1ms").starts_with("sallyport.yaml:5: checkpoints.interval: 1ms is not between"));
  CHECK(fault("interval: soon").starts_with("sallyport.yaml:5: checkpoints.interval: "));
  CHECK(fault("url: \"ftp://x/\"") ==
        "sallyport.yaml:5: checkpoints.url: is not a URL such as https://host/path or "
        "https://host:8443/path");
  CHECK(fault("url: \"https:/x/y\"").starts_with("sallyport.yaml:5: checkpoints.url: is not a URL"));
  CHECK(fault("url: \"https:///x\"").starts_with("sallyport.yaml:5: checkpoints.url: is not a URL"));
  CHECK(fault("url: \"https://x:99999/\"").starts_with("sallyport.yaml:5: checkpoints.url: is not a URL"));
  CHECK(fault("url: \"https://x:0/\"").starts_with("sallyport.yaml:5: checkpoints.url: has port 0"));
  CHECK(fault("url: \"https://x/#y\"").starts_with("sallyport.yaml:5: checkpoints.url: has a fragment"));
  CHECK(fault("url: \"http://c.example/\"").starts_with("sallyport.yaml:5: checkpoints.url: is plain http"));
  CHECK(fault("url: \"http://c.example/\", insecure: true").empty());
  CHECK(fault("url: \"http://127.0.0.1:8/\"").empty());
  CHECK(fault("witnesses: [{url: \"http://w.example/\", key: \"" + key + "\"}]")
            .starts_with("sallyport.yaml:5: checkpoints.witnesses[0].url: is plain http"));
  CHECK(fault("insecure: true, witnesses: [{url: \"http://w.example/\", key: \"" + key + "\"}]").empty());
  CHECK(fault("ca: /nonexistent/ca").starts_with("sallyport.yaml:5: checkpoints.ca: cannot read"));
  CHECK(fault("witnesses: [{key: \"" + key + "\"}]").starts_with("sallyport.yaml:5: checkpoints.witnesses[0].url: "));
  CHECK(fault("witnesses: [{url: \"https://w\"}]").starts_with("sallyport.yaml:5: checkpoints.witnesses[0].key: "));
  CHECK(fault("witnesses: [{url: \"https://w\", key: \"" + plain + "\"}]")
            .starts_with("sallyport.yaml:5: checkpoints.witnesses[0].key: is not of a witness"));
}

TEST_CASE("credentials towards upstreams, their signing key and the admin endpoint are read and checked") {
  testing::TemporaryDirectory directory;
  const std::string& at = directory.path();
  std::ofstream(at + "/token") << "s3cret";
  // The example key of RFC 8410, 10.3.
  std::ofstream(at + "/key.pem") << "-----BEGIN PRIVATE KEY-----\n"
                                    "MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n"
                                    "-----END PRIVATE KEY-----\n";
  const std::string signing = "token_signing: {issuer: \"https://g.example\", key: " + at + "/key.pem}\n";
  const std::string admin = "admin: {address: \"127.0.0.1:0\"}\n";
  const std::string metadata =
      "    credentials: {metadata: {authorization: {from_file: " + at + "/token}}, identity_metadata: {}}\n";
  const std::string upstream =
      "data: {directory: /nonexistent/data}\nlisten: {address: \"127.0.0.1:0\"}\n"
      "upstreams:\n  etcd:\n    target: \"x:1\"\n";
  std::ofstream(at + "/sallyport.yaml") << upstream + metadata + admin + signing
                                        << "routes: [{services: [\"a.*\"], upstream: etcd}]\n";
  absl::StatusOr<GatewayOptions> options = LoadConfiguration(at + "/sallyport.yaml");
  INFO(options.status().ToString());
  REQUIRE(options.ok());
  CHECK(options->admin_address == "127.0.0.1:0");
  REQUIRE(options->token_signing.has_value());
  CHECK(options->token_signing->issuer == "https://g.example");
  REQUIRE(options->upstreams[0].credentials.has_value());
  CHECK(options->upstreams[0].credentials->Names("authorization"));
  CHECK(options->upstreams[0].credentials->Names("sallyport-identity-token"));
  CHECK_FALSE(options->upstreams[0].credentials->Names("token"));
  CHECK_FALSE(options->routes[0].match.forward_authorization());

  CHECK(Fault(upstream + metadata)
            .starts_with("sallyport.yaml:6: upstreams.etcd.credentials.identity_metadata: needs token_signing"));
  CHECK(Fault(upstream + metadata + signing + "routes: [{upstream: etcd, forward_authorization: true}]\n")
            .starts_with("sallyport.yaml:8: routes[0].forward_authorization: cannot stand with"));
  CHECK(Fault(upstream + "    credentials: {metadata: {token: {from_file: /none/such}}}\n")
            .starts_with("sallyport.yaml:6: upstreams.etcd.credentials.metadata.token.from_file: opening the secret"));
  CHECK(Fault(upstream + "admin: {address: here}\n")
            .starts_with("sallyport.yaml:6: admin.address: \"here\" is not host:port"));
  CHECK(Fault(upstream + "token_signing: {issuer: \"https://g.example\", key: /none/such}\n")
            .starts_with("sallyport.yaml:6: token_signing: "));
}

TEST_CASE("a configuration that is not there says so") {
  absl::StatusOr<GatewayOptions> options = LoadConfiguration("/nonexistent/sallyport.yaml");
  REQUIRE_FALSE(options.ok());
  CHECK_THAT(std::string(options.status().message()), Catch::Contains("/nonexistent/sallyport.yaml"));
}

TEST_CASE("where something is to be reached or listened on is refused with what to write instead") {
  struct Wrong {
    const char* key;
    const char* value;
    const char* told;
  };
  // tests/protos/grpc_target_test.cc and listen_address_test.cc have all the kinds.
  const auto wrong = GENERATE(values<Wrong>({
      {"upstreams.pay.target", "dns://pay:443", "\"dns://pay:443\" names a name server, and no host: write "},
      {"upstreams.pay.target", "::1:443", "write \"[::1]:443\""},
      {"upstreams.pay.target", "pay:443/path", "write \"pay:443\""},
      {"upstreams.pay.target", " pay:443", "write \"pay:443\""},
      {"upstreams.pay.target", "pay", "has no port: write \"pay:443\""},
      {"upstreams.pay.target", "pay:0", "\"0\" is no port"},
      {"upstreams.pay.target", "pay:http", "write \"pay:80\""},
      {"upstreams.pay.target", "pay:99999", "\"99999\" is no port"},
      {"admin.address", "127.0.0.1:99999", "is not host:port, such as 127.0.0.1:50051"},
      {"admin.address", " 127.0.0.1:50051", "is not one address: those have neither spaces nor commas"},
      {"admin.address", "127.1:50051", "\"127.1\" is no address"},
      {"admin.address", "127.0.0.1:+5", "is no port, which is a number from 0 to 65535"},
      {"admin.address", "[::g]:50051", "\"::g\" is no address"},
      {"listen.address", "127.0.0.1:99999", "is no port, which is a number from 0 to 65535"},
      {"listen.address", "unix:", "the name of a UNIX socket has 1 to 107 bytes"},
      {"checkpoints.url", "https://c.example:99999/", "is not a URL such as "},
      {"checkpoints.url", "c.example:443", "is not a URL such as "},
      {"identity.oidc[0].issuer", "https://idp.example:0", "has port 0, on which nothing listens"},
      {"upstreams.pay.authority", "pay/x", "\"pay/x\" is neither host nor host:port"},
  }));
  const auto value = [&wrong](const char* key, const char* otherwise) {
    return absl::StrCat("\"", std::string(key) == wrong.key ? wrong.value : otherwise, "\"");
  };
  const std::string text = absl::StrCat(
      "data: {directory: /nonexistent/data}\nlisten:\n  address: ", value("listen.address", "127.0.0.1:0"),
      "\nadmin:\n  address: ", value("admin.address", "127.0.0.1:0"),
      "\ncheckpoints:\n  url: ", value("checkpoints.url", "https://c.example/"),
      "\nidentity:\n  oidc: [{audiences: [a], issuer: ", value("identity.oidc[0].issuer", "https://idp.example"),
      "}]\nupstreams:\n  pay: {authority: ", value("upstreams.pay.authority", "pay"),
      ", target: ", value("upstreams.pay.target", "pay:443"), "}\n");
  const std::string fault = Fault(text);
  CAPTURE(text, fault);
  CHECK_THAT(fault, Catch::StartsWith("sallyport.yaml:") && Catch::Contains(absl::StrCat(": ", wrong.key, ": ")) &&
                        Catch::Contains(wrong.told));
  CHECK(fault.find('\n') == std::string::npos);
}

TEST_CASE("how the gateway listens is checked, and has defaults") {
  const auto options = [](const std::string& listen, const std::string& rest) {
    testing::TemporaryDirectory directory;
    const std::string path = directory.path() + "/sallyport.yaml";
    std::ofstream(path) << "listen: {" << listen << "}\ndata: {directory: /nonexistent/data}\n"
                        << "upstreams: {etcd: {target: \"127.0.0.1:2379\"}}\n"
                        << rest;
    return LoadConfiguration(path);
  };
  const auto fault = [&options](const std::string& listen, const std::string& rest = "") {
    const auto checked = options(listen, rest);
    return checked.ok() ? "" : std::string(checked.status().message());
  };
  const std::string local = "address: \"127.0.0.1:0\"";
  const auto plain = options(local, "");
  REQUIRE(plain.ok());
  CHECK(plain->listen_options.open_health);
  CHECK(plain->listen_options.handshake == absl::Seconds(20));
  CHECK(plain->listen_options.connection_age == absl::InfiniteDuration());
  CHECK(plain->listen_options.calls_per_connection == 1000);
  const auto full =
      options(local +
                  ", trusted_proxies: [10.0.0.0/8, unix], handshake_timeout: 5s, max_connection_age: 1h, "
                  "max_connection_age_grace: 10m, health: authenticated",
              "limits: {connections: 10, connections_per_peer: 5, calls_per_connection: 7, memory: 1GiB}\n");
  INFO(full.status());
  REQUIRE(full.ok());
  CHECK(full->listen_options.trusted_proxies.size() == 2);
  CHECK_FALSE(full->listen_options.open_health);
  CHECK(full->listen_options.connection_grace == absl::Minutes(10));
  CHECK(full->listen_options.connections == 10);
  CHECK(full->listen_options.memory_bytes == uint64_t{1} << 30);
  const auto abroad = options("address: \"0.0.0.0:0\", insecure: true", "identity: {anonymous: true}\n");
  REQUIRE(abroad.ok());
  CHECK_FALSE(abroad->listen_options.open_health);
  const auto has = [](const std::string& text, const std::string& words) {
    INFO(text);
    return text.find(words) != std::string::npos;
  };
  CHECK(has(fault(local + ", trusted_proxies: [10.0.0.1/8]"), "listen.trusted_proxies[0]: "));
  CHECK(has(fault(local + ", handshake_timeout: 1ms"), "listen.handshake_timeout: "));
  CHECK(has(fault(local + ", max_connection_age_grace: 1m"), "listen.max_connection_age_grace: "));
  CHECK(has(fault(local, "limits: {connections: 5, connections_per_peer: 6}\n"), "limits.connections_per_peer: "));
  CHECK(has(fault(local, "limits: {memory: 1KiB}\n"), "limits.memory: "));
  // Whoever is given sockets does not know who reaches them.
  CHECK(has(fault("address: inherited"), "can be reached from other machines"));
}

TEST_CASE("what is traced and logged is read and checked") {
  testing::TemporaryDirectory directory;
  const std::string path = directory.path() + "/sallyport.yaml";
  const auto read = [&](const std::string& more) {
    testing::WriteText(path, kLeast + more);
    return LoadConfiguration(path);
  };
  const auto none = read("");
  REQUIRE(none.ok());
  CHECK(!none->tracing.has_value());
  CHECK(!none->log.json);
  CHECK(none->log.calls == LogOptions::Calls::kOff);
  CHECK(!none->routes[0].call_id_trailer);

  const auto some = read(
      "tracing: {otlp: \"127.0.0.1:4317\"}\nlog: {format: json, calls: failed, level: warn}\n"
      "routes: [{upstream: etcd, call_id: trailer}]\n");
  INFO(some.status().ToString());
  REQUIRE(some.ok());
  REQUIRE(some->tracing.has_value());
  CHECK(some->tracing->target == "127.0.0.1:4317");
  CHECK(some->tracing->sample == 0.01);
  CHECK(!some->tracing->tls);
  CHECK(some->log.json);
  CHECK(some->log.calls == LogOptions::Calls::kFailed);
  CHECK(some->log.level == "warn");
  CHECK(some->routes[0].call_id_trailer);
  const auto never =
      read("tracing: {otlp: \"otel.example:4317\", sample: 0, tls: {server_name: otel}}\nlog: {calls: all}\n");
  REQUIRE(never.ok());
  CHECK(never->tracing->sample == 0);
  CHECK(never->tracing->tls);
  CHECK(never->tracing->server_name == "otel");
  CHECK(never->log.calls == LogOptions::Calls::kAll);
  for (const char* near : {"localhost:4317", "[::1]:4317", "unix:/run/otel.sock", "dns:///localhost:4317"}) {
    INFO(near);
    CHECK(read(absl::StrCat("tracing: {otlp: \"", near, "\"}\n")).ok());
  }
  CHECK(read("tracing: {otlp: \"otel.example:4317\", insecure: true}\n").ok());

  const std::string at = "sallyport.yaml:5: ";
  CHECK(Fault(std::string(kLeast) + "tracing: {sample: 1}\n").starts_with(at + "tracing.otlp: is missing"));
  CHECK(Fault(std::string(kLeast) + "tracing: {otlp: \"otel.example:4317\"}\n")
            .starts_with(at + "tracing.otlp: \"otel.example:4317\" is another machine"));
  CHECK(Fault(std::string(kLeast) + "tracing: {otlp: \"ipv4:127.0.0.1:1,10.0.0.1:1\"}\n")
            .starts_with(at + "tracing.otlp: "));
  for (const char* sample : {"-0.1", "1.1", "nan"}) {
    INFO(sample);
    CHECK(Fault(absl::StrCat(kLeast, "tracing: {otlp: \"127.0.0.1:1\", sample: ", sample, "}\n"))
              .starts_with(at + "tracing.sample: "));
  }
  CHECK(Fault(std::string(kLeast) + "tracing: {otlp: \"127.0.0.1:1\", tls: {ca: /nonexistent/ca}}\n")
            .starts_with(at + "tracing.tls.ca: "));
  CHECK(Fault(std::string(kLeast) + "log: {level: loud}\n").starts_with(at + "log.level: \"loud\" is none of"));
  CHECK(Fault(std::string(kLeast) + "log: {format: xml}\n").starts_with(at + "log.format: "));
}

}  // namespace sallyport::gateway
