#include <catch2/catch.hpp>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gateway/checkpoints/http_sink.h"
#include "gateway/checkpoints/witness_sink.h"
#include "gateway/http/http_client.h"
#include "recorder/crypto/merkle.h"
#include "recorder/crypto/proofs.h"
#include "recorder/crypto/strict_text.h"

namespace sallyport::gateway {
namespace {

namespace rec = recorder;

rec::SigningKey KeyOf(char byte) { return rec::SigningKey(rec::SecretKey(std::string(rec::SecretKey::kSize, byte))); }

rec::VerifierKey WitnessKey(char byte = 'w') {
  return *rec::VerifierKey::Make("witness", rec::SignatureType::kCosignature, KeyOf(byte).public_key());
}

// The line of a witness with the key 'w'.
std::string Cosignature(const std::string& note, char byte = 'w') {
  const std::string text = rec::SignedNote::Parse(note)->text;
  const std::string signature = KeyOf(byte).Sign(absl::StrCat("cosignature/v1\ntime 7\n", text));
  return rec::NoteSignature{"witness", WitnessKey(byte).id(), std::string("\0\0\0\0\0\0\0\x07", 8) + signature}.Line();
}

// A log of the leaves "0", "1", …
class Log : public rec::CheckpointSource {
 public:
  Log()
      : prover_([](uint64_t first, absl::Span<rec::Hash> out) {
          for (rec::Hash& leaf : out) leaf = rec::LeafHash(absl::StrCat(first++));
          return absl::OkStatus();
        }) {}
  rec::SignedCheckpoint At(uint64_t size) {
    return *rec::SignCheckpoint({"log", size, *prover_.Root(size), {}}, KeyOf('l'));
  }
  absl::StatusOr<std::vector<rec::Hash>> ConsistencyProof(uint64_t old_size, uint64_t new_size) override {
    return prover_.Consistency(old_size, new_size);
  }
  absl::Status KeepCosignatures(const rec::SignedCheckpoint& checkpoint,
                                absl::Span<const rec::NoteSignature> signatures) override {
    kept.push_back({checkpoint.checkpoint.size, signatures.size()});
    return absl::OkStatus();
  }

  std::vector<std::pair<uint64_t, size_t>> kept;  // sizes, and how many signatures

 private:
  rec::Prover prover_;
};

struct Request {
  std::string url;
  std::string body;
  std::string note() const { return body.substr(body.find("\n\n") + 2); }
};

// Answers as it was told, and remembers what was asked.
struct Script {
  std::deque<std::function<absl::StatusOr<HttpResponse>(const Request&)>> answers;
  std::vector<Request> requests;
};

class ScriptedClient : public HttpClient {
 public:
  explicit ScriptedClient(Script& script) : script_(script) {}
  absl::StatusOr<HttpResponse> Send(const HttpRequest& request) override {
    REQUIRE(request.method == HttpMethod::kPost);
    script_.requests.push_back({request.url, request.body});
    REQUIRE_FALSE(script_.answers.empty());
    auto answer = std::move(script_.answers.front());
    script_.answers.pop_front();
    return answer(script_.requests.back());
  }
  void Cancel() override {}

 private:
  Script& script_;
};

auto Says(int status, const std::string& body, const std::string& type = "text/plain") {
  return [=](const Request&) -> absl::StatusOr<HttpResponse> { return HttpResponse{status, type, body}; };
}
auto SaysSize(uint64_t size) { return Says(409, absl::StrCat(size, "\n"), "text/x.tlog.size"); }
auto Cosigns(char byte = 'w') {
  return [=](const Request& request) -> absl::StatusOr<HttpResponse> {
    return HttpResponse{200, "", Cosignature(request.note(), byte)};
  };
}

struct Witness {
  Script script;
  Log log;
  WitnessSink sink{"https://user@w.example/prefix/", WitnessKey(), std::make_unique<ScriptedClient>(script)};

