// The walker against the slow and obvious way, over random types, masks and messages, and over messages whose bytes
// were changed at random.
#include <google/protobuf/dynamic_message.h>

#include <catch2/catch.hpp>
#include <cstdlib>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "tests/policy/masking/masking_fixture.h"
#include "tests/policy/masking/random_masks.h"
#include "tests/policy/masking/random_messages.h"
#include "tests/policy/masking/reference_mask.h"
#include "tests/policy/masking/split_parts.h"

namespace sallyport::policy {
namespace {

namespace pb = google::protobuf;

std::string Mutated(Chance& chance, std::string bytes) {
  for (size_t n = 1 + chance.Below(3); n > 0 && !bytes.empty(); --n) {
    const size_t at = chance.Below(bytes.size());
    const size_t length = 1 + chance.Below(std::min<size_t>(bytes.size() - at, 20));
    switch (chance.Below(5)) {
      case 0:
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << chance.Below(8)));
        break;
      case 1:
        bytes.erase(at, length);
        break;
      case 2:
        bytes.insert(chance.Below(bytes.size()), bytes.substr(at, length));
        break;
      case 3:
        bytes.insert(at, 1, static_cast<char>(chance.Below(256)));
        break;
      default:
        bytes += bytes.substr(at, length);
    }
  }
  return bytes;
}

// How many schemas with masks each of the two below tries; more for a soak, in SALLYPORT_MASK_SEEDS.
uint64_t Seeds() {
  constexpr uint64_t kUsual = 1000;
  const char* const wanted = std::getenv("SALLYPORT_MASK_SEEDS");
  uint64_t seeds = kUsual;
  return wanted != nullptr && absl::SimpleAtoi(wanted, &seeds) ? seeds : kUsual;
}

TEST_CASE("masking on the wire does what masking a parsed message does") {
  int masked = 0;
  for (uint64_t seed = 1; seed <= Seeds(); ++seed) {
    Chance chance(seed);
    const std::string proto = RandomProto(chance);
    const RandomMaskSet masks = RandomMasks(chance, false);
    CAPTURE(seed, proto, masks.policy);
    MaskBench bench(DescriptorsOf(proto), masks.policy);
    for (int i = 0; i < 20; ++i) {
      const auto original = bench.New();
      Fill(chance, 3, original.get());
      const auto found = bench.New();
      const std::string bytes = original->SerializeAsString();
      const std::string output = bench.Masked(bytes);
      REQUIRE(found->ParseFromString(output));
      if (output != bytes) ++masked;
      // As it is after a journey over the wire, where maps are.
      const auto expected = bench.New();
      REQUIRE(expected->ParseFromString(bytes));
      ApplyReference(masks.rules, kTestKey, expected.get());
      const auto travelled = bench.New();
      REQUIRE(travelled->ParseFromString(expected->SerializeAsString()));
      // Keys may have been masked, too.
      if (!masks.keys) REQUIRE(MisplacedUnknown(masks.rules, *found) == "");
      Normalize(found.get());
      Normalize(travelled.get());
      INFO(original->DebugString());
      REQUIRE(DifferenceOf(*travelled, *found) == "");
    }
  }
  CHECK(masked > 1000);
}

// What parsers read of `bytes` once the masks were at work on the parsed message.
std::unique_ptr<pb::Message> MaskedByReference(MaskBench& bench, const RandomMaskSet& masks, const std::string& bytes) {
  const auto expected = bench.New();
  REQUIRE(expected->ParseFromString(bytes));
  ApplyReference(masks.rules, kTestKey, expected.get());
  auto travelled = bench.New();
  REQUIRE(travelled->ParseFromString(expected->SerializeAsString()));
  Normalize(travelled.get());
  return travelled;
}

TEST_CASE("what comes in parts is masked as parsers merge it, or refused") {
  int refused = 0;
  int split = 0;
  for (uint64_t seed = 20'000'000; seed <= 20'000'000 + Seeds(); ++seed) {
    Chance chance(seed);
    const std::string proto = RandomProto(chance);
    const RandomMaskSet masks = RandomMasks(chance, false);
    CAPTURE(seed, proto, masks.policy);
    MaskBench bench(DescriptorsOf(proto), masks.policy);
    for (int i = 0; i < 20; ++i) {
      const auto original = bench.New();
      Fill(chance, 3, original.get());
      const std::string whole = original->SerializeAsString();
      const std::string bytes = SplitParts(chance, *bench.type(), whole);
      if (bytes == whole) continue;
      ++split;
      INFO(original->DebugString());
      if (bench.record() != nullptr && bench.Unreadable(bytes)) {
        // Nothing but an Any, or a key, may make a difference.
        REQUIRE((masks.keys || absl::StrContains(proto, "google.protobuf.Any")));
        ++refused;
        continue;
      }
      const auto found = bench.New();
      REQUIRE(found->ParseFromString(bench.Masked(bytes)));
      if (!masks.keys) REQUIRE(MisplacedUnknown(masks.rules, *found) == "");
      const auto expected = MaskedByReference(bench, masks, bytes);
      Normalize(found.get());
      REQUIRE(DifferenceOf(*expected, *found) == "");
    }
  }
  CHECK(split > 1000);
  CHECK(refused > 10);
  CHECK(refused < split / 2);
}

