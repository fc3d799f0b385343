#include "replay/cli/evidence_writer.h"

#include <iostream>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "recorder/evidence/checkpoint.h"
#include "recorder/keys/store_keys.h"
#include "recorder/log/file.h"

namespace sallyport::replay {
namespace {

// A gateway signs at least every second while there is something to sign.
constexpr absl::Duration kWait = absl::Seconds(10);
constexpr absl::Duration kBetweenTries = absl::Milliseconds(200);

absl::StatusOr<std::unique_ptr<recorder::StoreKeys>> OpenKeys(const CommandContext& context) {
  const absl::StatusOr<std::optional<recorder::KeySource>> source = KeysOf(context);
  if (!source.ok()) return source.status();
  return recorder::StoreKeys::Open(recorder::StoreLayout(context.data_directory), *source,
                                   recorder::StoreKeys::Access::kRead, recorder::RealFileSystem());
}

// Builds until the checkpoint covers what is wanted, and checks the result: what does not hold is never handed out.
absl::StatusOr<v1::Evidence> BuildChecked(const recorder::StoreLayout& layout, recorder::StoreKeys& keys,
                                          absl::FunctionRef<absl::StatusOr<v1::Evidence>()> build) {
  const absl::Time deadline = absl::Now() + kWait;
  absl::StatusOr<v1::Evidence> evidence = build();
  while (absl::IsFailedPrecondition(evidence.status()) && absl::Now() < deadline) {
    const absl::StatusOr<bool> written = recorder::FileLock::IsHeld(layout.OwnerLock());
    if (!written.ok()) return written.status();
    if (!*written) break;  // nobody is there who could sign one
    absl::SleepFor(kBetweenTries);
    evidence = build();
  }
  if (!evidence.ok()) return evidence;
  const absl::StatusOr<recorder::VerifierKey> key = recorder::VerifierKey::Make(
      recorder::CheckpointOrigin(keys.store_id()), recorder::SignatureType::kEd25519, keys.signing_key().public_key());
  if (!key.ok()) return key.status();
  const absl::StatusOr<recorder::ProvenEvidence> proven = recorder::VerifyEvidence(*evidence, *key);
  if (proven.ok()) return evidence;
  return absl::DataLossError(absl::StrCat("the store does not prove what it says (", proven.status().message(),
                                          "): `sallyport verify` says more"));
}

}  // namespace

absl::StatusOr<v1::Evidence> EvidenceOfCall(const CommandContext& context, recorder::RecordReader& store, uint64_t id) {
  const recorder::StoreLayout layout(context.data_directory);
  absl::StatusOr<std::unique_ptr<recorder::StoreKeys>> keys = OpenKeys(context);
  if (!keys.ok()) return keys.status();
  const absl::StatusOr<std::vector<recorder::Position>> blocks = store.CallBlocks(id);
  if (!blocks.ok()) return blocks.status();
  return BuildChecked(layout, **keys, [&] { return recorder::BuildCallEvidence(layout, **keys, id, *blocks); });
}

absl::StatusOr<v1::Evidence> EvidenceOfAnswer(const CommandContext& context, recorder::RecordReader& store,
                                              const std::vector<uint64_t>& ids) {
  const recorder::StoreLayout layout(context.data_directory);
  absl::StatusOr<std::unique_ptr<recorder::StoreKeys>> keys = OpenKeys(context);
  if (!keys.ok()) return keys.status();
  std::vector<recorder::ListedCall> calls;
  for (const uint64_t id : ids) {
    const absl::StatusOr<std::vector<recorder::Position>> blocks = store.CallBlocks(id);
    if (!blocks.ok()) return blocks.status();
    if (!blocks->empty()) calls.push_back({id, blocks->front(), blocks->back()});
  }
  return BuildChecked(layout, **keys, [&] { return recorder::BuildAnswerEvidence(layout, calls); });
}

absl::Status WriteEvidence(const v1::Evidence& evidence, const std::string& path) {
  const std::string text = recorder::FormatEvidence(evidence);
  if (path == "-") {
    std::cout << text;
    return absl::OkStatus();
  }
  return recorder::ReplaceFile(recorder::RealFileSystem(), path, text);
}

}  // namespace sallyport::replay
