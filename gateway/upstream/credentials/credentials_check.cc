#include "gateway/upstream/credentials/credentials_check.h"

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gateway/http/http_client.h"
#include "gateway/upstream/credentials/secret_reader.h"
#include "gateway/upstream/credentials/signing_key.h"
#include "gateway/upstream/credentials/token_signer.h"
#include "protos/quantities.h"

namespace sallyport::gateway {
namespace {

constexpr char kAuthorization[] = "authorization";
constexpr char kIdentityToken[] = "sallyport-identity-token";
constexpr char kBearer[] = "Bearer ";
constexpr uint32_t kMostCachedCallers = 1'000'000;
constexpr uint32_t kMostConnections = 64;
// What the gateway itself puts into a token.
constexpr std::string_view kOwnClaims[] = {"iss", "sub", "aud",    "iat",          "exp",
                                           "nbf", "jti", "groups", "caller_proof", "caller_issuer"};

bool IsVariableName(std::string_view name) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  return !name.empty() && letter(name[0]) &&
         std::all_of(name.begin(), name.end(), [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

std::string TokenTypeUrn(const std::string& type) {
  return absl::StartsWith(type, "urn:") ? type : absl::StrCat("urn:ietf:params:oauth:token-type:", type);
}

// Checks the credentials of one upstream.
class Checker {
 public:
  Checker(const std::string& upstream, bool can_sign, CredentialsFault fault)
      : upstream_(upstream), can_sign_(can_sign), fault_(fault) {}

  // The four kinds that stand side by side in the default and in each group.
  template <typename Message>
  std::vector<CredentialOptions> CheckSet(const Message& message, const std::string& key) {
    std::vector<CredentialOptions> set;
    // In the order of their names: the map's own order is random.
    const std::map<std::string, v1::SecretSource> sorted(message.metadata().begin(), message.metadata().end());
    for (const auto& [name, source] : sorted) {
      const std::string place = absl::StrCat(key, ".metadata.", name);
      CheckName(place, name);
      CheckPrefix(place + ".prefix", source.prefix());
      set.push_back({name, source.prefix(), CheckSecret(source, place, SecretUse::kMetadata)});
    }
    if (message.has_client_credentials()) {
      set.push_back(CheckClient(message.client_credentials(), key + ".client_credentials"));
    }
    if (message.has_token_exchange()) {
      set.push_back(CheckExchange(message.token_exchange(), key + ".token_exchange"));
    }
    if (message.has_signed_token()) {
      set.push_back(CheckSigned(message.signed_token(), key + ".signed_token", kAuthorization, kBearer));
    }
    return set;
  }

  CredentialOptions CheckSigned(const v1::SignedToken& token, const std::string& key, const char* name,
                                const char* prefix) {
    SignedTokenOptions options;
    if (!can_sign_) fault_(key, "needs token_signing, which says whose tokens they are and with which key");
    options.audiences.assign(token.audiences().begin(), token.audiences().end());
    if (options.audiences.empty()) options.audiences.push_back(upstream_);
    options.lifetime =
        Duration(key + ".lifetime", token.lifetime(), "5m", absl::Seconds(10), TokenSigner::kLongestLife);
    options.omit_groups = token.omit_groups();
    options.subject_claims.assign(token.subject_claims().begin(), token.subject_claims().end());
    options.claims.insert(token.claims().begin(), token.claims().end());
    options.number_claims.insert(token.number_claims().begin(), token.number_claims().end());
    CheckClaims(options, key);
    return Named(token.name(), token.has_prefix(), token.prefix(), key, name, prefix, std::move(options));
  }

  // No two of a call's pairs may have one name.
  void CheckDistinct(const std::vector<CredentialOptions>& set, const std::vector<CredentialOptions>& always,
                     const std::string& key) {
    std::set<std::string> names;
    for (const std::vector<CredentialOptions>* part : {&set, &always}) {
      for (const CredentialOptions& option : *part) {
        if (!names.insert(option.name).second) {
          fault_(key, absl::StrCat("the metadata ", option.name, " is given twice: give one of them another `name`"));
        }
      }
    }
  }

 private:
  absl::Duration Duration(const std::string& key, const std::string& text, const char* otherwise, absl::Duration least,
                          absl::Duration most) {
    absl::StatusOr<absl::Duration> duration = ParseDuration(text.empty() ? otherwise : text);
    if (!duration.ok()) {
      fault_(key, duration.status().message());
    } else if (*duration < least || *duration > most) {
      fault_(key,
             absl::StrCat(text, " is not between ", absl::FormatDuration(least), " and ", absl::FormatDuration(most)));
    }
    return duration.value_or(least);
  }

  void CheckName(const std::string& key, const std::string& name) {
    const bool legal = !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
    });
    if (!legal) {
      fault_(key, absl::StrCat("\"", name, "\" is no name of metadata: they are made of 0-9 a-z _ . -"));
    } else if (absl::EndsWith(name, "-bin")) {
      fault_(key, "names that end in -bin carry bytes, and credentials are text");
    } else if (absl::StartsWith(name, "grpc-") || name == "te" || name == "content-type" || name == "user-agent") {
      fault_(key, absl::StrCat(name, " belongs to gRPC itself"));
    }
  }

  void CheckPrefix(const std::string& key, const std::string& prefix) {
    if (prefix.size() > 64 ||
        !std::all_of(prefix.begin(), prefix.end(), [](char c) { return c >= 0x20 && c <= 0x7e; })) {
      fault_(key, "must be at most 64 characters of printable ASCII, such as \"Bearer \"");
    }
  }

  CredentialOptions Named(const std::string& name, bool has_prefix, const std::string& prefix, const std::string& key,
                          const char* default_name, const char* default_prefix,
                          decltype(CredentialOptions::kind) kind) {
    CredentialOptions options{name.empty() ? default_name : name, has_prefix ? prefix : default_prefix,
                              std::move(kind)};
    CheckName(key + ".name", options.name);
    CheckPrefix(key + ".prefix", options.prefix);
    return options;
  }

  SecretOptions CheckSecret(const v1::SecretSource& source, const std::string& key, SecretUse use) {
    SecretOptions options;
    const int given = !source.from_file().empty() + !source.from_env().empty() + !source.from_command().empty();
    if (given != 1) {
      fault_(key, "give exactly one of from_file, from_env and from_command");
      return options;
    }
    const bool command = !source.from_command().empty();
    if (!command && !(source.refresh().empty() && source.timeout().empty())) {
      fault_(key, "refresh and timeout are for from_command");
    }
    if (command) {
      options = {SecretOptions::Kind::kCommand, source.from_command()};
      if (source.from_command().find('\0') != std::string::npos) fault_(key + ".from_command", "holds a NUL byte");
      options.refresh = Duration(key + ".refresh", source.refresh(), "10m", absl::Seconds(1), absl::Hours(24 * 365));
      options.timeout = Duration(key + ".timeout", source.timeout(), "10s", absl::Milliseconds(100), absl::Minutes(5));
      return options;
    }
    const bool file = !source.from_file().empty();
    options.kind = file ? SecretOptions::Kind::kFile : SecretOptions::Kind::kEnvironment;
    options.value = file ? source.from_file() : source.from_env();
    if (!file && !IsVariableName(options.value)) {
      fault_(key + ".from_env", "is no name of a variable (the name is wanted, not the secret)");
      return options;
    }
    // Once, so that what is wrong is told before the first call meets it.
    SecretReader reader(options, use, source.prefix());
    if (absl::StatusOr<SharedSecret> secret = reader.Read(nullptr, absl::Now()); !secret.ok()) {
      fault_(key + (file ? ".from_file" : ".from_env"), secret.status().message());
    }
    return options;
  }

  template <typename Message>
  TokenEndpointOptions CheckEndpoint(const Message& message, const std::string& key) {
    TokenEndpointOptions options;
    options.url = message.token_url();
    if (absl::Status status = CheckProtectedUrl(options.url, message.insecure()); !status.ok()) {
      fault_(key + ".token_url", status.message());
    }
    options.client_id = message.client_id();
    if (message.has_client_secret()) {
      if (!message.client_secret().prefix().empty()) fault_(key + ".client_secret.prefix", "is for metadata only");
      options.client_secret = CheckSecret(message.client_secret(), key + ".client_secret", SecretUse::kClientSecret);
    }
    if (message.auth().empty() || message.auth() == "basic") {
      options.auth = ClientAuth::kBasic;
    } else if (message.auth() == "post") {
      options.auth = ClientAuth::kPost;
    } else {
      fault_(key + ".auth", "is neither basic nor post");
    }
    if (!message.ca().empty()) {
      std::ifstream file(message.ca(), std::ios::binary);
      std::ostringstream text;
      if (!file || !(text << file.rdbuf())) fault_(key + ".ca", absl::StrCat("cannot read ", message.ca()));
      options.ca_pem = std::move(text).str();
    }
    options.timeout = Duration(key + ".timeout", message.timeout(), "10s", absl::Milliseconds(100), absl::Minutes(2));
    options.lifetime = Duration(key + ".lifetime", message.lifetime(), "5m", absl::Seconds(1), absl::Hours(24 * 30));
    return options;
  }

  CredentialOptions CheckClient(const v1::ClientCredentials& client, const std::string& key) {
    ClientCredentialsOptions options;
    options.endpoint = CheckEndpoint(client, key);
    if (client.client_id().empty()) fault_(key + ".client_id", "is missing");
    if (!client.has_client_secret()) fault_(key + ".client_secret", "is missing: such as {from_file: …}");
    options.scope = client.scope();
    options.audience = client.audience();
    return Named(client.name(), client.has_prefix(), client.prefix(), key, kAuthorization, kBearer, std::move(options));
  }

  CredentialOptions CheckExchange(const v1::TokenExchange& exchange, const std::string& key) {
    TokenExchangeOptions options;
    options.endpoint = CheckEndpoint(exchange, key);
    if (exchange.client_id().empty() != !exchange.has_client_secret()) {
      fault_(key, "needs both client_id and client_secret, or neither");
    }
    if (exchange.client_id().empty()) options.endpoint.auth = ClientAuth::kNone;
    options.scope = exchange.scope();
    options.audiences.assign(exchange.audiences().begin(), exchange.audiences().end());
    options.resources.assign(exchange.resources().begin(), exchange.resources().end());
    const std::string& subject = exchange.subject_token_type();
    options.subject_token_type = TokenTypeUrn(subject.empty() ? "access_token" : subject);
    if (!exchange.requested_token_type().empty()) {
      options.requested_token_type = TokenTypeUrn(exchange.requested_token_type());
    }
    if (exchange.cache() > kMostCachedCallers) fault_(key + ".cache", "is more than 1000000 callers");
    if (exchange.cache() > 0) options.cache = exchange.cache();
    if (exchange.connections() > kMostConnections) fault_(key + ".connections", "is more than 64");
    if (exchange.connections() > 0) options.connections = exchange.connections();
    return Named(exchange.name(), exchange.has_prefix(), exchange.prefix(), key, kAuthorization, kBearer,
                 std::move(options));
  }

  void CheckClaims(const SignedTokenOptions& options, const std::string& key) {
    std::set<std::string> names(std::begin(kOwnClaims), std::end(kOwnClaims));
    const auto check = [&](const char* field, const std::string& name) {
      if (name.empty()) fault_(absl::StrCat(key, ".", field), "a claim has no name");
      if (!names.insert(name).second) {
        fault_(absl::StrCat(key, ".", field), absl::StrCat("the claim \"", name, "\" is there already"));
      }
    };
    for (const std::string& name : options.subject_claims) check("subject_claims", name);
    for (const auto& [name, text] : options.claims) check("claims", name);
    for (const auto& [name, number] : options.number_claims) check("number_claims", name);
  }

  const std::string& upstream_;
  const bool can_sign_;
  const CredentialsFault fault_;
};

}  // namespace

bool UpstreamCredentialsOptions::Names(std::string_view name) const {
  const auto among = [name](const std::vector<CredentialOptions>& options) {
    return std::any_of(options.begin(), options.end(),
                       [name](const CredentialOptions& option) { return option.name == name; });
  };
  return among(otherwise) || among(always) ||
         std::any_of(by_group.begin(), by_group.end(),
                     [&](const GroupCredentialsOptions& group) { return among(group.credentials); });
}

UpstreamCredentialsOptions CheckCredentials(const v1::UpstreamCredentials& credentials, const std::string& key,
                                            const std::string& upstream, bool can_sign, CredentialsFault fault) {
  Checker checker(upstream, can_sign, fault);
  UpstreamCredentialsOptions options;
  if (credentials.has_identity_metadata()) {
    options.always.push_back(
        checker.CheckSigned(credentials.identity_metadata(), key + ".identity_metadata", kIdentityToken, ""));
  }
  options.otherwise = checker.CheckSet(credentials, key);
  checker.CheckDistinct(options.otherwise, options.always, key);
  for (int i = 0; i < credentials.by_group_size(); ++i) {
    const v1::GroupCredentials& group = credentials.by_group(i);
    const std::string place = absl::StrCat(key, ".by_group[", i, "]");
    if (group.groups().empty()) fault(place + ".groups", "is missing: which groups these credentials are for");
    for (int j = 0; j < group.issuers_size(); ++j) {
      if (group.issuers(j).empty()) fault(absl::StrCat(place, ".issuers[", j, "]"), "is empty: give a text or a glob");
    }
    options.by_group.push_back({{group.groups().begin(), group.groups().end()},
                                checker.CheckSet(group, place),
                                {group.issuers().begin(), group.issuers().end()}});
    checker.CheckDistinct(options.by_group.back().credentials, options.always, place);
  }
  return options;
}

TokenSigningOptions CheckTokenSigning(const v1::TokenSigning& signing, const std::string& key, CredentialsFault fault) {
  TokenSigningOptions options{
      signing.issuer(), signing.key(), {signing.also_served().begin(), signing.also_served().end()}};
  if (absl::Status status = CheckUrl(options.issuer); !status.ok()) fault(key + ".issuer", status.message());
  if (options.key_file.empty()) {
    fault(key + ".key", "is missing: the PEM file of an Ed25519 or P-256 private key");
    return options;
  }
  if (absl::StatusOr<std::unique_ptr<TokenSigner>> signer = TokenSigner::Create(options, absl::Now()); !signer.ok()) {
    fault(key, signer.status().message());
  }
  return options;
}

}  // namespace sallyport::gateway
