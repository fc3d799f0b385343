// Entries as EntryBatch writes them are what protobuf writes and reads.
#include "recorder/format/entry_batch.h"

#include <catch2/catch.hpp>
#include <random>

#include "recorder/crypto/credential_fingerprint.h"
#include "recorder/format/call_id.h"
#include "recorder/keys/sealed_view.h"
#include "recorder/log/block.h"
#include "sallyport/v1/record.pb.h"
#include "tests/recorder/store_fixture.h"

namespace sallyport::recorder {
namespace {

const std::string kKey(SecretKey::kSize, 'k');

std::vector<v1::Entry> Parse(const EntryBatch& batch) {
  std::vector<v1::Entry> entries;
  const absl::Status status = ForEachEntry(batch.bytes(), [&](std::string_view bytes) {
    v1::Entry entry;
    REQUIRE(entry.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())));
    // What protobuf makes of it again is the same bytes.
    REQUIRE(entry.SerializeAsString() == bytes);
    entries.push_back(std::move(entry));
    return absl::OkStatus();
  });
  REQUIRE(status.ok());
  REQUIRE(static_cast<int>(entries.size()) == batch.entries());
  return entries;
}

class Random {
 public:
  explicit Random(uint32_t seed) : engine_(seed) {}
  uint64_t Below(uint64_t limit) { return engine_() % limit; }
  uint64_t Number() { return Below(3) == 0 ? Below(3) : engine_() >> Below(64); }
  std::string Bytes() {
    std::string bytes(Below(4) == 0 ? Below(400) : Below(20), '\0');
    for (char& c : bytes) c = static_cast<char>(engine_());
    return bytes;
  }
  std::string Text() {
    static const std::string kPieces[] = {"a", "Z9", "é", "漢", "𝄞", "-", ""};
    std::string text;
    for (uint64_t i = Below(12); i > 0; --i) text += kPieces[Below(7)];
    return text;
  }

 private:
  std::mt19937_64 engine_;
};

TEST_CASE("an entry of any kind is added as it is, with its call and its time") {
  EntryBatch batch(7, nullptr);
  v1::Entry given;
  v1::Decision& decision = *given.mutable_decision();
  decision.set_outcome(v1::Decision::OUTCOME_DENIED);
  decision.set_rule("readers");
  decision.set_policy("0123456789abcdef");
  decision.add_shadow("new-rule");
  decision.add_shadow("nights");
  v1::ShownProof& proof = *decision.add_proofs();
  proof.set_kind(v1::PROOF_JWT);
  proof.set_issuer("https://idp.example");
  proof.set_subject("alice");
  for (const char* group : {"dev", "", "ops"}) proof.add_groups(group);
  proof.set_credential("kid=1 jti=2");
  proof.set_expires_ns(1767323045000000001);
  decision.add_proofs()->set_kind(v1::PROOF_MTLS);
  batch.Add(absl::FromUnixNanos(5), &given);
  batch.AddHalfClose(absl::FromUnixNanos(6));

  const std::vector<v1::Entry> entries = Parse(batch);
  REQUIRE(entries.size() == 2);
  CHECK(entries[0].call_id() == 7);
  CHECK(entries[0].time_ns() == 5);
  CHECK(entries[0].decision().SerializeAsString() == decision.SerializeAsString());
  CHECK(entries[1].has_half_close());
  CHECK(batch.starts() + batch.ends() == 0);
}

TEST_CASE("a text that is not UTF-8 keeps its ASCII") {
  CHECK(ValidText("") == "");
  CHECK(ValidText("plain") == "plain");
  CHECK(ValidText("\xe6\xbc\xa2 and \xc3\xa9") == "\xe6\xbc\xa2 and \xc3\xa9");
  CHECK(ValidText("a\xff\xc3\xa9z") == "a???z");
}

