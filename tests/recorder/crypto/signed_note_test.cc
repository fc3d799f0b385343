#include "recorder/crypto/signed_note.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "recorder/crypto/strict_text.h"
#include "recorder/format/checkpoint.h"

namespace sallyport::recorder {
namespace {

// The example of golang.org/x/mod/sumdb/note.
constexpr char kGoKey[] = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
constexpr char kGoNote[] =
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

SigningKey KeyOf(char byte) { return SigningKey(SecretKey(std::string(SecretKey::kSize, byte))); }

VerifierKey VerifierOf(const std::string& name, char byte, SignatureType type = SignatureType::kEd25519) {
  return VerifierKey::Make(name, type, KeyOf(byte).public_key()).value();
}

// A cosignature/v1 line, made here by hand.
NoteSignature Cosign(const std::string& text, const std::string& name, char byte, uint64_t time) {
  std::string bytes;
  for (int shift = 56; shift >= 0; shift -= 8) bytes += static_cast<char>(time >> shift & 0xff);
  bytes += KeyOf(byte).Sign(absl::StrCat("cosignature/v1\ntime ", time, "\n", text));
  return {name, VerifierOf(name, byte, SignatureType::kCosignature).id(), bytes};
}

bool Parses(const std::string& note) { return SignedNote::Parse(note).ok(); }

}  // namespace

TEST_CASE("a note that another implementation signed is verified, and none of its bytes can be changed") {
  absl::StatusOr<VerifierKey> key = VerifierKey::Parse(kGoKey);
  REQUIRE(key.ok());
  CHECK(key->Text() == kGoKey);
  absl::StatusOr<SignedNote> note = SignedNote::Parse(kGoNote);
  REQUIRE(note.ok());
  CHECK(note->Format() == kGoNote);
  absl::StatusOr<std::vector<VerifiedSignature>> verified = VerifyNote(*note, {*key});
  REQUIRE(verified.ok());
  CHECK(verified->size() == 1);
  for (size_t i = 0; i < sizeof(kGoNote) - 1; ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string changed = kGoNote;
      changed[i] = static_cast<char>(changed[i] ^ 1 << bit);
      absl::StatusOr<SignedNote> parsed = SignedNote::Parse(changed);
      if (parsed.ok() && VerifyNote(*parsed, {*key}).ok()) FAIL("byte " << i << " bit " << bit);
    }
  }
}

TEST_CASE("what is signed here verifies with the verifier key of its name only") {
  absl::StatusOr<SignedNote> note = SignNote("a\n\nb\n", "example.com/log", KeyOf('k'));
  REQUIRE(note.ok());
  absl::StatusOr<SignedNote> parsed = SignedNote::Parse(note->Format());
  REQUIRE(parsed.ok());
  CHECK(parsed->text == "a\n\nb\n");
  CHECK(VerifyNote(*parsed, {VerifierOf("other", 'x'), VerifierOf("example.com/log", 'k')}).value().at(0).key == 1);
  CHECK_FALSE(VerifyNote(*parsed, {VerifierOf("example.com/log", 'x')}).ok());
  CHECK_FALSE(VerifyNote(*parsed, {VerifierOf("example.com/other", 'k')}).ok());
  CHECK_FALSE(VerifyNote(*parsed, {VerifierOf("example.com/log", 'k', SignatureType::kCosignature)}).ok());
  CHECK_FALSE(VerifyNote(*parsed, {}).ok());
}

