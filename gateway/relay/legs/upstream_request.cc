#include "gateway/relay/legs/upstream_request.h"

namespace sallyport::gateway {

bool UpstreamRequest::Add(const grpc::ByteBuffer& message, bool compressed) {
  owed_ = true;
  if (keeps_) Charge(message);
  const bool now = StartNow();
  // What cannot be started yet is written later, whether it is kept or not.
  if (keeps_ || !now) frames_.push_back({message, compressed});
  return now;
}

bool UpstreamRequest::AddHalfClose() {
  owed_ = true;
  half_closed_ = true;
  half_close_written_ = StartNow();
  return half_close_written_;
}

void UpstreamRequest::AddWhole(const grpc::ByteBuffer& message) {
  if (keeps_ && bytes_ == 0) Charge(message);
}

UpstreamRequest::Step UpstreamRequest::Opened() {
  live_ = true;
  held_ = true;
  return NextWrite();
}

UpstreamRequest::Step UpstreamRequest::Written(bool ok) {
  Step step;
  writing_ = false;
  if (ok && next_ < frames_.size()) ++next_;
  if (no_headers_) {
    step.release = Release();
    step.withheld = true;
    return step;
  }
  if (ok) {
    if (!keeps_) StopKeeping();
    return NextWrite();
  }
  write_failed_ = true;
  if (keeps_) {
    // What comes next says why.
    step.withheld = true;
    return step;
  }
  step.tell = owed_;
  owed_ = false;
  return step;
}

UpstreamRequest::Step UpstreamRequest::Headers() {
  Step step;
  StopKeeping();
  if (write_failed_ && owed_) {
    owed_ = false;
    step.tell = true;
  }
  return step;
}

UpstreamRequest::Step UpstreamRequest::NoHeaders() {
  Step step;
  if (!keeps_) return step;
  step.withheld = true;
  no_headers_ = true;
  live_ = false;
  if (!writing_) step.release = Release();
  return step;
}

bool UpstreamRequest::CloseFirst() {
  if (!held_ || half_closed_ || writing_ || no_headers_) return false;
  half_closed_ = half_close_written_ = true;
  writing_ = true;
  return true;
}

bool UpstreamRequest::Release() {
  const bool held = held_;
  held_ = false;
  return held;
}

bool UpstreamRequest::Again() {
  if (!keeps_ || attempts_ == kMostAttempts) return false;
  ++attempts_;
  next_ = 0;
  half_close_written_ = false;
  live_ = false;
  write_failed_ = false;
  no_headers_ = false;
  return true;
}

UpstreamRequest::Untold UpstreamRequest::End() {
  const Untold untold{no_headers_, owed_};
  owed_ = false;
  keeps_ = false;
  frames_.clear();
  return untold;
}

UpstreamRequest::Step UpstreamRequest::NextWrite() {
  Step step;
  if (next_ < frames_.size()) {
    writing_ = true;
    step.write = true;
    step.frame = frames_[next_];
  } else if (half_closed_ && !half_close_written_) {
    writing_ = true;
    half_close_written_ = true;
    step.half_close = true;
  } else if (owed_) {
    owed_ = false;
    step.tell = true;
    step.ok = true;
  }
  return step;
}

bool UpstreamRequest::StartNow() {
  // An attempt that is given again what another one had comes to it by itself.
  if (!live_ || writing_) return false;
  writing_ = true;
  return true;
}

void UpstreamRequest::Charge(const grpc::ByteBuffer& message) {
  bytes_ += message.Length() + sizeof(Frame);
  if (bytes_ > most_bytes_) StopKeeping();
}

void UpstreamRequest::StopKeeping() {
  keeps_ = false;
  // What this attempt still has to be given stays.
  if (next_ < frames_.size()) return;
  frames_.clear();
  next_ = 0;
}

}  // namespace sallyport::gateway