TEST_CASE("every member of a start reaches the entry, whatever its value") {
  const CredentialFingerprint fingerprint{SecretKey(kKey)};
  Random random(1);
  for (int round = 0; round < 500; ++round) {
    const std::string method = random.Bytes(), authority = random.Bytes(), peer = random.Text(), issuer = random.Text(),
                      subject = random.Text(), name = random.Bytes(), upstream = random.Text(), target = random.Text(),
                      encoding = random.Text(), descriptors = random.Text(), durability = random.Text(),
                      trace = random.Bytes();
    const std::vector<std::string> groups(random.Below(4), random.Text());
    const std::vector<std::string> texts = {random.Bytes(), random.Bytes(), random.Bytes(), random.Bytes()};
    std::vector<Metadatum> metadata;
    for (uint64_t i = random.Below(5); i > 0; --i) metadata.push_back({texts[random.Below(4)], texts[random.Below(4)]});
    CallStart start;
    start.method = method;
    start.authority = authority;
    start.peer = peer;
    start.identity = {issuer, subject, groups, static_cast<int>(random.Below(4))};
    start.session_id = random.Number();
    start.session_name = name;
    start.upstream = upstream;
    start.upstream_target = target;
    start.metadata = metadata;
    if (random.Below(2) == 0) start.timeout = absl::Nanoseconds(static_cast<int64_t>(random.Number() >> 1)) * -1;
    start.encoding = encoding;
    start.descriptors = descriptors;
    start.arity = random.Below(2) == 0 ? Arity::kUnary : Arity::kStream;
    start.durability = durability;
    start.trace_id = trace;
    const uint64_t id = random.Number();
    const int64_t time_ns = static_cast<int64_t>(random.Number() >> 2);

    EntryBatch batch(id, &fingerprint);
    const std::string record_rule = random.Text();
    start.record_rule = record_rule;
    if (random.Below(2) == 0) start.frame_bytes = random.Below(2) * random.Number();
    batch.AddStart(absl::FromUnixNanos(time_ns), start);
    const v1::Entry entry = Parse(batch).front();
    CHECK(entry.call_id() == id);
    CHECK(entry.time_ns() == static_cast<uint64_t>(time_ns));
    const v1::CallStart& read = entry.start();
    CHECK(read.method() == method);
    CHECK(read.authority() == authority);
    CHECK(read.peer() == peer);
    CHECK(read.identity().issuer() == issuer);
    CHECK(read.identity().subject() == subject);
    CHECK(std::vector<std::string>(read.identity().groups().begin(), read.identity().groups().end()) == groups);
    CHECK(read.identity().proof() == start.identity.proof);
    CHECK(read.session_id() == start.session_id);
    CHECK(read.session_name() == name);
    CHECK(read.upstream() == upstream);
    CHECK(read.upstream_target() == target);
    REQUIRE(read.metadata_size() == static_cast<int>(metadata.size()));
    for (size_t i = 0; i < metadata.size(); ++i) {
      CHECK(read.metadata(static_cast<int>(i)).key() == metadata[i].key);
      CHECK(read.metadata(static_cast<int>(i)).value() == metadata[i].value);
    }
    CHECK(read.has_timeout_ns() == start.timeout.has_value());
    CHECK(read.timeout_ns() == absl::ToInt64Nanoseconds(start.timeout.value_or(absl::ZeroDuration())));
    CHECK(read.encoding() == encoding);
    CHECK(read.descriptors() == descriptors);
    CHECK(static_cast<int>(read.path()) == static_cast<int>(start.arity));
    CHECK(read.durability() == durability);
    CHECK(read.record_rule() == record_rule);
    CHECK(read.has_frame_bytes() == start.frame_bytes.has_value());
    CHECK(read.frame_bytes() == start.frame_bytes.value_or(0));
    CHECK(read.trace_id() == trace);
  }
}

