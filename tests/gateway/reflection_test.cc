// Server reflection with the gateway between: answered by the gateway itself where there are several upstreams, asked
// of upstreams again when something new appears.
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <future>
#include <set>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gateway/reflection/refresher.h"
#include "gateway/reflection/visible_services.h"
#include "grpc/reflection/v1/reflection.pb.h"
#include "tests/gateway/asking.h"
#include "tests/gateway/rig.h"

namespace sallyport::gateway {
namespace {

namespace pb = google::protobuf;
namespace rpb = grpc::reflection::v1;
using testing::Asking;
using testing::AwaitService;
using testing::BlockingCall;
using testing::CallUnary;
using testing::kV1;
using testing::kV1Alpha;
using testing::Methods;
using testing::MethodsOf;
using testing::Rig;
using testing::ScriptedCall;

// Files of one service with these methods and a type of its own.
pb::FileDescriptorSet FilesOf(const std::string& package, const std::vector<std::string>& methods) {
  pb::FileDescriptorSet set;
  pb::FileDescriptorProto& types = *set.add_file();
  types.set_name(package + ".types.proto");
  types.set_package(package);
  types.set_syntax("proto3");
  types.add_message_type()->set_name("Thing");
  pb::FileDescriptorProto& file = *set.add_file();
  file.set_name(package + ".service.proto");
  file.set_package(package);
  file.set_syntax("proto3");
  file.add_dependency(types.name());
  pb::ServiceDescriptorProto& service = *file.add_service();
  service.set_name("Service");
  for (const std::string& name : methods) {
    pb::MethodDescriptorProto& method = *service.add_method();
    method.set_name(name);
    method.set_input_type(absl::StrCat(".", package, ".Thing"));
    method.set_output_type(absl::StrCat(".", package, ".Thing"));
  }
  return set;
}

// An upstream whose service "<package>.Service" can get new methods while it runs.
class ChangingServer {
 public:
  ChangingServer(const std::string& package, const std::vector<std::string>& methods, const char* reflection = kV1)
      : package_(package), server_({{reflection, [this](ScriptedCall& call) { return Reflect(call); }}}) {
    Set(methods);
  }
  const std::string& address() const { return server_.address(); }
  void Set(const std::vector<std::string>& methods) {
    const auto made = policy::Descriptors::Create(FilesOf(package_, methods), "test");
    REQUIRE(made.ok());
    absl::MutexLock lock(&mutex_);
    descriptors_ = *made;
  }
  int asked() const { return asked_; }

 private:
  grpc::Status Reflect(ScriptedCall& call) {
    ++asked_;
    std::shared_ptr<const policy::Descriptors> descriptors;
    {
      absl::MutexLock lock(&mutex_);
      descriptors = descriptors_;
    }
    VisibleServices services({descriptors, {}}, [](std::string_view) { return "here"; });
    while (const std::optional<std::string> bytes = call.Read()) {
      rpb::ServerReflectionRequest question;
      if (!question.ParseFromString(*bytes)) return {grpc::StatusCode::INVALID_ARGUMENT, "?"};
      call.Write(services.Answer(question).SerializeAsString());
    }
    return grpc::Status::OK;
  }

