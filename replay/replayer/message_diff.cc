#include "replay/replayer/message_diff.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "policy/glob.h"
#include "policy/messages/message_comparison.h"
#include "policy/messages/message_printer.h"
#include "replay/view/printable.h"

namespace sallyport::replay {
namespace {

constexpr size_t kBytesShown = 16;
constexpr size_t kMostText = 200;

// A value as JSON for one line of a terminal, cut after `most` bytes.
std::string JsonText(std::string_view json, size_t most) {
  if (json.size() <= most) return Printable(json);
  while (most > 0 && (static_cast<uint8_t>(json[most]) & 0xC0u) == 0x80) --most;  // not within a character
  return absl::StrCat(Printable(json.substr(0, most)), "...");
}

std::string ValueText(const std::string& json) { return json.empty() ? "none" : JsonText(json, kMostText); }

// Null where nobody knows it.
const google::protobuf::Descriptor* TypeOf(const MessageContext& context) {
  return context.descriptors == nullptr ? nullptr : context.descriptors->FindMessage(context.method, context.side);
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
  const google::protobuf::Descriptor* const type = TypeOf(context);
  if (type == nullptr) return {CompareBytes(context, recorded, replayed)};

  policy::ComparisonBounds bounds;
  bounds.most_told = most;
  bounds.most_text = 2 * kMostText;
  if (!context.ignored_fields.empty()) {
    bounds.ignored = [&](const std::string& path) {
      return std::any_of(context.ignored_fields.begin(), context.ignored_fields.end(),
                         [&](const std::string& pattern) { return policy::GlobMatches(pattern, path); });
    };
  }
  policy::MessageDifferences found =
      policy::CompareMessages(context.descriptors->types(), *type, recorded, replayed, bounds);
  if (found.count > most) found.told.resize(most - 1);
  std::vector<Difference> differences;
  for (const policy::MessageDifference& one : found.told) {
    differences.push_back({one.path.empty() ? context.where : absl::StrCat(context.where, " ", SafeText(one.path)),
                           ValueText(one.left), ValueText(one.right)});
  }
  if (found.count > most) {
    differences.push_back({context.where, absl::StrCat("(", found.count - (most - 1), " more differences)"), ""});
  }
  return differences;
}

std::string MessageText(const MessageContext& context, std::string_view message, size_t most_characters) {
  if (const google::protobuf::Descriptor* const type = TypeOf(context); type != nullptr) {
    std::string json;
    policy::MessagePrinter(context.descriptors->types(), policy::JsonStyle::kOneLine, 2 * most_characters)
        .Append(*type, message, &json);
    return JsonText(json, most_characters);
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
