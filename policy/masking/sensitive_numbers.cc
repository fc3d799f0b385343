// Numbers that stand for people and their money: of cards, accounts, telephones and social security.
#include <algorithm>
#include <array>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "policy/masking/sensitive_texts.h"
#include "policy/masking/text_scan.h"

namespace sallyport::policy {
namespace {

bool LuhnHolds(std::string_view digits) {
  int sum = 0;
  for (size_t i = 0; i < digits.size(); ++i) {
    int digit = digits[digits.size() - 1 - i] - '0';
    if (i % 2 == 1) digit = digit > 4 ? 2 * digit - 9 : 2 * digit;
    sum += digit;
  }
  return sum % 10 == 0;
}

struct IssuerRange {
  int first;  // of the first six digits
  int last;
  size_t shortest;
  size_t longest;
};

// ISO/IEC 7812 issuer ranges of the schemes, with the lengths that they give out.
constexpr IssuerRange kIssuers[] = {
    {400000, 499999, 13, 19},  // Visa; 13, 16, 19
    {222100, 272099, 16, 16},  // Mastercard
    {510000, 559999, 16, 16},  // Mastercard
    {340000, 349999, 15, 15},  // American Express
    {370000, 379999, 15, 15},  // American Express
    {601100, 601199, 16, 19},  // Discover
    {622126, 622925, 16, 19},  // UnionPay with Discover
    {644000, 659999, 16, 19},  // Discover
    {352800, 358999, 16, 19},  // JCB
    {300000, 305999, 14, 19},  // Diners Club
    {309500, 309599, 14, 19},  // Diners Club
    {360000, 369999, 14, 19},  // Diners Club
    {380000, 399999, 16, 19},  // Diners Club
    {620000, 622125, 16, 19},  // UnionPay
    {622926, 629999, 16, 19},  // UnionPay
    {500000, 509999, 13, 19},  // Maestro
    {560000, 589999, 13, 19},  // Maestro
    {630000, 639999, 13, 19},  // Maestro
    {670000, 679999, 13, 19},  // Maestro
};

bool IsCard(std::string_view digits) {
  const int issuer = Number(digits.substr(0, 6));
  const bool issued = std::any_of(std::begin(kIssuers), std::end(kIssuers), [&](const IssuerRange& range) {
    return issuer >= range.first && issuer <= range.last && digits.size() >= range.shortest &&
           digits.size() <= range.longest;
  });
  const bool visa = digits[0] == '4';
  if (visa && digits.size() != 13 && digits.size() != 16 && digits.size() != 19) return false;
  return issued && LuhnHolds(digits);
}

// How cards print their digits.
bool IsCardGrouping(const std::array<size_t, 8>& groups, size_t count) {
  const auto are = [&](std::initializer_list<size_t> sizes) {
    return sizes.size() == count && std::equal(sizes.begin(), sizes.end(), groups.begin());
  };
  return count == 1 || are({4, 4, 4, 4}) || are({4, 6, 5}) || are({4, 6, 4}) || are({4, 4, 4, 4, 3}) ||
         are({4, 4, 4, 4, 1}) || are({4, 4, 4, 4, 2}) || are({4, 4, 5}) || are({6, 13});
}

struct Country {
  char code[3];
  size_t length;
};

// The IBAN registry, release 98.
constexpr Country kCountries[] = {
    {"AD", 24}, {"AE", 23}, {"AL", 28}, {"AT", 20}, {"AZ", 28}, {"BA", 20}, {"BE", 16}, {"BG", 22}, {"BH", 22},
    {"BI", 27}, {"BR", 29}, {"BY", 28}, {"CH", 21}, {"CR", 22}, {"CY", 28}, {"CZ", 24}, {"DE", 22}, {"DJ", 27},
    {"DK", 18}, {"DO", 28}, {"EE", 20}, {"EG", 29}, {"ES", 24}, {"FI", 18}, {"FK", 18}, {"FO", 18}, {"FR", 27},
    {"GB", 22}, {"GE", 22}, {"GI", 23}, {"GL", 18}, {"GR", 27}, {"GT", 28}, {"HR", 21}, {"HU", 28}, {"IE", 22},
    {"IL", 23}, {"IQ", 23}, {"IS", 26}, {"IT", 27}, {"JO", 30}, {"KW", 30}, {"KZ", 20}, {"LB", 28}, {"LC", 32},
    {"LI", 21}, {"LT", 20}, {"LU", 20}, {"LV", 21}, {"LY", 25}, {"MC", 27}, {"MD", 24}, {"ME", 22}, {"MK", 19},
    {"MN", 20}, {"MR", 27}, {"MT", 31}, {"MU", 30}, {"NI", 28}, {"NL", 18}, {"NO", 15}, {"OM", 23}, {"PK", 24},
    {"PL", 28}, {"PS", 29}, {"PT", 25}, {"QA", 29}, {"RO", 24}, {"RS", 22}, {"RU", 33}, {"SA", 24}, {"SC", 31},
    {"SD", 18}, {"SE", 24}, {"SI", 19}, {"SK", 24}, {"SM", 27}, {"SO", 23}, {"ST", 25}, {"SV", 28}, {"TL", 23},
    {"TN", 24}, {"TR", 26}, {"UA", 29}, {"VA", 22}, {"VG", 24}, {"XK", 20}, {"YE", 30},
};

// ISO 7064, MOD 97-10, with the first four characters behind the others.
bool IbanHolds(std::string_view iban) {
  int rest = 0;
  const auto add = [&rest](char c) {
    const int value = IsDigit(c) ? c - '0' : c - 'A' + 10;
    rest = (value < 10 ? rest * 10 + value : rest * 100 + value) % 97;
  };
  for (const char c : iban.substr(4)) add(c);
  for (const char c : iban.substr(0, 4)) add(c);
  return rest == 1;
}

// As numbers are dialled: dots too.
Separator PhoneSeparatorAt(std::string_view text, size_t at) {
  return At(text, at) == '.' ? Separator{'.', 1} : SeparatorAt(text, at);
}

}  // namespace

std::optional<Found> PaymentCardAt(std::string_view text, size_t at) {
  constexpr size_t kShortest = 13;
  constexpr size_t kLongest = 19;
  if (IsWord(Before(text, at))) return std::nullopt;
  std::array<char, kLongest + 1> digits;
  std::array<size_t, 8> groups = {};
  size_t count = 0;
  size_t group_count = 0;
  size_t end = at;
  char separator = '\0';
  std::optional<Found> found;
  while (true) {
    const size_t run = RunOfDigits(text, end, kLongest + 1 - count);
    if (run == 0 || count + run > kLongest || group_count == groups.size()) break;
    std::copy_n(text.begin() + static_cast<ptrdiff_t>(end), run, digits.begin() + static_cast<ptrdiff_t>(count));
    count += run;
    end += run;
    groups[group_count++] = run;
    const bool whole = !IsWord(At(text, end)) && !IsFraction(text, at, end);
    if (count >= kShortest && whole && IsCardGrouping(groups, group_count) && IsCard({digits.data(), count})) {
      found = Found{at, end};
    }
    const Separator next = SeparatorAt(text, end);
    if (next.size == 0 || (separator != '\0' && next.kind != separator)) break;
    separator = next.kind;
    end += next.size;
  }
  return found;
}

std::optional<Found> SocialSecurityNumberAt(std::string_view text, size_t at) {
  constexpr size_t kDigits = 9;
  const char before = Before(text, at);
  if (IsWord(before) || before == '-') return std::nullopt;
  std::string digits;
  size_t end = at;
  const size_t run = RunOfDigits(text, at, kDigits + 1);
  if (run == 3) {
    const Separator first = SeparatorAt(text, at + 3);
    const size_t group = at + 3 + first.size;
    const Separator second = SeparatorAt(text, group + 2);
    const size_t serial = group + 2 + second.size;
    if (first.size == 0 || second.kind != first.kind || RunOfDigits(text, group, 3) != 2 ||
        RunOfDigits(text, serial, 5) != 4) {
      return std::nullopt;
    }
    digits = std::string(text.substr(at, 3)) + std::string(text.substr(group, 2)) + std::string(text.substr(serial, 4));
    end = serial + 4;
  } else if (run == kDigits) {
    // A bare number is one only where the text says so.
    constexpr size_t kNear = 32;
    const size_t from = at > kNear ? at - kNear : 0;
    const std::string near = absl::AsciiStrToLower(std::string(text.substr(from, at - from)));
    if (!absl::StrContains(near, "ssn") && !absl::StrContains(near, "social sec")) return std::nullopt;
    digits = std::string(text.substr(at, kDigits));
    end = at + kDigits;
  } else {
    return std::nullopt;
  }
  if (IsWord(At(text, end)) || (At(text, end) == '-' && IsDigit(At(text, end + 1)))) return std::nullopt;
  const int area = Number(std::string_view(digits).substr(0, 3));
  if (area == 0 || area == 666 || area >= 900 || Number(std::string_view(digits).substr(3, 2)) == 0 ||
      Number(std::string_view(digits).substr(5)) == 0) {
    return std::nullopt;
  }
  return Found{at, end};
}

std::optional<Found> IbanAt(std::string_view text, size_t at) {
  if (at < 2 || !IsUpper(text[at - 1]) || !IsUpper(text[at - 2]) || IsWord(Before(text, at - 2))) return std::nullopt;
  const size_t begin = at - 2;
  const auto country = std::find_if(std::begin(kCountries), std::end(kCountries),
                                    [&](const Country& one) { return Begins(text, begin, one.code); });
  if (country == std::end(kCountries)) return std::nullopt;
  std::string iban;
  size_t end = begin;
  const bool spaced = SeparatorAt(text, begin + 4).kind == ' ';
  while (iban.size() < country->length) {
    if (spaced && !iban.empty() && iban.size() % 4 == 0) {
      const Separator space = SeparatorAt(text, end);
      if (space.kind != ' ') return std::nullopt;
      end += space.size;
    }
    const char c = At(text, end);
    if (!IsDigit(c) && !IsUpper(c)) return std::nullopt;
    iban.push_back(c);
    ++end;
  }
  if (IsWord(At(text, end)) || !IsDigit(iban[2]) || !IsDigit(iban[3]) || !IbanHolds(iban)) return std::nullopt;
  return Found{begin, end};
}

std::optional<Found> PhoneAt(std::string_view text, size_t at) {
  constexpr size_t kFewest = 8;
  constexpr size_t kMost = 15;
  const char before = Before(text, at);
  if (IsWord(before) || before == '.' || before == '-' || before == '+' || before == '/') return std::nullopt;
  if (text[at] == '+') {
    // ITU-T E.164, with single separators between groups.
    if (At(text, at + 1) < '1' || At(text, at + 1) > '9') return std::nullopt;
    size_t digits = 0;
    size_t end = at + 1;
    size_t last = end;
    int since = 0;  // signs since the last digit
    for (bool open = false; end < text.size(); ++since) {
      const char c = text[end];
      const size_t separator = PhoneSeparatorAt(text, end).size;
      if (IsDigit(c)) {
        if (++digits > kMost) return std::nullopt;
        last = end + 1;
        since = -1;
      } else if (c == '(' && !open) {
        open = true;
      } else if (c == ')' && open) {
        open = false;
      } else if (separator == 0 || since > 1) {
        break;
      }
      end += std::max<size_t>(separator, 1);
    }
    if (digits < kFewest || IsWord(At(text, last))) return std::nullopt;
    return Found{at, last};
  }
  // The North American Numbering Plan: (212) 555-0123, 212-555-0123, 1-212-555-0123.
  size_t end = at;
  char separator = '\0';
  if (text[at] == '1' && RunOfDigits(text, at, 2) == 1) {
    const Separator first = PhoneSeparatorAt(text, at + 1);
    if (first.size == 0) return std::nullopt;
    separator = first.kind;
    end = at + 1 + first.size;
  }
  const bool parentheses = At(text, end) == '(';
  if (parentheses) ++end;
  const auto begins_well = [&](size_t place) { return At(text, place) >= '2' && At(text, place) <= '9'; };
  if (!begins_well(end) || RunOfDigits(text, end, 4) != 3) return std::nullopt;
  end += 3;
  if (parentheses) {
    if (At(text, end++) != ')') return std::nullopt;
    if (const Separator space = SeparatorAt(text, end); space.kind == ' ') end += space.size;
  } else {
    const Separator next = PhoneSeparatorAt(text, end);
    if (next.size == 0 || (separator != '\0' && next.kind != separator)) return std::nullopt;
    separator = next.kind;
    end += next.size;
  }
  if (!begins_well(end) || RunOfDigits(text, end, 4) != 3) return std::nullopt;
  end += 3;
  const Separator second = PhoneSeparatorAt(text, end);
  if (second.size == 0 || (!parentheses && second.kind != separator)) return std::nullopt;
  end += second.size;
  if (RunOfDigits(text, end, 5) != 4) return std::nullopt;
  end += 4;
  if (IsWord(At(text, end)) || (At(text, end) == '-' && IsDigit(At(text, end + 1)))) return std::nullopt;
  return Found{at, end};
}

}  // namespace sallyport::policy
