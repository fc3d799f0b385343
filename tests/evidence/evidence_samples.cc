// Makes what go_check checks: checkpoints and proofs of a store, or of random trees.
//
//   evidence_samples key DATA               prints the verifier key of a store
//   evidence_samples store DATA NOTES       JSON: the checkpoints in the directory NOTES, with proofs from the store's
//   leaves evidence_samples random SEED            JSON: checkpoints and proofs of trees of many sizes
#include <algorithm>
#include <filesystem>
#include <functional>
#include <iostream>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "recorder/crypto/proofs.h"
#include "recorder/crypto/strict_text.h"
#include "recorder/format/checkpoint.h"
#include "recorder/format/tree_state.h"
#include "recorder/keys/store_keys.h"
#include "recorder/system/file.h"

namespace sallyport::recorder {
namespace {

using nlohmann::json;

constexpr size_t kMostCheckpoints = 40;
constexpr int kLeavesOfEach = 8;  // proved in each checkpoint

template <typename Value>
Value Must(absl::StatusOr<Value> value) {
  if (value.ok()) return *std::move(value);
  std::cerr << "evidence_samples: " << value.status() << "\n";
  std::exit(1);
}

json ProofJson(const std::vector<Hash>& proof) {
  json all = json::array();
  for (const Hash& hash : proof) all.push_back(Base64(AsText(hash)));
  return all;
}

// Collects the samples. For each proof it also makes one that is wrong in some way.
class Samples {
 public:
  Samples(std::string key, std::vector<SignedCheckpoint> checkpoints, Prover& prover, uint64_t seed)
      : checkpoints_(std::move(checkpoints)), prover_(prover), random_(seed) {
    json_ = {{"key", std::move(key)}, {"inclusions", json::array()}, {"consistencies", json::array()}};
    for (const SignedCheckpoint& checkpoint : checkpoints_) json_["checkpoints"].push_back(checkpoint.note);
  }

  void AddInclusion(size_t at, uint64_t index, const Hash& leaf) {
    std::vector<Hash> proof = Must(prover_.Inclusion(index, checkpoints_[at].checkpoint.size));
    json sample = {{"checkpoint", at}, {"index", index}, {"leaf", Base64(AsText(leaf))}, {"good", true}};
    sample["proof"] = ProofJson(proof);
    json_["inclusions"].push_back(sample);
    sample["good"] = false;
    Hash other = leaf;
    if (!Spoil(proof)) sample["leaf"] = Base64(AsText(Spoiled(other)));
    sample["proof"] = ProofJson(proof);
    json_["inclusions"].push_back(std::move(sample));
  }

  void AddConsistency(size_t before, size_t after) {
    std::vector<Hash> proof =
        Must(prover_.Consistency(checkpoints_[before].checkpoint.size, checkpoints_[after].checkpoint.size));
    json sample = {{"old", before}, {"new", after}, {"proof", ProofJson(proof)}, {"good", true}};
    json_["consistencies"].push_back(sample);
    if (!Spoil(proof)) return;
    sample["good"] = false;
    sample["proof"] = ProofJson(proof);
    json_["consistencies"].push_back(std::move(sample));
  }

  uint64_t Below(uint64_t limit) { return std::uniform_int_distribution<uint64_t>(0, limit - 1)(random_); }
  const std::vector<SignedCheckpoint>& checkpoints() const { return checkpoints_; }
  const json& result() const { return json_; }

 private:
  Hash& Spoiled(Hash& hash) {
    char& byte = hash[Below(hash.size())];
    byte = static_cast<char>(byte ^ (1 << Below(8)));
    return hash;
  }
  // False if there is nothing to spoil.
  bool Spoil(std::vector<Hash>& proof) {
    if (proof.empty()) return false;
    if (Below(3) == 0) {
      proof.erase(proof.begin() + static_cast<ptrdiff_t>(Below(proof.size())));
    } else {
      Spoiled(proof[Below(proof.size())]);
    }
    return true;
  }