TEST_CASE("a witness's cosignature is verified over its time and the text") {
  absl::StatusOr<SignedNote> note = SignNote("log\n1\nx\n", "log", KeyOf('k'));
  REQUIRE(note.ok());
  const VerifierKey witness = VerifierOf("witness.example/w1", 'w', SignatureType::kCosignature);
  note->signatures.push_back(Cosign(note->text, "witness.example/w1", 'w', 1679315147));
  absl::StatusOr<std::vector<VerifiedSignature>> verified = VerifyNote(*note, {witness, VerifierOf("log", 'k')});
  REQUIRE(verified.ok());
  REQUIRE(verified->size() == 2);
  CHECK(verified->at(1).key == 0);
  CHECK(verified->at(1).line == 1);
  CHECK(verified->at(1).time_seconds == 1679315147);

  SignedNote other_time = *note;
  other_time.signatures[1].bytes[7] ^= 1;
  CHECK_FALSE(VerifyNote(other_time, {witness}).ok());
  SignedNote too_late = *note;
  too_late.signatures[1] = Cosign(note->text, "witness.example/w1", 'w', uint64_t{1} << 63);
  CHECK_FALSE(VerifyNote(too_late, {witness}).ok());
  SignedNote too_short = *note;
  too_short.signatures[1].bytes.pop_back();
  CHECK_FALSE(VerifyNote(too_short, {witness}).ok());
  // A plain signature by the same key says nothing about consistency.
  SignedNote plain = *note;
  plain.signatures[1].bytes = KeyOf('w').Sign(note->text);
  CHECK_FALSE(VerifyNote(plain, {witness}).ok());
}

TEST_CASE("one wrong signature of a known key spoils a note, unknown ones do not") {
  SignedNote note = SignNote("text\n", "log", KeyOf('k')).value();
  note.signatures.push_back({"log", 1234, std::string(64, 'x')});
  note.signatures.push_back({"stranger", VerifierOf("log", 'k').id(), std::string(3, 'x')});
  CHECK(VerifyNote(note, {VerifierOf("log", 'k')}).ok());
  note.signatures.push_back({"log", VerifierOf("log", 'k').id(), std::string(64, 'x')});
  CHECK_FALSE(VerifyNote(note, {VerifierOf("log", 'k')}).ok());
}

TEST_CASE("what is not exactly a signed note is refused") {
  const std::string line = "— n AAAAAAA=\n";
  REQUIRE(Parses("t\n\n" + line));
  CHECK(Parses("\n\n" + line));
  CHECK(Parses("ü\n\n— ü AAAAAAA=\n"));
  for (const std::string& bad : std::vector<std::string>{"",
                                                         "\n",
                                                         "t\n",
                                                         "t\n\n",
                                                         line,
                                                         "\n" + line,
                                                         "t\n" + line,
                                                         "t\n\n— n AAAAAAA=",
                                                         "t\n\n" + line + "\n",
                                                         "t\n\n- n AAAAAAA=\n",
                                                         "t\n\n—n AAAAAAA=\n",
                                                         "t\n\n— n\n",
                                                         "t\n\n— n \n",
                                                         "t\n\n—  AAAAAAA=\n",
                                                         "t\n\n— n+ AAAAAAA=\n",
                                                         "t\n\n— n AAAAAAA\n",
                                                         "t\n\n— n AAAAAA==\n",
                                                         "t\n\n— n AAAAAAB=\n",
                                                         "t\n\n— n AAAA AAA=\n",
                                                         "t\n\n— n AAAAAAA=\n ",
                                                         "t\n\n— n AA-AAAA=\n",
                                                         "t\r\n\n" + line,
                                                         "t\n\n— n AAAAAAA=\r\n",
                                                         "t\t\n\n" + line,
                                                         "t\xff\n\n" + line,
                                                         "t\xc0\x80\n\n" + line,
                                                         "t\xed\xa0\x80\n\n" + line,
                                                         "t\xf4\x90\x80\x80\n\n" + line,
                                                         "t\xe2\x80\n\n" + line,
                                                         "t\n\n— n\u00a0m AAAAAAA=\n",
                                                         "t\n\n— n\u2003 AAAAAAA=\n",
                                                         std::string("t\0\n\n", 4) + line}) {
    INFO(absl::CHexEscape(bad));
    CHECK_FALSE(Parses(bad));
  }
}

TEST_CASE("the size of a note and the number of its signatures are bounded") {
  std::string note = "t\n\n";
  for (size_t i = 0; i < kMaxNoteSignatures; ++i) note += "— n AAAAAAA=\n";
  CHECK(Parses(note));
  CHECK_FALSE(Parses(note + "— n AAAAAAA=\n"));
  CHECK_FALSE(Parses(std::string(kMaxNoteSize, 't') + "\n\n— n AAAAAAA=\n"));
}

