// Runs the `sallyport` program on a store that the recorder wrote, against servers in this process.
#include <fcntl.h>
#include <google/protobuf/descriptor.pb.h>
#include <grpcpp/grpcpp.h>
#include <spawn.h>
#include <sys/wait.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <csignal>
#include <fstream>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "deploy/example/payments_service.h"
#include "policy/descriptors/descriptors.h"
#include "recorder/format/call_id.h"
#include "recorder/recorder.h"
#include "tests/fakes/scripted_server.h"
#include "tests/recorder/store_fixture.h"
#include "tests/replay/record_builder.h"

extern char** environ;

namespace sallyport::replay {
namespace {

using Catch::Contains;
using recorder::Direction;
using recorder::FormatId;
using testing::ScriptedCall;
using testing::ScriptedServer;

constexpr uint64_t kFirstId = 1'767'323'045'000'000;
constexpr uint64_t kSession = 7;

struct Outcome {
  int code = -1;
  std::string out;
  std::string err;
};

std::string ReadAll(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::vector<recorder::Metadatum> Views(const google::protobuf::RepeatedPtrField<v1::Metadatum>& metadata) {
  std::vector<recorder::Metadatum> views;
  for (const v1::Metadatum& each : metadata) views.push_back({each.key(), each.value()});
  return views;
}

// A store, and the program run on it.
class Store {
 public:
  Store() : recorder_(recorder::Recorder::Open({.directory = directory_.store()}).value()) {}

  void Add(const RecordBuilder& record) {
    recorder::EntryBatch batch = recorder_->NewBatch(record.id());
    for (const v1::Entry& entry : record.entries()) AddEntry(entry, &batch);
    REQUIRE(recorder::AppendDurably(*recorder_, std::move(batch)).ok());
  }

  // The example service's descriptors; their version.
  std::string KeepDescriptors() {
    google::protobuf::FileDescriptorSet set;
    AddFile(pay::v1::Payment::descriptor()->file(), &set);
    const auto descriptors = policy::Descriptors::Create(set, "the test").value();
    REQUIRE(recorder_->KeepDescriptors(descriptors->version(), descriptors->serialized()).ok());
    return descriptors->version();
  }

  // Ends the recorder, so that what is open is interrupted.
  void Close() { recorder_.reset(); }

  Outcome Run(std::vector<std::string> arguments, std::atomic<pid_t>* pid_told = nullptr) {
    if (recorder_ != nullptr) REQUIRE(recorder_->Flush().ok());
    arguments.insert(arguments.begin(), {SALLYPORT_PROGRAM, "replay", "--data", directory_.store()});
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    const std::string out = directory_.path() + "/out";
    const std::string err = directory_.path() + "/err";
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 1, out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_addopen(&files, 2, err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    pid_t pid = 0;
    REQUIRE(posix_spawn(&pid, SALLYPORT_PROGRAM, &files, nullptr, argv.data(), environ) == 0);
    posix_spawn_file_actions_destroy(&files);
    if (pid_told != nullptr) *pid_told = pid;
    int status = 0;
    REQUIRE(waitpid(pid, &status, 0) == pid);
    Outcome outcome{WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status), ReadAll(out), ReadAll(err)};
    UNSCOPED_INFO(outcome.out << outcome.err);
    return outcome;
  }

 private:
  static void AddFile(const google::protobuf::FileDescriptor* file, google::protobuf::FileDescriptorSet* set) {
    for (int i = 0; i < file->dependency_count(); ++i) AddFile(file->dependency(i), set);
    file->CopyTo(set->add_file());
  }

  static void AddEntry(const v1::Entry& entry, recorder::EntryBatch* batch) {
    const absl::Time time = absl::FromUnixNanos(static_cast<int64_t>(entry.time_ns()));
    if (entry.has_start()) {
      recorder::CallStart start;
      const std::vector<recorder::Metadatum> metadata = Views(entry.start().metadata());
      start.method = entry.start().method();
      start.authority = entry.start().authority();
      start.session_id = kSession;
      start.metadata = metadata;
      start.descriptors = entry.start().descriptors();
      batch->AddStart(time, start);
    } else if (entry.has_frame()) {
      const std::string_view payload = entry.frame().payload();
      batch->AddFrame(time, static_cast<Direction>(entry.frame().direction()), entry.frame().index(), false, {payload});
    } else if (entry.has_half_close()) {
      batch->AddHalfClose(time);
    } else if (entry.has_response_headers()) {
      batch->AddResponseHeaders(time, Views(entry.response_headers().metadata()), "");
    } else if (entry.has_end()) {
      recorder::CallEnd end;
      const std::vector<recorder::Metadatum> trailers = Views(entry.end().trailers());
      end.reason = static_cast<recorder::EndReason>(entry.end().reason());
      end.status_code = entry.end().status_code();
      end.status_message = entry.end().status_message();
      end.trailers = trailers;
      end.request_frames = entry.end().request_frames();
      end.response_frames = entry.end().response_frames();
      batch->AddEnd(time, end);
    }
  }

  recorder::TemporaryDirectory directory_;
  std::unique_ptr<recorder::Recorder> recorder_;
};

// The example service on a free port.
class Payments {
 public:
  Payments() {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    address_ = "127.0.0.1:" + std::to_string(port);
  }
  ~Payments() {
    service_.Stop();
    server_->Shutdown();
  }
  const std::string& address() const { return address_; }

 private:
  example::PaymentsService service_;
  std::unique_ptr<grpc::Server> server_;
  std::string address_;
};

// The record of a GetPayment as the example service answers it, with the amount as given.
RecordBuilder GetPayment(uint64_t id, int64_t minor_units, const std::string& descriptors) {
  pay::v1::GetPaymentRequest request;
  request.set_id("pay-2");
  pay::v1::Payment payment = example::PaymentStore().Get("pay-2").value();
  payment.mutable_amount()->set_minor_units(minor_units);
  RecordBuilder record(id, "/pay.v1.Payments/GetPayment", static_cast<int64_t>(id / 1000));
  record.Request(request.SerializeAsString()).HalfClose().Headers().Response(payment.SerializeAsString()).End();
  record.start().set_descriptors(descriptors);
  record.Metadata("authorization", "Bearer secret-of-the-caller");
  return record;
}

constexpr int64_t kRealAmount = 250'00;

TEST_CASE("replay says that a call is equal, or where it differs, and its exit status says which") {
  Payments target;
  Store store;
  const std::string descriptors = store.KeepDescriptors();
  const std::string id = FormatId(kFirstId);

  SECTION("equal") {
    store.Add(GetPayment(kFirstId, kRealAmount, descriptors));
    const Outcome outcome = store.Run({id, "--to", target.address()});
    CHECK(outcome.code == 0);
    CHECK_THAT(outcome.out, Contains("equal      " + id) && Contains("1 equal, 0 different"));
  }
  SECTION("different") {
    store.Add(GetPayment(kFirstId, 99, descriptors));
    const Outcome outcome = store.Run({id, "--to", target.address()});
    CHECK(outcome.code == 1);
    CHECK_THAT(outcome.out, Contains("DIFFERENT") && Contains("frame 0 amount.minor_units") &&
                                Contains("recorded  \"99\"") && Contains("replayed  \"25000\""));
    CHECK(store.Run({id, "--to", target.address(), "--ignore-field", "amount.*"}).code == 0);
  }
  SECTION("as JSON, one object for each call") {
    store.Add(GetPayment(kFirstId, kRealAmount, descriptors));
    store.Add(GetPayment(kFirstId + 1'000'000, 99, descriptors));
    const Outcome outcome = store.Run({"--session", FormatId(kSession), "--to", target.address(), "--json"});
    CHECK(outcome.code == 1);
    std::istringstream lines(outcome.out);
    std::vector<nlohmann::json> results;
    for (std::string line; std::getline(lines, line);) results.push_back(nlohmann::json::parse(line));
    REQUIRE(results.size() == 2);
    CHECK(results[0]["call"] == id);
    CHECK(results[0]["result"] == "equal");
    CHECK(results[1]["result"] == "different");
    CHECK(results[1]["differences"][0]["where"] == "frame 0 amount.minor_units");
  }
  SECTION("without descriptors, by bytes") {
    store.Add(GetPayment(kFirstId, 99, ""));
    const Outcome outcome = store.Run({id, "--to", target.address()});
    CHECK(outcome.code == 1);
    CHECK_THAT(outcome.out, Contains("frame 0 byte "));
  }
}

TEST_CASE("a dry run shows what would be sent and sends nothing") {
  std::atomic<int> calls = 0;
  ScriptedServer target({{"/pay.v1.Payments/GetPayment", [&](ScriptedCall&) {
                            ++calls;
                            return grpc::Status::OK;
                          }}});
  Store store;
  store.Add(GetPayment(kFirstId, kRealAmount, store.KeepDescriptors()));
  const Outcome outcome = store.Run({FormatId(kFirstId), "--to", target.address(), "--dry-run"});
  CHECK(outcome.code == 0);
  CHECK_THAT(outcome.out, Contains("send frame 0: {\"id\":\"pay-2\"}") && Contains("half-close") &&
                              Contains("left out   authorization"));
  CHECK_THAT(outcome.out, !Contains("secret-of-the-caller"));
  CHECK(calls == 0);
  CHECK(store.Run({FormatId(kFirstId), "--dry-run"}).code == 0);
}

TEST_CASE("wrong usage is told apart from what could not be done") {
  Payments target;
  Store store;
  store.Add(GetPayment(kFirstId, kRealAmount, ""));
  const std::string id = FormatId(kFirstId);
  SECTION("nothing named") { CHECK(store.Run({"--to", target.address()}).code == 2); }
  SECTION("no target") { CHECK(store.Run({id}).code == 2); }
  SECTION("not an id") { CHECK(store.Run({"!!!", "--to", target.address()}).code == 2); }
  SECTION("both ids and filters") { CHECK(store.Run({id, "--method", "*", "--to", target.address()}).code == 2); }
  SECTION("metadata that is gRPC's own") {
    CHECK(store.Run({id, "--to", target.address(), "--metadata", "grpc-timeout=1S"}).code == 2);
  }
  SECTION("a speed of nothing") { CHECK(store.Run({id, "--to", target.address(), "--speed", "0"}).code == 2); }
  SECTION("a file that is not there") {
    CHECK(store.Run({id, "--to", target.address(), "--tls", "--ca", "/nowhere/ca.pem"}).code == 2);
  }
  SECTION("no such call") { CHECK(store.Run({FormatId(1), "--to", target.address()}).code == 3); }
  SECTION("no such calls among others") {
    // Ids that are not there come after one that is: nothing may have been sent by the time they are found missing.
    const Outcome outcome =
        store.Run({id, FormatId(kFirstId + 5), FormatId(kFirstId + 6), "--to", "127.0.0.1:1", "--wait", "300ms"});
    CHECK(outcome.code == 3);
    CHECK(outcome.out.empty());
    CHECK_THAT(outcome.err, Contains(FormatId(kFirstId + 5)) && Contains(FormatId(kFirstId + 6)) &&
                                Contains("nothing was sent") && !Contains("cannot connect"));
  }
  SECTION("no call matches") { CHECK(store.Run({"--method", "nothing/*", "--to", target.address()}).code == 3); }
  SECTION("nobody listens") {
    const Outcome outcome = store.Run({id, "--to", "127.0.0.1:1", "--wait", "300ms"});
    CHECK(outcome.code == 3);
    CHECK_THAT(outcome.err, Contains("cannot connect to 127.0.0.1:1"));
  }
}

TEST_CASE("a replay that is broken off says how many calls were left out") {
  std::atomic<int> calls = 0;
  std::unique_ptr<ScriptedServer> target;
  std::thread killer;
  target = std::make_unique<ScriptedServer>(
      std::map<std::string, ScriptedServer::Script>{{"/p.S/M", [&](ScriptedCall& call) {
                                                       if (++calls == 1) return grpc::Status::OK;
                                                       killer = std::thread([&] { target->Kill(); });
                                                       call.AwaitCancel();
                                                       return grpc::Status::CANCELLED;
                                                     }}});
  Store store;
  for (uint64_t i = 0; i < 4; ++i) {
    RecordBuilder call(kFirstId + i * 1'000'000, "/p.S/M", 1'767'323'045'000 + static_cast<int64_t>(i) * 1'000);
    call.HalfClose().End();
    store.Add(call);
  }
  const bool json = GENERATE(false, true);
  std::vector<std::string> arguments = {"--method", "*", "--to", target->address(), "--wait", "500ms"};
  if (json) arguments.emplace_back("--json");
  const Outcome outcome = store.Run(arguments);
  killer.join();
  CHECK(outcome.code == 3);
  CHECK_THAT(outcome.err, Contains("cannot connect to " + target->address()));
  if (!json) {
    CHECK_THAT(outcome.out, Contains("1 equal, 0 different; BROKEN OFF, 3 calls were left out"));
    return;
  }
  std::istringstream lines(outcome.out);
  std::vector<nlohmann::json> results;
  for (std::string line; std::getline(lines, line);) results.push_back(nlohmann::json::parse(line));
  REQUIRE(results.size() == 4);
  CHECK(results[0]["result"] == "equal");
  for (size_t i = 1; i < 4; ++i) {
    CHECK(results[i]["call"] == FormatId(kFirstId + i * 1'000'000));
    CHECK(results[i]["result"] == "not_replayed");
    CHECK_THAT(results[i]["reason"].get<std::string>(), Contains("the replay was broken off: cannot connect"));
  }
}

TEST_CASE("an interrupted call is refused when named, and left out of many") {
  Payments target;
  Store store;
  store.Add(GetPayment(kFirstId, kRealAmount, ""));
  RecordBuilder open(kFirstId + 1'000'000, "/pay.v1.Payments/GetPayment", 1'767'323'046'000);
  open.Request("");
  store.Add(open);
  const std::string id = FormatId(open.id());

  SECTION("while it is open") {
    const Outcome outcome = store.Run({id, "--to", target.address()});
    CHECK(outcome.code == 3);
    CHECK_THAT(outcome.out, Contains(id) && Contains("has not ended"));
  }
  SECTION("once the gateway has stopped") {
    store.Close();
    const Outcome named = store.Run({id, "--to", target.address()});
    CHECK(named.code == 3);
    CHECK_THAT(named.out, Contains(id) && Contains("interrupted"));
    const Outcome many = store.Run({"--method", "*", "--to", target.address()});
    CHECK(many.code == 0);
    CHECK_THAT(many.out, Contains("1 equal, 0 different; 1 left out"));
  }
}

TEST_CASE("a refused call is sent only if asked for") {
  Payments target;
  Store store;
  RecordBuilder refused(kFirstId, "/pay.v1.Payments/DeletePayment");
  refused.Request("").HalfClose().End(12, "no route", v1::END_REASON_REFUSED);
  store.Add(refused);
  const std::string id = FormatId(kFirstId);
  CHECK(store.Run({id, "--to", target.address()}).code == 3);
  CHECK(store.Run({id, "--to", target.address(), "--refused"}).code == 1);
}

TEST_CASE("Ctrl-C ends a replay in order") {
  std::atomic<pid_t> pid = 0;
  ScriptedServer target({{"/p.S/Hang", [&](ScriptedCall& call) {
                            while (pid == 0) absl::SleepFor(absl::Milliseconds(1));
                            kill(pid, SIGINT);
                            call.AwaitCancel();
                            return grpc::Status::CANCELLED;
                          }}});
  Store store;
  RecordBuilder hang(kFirstId, "/p.S/Hang");
  hang.HalfClose().At(600'000).End();
  store.Add(hang);
  const Outcome outcome = store.Run({FormatId(kFirstId), "--to", target.address()}, &pid);
  CHECK(outcome.code == 130);
  CHECK_THAT(outcome.err, Contains("interrupted"));
}

}  // namespace
}  // namespace sallyport::replay
