#include "recorder/format/tree_state.h"

#include <algorithm>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "recorder/crypto/proofs.h"
#include "recorder/crypto/strict_text.h"
#include "recorder/crypto/text.h"

namespace sallyport::recorder {
namespace {

// Stands between the note and the state. No note has such a line behind its signatures.
constexpr std::string_view kMark = "tree state 1\n";
constexpr size_t kMaxFileSize = kMaxNoteSize + (16 << 10);

absl::Status Damaged(absl::string_view problem) {
  return absl::DataLossError(absl::StrCat("the stored checkpoint is damaged: ", problem));
}

// Where the mark begins.
size_t FindMark(std::string_view bytes) {
  const size_t found = bytes.find(absl::StrCat("\n", View(kMark)));
  return found == std::string_view::npos ? found : found + 1;
}

// Takes the line "<name> <value>" off the front of `text`.
std::optional<std::string_view> TakeValue(std::string_view& text, std::string_view name) {
  const size_t end = text.find('\n');
  if (end == std::string_view::npos || !text.starts_with(name) || end <= name.size() || text[name.size()] != ' ') {
    return std::nullopt;
  }
  const std::string_view value = text.substr(name.size() + 1, end - name.size() - 1);
  text.remove_prefix(end + 1);
  return value;
}

std::optional<uint64_t> TakeNumber(std::string_view& text, std::string_view name) {
  const std::optional<std::string_view> value = TakeValue(text, name);
  return value.has_value() ? ParseDecimal(*value) : std::nullopt;
}

// The state as text.
absl::StatusOr<TreeState> ParseState(std::string_view text, uint64_t size) {
  TreeState state;
  const std::optional<uint64_t> position = TakeNumber(text, "position");
  const std::optional<uint64_t> sequence = position.has_value() ? TakeNumber(text, "sequence") : std::nullopt;
  if (!sequence.has_value()) return Damaged("it does not say where in the log it stands");
  state.end = Position::FromPacked(*position);
  state.next_sequence = *sequence;
  std::vector<Hash> nodes;
  while (text.starts_with("node ")) {
    const std::optional<std::string_view> value = TakeValue(text, "node");
    const std::optional<Hash> node = value.has_value() ? ParseBase64Hash(*value) : std::nullopt;
    if (!node.has_value() || nodes.size() == kMaxProofHashes) return Damaged("the nodes of its tree are malformed");
    nodes.push_back(*node);
  }
  if (!TakeValue(text, "sha256").has_value() || !text.empty()) return Damaged("it does not end where it should");
  absl::StatusOr<CompactRange> range = CompactRange::FromNodes(0, size, std::move(nodes));
  if (!range.ok()) return Damaged(range.status().message());
  state.range = *std::move(range);
  return state;
}

absl::StatusOr<std::string> ReadStored(const StoreLayout& layout) {
  return ReadWholeFile(layout.Checkpoint(), kMaxFileSize);
}

// That tree/checkpoint cannot be used, and what to do.
absl::Status Unusable(const StoreLayout& layout, const absl::Status& problem) {
  return absl::DataLossError(absl::StrCat(layout.Checkpoint(), ": ", problem.message(),
                                          ". Put it back from a backup, or put in its place the newest checkpoint that "
                                          "was published, as it is: the rest is "
                                          "made again from the log"));
}

// That the store signed it.
absl::StatusOr<SignedCheckpoint> OpenOwnCheckpoint(std::string_view note, const StoreSecrets& keys) {
  const absl::StatusOr<VerifierKey> key = CheckpointVerifierKey(keys.store_id(), keys.signing_key());
  if (!key.ok()) return key.status();
  return OpenCheckpoint(note, {*key});
}

}  // namespace

absl::StatusOr<StoredCheckpoint> StoredCheckpoint::Parse(std::string_view bytes) {
  const size_t mark = FindMark(bytes);
  if (mark == std::string_view::npos) return Damaged("it has no tree state of a kind this version knows");
  absl::StatusOr<SignedNote> note = SignedNote::Parse(bytes.substr(0, mark));
  if (!note.ok()) return Damaged(note.status().message());
  absl::StatusOr<Checkpoint> checkpoint = Checkpoint::Parse(note->text);
  if (!checkpoint.ok()) return Damaged(checkpoint.status().message());
  absl::StatusOr<TreeState> state = ParseState(bytes.substr(mark + kMark.size()), checkpoint->size);
  if (!state.ok()) return state.status();
  if (state->range.Root() != checkpoint->root) return Damaged("its tree is another than the one that was signed");
  StoredCheckpoint stored = {{*std::move(checkpoint), std::string(bytes.substr(0, mark))}, *std::move(state)};
  // Covers the sum over the whole, and leaves one spelling for everything.
  if (stored.Format() != bytes) return Damaged("it does not fit its checksum");
  return stored;
}

std::string StoredCheckpoint::Format() const {
  std::string text = absl::StrCat(checkpoint.note, View(kMark), "position ", state.end.packed(), "\nsequence ",
                                  state.next_sequence, "\n");
  for (const Hash& node : state.range.nodes()) absl::StrAppend(&text, "node ", Base64(AsText(node)), "\n");
  absl::StrAppend(&text, "sha256 ", absl::BytesToHexString(View(AsText(Sha256({text})))), "\n");
  return text;
}

absl::StatusOr<std::optional<StoredCheckpoint>> LoadStoredCheckpoint(const StoreLayout& layout,
                                                                     const StoreSecrets& keys) {
  absl::StatusOr<std::string> bytes = ReadStored(layout);
  if (absl::IsNotFound(bytes.status())) return std::nullopt;
  if (!bytes.ok()) return bytes.status();
  absl::StatusOr<StoredCheckpoint> stored = StoredCheckpoint::Parse(*bytes);
  if (!stored.ok()) return Unusable(layout, stored.status());
  const absl::StatusOr<SignedCheckpoint> opened = OpenOwnCheckpoint(stored->checkpoint.note, keys);
  if (!opened.ok()) return Unusable(layout, opened.status());
  return *std::move(stored);
}

absl::StatusOr<std::optional<TreeState>> LoadTreeState(const StoreLayout& layout, const StoreSecrets& keys) {
  absl::StatusOr<std::optional<StoredCheckpoint>> stored = LoadStoredCheckpoint(layout, keys);
  if (!stored.ok()) return stored.status();
  if (!stored->has_value()) return std::nullopt;
  return std::move((*stored)->state);
}

absl::StatusOr<std::optional<SignedCheckpoint>> LoadPublishedCheckpoint(const StoreLayout& layout,
                                                                        const StoreSecrets& keys) {
  const absl::StatusOr<std::string> bytes = ReadStored(layout);
  if (absl::IsNotFound(bytes.status())) return std::nullopt;
  if (!bytes.ok()) return bytes.status();
  if (FindMark(*bytes) != std::string::npos) return std::nullopt;
  absl::StatusOr<SignedCheckpoint> opened = OpenOwnCheckpoint(*bytes, keys);
  if (!opened.ok()) return Unusable(layout, opened.status());
  return *std::move(opened);
}

absl::StatusOr<std::string> ReadCheckpoint(const StoreLayout& layout) {
  absl::StatusOr<std::string> bytes = ReadStored(layout);
  if (!bytes.ok()) return bytes.status();
  const size_t mark = FindMark(*bytes);
  if (mark == std::string::npos) {
    return absl::DataLossError(
        absl::StrCat(layout.Checkpoint(), " is no stored checkpoint of a kind this version knows"));
  }
  return bytes->substr(0, mark);
}

absl::StatusOr<LeafFile> LeafFile::Open(const StoreLayout& layout) {
  absl::StatusOr<ReadableFile> file = ReadableFile::Open(layout.Leaves());
  if (!file.ok()) return file.status();
  return LeafFile(*std::move(file));
}

absl::StatusOr<uint64_t> LeafFile::Size() const {
  absl::StatusOr<uint64_t> bytes = file_.Size();
  if (!bytes.ok()) return bytes.status();
  return *bytes / sizeof(Hash);
}

absl::Status LeafFile::Read(uint64_t first, absl::Span<Hash> out) const {
  if (out.empty()) return absl::OkStatus();
  if (first > kMaxTreeSize || out.size() > kMaxTreeSize - first) {
    return absl::OutOfRangeError(absl::StrCat("no tree has leaves from ", first, " on"));
  }
  const size_t wanted = out.size() * sizeof(Hash);
  absl::StatusOr<size_t> got = file_.Read(first * sizeof(Hash), wanted, out.data()->data());
  if (!got.ok()) return got.status();
  if (*got != wanted) {
    return absl::OutOfRangeError(
        absl::StrCat(file_.path(), " does not hold the leaf hashes ", first, " to ", first + out.size() - 1));
  }
  if (const auto unknown = std::find(out.begin(), out.end(), Hash{}); unknown != out.end()) {
    return absl::DataLossError(absl::StrCat("leaf ", first + static_cast<uint64_t>(unknown - out.begin()),
                                            " is of a deleted segment, and its hash is not known any more"));
  }
  return absl::OkStatus();
}

}  // namespace sallyport::recorder
