#include "policy/masking/built_in_detectors.h"

#include <algorithm>
#include <bit>
#include <iterator>
#include <optional>

#include "policy/masking/sensitive_texts.h"

namespace sallyport::policy {
namespace {

constexpr bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// A place where a sign stands. Runs of digits are looked at where they begin, and nowhere else.
struct Place {
  char before;  // '\0' at the text's beginning
  char first;
  size_t digits;  // so many in a row; 0 elsewhere
  char next;      // behind them, or '\0' at the text's end
  // Another group of digits may follow.
  bool goes_on() const { return next == ' ' || next == '-' || static_cast<unsigned char>(next) >= 0x80; }
};

bool Always(const Place& /*place*/) { return true; }

struct Row {
  std::string_view name;
  // Where one of these stands in a text, there it is looked for: of one to three bytes each, spaces between.
  std::string_view signs;
  bool (*worth_a_look)(const Place& place);
  std::optional<Found> (*look)(std::string_view text, size_t at);
};

constexpr std::string_view kDigits = "0 1 2 3 4 5 6 7 8 9";

// A row adds a detector.
constexpr Row kRows[] = {
    {"payment_card", kDigits,
     [](const Place& place) { return place.digits <= 19 && (place.digits >= 13 || place.goes_on()); }, PaymentCardAt},
    {"us_ssn", kDigits, [](const Place& place) { return place.digits == 9 || (place.digits == 3 && place.goes_on()); },
     SocialSecurityNumberAt},
    {"iban", kDigits, [](const Place& place) { return place.before >= 'A' && place.before <= 'Z'; }, IbanAt},
    {"email", "@", Always, EmailAt},
    {"phone", "+ ( 0 1 2 3 4 5 6 7 8 9",
     [](const Place& place) {
       if (place.digits == 0) return true;
       const bool begins = place.digits == 3 || (place.digits == 1 && place.first == '1');
       return begins && place.before != '(' && (place.goes_on() || place.next == '.');
     },
     PhoneAt},
    {"ipv4", kDigits, [](const Place& place) { return place.digits <= 3 && place.next == '.'; }, Ipv4At},
    {"ipv6", ":", Always, Ipv6At},
    {"jwt", "eyJ", Always, JwtAt},
    {"pem_private_key", "---", Always, PrivateKeyAt},
    {"cloud_access_key", "AKI ASI AIz Acc Sec sec sk_ rk_ aws ghp gho ghu ghs ghr git xox", Always, CloudKeyAt},
};
constexpr size_t kCount = std::size(kRows);
static_assert(kCount <= 32, "a row is a bit of 32");

constexpr auto kNames = [] {
  std::array<std::string_view, kCount> names;
  for (size_t row = 0; row < kCount; ++row) names[row] = kRows[row].name;
  return names;
}();

// By number of byte in a sign and by byte: a bit for each row that has a sign with this byte there, or that ends
// before.
constexpr auto kSigns = [] {
  std::array<std::array<uint32_t, 256>, 3> signs = {};
  for (size_t row = 0; row < kCount; ++row) {
    std::string_view rest = kRows[row].signs;
    while (!rest.empty()) {
      const std::string_view sign = rest.substr(0, rest.find(' '));
      rest.remove_prefix(std::min(rest.size(), sign.size() + 1));
      for (size_t i = 0; i < 3; ++i) {
        for (size_t byte = 0; byte < 256; ++byte) {
          if (i >= sign.size() || static_cast<unsigned char>(sign[i]) == byte) signs[i][byte] |= uint32_t{1} << row;
        }
      }
    }
  }
  return signs;
}();

// One pass over a text, for those rows that are wanted.
class Scan {
 public:
  Scan(const uint32_t* places, std::string_view text, size_t most, std::vector<Detection>* found)
      : places_(places), text_(text), most_(most), found_(*found) {}

  // False if there are more than `most`.
  bool Run(const std::array<uint32_t, 256>& wanted) {
    for (size_t at = 0; at < text_.size(); ++at) {
      uint32_t rows = wanted[ByteAt(at)];
      if (rows == 0) continue;
      Place place = {at > 0 ? text_[at - 1] : '\0', text_[at], 0, '\0'};
      const size_t begin = at;
      if (IsDigit(text_[at])) {
        while (at + 1 < text_.size() && IsDigit(text_[at + 1])) ++at;
        place.digits = at + 1 - begin;
        if (at + 1 < text_.size()) place.next = text_[at + 1];
      } else {
        rows &= kSigns[1][ByteAt(at + 1)] & kSigns[2][ByteAt(at + 2)];
      }
      for (; rows != 0; rows &= rows - 1) {
        const auto row = static_cast<size_t>(std::countr_zero(rows));
        if (kRows[row].worth_a_look(place)) Look(row, begin);
        if (full_) return false;
      }
    }
    return true;
  }

 private:
  unsigned char ByteAt(size_t at) const { return at < text_.size() ? static_cast<unsigned char>(text_[at]) : '\0'; }

  void Look(size_t row, size_t at) {
    // What lies within the last find of the same kind is a part of it.
    if (at < ends_[row]) return;
    const std::optional<Found> found = kRows[row].look(text_, at);
    if (!found.has_value() || found->end <= ends_[row]) return;
    const bool overlaps = found->begin < ends_[row];
    ends_[row] = found->end;
    if (overlaps) {
      // One that begins within the one before makes that longer.
      found_[last_[row]].end = static_cast<uint32_t>(found->end);
      return;
    }
    full_ = found_.size() >= most_;
    if (full_) return;
    last_[row] = found_.size();
    found_.push_back({places_[row], static_cast<uint32_t>(found->begin), static_cast<uint32_t>(found->end)});
  }

  const uint32_t* const places_;
  const std::string_view text_;
  const size_t most_;
  bool full_ = false;
  std::vector<Detection>& found_;
  std::array<size_t, kCount> ends_ = {};  // of the last find of each
  std::array<size_t, kCount> last_ = {};  // its place in found_
};

}  // namespace

absl::Span<const std::string_view> BuiltInDetectors::Names() { return kNames; }

BuiltInDetectors::BuiltInDetectors(absl::Span<const std::string> wanted) {
  for (size_t row = 0; row < kCount; ++row) {
    if (std::find(wanted.begin(), wanted.end(), kRows[row].name) == wanted.end()) continue;
    places_[row] = static_cast<uint32_t>(names_.size());
    names_.emplace_back(kRows[row].name);
    for (size_t byte = 0; byte < 256; ++byte) rows_[byte] |= kSigns[0][byte] & uint32_t{1} << row;
  }
}

bool BuiltInDetectors::Find(std::string_view text, size_t most, std::vector<Detection>* found) const {
  return names_.empty() || Scan(places_.data(), text, most, found).Run(rows_);
}

}  // namespace sallyport::policy
