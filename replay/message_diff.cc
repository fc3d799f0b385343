#include "replay/message_diff.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "policy/glob.h"
#include "replay/terminal_text.h"

namespace sallyport::replay {
namespace {

using Json = nlohmann::json;

constexpr size_t kBytesShown = 16;

std::string JsonText(const Json& value) { return SafeText(value.dump(-1, ' ', false, Json::error_handler_t::replace)); }

// Compares two JSON values of one message, depth first. Lives for one comparison.
class JsonComparison {
 public:
  JsonComparison(const MessageContext& context, std::vector<Difference>* differences)
      : context_(context), differences_(*differences) {}

  void Compare(const std::string& path, const Json& recorded, const Json& replayed) {
    if (recorded == replayed) return;
    if (!path.empty() && Ignored(path)) {
      ignored_any_ = true;
      return;
    }
    if (recorded.is_object() && replayed.is_object()) {
      CompareObjects(path, recorded, replayed);
    } else if (recorded.is_array() && replayed.is_array()) {
      CompareArrays(path, recorded, replayed);
    } else {
      Add(path, JsonText(recorded), JsonText(replayed));
    }
  }

  bool ignored_any() const { return ignored_any_; }

 private:
  static std::string Member(const std::string& path, const std::string& name) {
    return path.empty() ? name : absl::StrCat(path, ".", name);
  }

  void CompareObjects(const std::string& path, const Json& recorded, const Json& replayed) {
    for (const auto& [name, value] : recorded.items()) {
      const auto other = replayed.find(name);
      if (other == replayed.end()) {
        Missing(Member(path, name), JsonText(value), "none");
      } else {
        Compare(Member(path, name), value, *other);
      }
    }
    for (const auto& [name, value] : replayed.items()) {
      if (!recorded.contains(name)) Missing(Member(path, name), "none", JsonText(value));
    }
  }

  void CompareArrays(const std::string& path, const Json& recorded, const Json& replayed) {
    const size_t both = std::min(recorded.size(), replayed.size());
    for (size_t i = 0; i < both; ++i) Compare(absl::StrCat(path, "[", i, "]"), recorded[i], replayed[i]);
    for (size_t i = both; i < std::max(recorded.size(), replayed.size()); ++i) {
      Missing(absl::StrCat(path, "[", i, "]"), i < recorded.size() ? JsonText(recorded[i]) : "none",
              i < replayed.size() ? JsonText(replayed[i]) : "none");
    }
  }

  void Missing(const std::string& path, std::string recorded, std::string replayed) {
    if (Ignored(path)) {
      ignored_any_ = true;
    } else {
      Add(path, std::move(recorded), std::move(replayed));
    }
  }

  void Add(const std::string& path, std::string recorded, std::string replayed) {
    differences_.push_back({path.empty() ? context_.where : absl::StrCat(context_.where, " ", SafeText(path)),
                            std::move(recorded), std::move(replayed)});
  }

  bool Ignored(const std::string& path) const {
    return std::any_of(context_.ignored_fields.begin(), context_.ignored_fields.end(),
                       [&](const std::string& pattern) { return policy::GlobMatches(pattern, path); });
  }

  const MessageContext& context_;
  std::vector<Difference>& differences_;
  bool ignored_any_ = false;
};

// The message as JSON; a discarded value if no descriptor knows it or it does not parse.
Json Decode(const MessageContext& context, std::string_view message) {
  if (context.descriptors == nullptr) return Json(Json::value_t::discarded);
  const absl::StatusOr<std::string> text =
      context.descriptors->ToJson(context.method, context.side, message, policy::JsonStyle::kOneLine);
  if (!text.ok()) return Json(Json::value_t::discarded);
  return Json::parse(*text, nullptr, /*allow_exceptions=*/false);
}

// Some bytes around `at`, as hex and as text, the one at `at` in brackets.
std::string BytesAround(std::string_view message, size_t at) {
  const size_t begin = at < kBytesShown / 2 ? 0 : at - kBytesShown / 2;
  const size_t end = std::min(message.size(), begin + kBytesShown);
  std::string hex;
  std::string text;
  for (size_t i = begin; i < end; ++i) {
    const auto byte = static_cast<unsigned char>(message[i]);
    absl::StrAppendFormat(&hex, "%s%02x%s ", i == at ? "[" : "", byte, i == at ? "]" : "");
    text.push_back(absl::ascii_isprint(byte) ? static_cast<char>(byte) : '.');
  }
  if (at >= message.size()) absl::StrAppend(&hex, "[end] ");
  return absl::StrCat(message.size(), " bytes, from ", begin, ": ", hex, "|", text, "|");
}

Difference CompareBytes(const MessageContext& context, std::string_view recorded, std::string_view replayed) {
  const auto [left, right] = std::mismatch(recorded.begin(), recorded.end(), replayed.begin(), replayed.end());
  const auto at = static_cast<size_t>(left - recorded.begin());
  return {absl::StrCat(context.where, " byte ", at), BytesAround(recorded, at), BytesAround(replayed, at)};
}

}  // namespace

std::vector<Difference> CompareMessages(const MessageContext& context, std::string_view recorded,
                                        std::string_view replayed, size_t most) {
  if (recorded == replayed) return {};
  const Json left = Decode(context, recorded);
  const Json right = Decode(context, replayed);
  if (left.is_discarded() || right.is_discarded()) return {CompareBytes(context, recorded, replayed)};

  std::vector<Difference> differences;
  JsonComparison comparison(context, &differences);
  comparison.Compare("", left, right);
  // The same fields in as many bytes are written in another order. In more or fewer bytes, there is something else that
  // the descriptors do not know of, unless it is what was to be ignored.
  if (differences.empty() && !comparison.ignored_any() && recorded.size() != replayed.size()) {
    Difference difference = CompareBytes(context, recorded, replayed);
    absl::StrAppend(&difference.where, " (in a field that the descriptors do not know)");
    return {difference};
  }
  if (differences.size() > most) {
    const size_t more = differences.size() - (most - 1);
    differences.resize(most - 1);
    differences.push_back({context.where, absl::StrCat("(", more, " more differences)"), ""});
  }
  return differences;
}

std::string MessageText(const MessageContext& context, std::string_view message, size_t most_characters) {
  const Json decoded = Decode(context, message);
  if (!decoded.is_discarded()) {
    return SafeText(decoded.dump(-1, ' ', false, Json::error_handler_t::replace), most_characters);
  }
  if (message.empty()) return "0 bytes";
  std::string hex = absl::StrCat(message.size(), " bytes:");
  for (const char byte : message.substr(0, kBytesShown)) {
    absl::StrAppendFormat(&hex, " %02x", static_cast<unsigned char>(byte));
  }
  if (message.size() > kBytesShown) absl::StrAppend(&hex, " ...");
  return hex;
}

std::string SafeText(const std::string& text, size_t most) {
  if (text.size() <= most) return Printable(text);
  return absl::StrCat(Printable(std::string_view(text).substr(0, most)), "... (", text.size(), " bytes)");
}

}  // namespace sallyport::replay
