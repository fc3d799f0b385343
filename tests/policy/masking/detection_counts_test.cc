// What detectors find is counted, by place and in bounded memory.
#include "policy/masking/detection_counts.h"

#include <catch2/catch.hpp>
#include <map>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/policy/masking/masking_fixture.h"

namespace sallyport::policy {
namespace {

using Counted = std::map<std::pair<std::string, std::string>, uint64_t>;

Counted Read(const DetectionCounts& counts) {
  Counted read;
  std::pair<std::string, std::string> before;
  for (const DetectionCounts::Count& count : counts.Read()) {
    const std::pair<std::string, std::string> key(count.place, count.detector);
    REQUIRE(before < key);
    before = key;
    read[key] = count.finds;
  }
  return read;
}

TEST_CASE("finds add up by place and detector") {
  DetectionCounts counts;
  CHECK(counts.Read().empty());
  counts.Add("t.M.a", "email", 2);
  counts.Add("t.M.a", "ipv4", 1);
  counts.Add("t.M.b", "email", 5);
  counts.Add("t.M.a", "email", 3);
  CHECK(Read(counts) == Counted{{{"t.M.a", "email"}, 5}, {{"t.M.a", "ipv4"}, 1}, {{"t.M.b", "email"}, 5}});
}

TEST_CASE("places beyond so many, and those with long names, count together, and none is lost") {
  DetectionCounts counts;
  const std::string longest(DetectionCounts::kLongestPlace, 'l');
  counts.Add(longest, "email", 1);
  counts.Add(longest + "l", "email", 10);
  counts.Add(std::string(1 << 20, 'x'), "ipv4", 100);
  CHECK(Read(counts) == Counted{{{DetectionCounts::kElsewhere, "email"}, 10},
                                {{DetectionCounts::kElsewhere, "ipv4"}, 100},
                                {{longest, "email"}, 1}});
  constexpr uint64_t kPlaces = 3 * DetectionCounts::kMostPlaces;
  for (uint64_t i = 0; i < kPlaces; ++i) counts.Add(absl::StrCat("p", i), "email", 1);
  // Those that are known go on to count.
  counts.Add("p0", "email", 1);
  counts.Add(longest, "email", 1);
  const Counted read = Read(counts);
  CHECK(read.size() <= DetectionCounts::kMostPlaces + 2);
  CHECK(read.size() >= DetectionCounts::kMostPlaces);
  CHECK(read.at({"p0", "email"}) == 2);
  CHECK(read.at({longest, "email"}) == 2);
  uint64_t all = 0;
  for (const auto& [key, finds] : read) all += finds;
  CHECK(all == 1 + 10 + 100 + kPlaces + 2);
}

TEST_CASE("masks count each find once, where it was, and no value is kept") {
  const auto descriptors = DescriptorsOf(
      "syntax = \"proto3\"; package t; service S { rpc M(Text) returns (Text); } message Text { string a = 1; repeated "
      "string b = 2; }");
  const auto counts = std::make_shared<DetectionCounts>();
  const auto masker = Masker::Create(
      Parsed("masks:\n - {name: m, detect: [email, ipv4]}\n - {name: n, fields: [t.Text.b], with: hash}\n"),
      descriptors, kTestKey, counts);
  MadeCall call = AliceReads();
  call.method = "/t.S/M";
  const auto masks = masker->ForCall(call.request());
  REQUIRE(masks != nullptr);
  const std::string text = "ada@example.com, bob@example.com and 10.0.0.7";
  std::string masked;
  std::string problem;
  const MessageMask* const mask = masks->message(MessageSide::kRequest, MaskView::kRecord);
  REQUIRE(mask != nullptr);
  const std::string message =
      absl::StrCat("\x0a", std::string(1, static_cast<char>(text.size())), text, "\x12\x08", "10.0.0.7");
  CHECK(mask->Apply(message, &masked, &problem) == MessageMask::Outcome::kMasked);
  // What another mask takes as a whole is nobody's find.
  CHECK(Read(*counts) == Counted{{{"t.Text.a", "email"}, 2}, {{"t.Text.a", "ipv4"}, 1}});
  std::string value = "from 10.0.0.7";
  bool drop = false;
  CHECK(masks->MaskMetadata(MaskView::kRecord, "x-from", &value, &drop));
  CHECK(value == "from ");
  std::string status = "no such user: ada@example.com";
  CHECK(masks->MaskText(MaskView::kRecord, &status));
  CHECK(status == "no such user: ");
  CHECK(Read(*counts) == Counted{{{"t.Text.a", "email"}, 2},
                                 {{"t.Text.a", "ipv4"}, 1},
                                 {{DetectionCounts::kMetadata, "ipv4"}, 1},
                                 {{DetectionCounts::kStatusMessage, "email"}, 1}});
}

TEST_CASE("what no mask of the view asks for is not counted, wherever it stands") {
  const auto descriptors = DescriptorsOf(
      "syntax = \"proto3\"; package t; service S { rpc M(Text) returns (Text); } message Text { string a = 1; }");
  const auto counts = std::make_shared<DetectionCounts>();
  const auto masker =
      Masker::Create(Parsed("masks:\n - {name: r, detect: [email]}\n - {name: c, detect: [ipv4], views: [caller]}\n"),
                     descriptors, kTestKey, counts);
  MadeCall call = AliceReads();
  call.method = "/t.S/M";
  const auto masks = masker->ForCall(call.request());
  REQUIRE(masks != nullptr);
  for (const char* const text : {"10.0.0.7 ada@example.com", "ada@example.com 10.0.0.7", "10.0.0.7"}) {
    std::string status = text;
    masks->MaskText(MaskView::kRecord, &status);
  }
  CHECK(Read(*counts) == Counted{{{DetectionCounts::kStatusMessage, "email"}, 2}});
}

}  // namespace
}  // namespace sallyport::policy
