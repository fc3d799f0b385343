#include "policy/masking/detectors.h"

#include <re2/re2.h>
#include <re2/set.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "policy/masking/built_in_detectors.h"

namespace sallyport::policy {
namespace {

class AllDetectors final : public Detectors {
 public:
  explicit AllDetectors(absl::Span<const std::string> wanted)
      : built_in_(wanted), names_(built_in_.names()), first_custom_(static_cast<uint32_t>(names_.size())) {}

  absl::Status Add(absl::Span<const CustomDetector> custom) {
    RE2::Options options;
    options.set_encoding(RE2::Options::EncodingLatin1);  // bytes
    options.set_log_errors(false);
    set_ = std::make_unique<RE2::Set>(options, RE2::UNANCHORED);
    for (const CustomDetector& detector : custom) {
      auto pattern = std::make_unique<RE2>(detector.pattern, options);
      if (!pattern->ok()) return absl::InvalidArgumentError(absl::StrCat("is no pattern of RE2's: ", pattern->error()));
      if (RE2::PartialMatch("", *pattern)) {
        return absl::InvalidArgumentError("matches the empty text, and so everywhere");
      }
      set_->Add(detector.pattern, nullptr);
      patterns_.push_back(std::move(pattern));
      names_.push_back(detector.name);
    }
    if (!patterns_.empty() && !set_->Compile()) return absl::InvalidArgumentError("are too large together");
    return absl::OkStatus();
  }

  absl::Span<const std::string> names() const override { return names_; }

  bool FindAtMost(std::string_view text, size_t most, std::vector<Detection>* found) const override {
    const size_t before = found->size();
    const size_t end = most > SIZE_MAX - before ? SIZE_MAX : before + most;
    bool all = built_in_.Find(text, end, found);
    all = all && (patterns_.empty() || FindPatterns(text, end, found));
    const auto by_place = [](const Detection& a, const Detection& b) {
      return std::tie(a.begin, a.detector) < std::tie(b.begin, b.detector);
    };
    if (found->size() - before > 1) std::sort(found->begin() + static_cast<ptrdiff_t>(before), found->end(), by_place);
    return all;
  }

 private:
  bool FindPatterns(std::string_view text, size_t end, std::vector<Detection>* found) const {
    const re2::StringPiece whole(text.data(), text.size());
    // All patterns in one pass; those that are there at all are then looked for one by one.
    std::vector<int> matching;
    RE2::Set::ErrorInfo error;
    if (!set_->Match(whole, &matching, &error)) {
      if (error.kind == RE2::Set::kNoError) return true;
      // Out of memory for the set: each is asked.
      for (size_t i = 0; i < patterns_.size(); ++i) matching.push_back(static_cast<int>(i));
    }
    for (const int number : matching) {
      size_t at = 0;
      re2::StringPiece match;
      while (at < text.size() &&
             patterns_[static_cast<size_t>(number)]->Match(whole, at, text.size(), RE2::UNANCHORED, &match, 1)) {
        const auto begin = static_cast<size_t>(match.data() - text.data());
        if (match.empty()) {
          at = begin + 1;
          continue;
        }
        at = begin + match.size();
        if (found->size() >= end) return false;
        found->push_back(
            {first_custom_ + static_cast<uint32_t>(number), static_cast<uint32_t>(begin), static_cast<uint32_t>(at)});
      }
    }
    return true;
  }

  const BuiltInDetectors built_in_;
  std::vector<std::string> names_;  // the built-in ones first
  const uint32_t first_custom_;
  std::unique_ptr<RE2::Set> set_;
  std::vector<std::unique_ptr<RE2>> patterns_;
};

}  // namespace

absl::Span<const std::string_view> Detectors::BuiltIn() { return BuiltInDetectors::Names(); }

absl::StatusOr<std::shared_ptr<const Detectors>> Detectors::Create(absl::Span<const std::string> wanted,
                                                                   absl::Span<const CustomDetector> custom) {
  auto detectors = std::make_shared<AllDetectors>(wanted);
  if (absl::Status status = detectors->Add(custom); !status.ok()) return status;
  return detectors;
}

}  // namespace sallyport::policy
