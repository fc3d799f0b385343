#include "replay/view/evidence_of.h"

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "recorder/evidence/evidence.h"
#include "recorder/format/checkpoint.h"
#include "recorder/system/file.h"
#include "recorder/verify/evidence_check.h"

namespace sallyport::replay {
namespace {

// A gateway signs at least every second while there is something to sign.
constexpr absl::Duration kWait = absl::Seconds(10);
constexpr absl::Duration kBetweenTries = absl::Milliseconds(200);

// Builds until the checkpoint covers what is wanted, and checks the result.
absl::StatusOr<v1::Evidence> BuildChecked(CallStore& store, absl::FunctionRef<absl::StatusOr<v1::Evidence>()> build) {
  const absl::Time deadline = absl::Now() + kWait;
  absl::StatusOr<v1::Evidence> evidence = build();
  while (absl::IsFailedPrecondition(evidence.status()) && absl::Now() < deadline) {
    const absl::StatusOr<bool> written = recorder::FileLock::IsHeld(store.layout().OwnerLock());
    if (!written.ok()) return written.status();
    if (!*written) break;  // nobody is there who could sign one
    absl::SleepFor(kBetweenTries);
    evidence = build();
  }
  if (!evidence.ok()) return evidence;
  const absl::StatusOr<recorder::VerifierKey> key =
      recorder::VerifierKey::Make(recorder::CheckpointOrigin(store.keys().store_id()),
                                  recorder::SignatureType::kEd25519, store.keys().signing_key().public_key());
  if (!key.ok()) return key.status();
  const absl::StatusOr<recorder::ProvenEvidence> proven = recorder::VerifyEvidence(*evidence, *key);
  if (proven.ok()) return evidence;
  return absl::DataLossError(absl::StrCat("the store does not prove what it says (", proven.status().message(),
                                          "): `sallyport verify` says more"));
}

absl::StatusOr<std::vector<recorder::Position>> BlocksOf(CallStore& store, uint64_t id) {
  absl::StatusOr<CallStore::Reader> reader = store.Borrow();
  if (!reader.ok()) return reader.status();
  auto blocks = (*reader)->CallBlocks(id);
  if (!blocks.ok()) return reader->Checked(blocks.status());
  return blocks;
}

}  // namespace

absl::StatusOr<v1::Evidence> EvidenceOfCall(CallStore& store, uint64_t id) {
  const absl::StatusOr<std::vector<recorder::Position>> blocks = BlocksOf(store, id);
  if (!blocks.ok()) return blocks.status();
  return BuildChecked(store, [&] { return recorder::BuildCallEvidence(store.layout(), store.keys(), id, *blocks); });
}

absl::StatusOr<v1::Evidence> EvidenceOfAnswer(CallStore& store, const std::vector<uint64_t>& ids) {
  std::vector<recorder::ListedCall> calls;
  for (const uint64_t id : ids) {
    const absl::StatusOr<std::vector<recorder::Position>> blocks = BlocksOf(store, id);
    if (!blocks.ok()) return blocks.status();
    if (!blocks->empty()) calls.push_back({id, blocks->front(), blocks->back()});
  }
  return BuildChecked(store, [&] { return recorder::BuildAnswerEvidence(store.layout(), calls); });
}

}  // namespace sallyport::replay
