#include "recorder/verify/part_opener.h"

#include <zstd.h>

#include <catch2/catch.hpp>
#include <string>

#include "recorder/crypto/crypto.h"
#include "recorder/format/log_format.h"

namespace sallyport::recorder {
namespace {

constexpr char kPayload[] = "what was said";

std::string Compressed(const std::string& plain) {
  std::string out(ZSTD_compressBound(plain.size()), '\0');
  const size_t size = ZSTD_compress(out.data(), out.size(), plain.data(), plain.size(), 1);
  REQUIRE(ZSTD_isError(size) == 0);
  out.resize(size);
  return out;
}

// A part of which everything is true; each test changes one thing, and makes fit what a liar could.
struct Part {
  explicit Part(const std::string& content = kPayload) : key(SecretKey::kSize, 'k') { Seal(content); }
  void Seal(const std::string& content) {
    stored.clear();
    Aes256Gcm(SecretKey(key)).Seal({}, {}, content, stored);
    entry.set_key(key);
    entry.set_length(sizeof(kPayload) - 1);
    entry.set_sha256(std::string(AsText(Sha256({stored}))));
  }
  // What is wrong, or nothing.
  std::string Wrong() {
    payload = "left over";
    return OpenPart(entry, stored, payload).value_or("");
  }

  std::string key;
  v1::PayloadPart entry;
  std::string stored;
  std::string payload;
};

}  // namespace

TEST_CASE("a part that is as its entry says is opened, compressed or not") {
  Part part;
  CHECK(part.Wrong().empty());
  CHECK(part.payload == kPayload);
  part.Seal(Compressed(kPayload));
  part.entry.set_compressed(true);
  CHECK(part.Wrong().empty());
  CHECK(part.payload == kPayload);
  // Without a key there is nothing to open, and nothing is left of what was there.
  part.entry.clear_key();
  CHECK(part.Wrong().empty());
  CHECK(part.payload.empty());
}

TEST_CASE("a part that its entry does not name is refused, with a key and without") {
  const bool with_key = GENERATE(true, false);
  Part part;
  if (!with_key) part.entry.clear_key();
  SECTION("another hash") { part.entry.mutable_sha256()->back() ^= 1; }
  SECTION("a shorter hash") { part.entry.mutable_sha256()->pop_back(); }
  SECTION("another byte") { part.stored.back() ^= 1; }
  SECTION("no byte") { part.stored.clear(); }
  CHECK(part.Wrong() == "the part is not the one that the entry names");
  CHECK(part.payload.empty());
}

TEST_CASE("a payload that no log takes is refused, with a key and without") {
  Part part;
  part.entry.set_length(kMaxBodySize + 1);
  CHECK(part.Wrong() == "a payload is longer than 2^30 bytes");
  part.entry.clear_key();
  CHECK(part.Wrong() == "a payload is longer than 2^30 bytes");
  part.entry.set_length(kMaxBodySize);
  CHECK(part.Wrong().empty());
}

TEST_CASE("the key of a part has 32 bytes and is its own") {
  Part part;
  for (const size_t size : {1, 31, 33}) {
    part.entry.set_key(std::string(size, 'k'));
    CHECK(part.Wrong() == "the key of a part has not 32 bytes");
  }
  part.entry.set_key(std::string(SecretKey::kSize, 'l'));
  CHECK(part.Wrong() == "the part does not open with its key");
}

TEST_CASE("a payload is as long as its entry says") {
  for (const bool compressed : {false, true}) {
    Part part;
    if (compressed) part.Seal(Compressed(kPayload));
    part.entry.set_compressed(compressed);
    REQUIRE(part.Wrong().empty());
    part.entry.set_length(part.entry.length() + 1);
    CHECK(part.Wrong() == "the payload in a part is not as long as the entry says");
    part.entry.set_length(part.entry.length() - 2);
    CHECK_FALSE(part.Wrong().empty());
  }
}

TEST_CASE("what is compressed is one zstd frame") {
  Part part;
  part.entry.set_compressed(true);
  const std::string frame = Compressed(kPayload);
  // A frame without content comes to as many bytes.
  for (const std::string& content : {std::string(kPayload), std::string(), frame + "x", frame + Compressed(""),
                                     Compressed("") + frame, frame.substr(0, frame.size() - 1)}) {
    part.Seal(content);
    CHECK(part.Wrong() == "what is sealed in a part is not one zstd frame");
  }
}

}  // namespace sallyport::recorder