  absl::Status Publish(uint64_t size) { return sink.Publish(log.At(size), log); }
};

}  // namespace

TEST_CASE("a witness gets the proof from where it is, and its cosignature is kept") {
  Witness witness;
  CHECK(witness.sink.name() == "witness witness at https://w.example");
  witness.script.answers = {SaysSize(3), Cosigns(), Cosigns()};
  REQUIRE(witness.Publish(8).ok());
  REQUIRE(witness.Publish(13).ok());
  const std::vector<Request>& requests = witness.script.requests;
  REQUIRE(requests.size() == 3);
  CHECK(requests[0].url == "https://user@w.example/prefix/add-checkpoint");
  CHECK(requests[0].body == "old 0\n\n" + witness.log.At(8).note);
  std::string expected = "old 3\n";
  const std::vector<rec::Hash> proof = *witness.log.ConsistencyProof(3, 8);
  for (const rec::Hash& hash : proof) expected += rec::Base64(rec::AsText(hash)) + "\n";
  CHECK(requests[1].body == expected + "\n" + witness.log.At(8).note);
  CHECK(requests[2].body.starts_with("old 8\n"));
  CHECK(witness.log.kept == std::vector<std::pair<uint64_t, size_t>>{{8, 1}, {13, 1}});
  // The same again, as after a lost answer.
  witness.script.answers = {Cosigns()};
  REQUIRE(witness.Publish(13).ok());
  CHECK(requests.back().body == "old 13\n\n" + witness.log.At(13).note);
}

TEST_CASE("only a cosignature by the witness's key is kept") {
  Witness witness;
  const std::string note = witness.log.At(5).note;
  const std::string other = witness.log.At(6).note;
  const std::string stranger = rec::NoteSignature{"stranger", 1, std::string(72, 's')}.Line();
  for (const std::string& bad :
       {std::string(), std::string("rubbish"), stranger, Cosignature(other), Cosignature(note, 'x'),
        Cosignature(note) + "\n", Cosignature(note) + "rubbish", Cosignature(note) + Cosignature(other)}) {
    witness.script.answers = {Says(200, bad)};
    INFO(bad);
    CHECK_FALSE(witness.Publish(5).ok());
  }
  CHECK(witness.log.kept.empty());
  witness.script.answers = {Says(200, stranger + Cosignature(note) + stranger)};
  CHECK(witness.Publish(5).ok());
  CHECK(witness.log.kept == std::vector<std::pair<uint64_t, size_t>>{{5, 1}});
}

TEST_CASE("what a witness refuses is told, and told apart from what contradicts the store") {
  Witness witness;
  const auto after = [&](auto answer) {
    witness.script.answers = {answer};
    return witness.Publish(5);
  };
  CHECK(absl::IsDataLoss(after(SaysSize(6))));        // rolled back
  CHECK(absl::IsDataLoss(after(Says(422, "no\n"))));  // another past
  CHECK(absl::IsFailedPrecondition(after(Says(404, "unknown log"))));
  CHECK(absl::IsFailedPrecondition(after(Says(403, "unknown key"))));
  CHECK(absl::IsUnavailable(after(Says(500, ""))));
  CHECK(absl::IsUnavailable(after(Says(204, ""))));
  CHECK(absl::IsUnavailable(after(Says(409, "5\n"))));  // not of the type
  for (const char* bad : {"", "-1\n", "05\n", "5 \n", "5\n\n", "x\n", "99999999999999999999\n"}) {
    CHECK(absl::IsUnavailable(after(Says(409, bad, "text/x.tlog.size"))));
  }
  const absl::Status status = after(Says(503, "\x1b[1mbusy\nand more"));
  CHECK(status.message() == "answered with HTTP status 503: ?[1mbusy");
  // It never settles.
  witness.script.answers = {SaysSize(1), SaysSize(2), SaysSize(3)};
  CHECK(absl::IsUnavailable(witness.Publish(5)));
  // The same size, another tree.
  witness.script.answers = {SaysSize(5), Says(409, "")};
  CHECK(absl::IsDataLoss(witness.Publish(5)));
  CHECK(witness.log.kept.empty());
}

TEST_CASE("a URL gets the note; any 2xx says that it arrived") {
  Script script;
  Log log;
  HttpSink sink("https://user:secret@c.example:8443/put?token=secret", std::make_unique<ScriptedClient>(script));
  CHECK(sink.name() == "url https://c.example:8443");
  script.answers = {Says(200, "thanks"), Says(204, ""), Says(302, ""), Says(500, "")};
  CHECK(sink.Publish(log.At(1), log).ok());
  CHECK(sink.Publish(log.At(2), log).ok());
  CHECK_FALSE(sink.Publish(log.At(2), log).ok());
  CHECK_FALSE(sink.Publish(log.At(2), log).ok());
  CHECK(script.requests[0].body == log.At(1).note);
}

TEST_CASE("a URL is http or https with a host") {
  for (const char* good : {"https://a", "http://a:1/b?c=d", "https://u:p@a/", "https://[::1]:2/x"}) {
    INFO(good);
    CHECK(CheckUrl(good).ok());
  }
  for (const char* bad : {"", "a", "a/b", "file:///etc/passwd", "ftp://a", "https://", "https://a/#x", "https://a b/",
                          "gopher://a", "://a"}) {
    INFO(bad);
    CHECK_FALSE(CheckUrl(bad).ok());
  }
}

}  // namespace sallyport::gateway
