// What a call's entries say of it, and what its row in the index says: the verifier compares the two.
#ifndef SALLYPORT_RECORDER_VERIFY_STATED_CALL_H_
#define SALLYPORT_RECORDER_VERIFY_STATED_CALL_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "recorder/format/call_columns.h"
#include "recorder/format/log_format.h"
#include "sallyport/v1/record.pb.h"

namespace sallyport::recorder {

// A sum over a set that does not depend on the order: equal sums mean equal sets, as long as nobody who could have
// chosen the members knows the seed.
class SetSum {
 public:
  explicit SetSum(uint64_t seed = 0) : seed_(seed) {}

  void Add(std::string_view member) { sum_ += Digest(member); }
  void Add(uint64_t call_id, Position position) { sum_ += Digest(call_id, position); }
  void Remove(uint64_t call_id, Position position) { sum_ -= Digest(call_id, position); }
  void Add(const SetSum& other) { sum_ += other.sum_; }
  friend bool operator==(const SetSum& a, const SetSum& b) { return a.sum_ == b.sum_; }

 private:
  using Number = unsigned __int128;

  Number Digest(std::string_view member) const;
  Number Digest(uint64_t call_id, Position position) const;

  uint64_t seed_;
  Number sum_ = 0;
};

// A call as its entries, or its row in the index, state it.
struct StatedCall {
  CallRow row;           // its numbers; those of names, and where in the log it is, are not stated
  std::string identity;  // the subject, "issuer#subject" where there is an issuer, "anonymous" where nobody was proved
  std::string method;    // NameOfMethod
  std::string upstream;
  std::string peer;  // with its port

  uint64_t id() const { return static_cast<uint64_t>(row.id); }
  v1::EndReason end_reason() const { return static_cast<v1::EndReason>(row.end_reason & ~kConnectionLost); }
  // The text of a column that holds a name.
  const std::string& Name(int64_t CallRow::*column) const;
  // Forgets what its end says, or takes it from another.
  void SetEnd(const CallRow& said);
  // All of it in one text, equal for equal calls alone.
  std::string Canonical() const;
};

// What a stretch of the log holds of one call. Parts of neighbouring stretches can be joined.
class CallPart {
 public:
  // Takes the next entry. Returns what is wrong with it, or nothing.
  std::string Take(const v1::Entry& entry);
  // Takes what follows in the next stretch. Returns what is wrong with it, or nothing.
  std::string Join(const CallPart& next);

  bool started() const { return started_; }
  bool ended() const { return ended_; }
  // For a call that has started and ended: compares what the end counts with the frames. Returns what is wrong, or
  // nothing.
  std::string CheckEnd() const;
  // How many there were.
  uint64_t entries() const { return entries_; }
  // How many of them are frames that a record rule shortened: of those, the bytes beyond are in no proof.
  uint64_t shortened() const { return shortened_; }
  // Of a call that has started.
  const StatedCall& stated() const { return stated_; }

 private:
  // The frames of one direction.
  struct Frames {
    bool any = false;
    uint64_t first = 0;
    uint64_t next = 0;
    uint64_t count = 0;
    uint64_t bytes = 0;
  };

  std::string TakeStart(const v1::Entry& entry);
  std::string TakeFrame(const v1::Frame& frame);
  void TakeEnd(const v1::CallEnd& end);

  bool started_ = false;
  bool ended_ = false;
  uint64_t entries_ = 0;
  uint64_t shortened_ = 0;
  uint64_t said_entries_ = 0;  // by the end; 0 if it does not say
  Frames frames_[2];           // request, response
  StatedCall stated_;
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_VERIFY_STATED_CALL_H_
