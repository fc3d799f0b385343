// Random messages, printed and compared beside what protobuf makes of them.
#include <google/protobuf/dynamic_message.h>

#include <catch2/catch.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "policy/messages/message_comparison.h"
#include "tests/fuzz/message_schema.h"
#include "tests/policy/messages/message_bench.h"
#include "tests/policy/messages/random_wire.h"

namespace sallyport::policy {
namespace {

namespace pb = google::protobuf;

class RandomBench {
 public:
  RandomBench() : bench_(recorder::kMessageSchema), factory_(bench_.type("t.M").file()->pool()) {
    for (const char* name : {"t.M", "t.Set", "t.Strict", "google.protobuf.Timestamp"}) {
      options_.any_types.push_back(&bench_.type(name));
    }
    options_.odd = options_.unknown_anys = options_.unnamed_enums = options_.leave_out_required = true;
  }

  const MessageBench& bench() const { return bench_; }
  RandomWireOptions& options() { return options_; }
  std::string Random() { return RandomWire(chance_, options_).Message(bench_.type("t.M"), 4); }
  // Parsed and written again.
  std::string Rewritten(const std::string& bytes) {
    const std::unique_ptr<pb::Message> message(factory_.GetPrototype(&bench_.type("t.M"))->New());
    REQUIRE(message->ParsePartialFromString(bytes));
    return message->SerializePartialAsString();
  }
  size_t Differences(const std::string& left, const std::string& right) const {
    return CompareMessages(bench_.types(), bench_.type("t.M"), left, right).count;
  }
  Chance& chance() { return chance_; }

 private:
  MessageBench bench_;
  pb::DynamicMessageFactory factory_;
  RandomWireOptions options_;
  Chance chance_{11};
};

TEST_CASE("a message is equal to what protobuf writes of it, and is shown alike but for repeats") {
  RandomBench random;
  for (int i = 0; i < 3'000; ++i) {
    const std::string bytes = random.Random();
    const std::string again = random.Rewritten(bytes);
    const auto found = CompareMessages(random.bench().types(), random.bench().type("t.M"), bytes, again);
    INFO((found.told.empty() ? "" : found.told[0].path + ": " + found.told[0].left + " / " + found.told[0].right));
    REQUIRE(found.count == 0);
    const std::string shown = random.bench().Line("t.M", bytes);
    if (shown.find("\"@repeated\"") != std::string::npos || shown.find("\"@displaced\"") != std::string::npos) continue;
    REQUIRE(nlohmann::json::parse(shown) == nlohmann::json::parse(random.bench().Line("t.M", again)));
  }
}

TEST_CASE("messages that are shown alike are equal, and others are not") {
  RandomBench random;
  random.options().unknown_fields = random.options().unnamed_closed_enums = true;
  random.options().odd = false;
  int equal = 0;
  for (int i = 0; i < 3'000; ++i) {
    const std::string bytes = random.Random();
    std::string other = bytes;
    if (!other.empty()) other[random.chance().Below(other.size())] ^= static_cast<char>(1u << random.chance().Below(8));
    const auto alike = [&](const std::string& one) {
      nlohmann::json json = nlohmann::json::parse(random.bench().Line("t.M", one));
      return json;
    };
    const bool same = alike(bytes) == alike(other);
    CAPTURE(random.bench().Line("t.M", bytes), random.bench().Line("t.M", other));
    // What is told of repeats does not count in a comparison.
    if (random.Differences(bytes, other) == 0) {
      const bool told = random.bench().Line("t.M", other).find("\"@repeated\"") != std::string::npos ||
                        random.bench().Line("t.M", other).find("\"@displaced\"") != std::string::npos;
      CHECK((same || told));
      ++equal;
    } else {
      CHECK_FALSE(same);
    }
  }
  CHECK(equal < 1'500);
}

}  // namespace
}  // namespace sallyport::policy