  const std::vector<SignedCheckpoint> checkpoints_;
  Prover& prover_;
  std::mt19937_64 random_;
  json json_;
};

std::string Key(const StoreKeys& keys) {
  return Must(VerifierKey::Make(CheckpointOrigin(keys.store_id()), SignatureType::kEd25519,
                                keys.signing_key().public_key()))
      .Text();
}

std::unique_ptr<StoreKeys> OpenKeys(const StoreLayout& layout) { return Must(StoreKeys::Open(layout, {})); }

// The published checkpoints by size; some of them, the first and the last included, if there are many.
std::vector<SignedCheckpoint> ReadNotes(const std::string& directory, const VerifierKey& key) {
  std::vector<SignedCheckpoint> all;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    if (entry.path().string().find("-latest.") != std::string::npos) continue;
    all.push_back(Must(OpenCheckpoint(Must(ReadWholeFile(entry.path(), kMaxNoteSize)), {key})));
  }
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.checkpoint.size < b.checkpoint.size; });
  std::vector<SignedCheckpoint> some;
  const size_t step = all.size() / kMostCheckpoints + 1;
  for (size_t i = 0; i < all.size(); ++i) {
    if (i % step == 0 || i + 1 == all.size()) some.push_back(all[i]);
  }
  return some;
}

void AddAll(Samples& samples, const std::function<Hash(uint64_t)>& leaf) {
  const size_t count = samples.checkpoints().size();
  for (size_t at = 0; at < count; ++at) {
    const uint64_t size = samples.checkpoints()[at].checkpoint.size;
    for (int i = 0; i < kLeavesOfEach; ++i) {
      const uint64_t index = i == 0 ? 0 : i == 1 ? size - 1 : samples.Below(size);
      samples.AddInclusion(at, index, leaf(index));
    }
    for (size_t before = 0; before <= at; ++before) samples.AddConsistency(before, at);
  }
}

json OfStore(const std::string& data, const std::string& notes) {
  const StoreLayout layout(data);
  const std::string key = Key(*OpenKeys(layout));
  const LeafFile leaves = Must(LeafFile::Open(layout));
  Prover prover([&](uint64_t first, absl::Span<Hash> out) { return leaves.Read(first, out); });
  Samples samples(key, ReadNotes(notes, Must(VerifierKey::Parse(key))), prover, 1);
  AddAll(samples, [&](uint64_t index) {
    Hash hash;
    if (!leaves.Read(index, absl::MakeSpan(&hash, 1)).ok()) std::exit(1);
    return hash;
  });
  return samples.result();
}

json OfRandomTrees(uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<Hash> leaves;
  const SigningKey key(SecretKey(std::string(SecretKey::kSize, static_cast<char>(seed))));
  const std::string origin = "sallyport/random";
  std::vector<SignedCheckpoint> checkpoints;
  CompactRange range;
  while (checkpoints.size() < kMostCheckpoints) {
    const uint64_t growth = checkpoints.size() < 20 ? 1 : 1 + random() % 5000;
    for (uint64_t i = 0; i < growth; ++i) {
      leaves.push_back(LeafHash(absl::StrCat(random())));
      range.Append(leaves.back());
    }
    checkpoints.push_back(Must(SignCheckpoint({origin, range.end(), range.Root(), {}}, key)));
  }
  Prover prover([&](uint64_t first, absl::Span<Hash> out) {
    std::copy_n(leaves.begin() + static_cast<ptrdiff_t>(first), out.size(), out.begin());
    return absl::OkStatus();
  });
  Samples samples(Must(VerifierKey::Make(origin, SignatureType::kEd25519, key.public_key())).Text(),
                  std::move(checkpoints), prover, seed);
  AddAll(samples, [&](uint64_t index) { return leaves[index]; });
  return samples.result();
}

int Main(const std::vector<std::string>& words) {
  uint64_t seed = 0;
  if (words.size() == 2 && words[0] == "key") {
    std::cout << Key(*OpenKeys(StoreLayout(words[1]))) << "\n";
  } else if (words.size() == 3 && words[0] == "store") {
    std::cout << OfStore(words[1], words[2]) << "\n";
  } else if (words.size() == 2 && words[0] == "random" && absl::SimpleAtoi(words[1], &seed)) {
    std::cout << OfRandomTrees(seed) << "\n";
  } else {
    std::cerr << "usage: evidence_samples key DATA | store DATA NOTES | random SEED\n";
    return 2;
  }
  return 0;
}

}  // namespace
}  // namespace sallyport::recorder

int main(int argc, char** argv) { return sallyport::recorder::Main({argv + 1, argv + argc}); }