TEST_CASE("frames, half-close, headers and ends reach their entries, whatever their values") {
  const CredentialFingerprint fingerprint{SecretKey(kKey)};
  Random random(2);
  for (int round = 0; round < 500; ++round) {
    EntryBatch batch(random.Number(), &fingerprint);
    const std::string first = random.Bytes(), second = random.Bytes(), message = random.Bytes(),
                      upstream_message = random.Bytes(), encoding = random.Text();
    const Direction direction = random.Below(2) == 0 ? Direction::kRequest : Direction::kResponse;
    const uint64_t index = random.Number();
    const bool compressed = random.Below(2) == 0;
    const std::vector<Metadatum> metadata = {{first, second}, {second, first}};
    const SealedView sealed{random.Bytes(), random.Bytes(), random.Bytes(), random.Below(2) == 0};
    const bool masked = random.Below(2) == 0;
    const std::string rule = random.Text();
    const std::vector<std::string_view> shadow(random.Below(3), rule);
    std::optional<uint64_t> whole_length;
    if (random.Below(2) == 0) whole_length = random.Number();
    batch.AddFrame(absl::UnixEpoch(), direction, index, compressed, {first, second},
                   {masked, masked ? &sealed : nullptr, shadow, whole_length});
    batch.AddHalfClose(absl::UnixEpoch() + absl::Nanoseconds(7));
    batch.AddResponseHeaders(absl::UnixEpoch(), metadata, encoding);
    CallEnd end;
    end.reason = static_cast<EndReason>(1 + random.Below(6));
    end.status_code = static_cast<int>(random.Number());
    end.status_message = message;
    end.trailers = metadata;
    if (random.Below(2) == 0) end.upstream_status_code = static_cast<int>(random.Number());
    end.upstream_status_message = upstream_message;
    end.trailers_only = random.Below(2) == 0;
    end.request_frames = random.Number();
    end.response_frames = random.Number();
    end.request_bytes = random.Number();
    end.response_bytes = random.Number();
    end.duration = absl::Nanoseconds(static_cast<int64_t>(random.Number() >> 1));
    end.connection_lost = random.Below(2) == 0;
    end.told = static_cast<Told>(random.Below(4));
    end.ended_by = static_cast<EndedBy>(random.Below(4));
    end.entries = static_cast<uint32_t>(random.Number());
    batch.AddEnd(absl::UnixEpoch(), end);

    const std::vector<v1::Entry> entries = Parse(batch);
    REQUIRE(entries.size() == 4);
    CHECK(static_cast<int>(entries[0].frame().direction()) == static_cast<int>(direction));
    CHECK(entries[0].frame().index() == index);
    CHECK(entries[0].frame().payload() == first + second);
    CHECK(entries[0].frame().compressed() == compressed);
    CHECK(entries[0].frame().masked() == masked);
    CHECK(entries[0].frame().shadow_size() == static_cast<int>(shadow.size()));
    CHECK(entries[0].frame().shortened() == whole_length.has_value());
    CHECK(entries[0].frame().whole_length() == whole_length.value_or(0));
    for (const std::string& one : entries[0].frame().shadow()) CHECK(one == rule);
    REQUIRE(entries[0].frame().has_sealed() == masked);
    if (masked) {
      CHECK(entries[0].frame().sealed().encapsulated_key() == sealed.encapsulated_key);
      CHECK(entries[0].frame().sealed().ciphertext() == sealed.ciphertext);
      CHECK(entries[0].frame().sealed().key_id() == sealed.key_id);
      CHECK(entries[0].frame().sealed().compressed() == sealed.compressed);
    }
    CHECK(entries[1].has_half_close());
    CHECK(entries[1].time_ns() == 7);
    REQUIRE(entries[2].response_headers().metadata_size() == 2);
    CHECK(entries[2].response_headers().metadata(1).value() == first);
    CHECK(entries[2].response_headers().encoding() == encoding);
    const v1::CallEnd& read = entries[3].end();
    CHECK(static_cast<int>(read.reason()) == static_cast<int>(end.reason));
    CHECK(read.status_code() == end.status_code);
    CHECK(read.status_message() == message);
    CHECK(read.trailers_size() == 2);
    CHECK(read.has_upstream_status_code() == end.upstream_status_code.has_value());
    CHECK(read.upstream_status_code() == end.upstream_status_code.value_or(0));
    CHECK(read.upstream_status_message() == upstream_message);
    CHECK(read.trailers_only() == end.trailers_only);
    CHECK(read.request_frames() == end.request_frames);
    CHECK(read.response_frames() == end.response_frames);
    CHECK(read.request_bytes() == end.request_bytes);
    CHECK(read.response_bytes() == end.response_bytes);
    CHECK(absl::Nanoseconds(static_cast<int64_t>(read.duration_ns())) == end.duration);
    CHECK(read.connection_lost() == end.connection_lost);
    CHECK(static_cast<int>(read.told()) == static_cast<int>(end.told));
    CHECK(static_cast<int>(read.ended_by()) == static_cast<int>(end.ended_by));
    CHECK(read.entries() == end.entries);
  }
}

