// What the configuration says of credentials, checked.
#ifndef SALLYPORT_GATEWAY_UPSTREAM_CREDENTIALS_CREDENTIALS_OPTIONS_H_
#define SALLYPORT_GATEWAY_UPSTREAM_CREDENTIALS_CREDENTIALS_OPTIONS_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/time/time.h"

namespace sallyport::gateway {

// Where a secret is.
struct SecretOptions {
  enum class Kind { kFile, kEnvironment, kCommand };
  Kind kind = Kind::kFile;
  std::string value;                           // a path, the name of a variable, or a command for /bin/sh
  absl::Duration refresh = absl::Minutes(10);  // of a command
  absl::Duration timeout = absl::Seconds(10);  // of a command
};

enum class ClientAuth { kNone, kBasic, kPost };

// An OAuth 2.0 token endpoint, and how the gateway shows itself to it.
struct TokenEndpointOptions {
  std::string url;
  std::string client_id;
  std::optional<SecretOptions> client_secret;
  ClientAuth auth = ClientAuth::kBasic;
  std::string ca_pem;  // empty for the system's authorities
  absl::Duration timeout = absl::Seconds(10);
  absl::Duration lifetime = absl::Minutes(5);  // of tokens that come without one
};

struct ClientCredentialsOptions {
  TokenEndpointOptions endpoint;
  std::string scope;
  std::string audience;
};

struct TokenExchangeOptions {
  TokenEndpointOptions endpoint;
  std::string scope;
  std::vector<std::string> audiences;
  std::vector<std::string> resources;
  std::string subject_token_type;    // a URN
  std::string requested_token_type;  // a URN, or empty
  size_t cache = 10'000;
  size_t connections = 4;
};

struct SignedTokenOptions {
  std::vector<std::string> audiences;
  absl::Duration lifetime = absl::Minutes(5);
  bool omit_groups = false;
  std::vector<std::string> subject_claims;
  std::map<std::string, std::string> claims;
  std::map<std::string, int64_t> number_claims;
};

// One pair of metadata.
struct CredentialOptions {
  std::string name;
  std::string prefix;
  std::variant<SecretOptions, ClientCredentialsOptions, TokenExchangeOptions, SignedTokenOptions> kind;
};

struct GroupCredentialsOptions {
  std::vector<std::string> groups;
  std::vector<CredentialOptions> credentials;
  std::vector<std::string> issuers = {};  // globs; none: whoever vouches for the groups
};

struct UpstreamCredentialsOptions {
  std::vector<GroupCredentialsOptions> by_group;  // the first that has one of the caller's groups
  std::vector<CredentialOptions> otherwise;
  std::vector<CredentialOptions> always;  // besides

  // Whether metadata of this name is among them.
  bool Names(std::string_view name) const;
};

struct TokenSigningOptions {
  std::string issuer;
  std::string key_file;
  std::vector<std::string> also_served_files;
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_UPSTREAM_CREDENTIALS_CREDENTIALS_OPTIONS_H_
