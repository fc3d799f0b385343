#include "policy/masking/detectors.h"

#include <re2/re2.h>
#include <re2/set.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "policy/masking/sensitive_texts.h"

namespace sallyport::policy {
namespace {

enum BuiltInDetector : uint32_t {
  kPaymentCard,
  kUsSsn,
  kIban,
  kEmail,
  kPhone,
  kIpv4,
  kIpv6,
  kJwt,
  kPemPrivateKey,
  kCloudAccessKey,
  kBuiltInCount
};

constexpr std::string_view kNames[kBuiltInCount] = {
    "payment_card", "us_ssn", "iban", "email", "phone", "ipv4", "ipv6", "jwt", "pem_private_key", "cloud_access_key"};

// What a byte may be the sign of.
enum Sign : uint8_t { kNothing, kDigit, kAt, kColon, kPlus, kParenthesis, kDash, kTokenLetter, kKeyLetter };

constexpr std::array<Sign, 256> MakeSigns() {
  std::array<Sign, 256> signs = {};
  for (int c = '0'; c <= '9'; ++c) signs[static_cast<size_t>(c)] = kDigit;
  signs['@'] = kAt;
  signs[':'] = kColon;
  signs['+'] = kPlus;
  signs['('] = kParenthesis;
  signs['-'] = kDash;
  signs['e'] = kTokenLetter;
  for (const char c : {'A', 'S', 'a', 'g', 'r', 's', 'x'}) signs[static_cast<unsigned char>(c)] = kKeyLetter;
  return signs;
}
constexpr std::array<Sign, 256> kSigns = MakeSigns();

// The beginnings that CloudKeyAt knows, as far as their second and third letter.
bool MayBeginKey(const char* at) {
  switch (at[0]) {
    case 'A':
      return (at[1] == 'K' && at[2] == 'I') || (at[1] == 'S' && at[2] == 'I') || (at[1] == 'I' && at[2] == 'z') ||
             (at[1] == 'c' && at[2] == 'c');
    case 'S':
    case 's':
      return (at[1] == 'e' && at[2] == 'c') || (at[0] == 's' && at[1] == 'k' && at[2] == '_');
    case 'a':
      return at[1] == 'w' && at[2] == 's';
    case 'g':
      return (at[1] == 'h' && (at[3] == '_')) || (at[1] == 'i' && at[2] == 't');
    case 'r':
      return at[1] == 'k' && at[2] == '_';
    default:
      return at[1] == 'o' && at[2] == 'x';
  }
}

// Goes over a text once; where a byte is the sign of something, that something is looked at more closely.
class BuiltInScan {
 public:
  BuiltInScan(const std::array<uint32_t, kBuiltInCount>& places, std::string_view text, size_t most,
              std::vector<Detection>* found)
      : places_(places), text_(text), most_(most), found_(*found) {}

  // False if there are more than `most`.
  bool Run() {
    const char* const data = text_.data();
    const size_t size = text_.size();
    for (size_t at = 0; at < size; ++at) {
      switch (kSigns[static_cast<uint8_t>(data[at])]) {
        case kNothing:
          continue;
        case kDigit:
          at = Digits(at);
          break;
        case kAt:
          Add(kEmail, EmailAt, at);
          break;
        case kColon:
          Add(kIpv6, Ipv6At, at);
          break;
        case kPlus:
        case kParenthesis:
          Add(kPhone, PhoneAt, at);
          break;
        case kDash:
          if (size - at > 4 && data[at + 1] == '-' && data[at + 4] == '-') Add(kPemPrivateKey, PrivateKeyAt, at);
          break;
        case kTokenLetter:
          if (size - at > 2 && data[at + 1] == 'y' && data[at + 2] == 'J') Add(kJwt, JwtAt, at);
          break;
        case kKeyLetter:
          if (size - at > 3 && MayBeginKey(data + at)) Add(kCloudAccessKey, CloudKeyAt, at);
          break;
      }
      if (full_) return false;
    }
    return true;
  }

