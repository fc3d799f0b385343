// What a caller says before its first message: a path, then names and values, each ended by a zero byte. What is let
// through is what gRPC's HTTP/2 mapping allows, as a second reading of it says; nothing reserved gets past.
#include <algorithm>
#include <deque>
#include <string>

#include "gateway/relay/legs/metadata_rules.h"
#include "tests/fuzz/fuzz_target.h"

namespace sallyport::recorder {
namespace {

constexpr std::string_view kKeyCharacters = "0123456789abcdefghijklmnopqrstuvwxyz-_.";
constexpr std::string_view kNameCharacters = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_";
constexpr size_t kMostErrorBytes = 512;

std::string_view TakePart(std::string_view* input) {
  const size_t end = std::min(input->find('\0'), input->size());
  const std::string_view part = input->substr(0, end);
  input->remove_prefix(std::min(end + 1, input->size()));
  return part;
}

bool IsPath(std::string_view path) {
  if (path.empty() || path[0] != '/' || std::count(path.begin(), path.end(), '/') != 2) return false;
  const size_t slash = path.rfind('/');
  const std::string_view service = path.substr(1, slash - 1);
  const std::string_view method = path.substr(slash + 1);
  const std::string dots = std::string(".") + std::string(service) + ".";
  return dots.find("..") == std::string::npos && method.find_first_not_of(kNameCharacters) == std::string_view::npos &&
         !method.empty() && service.find_first_not_of(std::string(kNameCharacters) + ".") == std::string_view::npos;
}

bool IsAllowed(std::string_view key, std::string_view value) {
  if (key.empty() || key.find_first_not_of(kKeyCharacters) != std::string_view::npos) return false;
  return key.ends_with("-bin") || std::all_of(value.begin(), value.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

// As a program behind the upstream may read it: in lower case, with dashes for whatever separates.
bool LooksReserved(std::string key) {
  for (char& c : key) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (c == '_' || c == '.') c = '-';
  }
  return key.starts_with("sallyport-");
}

void RequireTellable(const absl::Status& status) {
  if (status.ok()) return;
  Require(status.code() == absl::StatusCode::kInvalidArgument, "what is wrong is the caller's");
  Require(status.message().size() <= kMostErrorBytes, "errors are bounded");
  // Three bytes are those of an ellipsis.
  Require(std::all_of(status.message().begin(), status.message().end(),
                      [](char c) { return (c >= ' ' && c <= '~') || (c & 0x80) != 0; }),
          "errors can be printed");
}

}  // namespace

void FuzzCallMetadata(std::string_view input) {
  const std::string_view path = TakePart(&input);
  const absl::Status path_status = gateway::CheckPath(path);
  Require(path_status.ok() == (path.size() <= 1024 && IsPath(path)), "paths have one reading");
  RequireTellable(path_status);

  gateway::GrpcMetadata metadata;
  bool allowed = true;
  int authorizations = 0;
  while (!input.empty()) {
    const std::string_view key = TakePart(&input);
    const std::string_view value = TakePart(&input);
    metadata.emplace(grpc::string_ref(key.data(), key.size()), grpc::string_ref(value.data(), value.size()));
    allowed = allowed && IsAllowed(key, value);
    if (key == "authorization") ++authorizations;
    Require(gateway::IsReserved(key) == LooksReserved(std::string(key)), "no spelling of a reserved name gets past");
    Require(!gateway::IsReserved(key) || (!gateway::PassesUpstream(key) && !gateway::PassesToCaller(key)),
            "what is reserved passes in no direction");
  }
  const absl::Status either_way = gateway::CheckMetadata(metadata);
  const absl::Status request = gateway::CheckRequestMetadata(metadata);
  Require(either_way.ok() == allowed, "metadata has one reading");
  Require(request.ok() == (allowed && authorizations <= 1), "a caller shows one proof of a kind");
  RequireTellable(either_way);
  RequireTellable(request);
}

}  // namespace sallyport::recorder

SALLYPORT_FUZZ_TARGET(FuzzCallMetadata)