TEST_CASE("content rules refuse what parsers read, in parts or not") {
  int refused = 0;
  int passed = 0;
  int unreadable = 0;
  for (uint64_t seed = 30'000'000; seed <= 30'000'000 + Seeds(); ++seed) {
    Chance chance(seed);
    const std::string proto = RandomProto(chance);
    const RandomContentRule rule = RandomContent(chance);
    CAPTURE(seed, proto, rule.policy);
    MaskBench bench(DescriptorsOf(proto), rule.policy);
    for (int i = 0; i < 20; ++i) {
      const auto original = bench.New();
      Fill(chance, 3, original.get());
      const std::string whole = original->SerializeAsString();
      const auto travelled = bench.New();
      REQUIRE(travelled->ParseFromString(whole));
      const bool expected = ReferenceRefuses(rule.conditions, rule.detects, *travelled);
      INFO(original->DebugString());
      const ContentVerdict verdict = bench.masks().CheckContent(MessageSide::kRequest, whole);
      REQUIRE_FALSE(verdict.unreadable);
      // Detectors look into what is not known, where the reference does not, and messages that are meant as a whole
      // are compared as their bytes, where it does not.
      if (expected) REQUIRE(verdict.rule == "c");
      const bool exact = !rule.detects && !absl::StrContains(rule.policy, "value: \"*7*\"");
      if (exact) REQUIRE(expected == (verdict.rule == "c"));
      const std::string bytes = SplitParts(chance, *bench.type(), whole);
      const ContentVerdict in_parts = bench.masks().CheckContent(MessageSide::kRequest, bytes);
      const auto merged = bench.New();
      REQUIRE(merged->ParseFromString(bytes));
      if (ReferenceRefuses(rule.conditions, rule.detects, *merged)) {
        REQUIRE((in_parts.unreadable || in_parts.rule == "c"));
      }
      // What is refused whole is refused in parts, unless their bytes are what is compared.
      if (expected && exact) REQUIRE((in_parts.unreadable || in_parts.rule == "c"));
      ++(in_parts.unreadable ? unreadable : in_parts.rule == "c" ? refused : passed);
    }
  }
  CHECK(refused > 1000);
  CHECK(passed > 1000);
  CHECK(unreadable > 10);
  CHECK(unreadable < 2 * passed);
}

TEST_CASE("whatever the bytes, nothing that is to be masked comes through") {
  int readable = 0;
  int unreadable = 0;
  for (uint64_t seed = 10'000'000; seed <= 10'000'000 + Seeds(); ++seed) {
    Chance chance(seed);
    const std::string proto = RandomProto(chance);
    const RandomMaskSet masks = RandomMasks(chance, true);
    CAPTURE(seed, proto, masks.policy);
    MaskBench bench(DescriptorsOf(proto), masks.policy);
    if (bench.record() == nullptr) continue;
    for (int i = 0; i < 60; ++i) {
      const auto original = bench.New();
      Fill(chance, 3, original.get());
      std::string bytes = original->SerializeAsString();
      if (chance.OneIn(2)) bytes = SplitParts(chance, *bench.type(), bytes);
      bytes = Mutated(chance, std::move(bytes));
      std::string output;
      std::string problem;
      const MessageMask::Outcome outcome = bench.record()->Apply(bytes, &output, &problem);
      if (outcome == MessageMask::Outcome::kUnreadable) {
        ++unreadable;
        continue;
      }
      ++readable;
      if (outcome == MessageMask::Outcome::kUnchanged) output = bytes;
      const auto found = bench.New();
      // What was not masked may still not parse: texts that are not UTF-8, messages that nobody had to look into.
      if (!found->ParseFromString(output)) {
        const auto input = bench.New();
        REQUIRE_FALSE(input->ParseFromString(bytes));
        continue;
      }
      REQUIRE(MisplacedUnknown(masks.rules, *found) == "");
      const auto again = bench.New();
      again->CopyFrom(*found);
      ApplyReference(masks.rules, kTestKey, again.get());
      Normalize(again.get());
      Normalize(found.get());
      INFO(found->DebugString());
      REQUIRE(again->SerializeAsString().size() == found->SerializeAsString().size());
      REQUIRE(DifferenceOf(*again, *found) == "");
      // Masking what is masked changes nothing.
      REQUIRE(bench.Masked(output) == output);
    }
  }
  CHECK(readable > 1000);
  CHECK(unreadable > 1000);
}

}  // namespace
}  // namespace sallyport::policy
