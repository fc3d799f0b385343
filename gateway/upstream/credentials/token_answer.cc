#include "gateway/upstream/credentials/token_answer.h"

#include <array>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "gateway/upstream/credentials/secret_reader.h"
#include "recorder/crypto/text.h"

namespace sallyport::gateway {
namespace {

using recorder::SecretText;
using recorder::View;

constexpr int kDeepest = 16;
constexpr absl::Duration kLongest = absl::Hours(24 * 30);

// RFC 6749, 5.2, RFC 8693, 2.2.2 and the IANA registry of OAuth extension errors.
constexpr std::string_view kErrors[] = {"access_denied",          "invalid_client",      "invalid_dpop_proof",
                                        "invalid_grant",          "invalid_request",     "invalid_resource",
                                        "invalid_scope",          "invalid_target",      "invalid_token",
                                        "server_error",           "slow_down",           "temporarily_unavailable",
                                        "unsupported_grant_type", "unauthorized_client", "unsupported_token_type"};

enum class Member { kNone, kAccessToken, kTokenType, kExpiresIn, kError };
constexpr size_t kMembers = 5;

Member MemberOf(std::string_view name) {
  if (name == "access_token") return Member::kAccessToken;
  if (name == "token_type") return Member::kTokenType;
  if (name == "expires_in") return Member::kExpiresIn;
  if (name == "error") return Member::kError;
  return Member::kNone;
}

// Takes the members that are looked at out of the outermost object. Strings are moved out of the parser and wiped.
class MemberReader : public nlohmann::json_sax<nlohmann::json> {
 public:
  bool null() override { return OnValue(nullptr); }
  bool boolean(bool) override { return OnValue(nullptr); }
  bool number_integer(number_integer_t) override { return OnValue(nullptr); }  // a negative one
  bool number_unsigned(number_unsigned_t number) override {
    std::string text = absl::StrCat(number);
    return OnValue(member_ == Member::kExpiresIn ? &text : nullptr);
  }
  bool number_float(number_float_t, const string_t&) override { return OnValue(nullptr); }
  bool string(string_t& text) override { return OnValue(&text); }
  bool binary(binary_t&) override { return false; }
  bool start_object(size_t) override { return Open(); }
  bool end_object() override { return Close(); }
  bool start_array(size_t) override { return depth_ > 0 && Open(); }
  bool end_array() override { return Close(); }
  bool key(string_t& name) override {
    if (depth_ != 1) return true;
    member_ = MemberOf(name);
    if (member_ == Member::kNone) return true;
    bool& seen = seen_[static_cast<size_t>(member_)];
    twice_ = twice_ || seen;
    seen = true;
    return !twice_;
  }
  bool parse_error(size_t, const std::string&, const nlohmann::json::exception&) override { return false; }

  bool seen(Member member) const { return seen_[static_cast<size_t>(member)]; }
  // Null if the member is not there or is of a kind that it never is.
  const SecretText* text(Member member) const {
    const std::optional<SecretText>& text = texts_[static_cast<size_t>(member)];
    return text.has_value() ? &*text : nullptr;
  }
  SecretText Take(Member member) { return *std::move(texts_[static_cast<size_t>(member)]); }
  bool twice() const { return twice_; }

 private:
  bool OnValue(std::string* text) {
    if (depth_ == 0) return false;
    if (depth_ > 1 || member_ == Member::kNone || text == nullptr) return true;
    texts_[static_cast<size_t>(member_)] = SecretText(std::move(*text));
    return true;
  }
  bool Open() { return ++depth_ <= kDeepest; }
  bool Close() {
    --depth_;
    return true;
  }

  int depth_ = 0;
  Member member_ = Member::kNone;
  bool twice_ = false;
  std::array<bool, kMembers> seen_ = {};
  std::array<std::optional<SecretText>, kMembers> texts_;
};

bool Read(std::string_view body, MemberReader& reader) {
  try {
    return nlohmann::json::sax_parse(body.begin(), body.end(), &reader);
  } catch (const std::exception&) {
    return false;
  }
}

absl::Status Bad(absl::string_view what) {
  return absl::UnavailableError(absl::StrCat("the token endpoint's answer ", what));
}

bool TypeIsTaken(std::string_view type, TokenGrant grant) {
  return absl::EqualsIgnoreCase(View(type), "Bearer") ||
         (grant == TokenGrant::kExchange && absl::EqualsIgnoreCase(View(type), "N_A"));
}

}  // namespace

absl::StatusOr<TokenAnswer> ParseTokenAnswer(std::string_view body, TokenGrant grant) {
  MemberReader reader;
  if (!Read(body, reader)) return Bad(reader.twice() ? "gives a member twice" : "is no JSON object");
  const SecretText* token = reader.text(Member::kAccessToken);
  if (token == nullptr) return Bad("has no `access_token`");
  if (absl::Status legal = CheckMetadataValue(token->view()); !legal.ok()) {
    return Bad(absl::StrCat("has an `access_token` that cannot be used: it ", legal.message()));
  }
  const SecretText* type = reader.text(Member::kTokenType);
  if (type == nullptr || !TypeIsTaken(type->view(), grant)) return Bad("is not of the `token_type` Bearer");
  TokenAnswer answer;
  if (reader.seen(Member::kExpiresIn)) {
    const SecretText* text = reader.text(Member::kExpiresIn);
    uint64_t seconds = 0;
    if (text == nullptr || !absl::SimpleAtoi(View(text->view()), &seconds) || seconds == 0) {
      return Bad("has an `expires_in` that is no whole number of seconds above 0");
    }
    const auto longest = static_cast<uint64_t>(absl::ToInt64Seconds(kLongest));
    answer.lifetime = absl::Seconds(std::min(seconds, longest));
  }
  answer.access_token = reader.Take(Member::kAccessToken);
  return answer;
}

std::string_view TokenErrorOf(std::string_view body) {
  MemberReader reader;
  if (!Read(body, reader)) return "";
  const SecretText* error = reader.text(Member::kError);
  for (const std::string_view known : kErrors) {
    if (error != nullptr && error->view() == known) return known;
  }
  return "";
}

}  // namespace sallyport::gateway
