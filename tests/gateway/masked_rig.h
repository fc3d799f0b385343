// A gateway with masks between a caller and an upstream that repeats what it hears.
#ifndef SALLYPORT_TESTS_GATEWAY_MASKED_RIG_H_
#define SALLYPORT_TESTS_GATEWAY_MASKED_RIG_H_

#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "google/rpc/status.pb.h"
#include "tests/gateway/rig.h"

namespace sallyport::gateway {

using testing::BlockingCall;
using testing::kBidi;
using testing::kClientStream;
using testing::kServerStream;
using testing::kUnary;
using testing::Methods;
using testing::Rig;
using testing::ScriptedCall;
using testing::TemporaryDirectory;

inline constexpr char kSecret[] = "c4nary-secret";

// A test.v1.Text.
inline std::string Text(const std::string& text) {
  return text.empty() ? "" : absl::StrCat("\x0a", std::string(1, static_cast<char>(text.size())), text);
}

// A gateway with this policy's masks, in front of an upstream that keeps the requests it gets and answers each with
// its own message.
class Masked {
 public:
  explicit Masked(const std::string& masks, Methods methods = Methods::kKnown, Rig::Adjust adjust = {})
      : rig_({{kUnary, Answer()}, {kClientStream, Answer()}, {kServerStream, Answer()}, {kBidi, Answer()}}, methods,
             [&](GatewayOptions& options) {
               options.policy_file = directory_.path() + "/policy.yaml";
               std::ofstream(options.policy_file) << "access: {default: allow}\n" << masks;
               if (adjust) adjust(options);
             }) {}

  Rig& rig() { return rig_; }
  std::vector<std::string> seen() {
    std::lock_guard lock(mutex_);
    return seen_;
  }
  // What the record has of the one call: payloads, requests first.
  std::vector<v1::Frame> Frames() {
    std::vector<v1::Frame> frames;
    for (const v1::Entry& entry : Entries()) {
      if (entry.has_frame()) frames.push_back(entry.frame());
    }
    std::stable_sort(frames.begin(), frames.end(),
                     [](const auto& a, const auto& b) { return a.direction() < b.direction(); });
    return frames;
  }
  std::vector<v1::Entry> Entries() {
    const std::vector<recorder::CallSummary> calls = rig_.Calls();
    REQUIRE(calls.size() == 1);
    return rig_.Entries(calls[0].id);
  }
  bool RecordHolds(const std::string& text) {
    for (const v1::Entry& entry : Entries()) {
      if (absl::StrContains(entry.SerializeAsString(), text)) return true;
    }
    return false;
  }

 private:
  testing::ScriptedServer::Script Answer() {
    return [this](ScriptedCall& call) {
      call.context().AddInitialMetadata("x-secret", kSecret);
      call.context().AddTrailingMetadata("x-secret", kSecret);
      while (std::optional<std::string> message = call.Read()) {
        {
          std::lock_guard lock(mutex_);
          seen_.push_back(*message);
        }
        if (absl::StrContains(*message, "fail")) {
          return grpc::Status(grpc::StatusCode::ABORTED, absl::StrCat("badge ", kSecret));
        }
        if (!call.Write(*message)) break;
      }
      return grpc::Status::OK;
    };
  }

  TemporaryDirectory directory_;
  std::mutex mutex_;
  std::vector<std::string> seen_;
  Rig rig_;
};

struct Reply {
  std::vector<std::string> messages;
  grpc::Status status;
  std::vector<std::string> headers;
  std::vector<std::string> trailers;
  google::rpc::ErrorInfo info;
};

inline Reply Call(Rig& rig, const std::string& path, const std::vector<std::string>& requests,
                  const std::function<void(grpc::ClientContext&)>& adjust = {}) {
  BlockingCall call(rig.channel(), path);
  if (adjust) adjust(call.context());
  call.Start();
  Reply reply;
  for (const std::string& request : requests) {
    if (!call.Write(request)) break;
    if (path == kBidi) {
      std::optional<std::string> message = call.Read();
      if (!message.has_value()) break;
      reply.messages.push_back(*message);
    }
  }
  call.HalfClose();
  while (std::optional<std::string> message = call.Read()) reply.messages.push_back(*message);
  reply.status = call.Finish();
  reply.headers = call.Headers("x-secret");
  reply.trailers = call.Trailers("x-secret");
  google::rpc::Status details;
  if (details.ParseFromString(reply.status.error_details()) && details.details_size() > 0) {
    details.details(0).UnpackTo(&reply.info);
  }
  return reply;
}

}  // namespace sallyport::gateway

#endif  // SALLYPORT_TESTS_GATEWAY_MASKED_RIG_H_
