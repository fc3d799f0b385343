#include "gateway/api/visitors.h"

#include <grpc/grpc_security_constants.h>
#include <pwd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "recorder/crypto/crypto.h"

namespace sallyport::gateway {
namespace {

constexpr char kAuthorizationKey[] = "authorization";
constexpr char kByDescriptor[] = "fd:";

std::string Text(const grpc::string_ref& text) { return {text.data(), text.size()}; }

std::string PropertyOf(const grpc::AuthContext& connection, const char* name) {
  const std::vector<grpc::string_ref> values = connection.FindPropertyValues(name);
  return values.empty() ? "" : Text(values.front());
}

// The user's name; its number where it has none.
std::string UserName(uid_t uid) {
  std::array<char, 4096> memory;
  passwd entry;
  passwd* found = nullptr;
  if (getpwuid_r(uid, &entry, memory.data(), memory.size(), &found) == 0 && found != nullptr) return found->pw_name;
  return absl::StrCat(uid);
}

}  // namespace

std::string Visitors::Announce(ApiVisitor visitor, absl::Time now) {
  std::array<char, 16> bytes;
  // Then it is announced under no name, and the call refused.
  if (!recorder::FillRandom(bytes.data(), bytes.size()).ok()) return "";
  std::string name = absl::BytesToHexString({bytes.data(), bytes.size()});
  absl::MutexLock lock(&mutex_);
  if (announced_.size() >= kMostAnnounced) {
    absl::erase_if(announced_, [now](const auto& each) { return each.second.until <= now; });
  }
  if (announced_.size() >= kMostAnnounced) return "";
  announced_.insert_or_assign(name, Announced{std::move(visitor), now + kAnnouncedFor});
  return name;
}

absl::StatusOr<ApiVisitor> Visitors::TakeAnnounced(const std::string& name, absl::Time now) {
  absl::MutexLock lock(&mutex_);
  auto taken = announced_.extract(name);
  if (taken.empty() || taken.mapped().until <= now) {
    return absl::UnauthenticatedError(
        absl::StrCat("metadata ", ApiBackend::kVisitKey, ": only the gateway itself may send it"));
  }
  return std::move(taken.mapped().visitor);
}

bool Visitors::TakeLocal(int fd) {
  ucred peer = {};
  socklen_t length = sizeof(peer);
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) return false;
  if (peer.uid != 0 && peer.uid != geteuid()) return false;
  auto proof = std::make_shared<ProvedIdentity>();
  proof->kind = ProofKind::kLocal;
  proof->issuer = "local";
  proof->subject = UserName(peer.uid);
  proof->credential = absl::StrCat("uid=", peer.uid);
  absl::MutexLock lock(&mutex_);
  local_.insert_or_assign(absl::StrCat(kByDescriptor, fd), std::move(proof));
  return true;
}

absl::StatusOr<ApiVisitor> Visitors::LocalOne(const std::string& peer) {
  ApiVisitor visitor;
  visitor.peer = absl::StrCat("unix:", socket_);
  absl::MutexLock lock(&mutex_);
  const auto found = local_.find(peer);
  if (found == local_.end()) return absl::UnauthenticatedError("it is not known who is at the other end");
  visitor.proved.emplace();
  visitor.proved->proofs.push_back(found->second);
  return visitor;
}

absl::StatusOr<ApiVisitor> Visitors::Of(const grpc::CallbackServerContext& context, absl::Time now) {
  const auto& metadata = context.client_metadata();
  if (const auto found = metadata.find(ApiBackend::kVisitKey); found != metadata.end()) {
    return TakeAnnounced(Text(found->second), now);
  }
  const std::string peer = context.peer();
  const std::string authority = Text(context.ExperimentalGetAuthority());
  if (peer.starts_with(kByDescriptor)) {
    absl::StatusOr<ApiVisitor> visitor = LocalOne(peer);
    if (visitor.ok()) visitor->authority = authority;
    return visitor;
  }
  ApiVisitor visitor;
  visitor.peer = peer;
  visitor.authority = authority;
  if (metadata.count(kAuthorizationKey) > 1) {
    return absl::InvalidArgumentError("metadata authorization: comes more than once");
  }
  if (const auto found = metadata.find(kAuthorizationKey); found != metadata.end()) {
    visitor.authorization = Text(found->second);
  }
  if (const std::shared_ptr<const grpc::AuthContext> connection = context.auth_context(); connection != nullptr) {
    visitor.certificates_pem = absl::StrCat(PropertyOf(*connection, GRPC_X509_PEM_CERT_PROPERTY_NAME),
                                            PropertyOf(*connection, GRPC_X509_PEM_CERT_CHAIN_PROPERTY_NAME));
  }
  return visitor;
}

}  // namespace sallyport::gateway