TEST_CASE("text that is not UTF-8 is made readable instead of making its entry unreadable") {
  const CredentialFingerprint fingerprint{SecretKey(kKey)};
  for (std::string_view bad :
       {"\xff", "a\x80", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82", "\xf0\x82\x82\xac"}) {
    EntryBatch batch(1, &fingerprint);
    CallStart start;
    start.encoding = bad;
    start.peer = "good é";
    batch.AddStart(absl::UnixEpoch(), start);
    const v1::Entry entry = Parse(batch).front();
    CHECK(entry.start().encoding().size() == bad.size());
    CHECK(entry.start().encoding().find('?') != std::string::npos);
    CHECK(entry.start().peer() == "good é");
  }
}

TEST_CASE("a credential is replaced by its fingerprint, in any spelling of its name") {
  const CredentialFingerprint fingerprint{SecretKey(kKey)};
  const CredentialFingerprint other_store{SecretKey(std::string(SecretKey::kSize, 'x'))};
  for (std::string_view name :
       {"authorization", "Authorization", "proxy-authorization", "cookie", "COOKIE", "set-cookie"}) {
    const std::vector<Metadatum> metadata = {
        {name, "Bearer secret-1"}, {name, "Bearer secret-1"}, {name, "Bearer secret-2"}};
    EntryBatch batch(1, &fingerprint);
    CallStart start;
    start.metadata = metadata;
    batch.AddStart(absl::UnixEpoch(), start);
    batch.AddResponseHeaders(absl::UnixEpoch(), metadata, "");
    CallEnd end;
    end.trailers = metadata;
    batch.AddEnd(absl::UnixEpoch(), end);
    CHECK(batch.bytes().find("secret") == std::string::npos);
    const auto entries = Parse(batch);
    const auto& stored = entries[0].start().metadata();
    CHECK(stored[0].fingerprint());
    CHECK(stored[0].value().substr(0, 12) == "hmac-sha256:");
    CHECK(stored[0].value().size() == CredentialFingerprint::kTextSize);
    CHECK(stored[0].value() == stored[1].value());
    CHECK(stored[0].value() != stored[2].value());
    CHECK(entries[2].end().trailers(0).value() == stored[0].value());
    EntryBatch elsewhere(1, &other_store);
    elsewhere.AddStart(absl::UnixEpoch(), start);
    CHECK(Parse(elsewhere)[0].start().metadata(0).value() != stored[0].value());
  }
  // HMAC-SHA256(key = 32 times 'k', "Bearer secret-1"), as `openssl dgst -sha256 -hmac` prints it.
  const CredentialFingerprint::Text text = fingerprint.Of("Bearer secret-1");
  CHECK(std::string(text.data(), text.size()) == "hmac-sha256:594a5f49655a2e9a");
  const std::vector<Metadatum> harmless = {{"authorization-hint", "kept"}, {"cookies", "kept"}};
  EntryBatch batch(1, &fingerprint);
  batch.AddResponseHeaders(absl::UnixEpoch(), harmless, "");
  CHECK(Parse(batch)[0].response_headers().metadata(0).value() == "kept");
  CHECK_FALSE(Parse(batch)[0].response_headers().metadata(1).fingerprint());
}

TEST_CASE("remembered fingerprints stay within bounds and stay right") {
  const CredentialFingerprint fingerprint{SecretKey(kKey)};
  const CredentialFingerprint::Text before = fingerprint.Of("first");
  for (int i = 0; i < 20000; ++i) fingerprint.Of(std::to_string(i));
  CHECK(fingerprint.Of("first") == before);
  const std::string huge(100000, 'h');
  CHECK(fingerprint.Of(huge) == fingerprint.Of(huge));
}

TEST_CASE("ids are read as they are written, in either case, with look-alikes") {
  for (uint64_t id : {uint64_t{0}, uint64_t{31}, uint64_t{32}, uint64_t{1732300000000000}, UINT64_MAX}) {
    CHECK(ParseId(FormatId(id)) == id);
  }
  CHECK(FormatId(0) == "0");
  CHECK(FormatId(UINT64_MAX) == "fzzzzzzzzzzzz");
  CHECK(ParseId("FZZZZZZZZZZZZ") == UINT64_MAX);
  CHECK(ParseId("oil") == ParseId("011"));
  CHECK_FALSE(ParseId("").has_value());
  CHECK_FALSE(ParseId("u").has_value());
  CHECK_FALSE(ParseId("a b").has_value());
  CHECK_FALSE(ParseId("g000000000000").has_value());
  CHECK_FALSE(ParseId("10000000000000").has_value());
}

}  // namespace
}  // namespace sallyport::recorder