  const std::string package_;
  absl::Mutex mutex_;
  std::shared_ptr<const policy::Descriptors> descriptors_ ABSL_GUARDED_BY(mutex_);
  std::atomic<int> asked_{0};
  testing::ScriptedServer server_;
};

std::string WritePolicy(const testing::TemporaryDirectory& directory, const std::string& text) {
  const std::string path = directory.path() + "/policy.yaml";
  std::ofstream(path) << text;
  return path;
}

// The rig's own upstream for test.v1, and another one for the rest.
Rig::Adjust WithOther(const ChangingServer& other, const std::string& policy = "") {
  return [address = other.address(), policy](GatewayOptions& options) {
    v1::Config config = options.source;
    (*config.mutable_upstreams())["other"].set_target(address);
    v1::Route* echo = config.add_routes();
    echo->add_services("test.*");
    echo->set_upstream("upstream");
    v1::Route* rest = config.add_routes();
    rest->add_services("*");
    rest->set_upstream("other");
    config.add_descriptors()->set_reflection("other");
    config.set_policy(policy);
    const std::vector<std::string> files = options.descriptor_files;
    absl::StatusOr<GatewayOptions> checked = CheckConfiguration(config, "test", {});
    INFO(checked.status());
    REQUIRE(checked.ok());
    options = *std::move(checked);
    options.descriptor_files = files;
  };
}

}  // namespace

TEST_CASE("with several upstreams the gateway answers reflection itself, for all of them") {
  ChangingServer other("pay", {"Get", "GetAll", "Charge"});
  Rig rig({}, Methods::kKnown, WithOther(other));
  AwaitService(rig.channel(), "pay.Service");
  for (const char* path : {kV1, kV1Alpha}) {
    INFO(path);
    Asking asking(rig.channel(), path);
    const std::set<std::string> services = asking.Services();
    CHECK(services.contains("test.v1.Echo"));
    CHECK(services.contains("pay.Service"));
    CHECK(services.contains("grpc.reflection.v1.ServerReflection"));
    CHECK(services.contains("grpc.reflection.v1alpha.ServerReflection"));
    CHECK(MethodsOf(asking.File("test.v1.Echo"), "test.v1.Echo") ==
          std::set<std::string>{"Unary", "ClientStream", "ServerStream", "Bidi"});
    // What a client makes of it is whole: every file comes with what it imports.
    const rpb::ServerReflectionResponse answer = asking.File("pay.Service.Get");
    pb::DescriptorPool pool;
    const auto& files = answer.file_descriptor_response().file_descriptor_proto();
    for (int i = files.size(); i-- > 0;) {
      pb::FileDescriptorProto file;
      REQUIRE(file.ParseFromString(files[i]));
      CHECK(pool.BuildFile(file) != nullptr);
    }
    CHECK(pool.FindMethodByName("pay.Service.Get") != nullptr);
    // Asked again on the same stream, it comes again, without what has been given.
    CHECK(asking.File("pay.Service").file_descriptor_response().file_descriptor_proto_size() == 1);
    rpb::ServerReflectionRequest question;
    question.set_file_by_filename("test/v1/echo.proto");
    CHECK(asking.Ask(question).has_file_descriptor_response());
    question.set_file_by_filename("no/such.proto");
    CHECK(asking.Ask(question).error_response().error_code() == grpc::StatusCode::NOT_FOUND);
    question.set_all_extension_numbers_of_type("test.v1.Text");
    CHECK(asking.Ask(question).all_extension_numbers_response().base_type_name() == "test.v1.Text");
    question.mutable_file_containing_extension()->set_containing_type("test.v1.Text");
    question.mutable_file_containing_extension()->set_extension_number(7);
    CHECK(asking.Ask(question).error_response().error_code() == grpc::StatusCode::NOT_FOUND);
    question.clear_file_containing_extension();
    CHECK(asking.Ask(question).error_response().error_code() == grpc::StatusCode::INVALID_ARGUMENT);
    CHECK(asking.call().HalfClose());
    CHECK(asking.call().Finish().ok());
  }
  // And it is recorded like all other calls.
  int recorded = 0;
  for (const recorder::CallSummary& call : rig.Calls()) recorded += call.upstream == "sallyport" ? 1 : 0;
  CHECK(recorded >= 3);
}

TEST_CASE("callers are told of what they may call") {
  ChangingServer other("pay", {"Get", "GetAll", "Charge"});
  testing::TemporaryDirectory directory;
  Rig rig({}, Methods::kKnown, WithOther(other, WritePolicy(directory, R"(
access:
  default: deny
  rules:
    - {name: reflection, match: {methods: ["grpc.reflection.*"]}, action: allow}
    - {name: unary, match: {methods: ["*/Unary"]}, action: allow}
    - {name: team, match: {methods: ["pay.Service/Get*"], metadata: {team: pay}}, action: allow}
)")));
  const absl::Time give_up = absl::Now() + absl::Seconds(60);
  std::set<std::string> services;
  while (!services.contains("pay.Service") && absl::Now() < give_up) {
    Asking asking(rig.channel());
    asking.call().context().AddMetadata("team", "pay");
    services = asking.Services();
  }
  REQUIRE(services.contains("pay.Service"));
  Asking pay(rig.channel());
  pay.call().context().AddMetadata("team", "pay");
  CHECK(MethodsOf(pay.File("pay.Service"), "pay.Service") == std::set<std::string>{"Get", "GetAll"});
  CHECK(pay.File("pay.Service.Charge").has_error_response());
  Asking stranger(rig.channel());
  CHECK(stranger.Services() == std::set<std::string>{"test.v1.Echo", "grpc.reflection.v1.ServerReflection",
                                                     "grpc.reflection.v1alpha.ServerReflection"});
  CHECK(MethodsOf(stranger.File("test.v1.Echo"), "test.v1.Echo") == std::set<std::string>{"Unary"});
  CHECK(stranger.File("test.v1.Text").has_file_descriptor_response());
  for (const char* hidden : {"pay.Service", "pay.Service.Get", "pay.Thing", "test.v1.Echo.Bidi", "no.such.Thing", ""}) {
    INFO(hidden);
    const rpb::ServerReflectionResponse answer = stranger.File(hidden);
    CHECK(answer.error_response().error_code() == grpc::StatusCode::NOT_FOUND);
    // Not there and not to be seen look the same.
    CHECK(answer.error_response().error_message() == absl::StrCat(hidden, " is not known"));
  }
}

TEST_CASE("what is no reflection ends, and the gateway's name reaches nothing else") {
  ChangingServer other("pay", {"Get", "GetAll", "Charge"});
  Rig rig({}, Methods::kKnown, [&](GatewayOptions& options) {
    WithOther(other)(options);
    RouteOptions own;
    own.match.add_services("sallyport.*");
    own.upstream = kOwnUpstream;
    options.routes.insert(options.routes.begin(), own);
  });
  CHECK(CallUnary(rig.channel(), "/sallyport.Anything/Do", "x").status.error_code() == grpc::StatusCode::UNIMPLEMENTED);
  BlockingCall call(rig.channel(), kV1);
  REQUIRE(call.Start());
  REQUIRE(call.Write("\xff\xff"));
  CHECK_FALSE(call.Read().has_value());
  CHECK(call.Finish().error_code() == grpc::StatusCode::INVALID_ARGUMENT);
  // Nor can a caller take another's answers.
  BlockingCall forged(rig.channel(), kV1);
  forged.context().AddMetadata("sallyport-visit", "1");
  REQUIRE(forged.Start());
  rpb::ServerReflectionRequest question;
  question.set_list_services("*");
  CHECK(forged.Write(question.SerializeAsString()));
  CHECK(forged.Read().has_value());
  // Cancelled in the middle, and while the gateway stops.
  Asking open(rig.channel());
  open.Services();
  open.call().context().TryCancel();
}

TEST_CASE("a route that names reflection keeps the gateway out of it") {
  const auto answer = [](ScriptedCall& call) {
    call.Read();
    call.Write("the upstream's own");
    return grpc::Status::OK;
  };
  ChangingServer other("pay", {"Get", "GetAll", "Charge"});
  Rig rig({{kV1, answer}}, Methods::kKnown, [&](GatewayOptions& options) {
    v1::Config config = options.source;
    (*config.mutable_upstreams())["other"].set_target(other.address());
    v1::Route* reflection = config.add_routes();
    reflection->add_services("grpc.reflection.*");
    reflection->set_upstream("upstream");
    config.add_routes()->set_upstream("other");
    options = *CheckConfiguration(config, "test", {});
  });
  CHECK(CallUnary(rig.channel(), kV1, "x").response == "the upstream's own");
}

TEST_CASE("with one upstream its own reflection is relayed") {
  ChangingServer other("pay", {"Get", "GetAll", "Charge"});
  Rig rig({}, Methods::kUnknown, [&](GatewayOptions& options) { options.upstreams[0].target = other.address(); });
  Asking asking(rig.channel());
  CHECK(asking.Services().contains("pay.Service"));
  CHECK(asking.call().HalfClose());
  asking.call().Finish();
  for (const recorder::CallSummary& call : rig.Calls()) CHECK(call.upstream == "upstream");
}

TEST_CASE("a method that is not known has its upstream asked again, and the call waits where masks need to know") {
  ChangingServer other("pay", {"Get"}, kV1Alpha);
  testing::TemporaryDirectory directory;
  const std::string policy =
      WritePolicy(directory, "access: {default: allow}\nmasks: [{name: m, fields: [\"*.card_number\"]}]\n");
  Rig rig({}, Methods::kUnknown, [&](GatewayOptions& options) {
    options.upstreams[0].target = other.address();
    options.policy_file = policy;
    // The schedule will not help.
    options.reflection.push_back({"upstream", absl::Hours(1), false});
  });
  const auto code = [&](const char* path) { return CallUnary(rig.channel(), path, "").status.error_code(); };
  // Whether the first answer is in force already or not: the call is not turned away for want of a descriptor, but by
  // the upstream, which has no script for it.
  CHECK(code("/pay.Service/Get") == grpc::StatusCode::UNIMPLEMENTED);
  other.Set({"Get", "New"});
  // Not more often than every few seconds.
  const absl::Time give_up = absl::Now() + absl::Seconds(60);
  while (code("/pay.Service/New") == grpc::StatusCode::INTERNAL && absl::Now() < give_up) {
  }
  CHECK(code("/pay.Service/New") == grpc::StatusCode::UNIMPLEMENTED);
  const int asked = other.asked();
  CHECK(asked <= 4);
  for (int i = 0; i < 100; ++i) CHECK(code("/pay.Service/NoSuchMethod") == grpc::StatusCode::INTERNAL);
  CHECK(other.asked() <= asked + 2);
}

TEST_CASE("an upstream that never answers reflection holds up nobody for longer than they like") {
  std::atomic<bool> asked{false};
  std::promise<bool> given_up;  // before its time
  const auto silent = [&](ScriptedCall& call) {
    call.Read();
    asked = true;
    call.AwaitCancel();
    given_up.set_value(std::chrono::system_clock::now() < call.context().deadline());
    return grpc::Status::CANCELLED;
  };
  testing::TemporaryDirectory directory;
  const std::string policy =
      WritePolicy(directory, "access: {default: allow}\nmasks: [{name: m, fields: [\"*.x\"]}]\n");
  Rig rig({{kV1, silent}}, Methods::kUnknown, [&](GatewayOptions& options) {
    options.policy_file = policy;
    options.reflection.push_back({"upstream", absl::Hours(1), false});
  });
  BlockingCall call(rig.channel(), "/pay.Service/Get");
  call.context().set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(300));
  REQUIRE(call.Start());
  CHECK_FALSE(call.Read().has_value());
  CHECK(call.Finish().error_code() == grpc::StatusCode::DEADLINE_EXCEEDED);
  CHECK(asked);
  // Nor does the gateway wait for it, or let wait: this call ends with the gateway.
  BlockingCall waits(rig.channel(), "/pay.Service/Get");
  REQUIRE(waits.Start());
  REQUIRE(rig.gateway().Shutdown(absl::ZeroDuration()).ok());
  CHECK(given_up.get_future().get());
  CHECK_FALSE(waits.Finish().ok());
}

TEST_CASE("descriptor files are read again when they change, and on reload") {
  testing::TemporaryDirectory directory;
  const std::string path = directory.path() + "/set.binpb";
  const auto write = [&](const std::string& package) {
    pb::FileDescriptorSet set;
    pb::FileDescriptorProto& file = *set.add_file();
    file.set_name("x.proto");
    file.set_package(package);
    file.add_message_type()->set_name("M");
    auto& service = *file.add_service();
    service.set_name("S");
    auto& method = *service.add_method();
    method.set_name("Do");
    method.set_input_type(absl::StrCat(".", package, ".M"));
    method.set_output_type(absl::StrCat(".", package, ".M"));
    const std::string next = path + ".next";
    std::ofstream(next, std::ios::binary) << set.SerializeAsString();
    std::filesystem::rename(next, path);
  };
  write("first");
  ChangingServer other("pay", {"Get", "GetAll", "Charge"});
  GatewayOptions used;
  Rig rig({}, Methods::kUnknown, [&](GatewayOptions& options) {
    options.descriptor_files = {path};
    RouteOptions own;
    own.match.add_services("grpc.reflection.*");
    own.upstream = kOwnUpstream;
    options.routes.insert(options.routes.begin(), own);
    used = options;
  });
  CHECK(Asking(rig.channel()).Services().contains("first.S"));
  write("second");
  AwaitService(rig.channel(), "second.S");
  CHECK_FALSE(Asking(rig.channel()).Services().contains("first.S"));
  // What is no descriptor set changes nothing.
  std::ofstream(path, std::ios::binary | std::ios::trunc) << "no descriptors";
  CHECK_FALSE(rig.gateway().Reload(used).ok());
  CHECK(Asking(rig.channel()).Services().contains("second.S"));
  // Nor does a reload that fails later on.
  GatewayOptions bad = used;
  bad.descriptor_files.clear();
  bad.policy_file = directory.path() + "/missing.yaml";
  CHECK_FALSE(rig.gateway().Reload(bad).ok());
  CHECK(Asking(rig.channel()).Services().contains("second.S"));
  write("third");
  REQUIRE(rig.gateway().Reload(used).ok());
  CHECK(Asking(rig.channel()).Services().contains("third.S"));
  // Sources that are not there any more are forgotten.
  used.descriptor_files.clear();
  REQUIRE(rig.gateway().Reload(used).ok());
  CHECK_FALSE(Asking(rig.channel()).Services().contains("third.S"));
}

TEST_CASE("an upstream without reflection says UNIMPLEMENTED, one that is not there UNAVAILABLE") {
  testing::ScriptedServer server({});
  UpstreamOptions options = testing::OptionsFor(server.address(), "unused").upstreams[0];
  auto upstream = *Upstream::Create(options);
  CHECK(absl::IsUnimplemented(FetchFiles(*upstream, absl::Seconds(20)).status()));
  server.Kill();
  auto gone = *Upstream::Create(options);
  CHECK(absl::IsUnavailable(FetchFiles(*gone, absl::Seconds(20)).status()));
}

}  // namespace sallyport::gateway
