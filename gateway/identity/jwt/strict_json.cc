#include "gateway/identity/jwt/strict_json.h"

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace sallyport::gateway {
namespace {

using nlohmann::json;

constexpr size_t kDeepest = 16;
constexpr size_t kMostNames = 8;

// Builds the value while the parser walks the text; says false to stop it.
class StrictBuilder : public json::json_sax_t {
 public:
  StrictBuilder() = default;
  StrictBuilder(const StrictBuilder&) = delete;
  StrictBuilder& operator=(const StrictBuilder&) = delete;

  bool null() override { return Add(nullptr); }
  bool boolean(bool value) override { return Add(value); }
  bool number_integer(number_integer_t value) override { return Add(value); }
  bool number_unsigned(number_unsigned_t value) override { return Add(value); }
  bool number_float(number_float_t value, const string_t& /*text*/) override { return Add(value); }
  bool string(string_t& value) override { return Add(std::move(value)); }
  bool binary(binary_t& /*value*/) override { return Fail("is not JSON"); }
  bool start_object(std::size_t /*count*/) override { return Open(json::object()); }
  bool key(string_t& name) override {
    if (open_.back()->contains(name)) return Fail("has a member twice");
    name_ = std::move(name);
    return true;
  }
  bool end_object() override { return Close(); }
  bool start_array(std::size_t /*count*/) override { return Open(json::array()); }
  bool end_array() override { return Close(); }
  bool parse_error(std::size_t /*position*/, const std::string& /*token*/, const json::exception& error) override {
    // Of the library's errors only this one is not about the form.
    constexpr int kNumberOverflow = 406;
    return Fail(error.id == kNumberOverflow ? "has a number that is too large" : "is not JSON in UTF-8");
  }

  const char* problem() const { return problem_; }
  json TakeValue() { return std::move(value_); }

 private:
  bool Fail(const char* problem) {
    if (problem_ == nullptr) problem_ = problem;
    return false;
  }
  bool Add(json value) { return Place(std::move(value)) != nullptr; }
  bool Open(json container) {
    if (open_.size() == kDeepest) return Fail("is nested too deep");
    open_.push_back(Place(std::move(container)));
    return true;
  }
  bool Close() {
    open_.pop_back();
    return true;
  }
  json* Place(json value) {
    if (open_.empty()) return &(value_ = std::move(value));
    json& parent = *open_.back();
    if (parent.is_object()) return &(parent[name_] = std::move(value));
    parent.push_back(std::move(value));
    return &parent.back();
  }

  const char* problem_ = nullptr;
  json value_;
  std::vector<json*> open_;  // each in the one before; a parent does not change while a child is open
  std::string name_;         // of the member whose value comes next
};

}  // namespace

absl::StatusOr<json> ParseStrictObject(std::string_view text) {
  // The library skips a byte order mark, and takes a NUL for the end.
  if (text.find('\0') != std::string_view::npos || text.substr(0, 1) == "\xef") {
    return absl::InvalidArgumentError("is not JSON in UTF-8");
  }
  StrictBuilder builder;
  const bool parsed = json::sax_parse(text.begin(), text.end(), &builder);
  if (builder.problem() != nullptr) return absl::InvalidArgumentError(builder.problem());
  json value = builder.TakeValue();
  if (!parsed || !value.is_object()) return absl::InvalidArgumentError("is not a JSON object");
  return value;
}

std::optional<std::string> ParseBase64Url(std::string_view text) {
  const absl::string_view view(text.data(), text.size());
  std::string bytes;
  if (!absl::WebSafeBase64Unescape(view, &bytes) || absl::WebSafeBase64Escape(bytes) != view) return std::nullopt;
  return bytes;
}

absl::StatusOr<ClaimPath> ClaimPath::Parse(std::string_view text) {
  ClaimPath path;
  path.text_ = text;
  path.names_.emplace_back();
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '.') {
      path.names_.emplace_back();
      continue;
    }
    if (text[i] == '\\' && (++i == text.size() || (text[i] != '.' && text[i] != '\\'))) {
      return absl::InvalidArgumentError("has a backslash that stands before neither a dot nor a backslash");
    }
    path.names_.back() += text[i];
  }
  const auto nameless = [](const std::string& name) { return name.empty(); };
  if (std::any_of(path.names_.begin(), path.names_.end(), nameless) || path.names_.size() > kMostNames) {
    return absl::InvalidArgumentError(absl::StrCat("is not a path of 1 to ", kMostNames,
                                                   " names with dots between them, such as realm_access.roles"));
  }
  return path;
}

const json* ClaimPath::Find(const json& claims) const {
  const json* at = &claims;
  for (const std::string& name : names_) {
    const auto member = at->find(name);  // end() for what is no object
    if (member == at->end()) return nullptr;
    at = &*member;
  }
  return at;
}

}  // namespace sallyport::gateway
