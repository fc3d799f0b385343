#include "replay/replayer/outgoing_metadata.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace sallyport::replay {
namespace {

bool IsBinary(const std::string& name) { return absl::EndsWith(name, "-bin"); }

// As gRPC allows names: lower case letters, digits, `_`, `-` and `.`.
bool IsName(const std::string& name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '_' || c == '-' || c == '.';
  });
}

bool IsValue(const std::string& name, const std::string& value) {
  return IsBinary(name) ||
         std::all_of(value.begin(), value.end(), [](unsigned char c) { return absl::ascii_isprint(c); });
}

// Names that gRPC or HTTP/2 writes itself, or that speak of one connection only.
bool BelongsToTransport(const std::string& name) {
  static constexpr const char* kNames[] = {"te",   "user-agent", "content-type",     "content-length",    "connection",
                                           "host", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"};
  return absl::StartsWith(name, "grpc-") ||
         std::any_of(std::begin(kNames), std::end(kNames), [&](const char* own) { return name == own; });
}

// Why a recorded pair is left out; empty if it is not.
std::string ReasonToLeaveOut(const v1::Metadatum& metadatum, const std::vector<MetadataPair>& added) {
  const std::string& name = metadatum.key();
  if (!IsName(name) || !IsValue(name, metadatum.value())) return "gRPC cannot send it";
  for (const MetadataPair& pair : added) {
    if (pair.name == name) return "another value was given";
  }
  if (metadatum.fingerprint()) return "a credential, of which only a fingerprint is recorded; give one with --metadata";
  if (BelongsToTransport(name)) return "belongs to gRPC or to the caller's connection";
  if (name == "sallyport-session") return "the replay is not part of the recorded session";
  return "";
}

}  // namespace

absl::StatusOr<MetadataPair> ParseMetadataPair(std::string_view text) {
  const size_t equals = text.find('=');
  if (equals == std::string_view::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat("metadata \"", absl::CHexEscape(std::string(text)), "\" is not of the form name=value"));
  }
  MetadataPair pair{absl::AsciiStrToLower(std::string(text.substr(0, equals))), std::string(text.substr(equals + 1))};
  const std::string shown = absl::CHexEscape(pair.name);
  if (!IsName(pair.name)) {
    return absl::InvalidArgumentError(
        absl::StrCat("metadata name \"", shown, "\" may only have letters, digits, '_', '-' and '.'"));
  }
  if (BelongsToTransport(pair.name)) {
    return absl::InvalidArgumentError(absl::StrCat("metadata \"", shown, "\" is gRPC's own and cannot be set"));
  }
  if (IsBinary(pair.name)) {
    std::string bytes;
    if (!absl::Base64Unescape(pair.value, &bytes)) {
      return absl::InvalidArgumentError(absl::StrCat("the value of metadata \"", shown, "\" must be base64"));
    }
    pair.value = std::move(bytes);
  }
  if (!IsValue(pair.name, pair.value)) {
    return absl::InvalidArgumentError(
        absl::StrCat("the value of metadata \"", shown, "\" has bytes that only a -bin name may carry"));
  }
  return pair;
}

OutgoingMetadata ChooseMetadata(const v1::CallStart& start, const std::vector<MetadataPair>& added) {
  OutgoingMetadata chosen;
  for (const v1::Metadatum& metadatum : start.metadata()) {
    std::string reason = ReasonToLeaveOut(metadatum, added);
    if (reason.empty()) {
      chosen.sent.push_back({metadatum.key(), metadatum.value()});
    } else {
      chosen.left_out.push_back({metadatum.key(), std::move(reason)});
    }
  }
  chosen.sent.insert(chosen.sent.end(), added.begin(), added.end());
  return chosen;
}

}  // namespace sallyport::replay