 private:
  // Returns the last of the run of digits.
  size_t Digits(size_t at) {
    size_t end = at + 1;
    while (end < text_.size() && text_[end] >= '0' && text_[end] <= '9') ++end;
    const size_t run = end - at;
    const char next = end < text_.size() ? text_[end] : '\0';
    const char before = at > 0 ? text_[at - 1] : '\0';
    const bool goes_on = next == ' ' || next == '-' || static_cast<unsigned char>(next) >= 0x80;
    if (run <= 19 && (run >= 13 || goes_on)) Add(kPaymentCard, PaymentCardAt, at);
    if (run == 9 || (run == 3 && goes_on)) Add(kUsSsn, SocialSecurityNumberAt, at);
    if (run <= 3 && next == '.') Add(kIpv4, Ipv4At, at);
    if ((run == 3 || (run == 1 && text_[at] == '1')) && before != '(' && (goes_on || next == '.')) {
      Add(kPhone, PhoneAt, at);
    }
    if (before >= 'A' && before <= 'Z') Add(kIban, IbanAt, at);
    return end - 1;
  }

  template <typename Look>
  void Add(BuiltInDetector detector, Look look, size_t at) {
    const uint32_t place = places_[detector];
    // What lies within the last find of the same kind is a part of it.
    if (place == kUnwanted || at < ends_[detector]) return;
    const std::optional<Found> found = look(text_, at);
    if (!found.has_value() || found->end <= ends_[detector]) return;
    const bool overlaps = found->begin < ends_[detector];
    ends_[detector] = found->end;
    if (overlaps) {
      // One that begins within the one before makes that longer.
      found_[last_[detector]].end = static_cast<uint32_t>(found->end);
      return;
    }
    full_ = found_.size() >= most_;
    if (full_) return;
    last_[detector] = found_.size();
    found_.push_back({place, static_cast<uint32_t>(found->begin), static_cast<uint32_t>(found->end)});
  }

 public:
  static constexpr uint32_t kUnwanted = ~uint32_t{0};

 private:
  const std::array<uint32_t, kBuiltInCount>& places_;
  const std::string_view text_;
  const size_t most_;
  bool full_ = false;
  std::vector<Detection>& found_;
  std::array<size_t, kBuiltInCount> ends_ = {};  // of the last find of each
  std::array<size_t, kBuiltInCount> last_ = {};  // its place in found_
};

class BuiltDetectors final : public Detectors {
 public:
  absl::Status Add(absl::Span<const std::string> wanted, absl::Span<const CustomDetector> custom) {
    places_.fill(BuiltInScan::kUnwanted);
    for (uint32_t i = 0; i < kBuiltInCount; ++i) {
      if (std::find(wanted.begin(), wanted.end(), kNames[i]) == wanted.end()) continue;
      places_[i] = static_cast<uint32_t>(names_.size());
      names_.emplace_back(kNames[i]);
    }
    scans_ = !names_.empty();
    first_custom_ = static_cast<uint32_t>(names_.size());
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
    bool all = !scans_ || BuiltInScan(places_, text, end, found).Run();
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

  std::vector<std::string> names_;
  bool scans_ = false;  // there are built-in ones
  std::array<uint32_t, kBuiltInCount> places_;
  uint32_t first_custom_ = 0;
  std::unique_ptr<RE2::Set> set_;
  std::vector<std::unique_ptr<RE2>> patterns_;
};

}  // namespace

absl::Span<const std::string_view> Detectors::BuiltIn() { return kNames; }

absl::StatusOr<std::shared_ptr<const Detectors>> Detectors::Create(absl::Span<const std::string> wanted,
                                                                   absl::Span<const CustomDetector> custom) {
  auto detectors = std::make_shared<BuiltDetectors>();
  if (absl::Status status = detectors->Add(wanted, custom); !status.ok()) return status;
  return detectors;
}

}  // namespace sallyport::policy
