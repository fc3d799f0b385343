// Certificates of callers down to who they prove to be, and the files that are needed for that. The authority is fixed:
// seeds that it signed get as far as an identity, and nothing that was made of them may become another one.
#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "gateway/identity/mtls/mtls.h"
#include "recorder/crypto/text.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/identity_seeds.h"

namespace sallyport::recorder {
namespace {

using gateway::MtlsVerifier;

std::unique_ptr<MtlsVerifier> MakeVerifier() {
  std::string directory = (std::filesystem::temp_directory_path() / "sallyport-fuzz-XXXXXX").string();
  Require(mkdtemp(directory.data()) != nullptr, "there is a place for temporary files");
  v1::MtlsIdentity config;
  config.set_ca(directory + "/ca.pem");
  testing::WriteText(config.ca(), testing::FuzzAuthority().Pem());
  v1::TrustDomain* domain = config.add_trust_domains();
  domain->set_name(testing::kFuzzTrustDomain);
  domain->set_bundle(config.ca());
  auto verifier = MtlsVerifier::Create(config);
  std::filesystem::remove_all(directory);
  Require(verifier.ok(), "the authority is in order");
  return *std::move(verifier);
}

std::string PemOf(std::string_view der) {
  if (der.empty()) return "";
  return absl::StrCat("-----BEGIN CERTIFICATE-----\n", absl::Base64Escape(View(der)), "\n-----END CERTIFICATE-----\n");
}

void CheckPeer(const std::string& leaf, const std::string& chain) {
  static MtlsVerifier* const verifier = MakeVerifier().release();
  const gateway::ProofResult result = verifier->Verify({leaf, chain}, testing::kTestNow);
  const gateway::ProofResult again = verifier->Verify({leaf, chain}, testing::kTestNow);
  Require(result.status() == again.status(), "what is shown twice is judged the same");
  if (!result.ok()) {
    Require(absl::IsUnauthenticated(result.status()), "a bad certificate is the caller's fault");
    Require(IsPrintableAscii({result.status().message().data(), result.status().message().size()}),
            "a refusal can be shown");
    return;
  }
  const gateway::ProvedIdentity& identity = **result;
  Require(identity.subject == testing::kFuzzPlainSubject || identity.subject == testing::kFuzzSpiffeSubject,
          "nobody becomes another than the authority signed");
  Require(identity.expires > testing::kTestNow, "what is proved has not expired");
}

}  // namespace

void FuzzCertificates(std::string_view input) {
  if (input.empty()) return;
  const char kind = input.front();
  input.remove_prefix(1);
  static const auto& authority = *new testing::Issued(testing::FuzzAuthority());
  switch (kind) {
    case testing::kPemPeer: {
      const size_t zero = input.find('\0');
      return CheckPeer(std::string(input.substr(0, zero)),
                       zero == std::string_view::npos ? "" : std::string(input.substr(zero + 1)));
    }
    case testing::kDerPeer: {
      if (input.size() < testing::kDerSizeBytes) return;
      const auto byte = [&](size_t i) { return static_cast<size_t>(static_cast<unsigned char>(input[i])); };
      const size_t size = byte(0) << 8 | byte(1);
      input.remove_prefix(testing::kDerSizeBytes);
      return CheckPeer(PemOf(input.substr(0, size)), PemOf(input.substr(std::min(size, input.size()))));
    }
    case testing::kAuthorities:
    case testing::kRevocations: {
      const gateway::PemText given = {"given", std::string(input)};
      const absl::StatusOr<gateway::TrustBundle> bundle =
          kind == testing::kAuthorities ? gateway::TrustBundle::Create(given, std::nullopt)
                                        : gateway::TrustBundle::Create({"authority", authority.Pem()}, given);
      Require(bundle.ok() || absl::IsInvalidArgument(bundle.status()), "a bad file is an invalid argument");
      return;
    }
    case testing::kPrivateKey:
      gateway::CheckPrivateKey(gateway::Certificate::Of(authority.certificate.get()), input).IgnoreError();
      return;
    default:
      return;
  }
}

}  // namespace sallyport::recorder

SALLYPORT_FUZZ_TARGET(FuzzCertificates)
