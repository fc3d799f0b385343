// Writes the inputs the corpora began with, made from a good store.
// usage: make_fuzz_seeds CORPUS-DIRECTORY
#include <google/protobuf/dynamic_message.h>

#include <cstdlib>
#include <iostream>
#include <string>

#include "absl/strings/str_cat.h"
#include "recorder/evidence/evidence.h"
#include "recorder/format/checkpoint.h"
#include "recorder/format/store_layout.h"
#include "recorder/index/sqlite/postings_builder.h"
#include "recorder/keys/key_encryption.h"
#include "recorder/keys/key_file.h"
#include "recorder/keys/keyring.h"
#include "recorder/keys/sealed_view.h"
#include "recorder/verify/evidence_check.h"
#include "tests/fuzz/identity_seeds.h"
#include "tests/fuzz/known_keys.h"
#include "tests/fuzz/message_schema.h"
#include "tests/policy/masking/parsed_proto.h"
#include "tests/policy/masking/random_masks.h"
#include "tests/policy/messages/random_wire.h"
#include "tests/recorder/forged_store.h"
#include "tests/recorder/store_fixture.h"

namespace sallyport::recorder {
namespace {

// The first byte of a block seed says what to make fit, the second how many calls are in the directory.
std::string BlockSeed(char how, char calls, const std::string& block) { return std::string({how, calls}) + block; }

void WriteSeeds(const std::string& corpus) {
  FakeStoreKeys keys('f');
  ForgedStore log(keys);
  log.BeginSegment();
  const ForgedStore::Block small = log.AddEntries(WholeCall(12));
  std::vector<v1::Entry> entries = WholeCall(13, std::string(300, 'x'));
  entries.push_back(StartEntry(14));
  const ForgedStore::Block large = log.AddEntries(entries);
  log.CloseSegment();
  const ForgedStore::Block footer = log.blocks().back();
  const TemporaryDirectory directory;
  log.Write(directory.store());
  const StoreLayout layout(directory.store());
  const std::string segment = ReadFile(layout.Segment(1));

  WriteFile(corpus + "/segment_header/good", std::string(1, '\x01') + segment.substr(0, kSegmentHeaderSize));
  WriteFile(corpus + "/block/small", BlockSeed(0, 1, segment.substr(small.offset, small.size)));
  WriteFile(corpus + "/block/large", BlockSeed(1, 2, segment.substr(large.offset, large.size)));
  WriteFile(corpus + "/block/footer", BlockSeed(3, 0, segment.substr(footer.offset, footer.size)));
  // Sealed by the target itself: header, directory, salt seed and an entry.
  WriteFile(corpus + "/block/plain",
            BlockSeed(7, 1, segment.substr(small.offset, kBlockHeaderSize + kDirectoryEntrySize)) +
                std::string(16, 's') + "\x09\x09" + std::string(8, 'c'));
  // The same with two parts of 20 bytes together.
  WriteFile(corpus + "/block/parts", BlockSeed(7, static_cast<char>(1 + 8 * 20),
                                               segment.substr(small.offset, kBlockHeaderSize + kDirectoryEntrySize)) +
                                         std::string(20, 'p') + std::string(16, 's') + "\x09\x09" +
                                         std::string(8, 'c'));
  WriteFile(corpus + "/checkpoint/stored", ReadFile(layout.Checkpoint()));
  WriteFile(corpus + "/checkpoint/note", log.Note());
  WriteFile(corpus + "/checkpoint/text", log.Note().substr(0, log.Note().find("\n\n") + 1));
  WriteFile(corpus + "/checkpoint/key", VerifierKey::Make(CheckpointOrigin(keys.store_id()), SignatureType::kEd25519,
                                                          keys.signing_key().public_key())
                                            ->Text());
  const v1::Evidence call = *BuildCallEvidence(layout, keys, 13, {Position(1, large.offset)});
  const v1::Evidence answer =
      *BuildAnswerEvidence(layout, {{13, Position(1, large.offset), Position(1, large.offset)}});
  for (const auto& [name, evidence] : {std::pair("call", call), std::pair("answer", answer)}) {
    WriteFile(corpus + "/evidence/" + name + "_json", std::string(1, '\0') + FormatEvidence(evidence));
    WriteFile(corpus + "/evidence/" + name, std::string(1, '\x01') + evidence.SerializeAsString());
  }
  v1::Evidence alone = call;
  alone.mutable_call()->mutable_blocks(0)->clear_inclusion();
  WriteFile(corpus + "/evidence/signed", std::string(1, '\x03') + alone.SerializeAsString());
  WriteFile(corpus + "/evidence/signed_now", std::string(1, '\x07') + alone.SerializeAsString());
}

void WriteKeySeeds(const std::string& corpus) {
  WriteFile(corpus + "/keyring/one", kKnownKeyring);
  const Keyring keyring = *Keyring::Parse(kKnownKeyring, "known");
  WriteFile(corpus + "/keyring/rotated",
            "# a comment\n\n" + std::string(WithFreshKey(kKnownKeyring, keyring, absl::UnixEpoch())->view()));
  setenv("SALLYPORT_FUZZ_KEYRING", kKnownKeyring, 1);
  const auto encryption = *KeyEncryption::Open({KeySource::Kind::kEnvironment, "SALLYPORT_FUZZ_KEYRING"});
  KeyFile file;
  file.store_id.fill('f');
  const SecretKey key(std::string(SecretKey::kSize, 'd'));
  const auto write = [&](const std::string& name) {
    WriteFile(corpus + "/key_file/" + name, std::string({'\x40', '\0'}) + file.Format());
  };
  for (const auto& [name, purpose] :
       {std::pair("store", KeyPurpose::Store()), std::pair("signing", KeyPurpose::Signing()),
        std::pair("data", KeyPurpose::Data(12))}) {
    file.purpose = purpose;
    if (!encryption->Wrap(key, file).ok()) std::abort();
    write(name);
  }
  file.kek = KeyFile::kCommandKek;
  file.token = "vault:v1:abc";
  write("exec");

  const RevealPrivateKey reveal = *RevealPrivateKey::Parse(kKnownRevealKey, "known");
  WriteFile(corpus + "/reveal_key/private", kKnownRevealKey);
  WriteFile(corpus + "/reveal_key/public", reveal.public_half().Format());
  const SealedView view = *SealView(reveal.public_half(), {77, 1, 0, false}, "the original");
  v1::SealedView message;
  message.set_encapsulated_key(view.encapsulated_key);
  message.set_ciphertext(view.ciphertext);
  message.set_key_id(view.key_id);
  WriteFile(corpus + "/sealed_view/good", std::string({'\0', '\x01', '\0'}) + message.SerializeAsString());
  WriteFile(corpus + "/sealed_view/own", std::string({'\x01', '\x01', '\x05'}) + "the original");
}

void WritePostingsSeeds(const std::string& corpus) {
  PostingsBuilder builder;
  builder.Begin();
  for (int64_t i = 0; i < 600; ++i) {
    builder.Add({.id = 1000 + i * i,
                 .identity = 1 + i % 3,
                 .session = i / 7,
                 .method = i < 300 ? 1 : 1 + i % 40,
                 .end_reason = i % 50 == 0 ? 0 : 1,
                 .status = i % 20,
                 .duration_ns = i * i * 1'000'000});
  }
  for (const PostingsBuilder::Row& row : builder.Finish(1)) {
    const std::string kind = std::to_string(static_cast<int>(PostingKindOf(row.key)));
    WriteFile(absl::StrCat(corpus, "/postings/kind_", kind), row.bytes);
  }
}

// A message of each of some of the types that mask_schema_fuzz.cc makes.
void WriteMaskSchemaSeeds(const std::string& corpus) {
  constexpr int kSchemas = 40;
  for (int seed = 0; seed < kSchemas; ++seed) {
    policy::Chance chance(static_cast<uint64_t>(seed));
    const auto descriptors = policy::ParsedProto(policy::RandomProto(chance));
    if (!descriptors.ok()) std::abort();
    google::protobuf::DynamicMessageFactory factory;
    const auto* type = (*descriptors)->FindMessage("/t.S/M", policy::MessageSide::kRequest);
    const std::unique_ptr<google::protobuf::Message> message(factory.GetPrototype(type)->New());
    policy::Fill(chance, 2, message.get());
    WriteFile(absl::StrCat(corpus, "/mask_schema/schema_", seed),
              std::string(1, static_cast<char>(seed)) + message->SerializeAsString());
  }
}

// Some messages of each of the types that messages_fuzz.cc reads, as bytes of every kind.
void WriteMessageSeeds(const std::string& corpus) {
  const auto descriptors = policy::ParsedProto(kMessageSchema);
  if (!descriptors.ok()) std::abort();
  policy::RandomWireOptions options;
  options.odd = options.unknown_fields = options.unknown_anys = true;
  options.unnamed_enums = options.unnamed_closed_enums = options.leave_out_required = true;
  for (const char* name : {"t.M", "t.Set", "t.Strict", "google.protobuf.Timestamp", "google.protobuf.Value"}) {
    options.any_types.push_back((*descriptors)->pool().FindMessageTypeByName(name));
  }
  policy::Chance chance(1);
  policy::RandomWire wire(chance, options);
  for (int seed = 0; seed < 48; ++seed) {
    const auto kind = static_cast<size_t>(seed) % std::size(kMessageTypes);
    const auto* type = (*descriptors)->pool().FindMessageTypeByName(kMessageTypes[kind]);
    const std::string left = wire.Message(*type, 3);
    const std::string right = chance.OneIn(2) ? wire.Message(*type, 3) : left;
    // Cut at a multiple of 16.
    const char cut = static_cast<char>(std::min<size_t>(left.size() / 16, 255));
    WriteFile(absl::StrCat(corpus, "/messages/seed_", seed),
              absl::StrCat(std::string({static_cast<char>(kind), cut}), left, right));
  }
}

}  // namespace
}  // namespace sallyport::recorder

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: make_fuzz_seeds CORPUS-DIRECTORY\n";
    return 2;
  }
  sallyport::recorder::WriteSeeds(argv[1]);
  sallyport::testing::WriteIdentitySeeds(argv[1]);
  sallyport::recorder::WriteKeySeeds(argv[1]);
  sallyport::recorder::WritePostingsSeeds(argv[1]);
  sallyport::recorder::WriteMaskSchemaSeeds(argv[1]);
  sallyport::recorder::WriteMessageSeeds(argv[1]);
  return 0;
}