TEST_CASE("a verifier key that is not exactly one is refused") {
  const std::string good = kGoKey;
  for (const std::string& bad :
       std::vector<std::string>{"", "+", "++", "a+b", "PeterNeumann+c74f20a3+", "+c74f20a3+" + good.substr(22),
                                "PeterNeumann+C74F20A3+" + good.substr(22), "PeterNeumann+c74f20a4+" + good.substr(22),
                                "PeterNeumanm+c74f20a3+" + good.substr(22), good + "A", good + "=", good + "\n",
                                " " + good, "PeterNeumann+c74f20a3+BRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"}) {
    INFO(bad);
    CHECK_FALSE(VerifierKey::Parse(bad).ok());
  }
  CHECK_FALSE(SignNote("text", "n", KeyOf('k')).ok());
  CHECK_FALSE(SignNote("text\n", "n n", KeyOf('k')).ok());
  CHECK_FALSE(SignNote("te\x01xt\n", "n", KeyOf('k')).ok());
}

TEST_CASE("a checkpoint is read back as it was written, and verified with the key of its origin") {
  StoreId id = {};
  id.fill('\xab');
  Checkpoint checkpoint = {CheckpointOrigin(id), 20852163, Sha256({"root"}), {}};
  CHECK(checkpoint.origin == "sallyport/abababababababababababababababab");
  absl::StatusOr<SignedCheckpoint> made = SignCheckpoint(checkpoint, KeyOf('k'));
  REQUIRE(made.ok());
  absl::StatusOr<SignedCheckpoint> opened = OpenCheckpoint(made->note, {VerifierOf(checkpoint.origin, 'k')});
  REQUIRE(opened.ok());
  CHECK(opened->checkpoint == checkpoint);
  CHECK_FALSE(OpenCheckpoint(made->note, {VerifierOf(checkpoint.origin, 'x')}).ok());
  CHECK_FALSE(OpenCheckpoint(made->note, {VerifierOf("sallyport/other", 'k')}).ok());
  // A witness alone cannot speak for the log.
  SignedNote note = SignedNote::Parse(made->note).value();
  note.signatures = {Cosign(note.text, "witness", 'w', 1)};
  CHECK_FALSE(OpenCheckpoint(note.Format(), {VerifierOf("witness", 'w', SignatureType::kCosignature)}).ok());
}

TEST_CASE("what is not exactly a checkpoint is refused") {
  const std::string root = Base64(AsText(Sha256({"root"}))) + "\n";
  REQUIRE(Checkpoint::Parse("o\n0\n" + root).ok());
  CHECK(Checkpoint::Parse("o\n4611686018427387904\n" + root + "more\n").value().extensions.size() == 1);
  CHECK(Checkpoint::Parse("o\n7\n" + root + "more\n").value().Format() == "o\n7\n" + root + "more\n");
  for (const std::string& bad : std::vector<std::string>{"",
                                                         "o\n",
                                                         "o\n1\n",
                                                         "\n1\n" + root,
                                                         "o\n\n" + root,
                                                         "o\n01\n" + root,
                                                         "o\n+1\n" + root,
                                                         "o\n-1\n" + root,
                                                         "o\n 1\n" + root,
                                                         "o\n1 \n" + root,
                                                         "o\n0x1\n" + root,
                                                         "o\n4611686018427387905\n" + root,
                                                         "o\n18446744073709551616\n" + root,
                                                         "o\n99999999999999999999999\n" + root,
                                                         "o\n1\n\n",
                                                         "o\n1\nAAAA\n",
                                                         "o\n1\n" + root.substr(1),
                                                         "o\n1\n" + root.substr(0, root.size() - 1),
                                                         "o\n1\n" + root + "\n",
                                                         "o\n1\n" + root + "more"}) {
    INFO(absl::CHexEscape(bad));
    CHECK_FALSE(Checkpoint::Parse(bad).ok());
  }
}

}  // namespace sallyport::recorder
