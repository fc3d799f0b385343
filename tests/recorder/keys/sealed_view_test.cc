#include "recorder/keys/sealed_view.h"

#include "recorder/crypto/hpke.h"
#include "tests/recorder/keys_fixture.h"

namespace sallyport::recorder {
namespace {

std::string Bytes(const std::string& hex) { return absl::HexStringToBytes(hex); }

// RFC 9180's vector for mode base, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM (its test-vectors.json; the
// ciphertext is that of its first encryption).
const std::string kInfo = "Ode on a Grecian Urn";
const std::string kEphemeral = Bytes("179d4b53b6365c45b600c4163b61d95cbc2f4d9e36f1695558dce265ab8bab11");
const std::string kPrivate = Bytes("497b4502664cfea5d5af0b39934dac72242a74f8480451e1aee7d6a53320333d");
const std::string kPublic = Bytes("430f4b9859665145a6b1ba274024487bd66f03a2dd577d7753c68d7d7d00c00c");
const std::string kEncapsulated = Bytes("6c93e09869df3402d7bf231bf540fadd35cd56be14f97178f0954db94b7fc256");
const std::string kPlain = "Beauty is truth, truth beauty";
const std::string kAssociated = "Count-0";
const std::string kCiphertext =
    Bytes("e5d84cd531cfb583096e7cfa9641bd3079cf3a91cda813c52deb5f512be9931980a41de125a925cdad859d5b7a");

TEST_CASE("hybrid encryption is that of RFC 9180") {
  CHECK(X25519PublicKey(SecretKey(kPrivate)) == kPublic);
  const auto message = HpkeSealWithEphemeral(SecretKey(kEphemeral), kPublic, kInfo, kAssociated, kPlain);
  REQUIRE(message.ok());
  CHECK(absl::BytesToHexString(message->encapsulated_key) == absl::BytesToHexString(kEncapsulated));
  CHECK(absl::BytesToHexString(message->ciphertext) == absl::BytesToHexString(kCiphertext));
  CHECK(HpkeOpen(SecretKey(kPrivate), {kEncapsulated, kCiphertext}, kInfo, kAssociated) == kPlain);
}

TEST_CASE("a hybrid message opens only whole, with its key, info and associated data") {
  const SecretKey key(kPrivate);
  const HpkeMessage message{kEncapsulated, kCiphertext};
  CHECK_FALSE(HpkeOpen(SecretKey(kEphemeral), message, kInfo, kAssociated).has_value());
  CHECK_FALSE(HpkeOpen(key, message, "other", kAssociated).has_value());
  CHECK_FALSE(HpkeOpen(key, message, kInfo, "other").has_value());
  for (size_t i = 0; i < kEncapsulated.size() + kCiphertext.size(); ++i) {
    HpkeMessage damaged = message;
    char& byte = i < kEncapsulated.size() ? damaged.encapsulated_key[i] : damaged.ciphertext[i - kEncapsulated.size()];
    byte = static_cast<char>(byte ^ 1);
    CHECK_FALSE(HpkeOpen(key, damaged, kInfo, kAssociated).has_value());
  }
  for (size_t size = 0; size < kCiphertext.size(); ++size) {
    CHECK_FALSE(HpkeOpen(key, {kEncapsulated, kCiphertext.substr(0, size)}, kInfo, kAssociated).has_value());
  }
  CHECK_FALSE(HpkeOpen(key, {"", kCiphertext}, kInfo, kAssociated).has_value());
}

TEST_CASE("nothing is sealed to a public key of small order") {
  for (const std::string& key : {std::string(32, '\0'), "\x01" + std::string(31, '\0'), std::string("short")}) {
    CHECK(absl::IsInvalidArgument(HpkeSeal(key, "", "", "x").status()));
    CHECK_FALSE(HpkeOpen(SecretKey(kPrivate), {key, kCiphertext}, kInfo, kAssociated).has_value());
  }
}

TEST_CASE("a sealed view opens with its reveal key, as the view of its frame and no other") {
  KeysDirectory directory;
  const std::string path = directory.path() + "/reveal.key";
  const auto made = RevealPrivateKey::Create(path, RealFileSystem());
  REQUIRE(made.ok());
  CHECK(ModeOf(path) == 0600);
  const auto key = RevealPrivateKey::Read(path);
  REQUIRE(key.ok());
  const auto published = RevealKey::Parse(made->public_half().Format());
  REQUIRE(published.ok());
  CHECK(published->id() == key->public_half().id());

  const FrameName frame{77, 1, 3, true};
  const auto view = SealView(*published, frame, "the original");
  REQUIRE(view.ok());
  CHECK(view->compressed);
  CHECK_FALSE(Contains(view->ciphertext, "original"));
  CHECK(*key->Open(*view, frame) == "the original");
  // The same twice is sealed to something else each time.
  CHECK(SealView(*published, frame, "the original")->encapsulated_key != view->encapsulated_key);
  for (const FrameName& other :
       {FrameName{78, 1, 3, true}, FrameName{77, 2, 3, true}, FrameName{77, 1, 4, true}, FrameName{77, 1, 3, false}}) {
    CHECK(absl::IsDataLoss(key->Open(*view, other).status()));
  }
  const auto other = RevealPrivateKey::Create(directory.path() + "/other.key", RealFileSystem());
  CHECK(absl::IsFailedPrecondition(other->Open(*view, frame).status()));
  CHECK(*key->Open(*SealView(*published, frame, ""), frame) == "");
}

TEST_CASE("a reveal key is never overwritten, and no file that others can read is taken") {
  KeysDirectory directory;
  const std::string path = directory.path() + "/reveal.key";
  REQUIRE(RevealPrivateKey::Create(path, RealFileSystem()).ok());
  const std::string text = Contents(path);
  CHECK(absl::IsAlreadyExists(RevealPrivateKey::Create(path, RealFileSystem()).status()));
  CHECK(Contents(path) == text);
  REQUIRE(chmod(path.c_str(), 0640) == 0);
  CHECK(absl::IsFailedPrecondition(RevealPrivateKey::Read(path).status()));
  const std::string secret = text.substr(text.find("private ") + 8, 43);
  for (const std::string& damaged : {std::string(), text.substr(0, text.size() - 5), "x" + text, text + "\n",
                                     std::string("sallyport-reveal-key 1\n#"), "private " + secret + "=\n"}) {
    PutFile(path, damaged);
    const auto status = RevealPrivateKey::Read(path).status();
    CHECK(absl::IsInvalidArgument(status));
    CHECK_FALSE(Contains(Said(status), secret.substr(0, 10)));
  }
}

TEST_CASE("a reveal key's public half that is mistyped is refused") {
  const std::string text = RevealKey(kPublic).Format();
  REQUIRE(RevealKey::Parse(text).ok());
  for (size_t i = 0; i < text.size(); ++i) {
    std::string mistyped = text;
    mistyped[i] = mistyped[i] == 'q' ? 'r' : 'q';
    CHECK_FALSE(RevealKey::Parse(mistyped).ok());
    CHECK_FALSE(RevealKey::Parse(text.substr(0, i)).ok());
  }
}

}  // namespace
}  // namespace sallyport::recorder
