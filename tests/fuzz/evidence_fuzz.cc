// Evidence files. The key and a checkpoint that it signed are fixed, so that inputs get as far as the proofs.
#include <xxhash.h>

#include <string>

#include "recorder/evidence/evidence.h"
#include "recorder/format/checkpoint.h"
#include "recorder/verify/evidence_check.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/recorder/forged_store.h"

namespace sallyport::recorder {
namespace {

struct Known {
  FakeStoreKeys keys{'f'};
  VerifierKey key =
      *VerifierKey::Make(CheckpointOrigin(keys.store_id()), SignatureType::kEd25519, keys.signing_key().public_key());
};

const Known& TheKnown() {
  static const Known* const known = new Known;
  return *known;
}

// Makes the checksum of a header fit.
void FitChecksum(std::string& header) {
  if (header.size() != kBlockHeaderSize) return;
  const uint64_t checksum = XXH3_64bits(header.data(), kBlockHeaderSize - 8);
  header.replace(kBlockHeaderSize - 8, 8, reinterpret_cast<const char*>(&checksum), 8);
}

// Signs the root that the first block's proof leads to, whatever it is: as a store would that means it.
void SignWhatIsThere(v1::Evidence& evidence, uint64_t size) {
  for (v1::ProvenBlock& block : *evidence.mutable_call()->mutable_blocks()) FitChecksum(*block.mutable_header());
  Hash root = {};
  if (evidence.call().blocks_size() == 1 && evidence.call().blocks(0).inclusion_size() == 0) {
    root = LeafHash(evidence.call().blocks(0).header());
    size = 1;
  }
  evidence.set_origin(TheKnown().key.name());
  evidence.set_checkpoint(SignNote(TheKnown().keys, size, root));
}

}  // namespace

void FuzzEvidence(std::string_view input) {
  if (input.empty()) return;
  const char how = input.front();
  input.remove_prefix(1);
  v1::Evidence evidence;
  if (how % 2 == 0) {
    const absl::StatusOr<v1::Evidence> parsed = ParseEvidence(input);
    if (!parsed.ok()) return;
    evidence = *parsed;
    const absl::StatusOr<v1::Evidence> again = ParseEvidence(FormatEvidence(evidence));
    Require(again.ok() && again->SerializeAsString() == evidence.SerializeAsString(),
            "evidence is written as it is read");
  } else {
    if (!evidence.ParseFromArray(input.data(), static_cast<int>(input.size()))) return;
    evidence.set_version(how % 8 < 4 ? 1 : 2);
    if (how % 4 == 3 && evidence.has_call()) SignWhatIsThere(evidence, 1);
  }
  const absl::StatusOr<ProvenEvidence> proven = VerifyEvidence(evidence, TheKnown().key);
  Require(proven.ok() || absl::IsInvalidArgument(proven.status()), "bad evidence is an invalid argument");
}

}  // namespace sallyport::recorder

SALLYPORT_FUZZ_TARGET(FuzzEvidence)
