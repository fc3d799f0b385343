// What a call writes to its upstream, in one attempt or in several.
#ifndef SALLYPORT_GATEWAY_RELAY_LEGS_UPSTREAM_REQUEST_H_
#define SALLYPORT_GATEWAY_RELAY_LEGS_UPSTREAM_REQUEST_H_

#include <grpcpp/support/byte_buffer.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace sallyport::gateway {

// The writing side of a call's upstream leg. Keeps what was written, up to a bound, until the upstream answers; where
// an attempt ends without an answer, it withholds that from the call until it is known whether there is another
// attempt, to which everything is then written again. The call notices nothing of this but time.
//
// Knows nothing of gRPC's operations: events go in, and a Step says what is to be started. Not thread-safe: the owner
// serialises the events and performs the steps outside its lock. While nothing is kept it passes everything on as it
// comes.
class UpstreamRequest {
 public:
  // Attempts at one call. gRPC's transparent retries make one that may have been sent, and any number of others.
  static constexpr int kMostAttempts = 5;

  struct Frame {
    grpc::ByteBuffer message;
    bool compressed = false;
  };
  // What is to be done now; at most one of the writes.
  struct Step {
    bool write = false;
    Frame frame;  // to write
    bool half_close = false;
    bool tell = false;      // the call, that its last write is done
    bool ok = false;        // and how
    bool release = false;   // nothing more is started on this attempt
    bool withheld = false;  // the call does not hear of this event for now
  };
  // What was withheld from the call and now has to be told, in this order.
  struct Untold {
    bool no_headers = false;
    bool write_failed = false;
  };

  // Before the first attempt: up to `bytes` are kept. Not called where nothing is to be sent again.
  void Keep(uint64_t bytes) {
    keeps_ = bytes > 0;
    most_bytes_ = bytes;
  }
  bool keeps() const { return keeps_; }

  // The call writes a frame, or its half-close; it waits for `tell` before it writes again. True if the owner is to
  // start the write at once; otherwise it is started, or told of, later.
  bool Add(const grpc::ByteBuffer& message, bool compressed);
  bool AddHalfClose();
  // A request that is complete with its one frame and is written with the attempt itself.
  void AddWhole(const grpc::ByteBuffer& message);

  // The attempt takes writes.
  Step Opened();
  // A write that was started is done.
  Step Written(bool ok);
  // The upstream answers, and nothing is sent again.
  Step Headers();
  // Or there are none: the attempt ends.
  Step NoHeaders();
  // The upstream has answered to its end, and the call is going to start nothing more. Whether the owner is to
  // half-close the attempt first, of which the call is not told: nothing has yet, and the library does not say how a
  // stream ended that an upstream only half-closes, without trailers, while this side of it is open.
  bool CloseFirst();
  // The call starts nothing more. Whether the attempt still has to be released.
  bool Release();

  // The attempt is over without having been processed. Whether there may be another one, which then is to be opened.
  bool Again();
  // The attempt is over, and it was the last.
  Untold End();

 private:
  Step NextWrite();
  bool StartNow();
  void Charge(const grpc::ByteBuffer& message);
  void StopKeeping();

  bool keeps_ = false;
  uint64_t most_bytes_ = 0;
  uint64_t bytes_ = 0;
  std::vector<Frame> frames_;  // that were written since the start, while they are kept
  size_t next_ = 0;            // of them, to be written in this attempt
  bool half_closed_ = false;
  bool half_close_written_ = false;  // in this attempt
  bool live_ = false;                // writes can be started
  bool held_ = false;
  bool writing_ = false;
  bool write_failed_ = false;
  bool owed_ = false;  // the call waits for its write
  bool no_headers_ = false;
  int attempts_ = 1;
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_RELAY_LEGS_UPSTREAM_REQUEST_H_
