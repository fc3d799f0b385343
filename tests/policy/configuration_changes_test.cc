#include "policy/changes/configuration_changes.h"

#include <catch2/catch.hpp>

namespace sallyport::policy {
namespace {

v1::Config Some() {
  v1::Config config;
  config.mutable_listen()->add_addresses("127.0.0.1:1");
  config.mutable_data()->set_keys("exec:secret-command");
  (*config.mutable_upstreams())["etcd"].set_target("a:1");
  config.add_routes()->set_upstream("etcd");
  return config;
}

TEST_CASE("nothing differs between equals") { CHECK(ConfigurationChanges(Some(), Some()).empty()); }

TEST_CASE("each key that differs is named, with values where nothing is to be hidden") {
  v1::Config after = Some();
  after.mutable_listen()->add_addresses("127.0.0.1:2");
  after.mutable_limits()->set_window("2MiB");
  (*after.mutable_upstreams())["etcd"].set_target("b:1");
  (*after.mutable_upstreams())["other"].set_target("c:1");
  after.mutable_routes(0)->set_idle("5s");
  std::vector<std::string> texts;
  for (const auto& change : ConfigurationChanges(Some(), after)) texts.push_back(ChangeText(change));
  CHECK(texts == std::vector<std::string>{"listen.addresses: 127.0.0.1:1 -> 127.0.0.1:1, 127.0.0.1:2",
                                          "upstreams.etcd.target", "upstreams.other", "routes[0].idle",
                                          "limits.window: (default) -> 2MiB"});
}

TEST_CASE("what only a start takes up says so, and shows no value") {
  v1::Config after = Some();
  after.mutable_data()->set_keys("exec:other-command");
  const auto changes = ConfigurationChanges(Some(), after);
  REQUIRE(changes.size() == 1);
  CHECK(changes[0].waits());
  CHECK(ChangeText(changes[0]) == "data.keys (waits for the next start)");
}

TEST_CASE("a part that says something by being there is a change") {
  v1::Config after = Some();
  after.mutable_listen()->mutable_tls();
  REQUIRE(ConfigurationChanges(Some(), after).size() == 1);
  CHECK(ConfigurationChanges(Some(), after)[0].key() == "listen.tls");
}

}  // namespace
}  // namespace sallyport::policy
