// A store with a few telling calls, for tests of the command line.
#ifndef SALLYPORT_TESTS_REPLAY_SHOP_STORE_H_
#define SALLYPORT_TESTS_REPLAY_SHOP_STORE_H_

#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "policy/descriptors/descriptors.h"
#include "recorder/format/call_id.h"
#include "recorder/recorder.h"
#include "tests/policy/descriptor_files.h"
#include "tests/recorder/store_fixture.h"

namespace sallyport::replay {

// 2026-01-02T03:04:05Z.
inline absl::Time ShopTime() { return absl::FromUnixSeconds(1'767'323'045); }

// {"card_number":"4111","amount":"42"} as a shop.Order.
inline const std::string kOrder = std::string(
    "\x0a\x04"
    "4111"
    "\x10\x2a");

// Of AddGet's calls: the 16 bytes and the digits.
inline constexpr std::string_view kShopTrace = "\x4b\xf9\x2f\x35\x77\xb3\x4d\xa6\xa3\xce\x92\x9d\x0e\x0e\x47\x36";
inline constexpr char kShopTraceText[] = "4bf92f3577b34da6a3ce929d0e0e4736";

// Holds the recorder open, as a gateway would, until Close.
class ShopStore {
 public:
  ShopStore() {
    Reopen();
    const auto shop = policy::Descriptors::Create(policy::ShopSet(), "shop").value();
    version_ = shop->version();
    REQUIRE(recorder_->KeepDescriptors(version_, shop->serialized()).ok());
  }

  std::string data() const { return directory_.store(); }
  const std::string& descriptors() const { return version_; }
  recorder::Recorder& recorder() { return *recorder_; }
  void Close() { recorder_.reset(); }
  void Reopen() {
    recorder::RecorderOptions options;
    options.directory = directory_.store();
    auto opened = recorder::Recorder::Open(options);
    REQUIRE(opened.ok());
    recorder_ = *std::move(opened);
  }

  uint64_t NewId(absl::Duration offset) { return recorder_->NewCallId(ShopTime() + offset); }
  void Append(recorder::EntryBatch batch) {
    const absl::Status appended = recorder::AppendDurably(*recorder_, std::move(batch));
    REQUIRE(appended.ok());
    REQUIRE(recorder_->Flush().ok());
  }

  recorder::CallStart Start(std::string_view method) const {
    recorder::CallStart start = recorder::StartOf(method, "shop", 77);
    start.upstream_target = "dns:///shop:443";
    start.descriptors = version_;
    start.durability = "commit";
    start.arity = recorder::Arity::kUnary;
    return start;
  }

  // A unary shop.Orders/Get by alice, OK, that took `took`. Returns its id as text.
  std::string AddGet(absl::Duration offset, absl::Duration took = absl::Milliseconds(3)) {
    const uint64_t id = NewId(offset);
    const absl::Time time = ShopTime() + offset;
    recorder::EntryBatch batch = recorder_->NewBatch(id);
    const std::vector<recorder::Metadatum> metadata = {{"user-agent", "grpc-test/1.0"},
                                                       {"authorization", "Bearer very-secret"},
                                                       {"x-trace-bin", std::string_view("\x00\xff", 2)},
                                                       {"x-evil", "a\x1b]0;owned\x07z"}};
    recorder::CallStart start = Start("/shop.Orders/Get");
    start.trace_id = kShopTrace;
    start.metadata = metadata;
    start.timeout = absl::Seconds(5);
    start.session_name = "nightly";
    batch.AddStart(time, start);
    batch.AddFrame(time + absl::Microseconds(100), recorder::Direction::kRequest, 0, false, {kOrder});
    batch.AddHalfClose(time + absl::Microseconds(200));
    const std::vector<recorder::Metadatum> headers = {{"x-served-by", "shop-1"}};
    batch.AddResponseHeaders(time + absl::Milliseconds(1), headers, "");
    batch.AddFrame(time + absl::Milliseconds(2), recorder::Direction::kResponse, 0, false, {kOrder});
    recorder::CallEnd end;
    end.request_frames = end.response_frames = 1;
    end.request_bytes = end.response_bytes = kOrder.size();
    end.duration = took;
    batch.AddEnd(time + took, end);
    Append(std::move(batch));
    return recorder::FormatId(id);
  }

  // A call by nobody in particular of a method that no descriptor knows, refused with `status_code`.
  std::string AddFailure(absl::Duration offset, std::string_view method, int status_code,
                         std::string_view message = "no such thing", std::string_view details = "") {
    const uint64_t id = NewId(offset);
    const absl::Time time = ShopTime() + offset;
    recorder::EntryBatch batch = recorder_->NewBatch(id);
    recorder::CallStart start = Start(method);
    start.identity = {};
    start.session_id = 78;
    start.descriptors = "";
    start.upstream = "other";
    start.arity = recorder::Arity::kStream;
    batch.AddStart(time, start);
    batch.AddFrame(time, recorder::Direction::kRequest, 0, false, {"\x01\x02opaque"});
    recorder::CallEnd end;
    end.status_code = status_code;
    end.status_message = message;
    end.trailers_only = true;
    const std::vector<recorder::Metadatum> trailers = {{"grpc-status-details-bin", details}};
    if (!details.empty()) end.trailers = trailers;
    end.request_frames = 1;
    end.request_bytes = 8;
    end.duration = absl::Milliseconds(1500);
    batch.AddEnd(time + end.duration, end);
    Append(std::move(batch));
    return recorder::FormatId(id);
  }

  // A call that has not ended. Its id is returned as a number, for more entries.
  uint64_t AddOpen(absl::Duration offset, std::string_view method = "/shop.Orders/Watch") {
    const uint64_t id = NewId(offset);
    recorder::EntryBatch batch = recorder_->NewBatch(id);
    batch.AddStart(ShopTime() + offset, Start(method));
    Append(std::move(batch));
    return id;
  }

 private:
  recorder::TemporaryDirectory directory_;
  std::unique_ptr<recorder::Recorder> recorder_;
  std::string version_;
};

}  // namespace sallyport::replay

#endif  // SALLYPORT_TESTS_REPLAY_SHOP_STORE_H_
