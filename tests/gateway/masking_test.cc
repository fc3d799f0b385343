// What masks and content rules do to calls, through the whole gateway: in the record, towards the caller, upstream.

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "google/rpc/status.pb.h"
#include "recorder/api_keys/api_key_file.h"
#include "recorder/keys/sealed_view.h"
#include "tests/gateway/masked_rig.h"
#include "tests/gateway/rig.h"

namespace sallyport::gateway {
namespace {

using testing::BlockingCall;
using testing::kBidi;
using testing::kClientStream;
using testing::kServerStream;
using testing::kUnary;
using testing::Methods;
using testing::Rig;
using testing::ScriptedCall;
using testing::TemporaryDirectory;

constexpr char kHideText[] = "masks:\n  - {name: texts, fields: [test.v1.Text.text], text: \"***\", views: [";

TEST_CASE("each view shows what masks leave of it, for each kind of call") {
  const std::string view = GENERATE("record", "caller", "upstream", "record, caller", "record, caller, upstream");
  const char* path = GENERATE(kUnary, kServerStream, kBidi);
  CAPTURE(view, path);
  Masked masked(absl::StrCat(kHideText, view, "]}\n"));
  const std::string raw = Text(kSecret);
  const std::string hidden = Text("***");
  const std::vector<std::string> requests(path == kBidi ? 3 : 1, raw);
  const Reply reply = Call(masked.rig(), path, requests);
  CHECK(reply.status.ok());
  const bool upstream = absl::StrContains(view, "upstream");
  const std::string sent = upstream ? hidden : raw;
  CHECK(masked.seen() == std::vector<std::string>(requests.size(), sent));
  CHECK(reply.messages == std::vector<std::string>(requests.size(), absl::StrContains(view, "caller") ? hidden : sent));
  const std::vector<v1::Frame> frames = masked.Frames();
  REQUIRE(frames.size() == 2 * requests.size());
  for (const v1::Frame& frame : frames) {
    const bool record = absl::StrContains(view, "record");
    const bool response = frame.direction() == v1::DIRECTION_RESPONSE;
    CHECK(frame.payload() == (record ? hidden : response ? sent : raw));
    CHECK(frame.masked() == record);
  }
}

TEST_CASE("one group sees what another does not") {
  Masked masked(
      "masks:\n"
      "  - {name: texts, fields: [\"*.text\"], with: last4, views: [caller],\n"
      "     match: {all_metadata: {team: \"*\"}, except: [{all_metadata: {team: payments}}]}}\n");
  const auto as = [](const char* team) {
    return [team](grpc::ClientContext& context) { context.AddMetadata("team", team); };
  };
  CHECK(Call(masked.rig(), kUnary, {Text("4111111111111111")}, as("payments")).messages ==
        std::vector{Text("4111111111111111")});
  CHECK(Call(masked.rig(), kUnary, {Text("4111111111111111")}, as("support")).messages ==
        std::vector{Text("************1111")});
}

TEST_CASE("what cannot be read goes nowhere") {
  const bool response = GENERATE(false, true);
  const std::string garbage = "\x0a\x7f no message";
  Masked masked(absl::StrCat(kHideText, response ? "caller" : "record", "]}\n"));
  const Reply reply = Call(masked.rig(), kBidi, {garbage});
  CHECK(reply.messages.empty());
  CHECK(reply.status.error_code() == (response ? grpc::StatusCode::INTERNAL : grpc::StatusCode::INVALID_ARGUMENT));
  CHECK(reply.info.reason() == "UNREADABLE");
  CHECK(masked.seen().size() == (response ? 1 : 0));
  CHECK(masked.Frames().size() == (response ? 1 : 0));
}

TEST_CASE("what cannot be read passes where the mask says so") {
  const std::string garbage = "\x0a\x7f no message";
  Masked masked(
      "masks:\n  - {name: texts, fields: [test.v1.Text.text], views: [record, caller], pass_unreadable: true}\n");
  CHECK(Call(masked.rig(), kBidi, {garbage}).messages == std::vector{garbage});
}

TEST_CASE("a method without a descriptor is refused where something has to be hidden") {
  Masked masked("masks:\n  - {name: texts, fields: [test.v1.Text.text]}\n", Methods::kUnknown);
  const Reply reply = Call(masked.rig(), kUnary, {Text(kSecret)});
  CHECK(reply.status.error_code() == grpc::StatusCode::INTERNAL);
  CHECK(reply.info.reason() == "NO_DESCRIPTOR");
  CHECK(masked.seen().empty());
  CHECK_FALSE(masked.RecordHolds(kSecret));
}

TEST_CASE("compressed messages are masked too, and bombs are not unpacked") {
  Masked masked(absl::StrCat(kHideText, "record, caller, upstream]}\n"), Methods::kKnown,
                [](GatewayOptions& options) { options.message_bytes = 1 << 20; });
  const auto compressed = [](grpc::ClientContext& context) { context.set_compression_algorithm(GRPC_COMPRESS_GZIP); };
  SECTION("masked") {
    const Reply reply = Call(masked.rig(), kBidi, {Text(std::string(100, 'a'))}, compressed);
    CHECK(reply.messages == std::vector{Text("***")});
    for (const v1::Frame& frame : masked.Frames()) {
      CHECK(frame.payload() == Text("***"));
      CHECK_FALSE(frame.compressed());
    }
  }
  SECTION("a bomb") {
    std::string bomb = "\x0a\x80\x80\x80\x08";  // 16 MiB of text
    bomb.resize(bomb.size() + (16 << 20), 'x');
    const Reply reply = Call(masked.rig(), kBidi, {bomb}, compressed);
    CHECK(reply.status.error_code() == grpc::StatusCode::INVALID_ARGUMENT);
    CHECK(reply.info.reason() == "UNREADABLE");
  }
}

TEST_CASE("content rules refuse requests and cut responses, and name the rule only") {
  const bool response = GENERATE(false, true);
  const char* path = GENERATE(kUnary, kBidi);
  Masked masked(
      absl::StrCat("content:\n  - {name: no canaries, fields: [{field: test.v1.Text.text, value: \"c4nary*\"}], in: [",
                   response ? "responses" : "requests", "]}\n"));
  const Reply reply = Call(masked.rig(), path, {Text(kSecret)});
  CHECK(reply.messages.empty());
  CHECK(reply.status.error_code() ==
        (response ? grpc::StatusCode::PERMISSION_DENIED : grpc::StatusCode::INVALID_ARGUMENT));
  CHECK(reply.info.reason() == "CONTENT_DENIED");
  CHECK(reply.info.metadata().at("rule") == "no canaries");
  CHECK_FALSE(absl::StrContains(reply.status.error_message(), "c4nary-"));
  CHECK(masked.seen().size() == (response ? 1 : 0));
  CHECK(masked.Frames().size() == (response ? 1 : 0));
  CHECK(masked.rig().Calls()[0].end_reason == v1::END_REASON_REFUSED);
}

TEST_CASE("a content rule in shadow lets pass and is recorded") {
  Masked masked("content:\n  - {name: no canaries, fields: [{field: test.v1.Text.text}], shadow: true}\n");
  CHECK(Call(masked.rig(), kBidi, {Text(kSecret)}).messages == std::vector{Text(kSecret)});
  const std::vector<v1::Frame> frames = masked.Frames();
  REQUIRE(frames[0].shadow_size() == 1);
  CHECK(frames[0].shadow(0) == "no canaries");
}

TEST_CASE(
    "metadata and trailers are masked by name, and what the policy's detectors find in them and in status texts") {
  const std::string view = GENERATE("record", "caller");
  Masked masked(
      absl::StrCat("detectors: [{name: badge, pattern: \"c4nary-[a-z]+\"}]\n"
                   "masks:\n"
                   "  - {name: names, metadata: [\"x-s*\"], views: [",
                   view,
                   "], text: \"***\"}\n"
                   "  - {name: badges, detect: [badge], views: [",
                   view, "], text: \"###\"}\n"));
  const Reply reply = Call(masked.rig(), kBidi, {Text("fail")}, [](grpc::ClientContext& context) {
    context.AddMetadata("x-secret", kSecret);
    context.AddMetadata("x-other", absl::StrCat("the ", kSecret, "."));
  });
  CHECK(reply.status.error_code() == grpc::StatusCode::ABORTED);
  const bool caller = view == "caller";
  CHECK(reply.status.error_message() == absl::StrCat("badge ", caller ? "###" : kSecret));
  CHECK(reply.headers == std::vector<std::string>{caller ? "***" : kSecret});
  CHECK(reply.trailers == std::vector<std::string>{caller ? "***" : kSecret});
  CHECK(masked.RecordHolds(kSecret) == caller);
  if (!caller) CHECK(masked.RecordHolds("the ###."));
}

TEST_CASE("what callers send who prove nothing is masked by every mask there is") {
  TemporaryDirectory directory;
  const std::string keys = directory.path() + "/keys";
  REQUIRE(
      recorder::IssueApiKey(keys, "alice", {"support"}, absl::Now(), absl::InfiniteFuture(), recorder::RealFileSystem())
          .ok());
  const bool known = GENERATE(false, true);
  Masked masked("masks:\n  - {name: names, match: {groups: [support]}, metadata: [\"x-s*\"]}\n" +
                    std::string(known ? "" : "  - {name: texts, fields: [\"*.text\"]}\n"),
                known ? Methods::kKnown : Methods::kUnknown, [&](GatewayOptions& options) {
                  options.identity.api_keys_file = keys;
                  options.identity.anonymous = false;
                });
  const Reply reply = Call(masked.rig(), kBidi, {Text("x")},
                           [](grpc::ClientContext& context) { context.AddMetadata("x-secret", kSecret); });
  CHECK(reply.status.error_code() == grpc::StatusCode::UNAUTHENTICATED);
  CHECK_FALSE(masked.RecordHolds(kSecret));
}

TEST_CASE("masks leave alone when headers come, what is a message, and who waits for whom") {
  constexpr int kFrames = 20'000;
  const std::string text(2000, 'x');
  const std::string frame = "\x0a\xd0\x0f" + text;
  TemporaryDirectory directory;
  const std::string policy = directory.path() + "/policy.yaml";
  std::ofstream(policy) << "access: {default: allow}\nmasks:\n  - {name: m, fields: [test.v1.Text.text], with: last4, "
                           "views: [record, caller]}\n";
  std::atomic<int> written{0};
  Rig rig({{kServerStream,
            [&](ScriptedCall& call) {
              call.SendHeaders();
              call.Read();
              for (int i = 0; i < kFrames && call.Write(frame); ++i) ++written;
              return grpc::Status::OK;
            }}},
          Methods::kKnown, [&](GatewayOptions& options) { options.policy_file = policy; });
  BlockingCall call(rig.channel(), kServerStream);
  call.Start();
  // Nothing was sent yet: the headers do not wait for a message to mask.
  REQUIRE(call.ReadHeaders());
  REQUIRE(call.Write(Text("go"), grpc::WriteOptions().set_last_message()));
  // While nobody reads, the writer stands still.
  int before = -1;
  for (int now = written; now != before || now == 0; now = written) {
    before = now;
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
  }
  CHECK(written < kFrames / 2);
  const std::string masked = "\x0a\xd0\x0f" + std::string(1996, '*') + "xxxx";
  int read = 0;
  int equal = 0;
  while (std::optional<std::string> message = call.Read()) {
    ++read;
    equal += *message == masked ? 1 : 0;
  }
  CHECK(read == kFrames);
  CHECK(equal == kFrames);
  CHECK(call.Finish().ok());
}

TEST_CASE("the original can be kept sealed, for who has the key") {
  TemporaryDirectory directory;
  auto key = recorder::RevealPrivateKey::Create(directory.path() + "/key", recorder::RealFileSystem());
  REQUIRE(key.ok());
  Masked masked("masks:\n  - {name: texts, fields: [test.v1.Text.text], seal: true}\n", Methods::kKnown,
                [&](GatewayOptions& options) { options.reveal_key = key->public_half(); });
  const std::string hidden = "an original";
  REQUIRE(Call(masked.rig(), kBidi, {Text(hidden), Text(hidden)}).status.ok());
  CHECK_FALSE(masked.RecordHolds(hidden));
  const uint64_t call = masked.rig().Calls()[0].id;
  const std::vector<v1::Frame> frames = masked.Frames();
  REQUIRE(frames.size() == 4);
  for (const v1::Frame& frame : frames) {
    const v1::SealedView& sealed = frame.sealed();
    const auto opened =
        key->Open({sealed.encapsulated_key(), sealed.ciphertext(), sealed.key_id(), sealed.compressed()},
                  {call, frame.direction(), frame.index(), sealed.compressed()});
    REQUIRE(opened.ok());
    CHECK(*opened == Text(hidden));
  }
}

TEST_CASE("what a mask hides that does not seal is not in what another one seals") {
  TemporaryDirectory directory;
  auto key = recorder::RevealPrivateKey::Create(directory.path() + "/key", recorder::RealFileSystem());
  REQUIRE(key.ok());
  Masked masked(
      "detectors: [{name: badge, pattern: \"B-[0-9]+\"}, {name: pin, pattern: \"P-[0-9]+\"}]\n"
      "masks:\n  - {name: badges, detect: [badge], seal: true}\n  - {name: pins, detect: [pin], text: \"#\"}\n",
      Methods::kKnown, [&](GatewayOptions& options) { options.reveal_key = key->public_half(); });
  REQUIRE(Call(masked.rig(), kBidi, {Text("B-1 and P-2"), Text("P-3 alone"), Text("B-4 alone")}).status.ok());
  const uint64_t call = masked.rig().Calls()[0].id;
  std::vector<std::string> recorded;
  std::vector<std::string> opened;
  for (const v1::Frame& frame : masked.Frames()) {
    if (frame.direction() != v1::DIRECTION_REQUEST) continue;
    recorded.push_back(frame.payload());
    if (!frame.has_sealed()) {
      opened.emplace_back();
      continue;
    }
    const v1::SealedView& sealed = frame.sealed();
    const auto original = key->Open({sealed.encapsulated_key(), sealed.ciphertext(), sealed.key_id(), false},
                                    {call, frame.direction(), frame.index(), false});
    REQUIRE(original.ok());
    opened.push_back(*original);
  }
  CHECK(recorded == std::vector{Text(" and #"), Text("# alone"), Text(" alone")});
  CHECK(opened == std::vector<std::string>{Text("B-1 and #"), "", Text("B-4 alone")});
}

TEST_CASE("a policy that seals needs a key to seal to") {
  TemporaryDirectory directory;
  GatewayOptions options = testing::OptionsFor("127.0.0.1:1", directory.path() + "/data");
  options.policy_file = directory.path() + "/policy.yaml";
  std::ofstream(options.policy_file) << "masks:\n  - {name: all, fields: [\"**\"], seal: true}\n";
  const auto gateway = Gateway::Start(options);
  REQUIRE_FALSE(gateway.ok());
  CHECK(absl::StrContains(gateway.status().message(), "data.reveal_key"));
}

TEST_CASE("what a policy says of masks counts for the next call, and open ones keep to what they began with") {
  TemporaryDirectory directory;
  const std::string file = directory.path() + "/policy.yaml";
  const auto write = [&](const std::string& text) {
    std::ofstream(file + ".new") << "access: {default: allow}\n" << text;
    std::filesystem::rename(file + ".new", file);
  };
  write("");
  Masked masked("", Methods::kKnown, [&](GatewayOptions& options) { options.policy_file = file; });
  BlockingCall open(masked.rig().channel(), kBidi);
  open.Start();
  REQUIRE(open.Write(Text("a")));
  CHECK(open.Read() == Text("a"));
  write(absl::StrCat(kHideText, "caller]}\n"));
  REQUIRE(masked.rig().gateway().ReloadPolicy().ok());
  CHECK(Call(masked.rig(), kUnary, {Text("a")}).messages == std::vector{Text("***")});
  REQUIRE(open.Write(Text("a")));
  CHECK(open.Read() == Text("a"));
}

}  // namespace
}  // namespace sallyport::gateway
