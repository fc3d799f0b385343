// What a server's checkpoints prove.
#include "replay/client/checkpoint_answer.h"

#include <catch2/catch.hpp>
#include <string>

#include "recorder/format/checkpoint.h"

namespace sallyport::replay {
namespace {

// A log that signs whatever it is told to.
class Log {
 public:
  std::string Sign(uint64_t size, char root, const std::string& origin = kOrigin) const {
    recorder::Checkpoint checkpoint;
    checkpoint.origin = origin;
    checkpoint.size = size;
    checkpoint.root.fill(static_cast<decltype(checkpoint.root)::value_type>(root));
    return recorder::SignCheckpoint(std::move(checkpoint), key_).value().note;
  }
  std::string key() const {
    return recorder::VerifierKey::Make(kOrigin, recorder::SignatureType::kEd25519, key_.public_key()).value().Text();
  }

  static constexpr char kOrigin[] = "sallyport/00112233445566778899aabbccddeeff";

 private:
  recorder::SigningKey key_ = recorder::SigningKey(recorder::SecretKey::Random().value());
};

v1::GetCheckpointsResponse Answer(const Log& log, const std::vector<std::string>& notes) {
  v1::GetCheckpointsResponse answer;
  answer.set_key(log.key());
  for (const std::string& note : notes) answer.add_checkpoints(note);
  return answer;
}

TEST_CASE("checkpoints of one log that grew are good, with the key that the server names or the one given") {
  const Log log;
  const v1::GetCheckpointsResponse answer = Answer(log, {log.Sign(9, 'b'), log.Sign(9, 'b'), log.Sign(4, 'a')});
  const CheckedCheckpoint checked = CheckCheckpoints(answer, "").value();
  CHECK(checked.newest.size == 9);
  CHECK(checked.checkpoints == 3);
  CHECK(checked.key == log.key());
  CHECK_FALSE(checked.key_was_given);
  CHECK(CheckCheckpoints(answer, log.key()).value().key_was_given);
}

TEST_CASE("a checkpoint that another key signed, or that contradicts another, is told") {
  const Log log;
  const Log other;
  CHECK(CheckCheckpoints(Answer(log, {log.Sign(9, 'b')}), other.key()).status().code() == absl::StatusCode::kDataLoss);
  CHECK(CheckCheckpoints(Answer(log, {log.Sign(9, 'b'), other.Sign(4, 'a')}), "").status().code() ==
        absl::StatusCode::kDataLoss);
  CHECK(CheckCheckpoints(Answer(log, {log.Sign(4, 'a'), log.Sign(9, 'b')}), "").status().code() ==
        absl::StatusCode::kDataLoss);
  CHECK(CheckCheckpoints(Answer(log, {log.Sign(9, 'b'), log.Sign(9, 'c')}), "").status().code() ==
        absl::StatusCode::kDataLoss);
  CHECK(CheckCheckpoints(Answer(log, {"no note"}), "").status().code() == absl::StatusCode::kDataLoss);
}

TEST_CASE("no checkpoint, and no key, are told apart") {
  const Log log;
  CHECK(CheckCheckpoints(Answer(log, {}), "").status().code() == absl::StatusCode::kNotFound);
  CHECK(CheckCheckpoints({}, "").status().code() == absl::StatusCode::kDataLoss);
  CHECK(CheckCheckpoints(Answer(log, {log.Sign(1, 'a')}), "no key").status().code() ==
        absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace sallyport::replay
