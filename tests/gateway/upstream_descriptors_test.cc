// Whose word counts for which calls: what upstreams reflect, what of it can be used, and who waits for it.
#include <google/protobuf/compiler/parser.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
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
using testing::Methods;
using testing::Rig;
using testing::ScriptedCall;
using testing::ScriptedServer;

constexpr char kPayGet[] = "/pay.Pay/Get";
constexpr char kOrdGet[] = "/ord.Ord/Get";

pb::FileDescriptorProto Source(const std::string& name, const std::string& source) {
  pb::io::ArrayInputStream input(source.data(), static_cast<int>(source.size()));
  pb::io::Tokenizer tokenizer(&input, nullptr);
  pb::FileDescriptorProto file;
  REQUIRE(pb::compiler::Parser().Parse(&tokenizer, &file));
  file.set_name(name);
  return file;
}

// A file with service "<package>.<Service>", whose method Get takes and gives a "<package>.R" with one field.
pb::FileDescriptorProto ServiceFile(const std::string& name, const std::string& package, const std::string& field,
                                    const std::string& imports = "") {
  std::string service = package;
  service[0] = static_cast<char>(service[0] - 'a' + 'A');
  return Source(name, absl::StrCat("syntax='proto3'; package ", package, "; ", imports, " message R { string ", field,
                                   " = 1; } service ", service, " { rpc Get(R) returns (R); }"));
}

// What a server reflects, whatever that is: no more than the files that are asked for, and nothing is checked.
using Files = std::vector<pb::FileDescriptorProto>;
enum class Missing { kTold, kEndsTheStream };  // what happens where a file is not there

grpc::Status Reflect(const Files& files, Missing missing, ScriptedCall& call) {
  while (const std::optional<std::string> bytes = call.Read()) {
    rpb::ServerReflectionRequest question;
    rpb::ServerReflectionResponse answer;
    question.ParseFromString(*bytes);
    const auto give = [&](const pb::FileDescriptorProto& file) {
      answer.mutable_file_descriptor_response()->add_file_descriptor_proto(file.SerializeAsString());
    };
    for (const pb::FileDescriptorProto& file : files) {
      if (question.file_by_filename() == file.name()) give(file);
      for (const auto& service : file.service()) {
        const std::string name = absl::StrCat(file.package(), ".", service.name());
        if (question.file_containing_symbol() == name) give(file);
        if (question.has_list_services()) answer.mutable_list_services_response()->add_service()->set_name(name);
      }
    }
    if (answer.message_response_case() == rpb::ServerReflectionResponse::MESSAGE_RESPONSE_NOT_SET) {
      if (missing == Missing::kEndsTheStream) return {grpc::StatusCode::NOT_FOUND, "no such file"};
      answer.mutable_error_response()->set_error_code(grpc::StatusCode::NOT_FOUND);
    }
    call.Write(answer.SerializeAsString());
  }
  return grpc::Status::OK;
}

grpc::Status Echo(ScriptedCall& call) {
  while (const std::optional<std::string> message = call.Read()) call.Write(*message);
  return grpc::Status::OK;
}

std::map<std::string, ScriptedServer::Script> Reflecting(const Files& files, Missing missing = Missing::kTold) {
  return {{kV1, [files, missing](ScriptedCall& call) { return Reflect(files, missing, call); }},
          {"/a.A/Get", Echo},
          {"/b.B/Get", Echo},
          {kPayGet, Echo},
          {kOrdGet, Echo},
          {"/bad.Bad/Get", Echo}};
}

// Upstream "pay" for pay.*, "ord" for the rest, each asked for what it reflects; the gateway answers reflection itself.
Rig::Adjust Between(const ScriptedServer& pay, const ScriptedServer& ord, const std::string& policy = "",
                    const std::vector<std::string>& files = {}) {
  return [pay = pay.address(), ord = ord.address(), policy, files](GatewayOptions& options) {
    v1::Config config = options.source;
    config.clear_upstreams();
    (*config.mutable_upstreams())["pay"].set_target(pay);
    (*config.mutable_upstreams())["ord"].set_target(ord);
    v1::Route* route = config.add_routes();
    route->add_services("pay.*");
    route->set_upstream("pay");
    route = config.add_routes();
    route->add_services("grpc.reflection.*");
    route->set_upstream("sallyport");
    config.add_routes()->set_upstream("ord");
    for (const char* name : {"pay", "ord"}) config.add_descriptors()->set_reflection(name);
    config.set_policy(policy);
    absl::StatusOr<GatewayOptions> checked = CheckConfiguration(config, "test", {});
    INFO(checked.status());
    REQUIRE(checked.ok());
    options = *std::move(checked);
    options.descriptor_files = files;
  };
}

Rig::Adjust AsksItself(const std::string& policy = "") {
  return [policy](GatewayOptions& options) {
    RouteOptions own;
    own.match.add_services("grpc.reflection.*");
    own.upstream = "sallyport";
    options.routes.insert(options.routes.begin(), own);
    options.reflection.push_back({"upstream", absl::Hours(1), false});
    options.policy_file = policy;
  };
}

std::string WriteFile(const testing::TemporaryDirectory& directory, const std::string& name, const std::string& bytes) {
  const std::string path = absl::StrCat(directory.path(), "/", name);
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

const std::string kAnn =
    "\x0a\x03"
    "ann";

// What the record makes of the request of the one call of `method`, with the descriptors that it names.
std::string RecordedJson(Rig& rig, const std::string& method, std::string* version = nullptr) {
  std::string json = "no such call";
  for (const recorder::CallSummary& call : rig.Calls()) {
    if (call.method != method.substr(1)) continue;
    const auto reader = recorder::RecordReader::Open(rig.data());
    REQUIRE(reader.ok());
    for (const v1::Entry& entry : rig.Entries(call.id)) {
      if (entry.has_start()) {
        if (version != nullptr) *version = entry.start().descriptors();
        const auto bytes = (*reader)->Descriptors(entry.start().descriptors());
        if (!bytes.ok()) return "no descriptors";
        json = *bytes;
      } else if (entry.has_frame() && entry.frame().direction() == v1::DIRECTION_REQUEST) {
        const auto set = policy::Descriptors::Parse(json, "kept");
        REQUIRE(set.ok());
        return (*set)
            ->ToJson(method, policy::MessageSide::kRequest, entry.frame().payload(), policy::JsonStyle::kOneLine)
            .value_or("not decoded");
      }
    }
  }
  return json;
}

TEST_CASE("of an upstream that cannot deliver a file that one service imports, everything else is known") {
  const Missing missing = GENERATE(Missing::kTold, Missing::kEndsTheStream);
  Rig rig(Reflecting({ServiceFile("a.proto", "a", "name"), ServiceFile("b.proto", "b", "name", "import 'none.proto';"),
                      Source("bad.proto",
                             "syntax='proto3'; package bad; import 'none.proto'; message R {} "
                             "service Bad { rpc Get(none.X) returns (R); rpc Good(R) returns (R); }")},
                     missing),
          Methods::kUnknown, AsksItself());
  AwaitService(rig.channel(), "a.A");
  Asking asking(rig.channel());
  CHECK(asking.Services().contains("b.B"));
  CHECK(testing::MethodsOf(asking.File("bad.Bad"), "bad.Bad") == std::set<std::string>{"Good"});
  for (const char* path : {"/a.A/Get", "/b.B/Get", "/bad.Bad/Get"}) {
    CHECK(CallUnary(rig.channel(), path, kAnn).response == kAnn);
  }
  CHECK(RecordedJson(rig, "/a.A/Get") == R"({"name":"ann"})");
  CHECK(RecordedJson(rig, "/b.B/Get") == R"({"name":"ann"})");
  CHECK(RecordedJson(rig, "/bad.Bad/Get") == "no descriptors");
}

TEST_CASE("masks turn away what they would have to look into and is not known, and nothing else") {
  testing::TemporaryDirectory directory;
  const std::string policy = WriteFile(
      directory, "policy.yaml", "access: {default: allow}\nmasks: [{name: m, fields: [\"*.name\"], text: \"***\"}]\n");
  Rig rig(Reflecting({ServiceFile("b.proto", "b", "name", "import 'none.proto';"),
                      Source("bad.proto",
                             "syntax='proto3'; package bad; import 'none.proto'; "
                             "message R { none.X x = 1; } service Bad { rpc Get(R) returns (R); }")}),
          Methods::kUnknown, AsksItself(policy));
  AwaitService(rig.channel(), "b.B");
  CHECK(CallUnary(rig.channel(), "/b.B/Get", kAnn).response == kAnn);
  CHECK(CallUnary(rig.channel(), "/bad.Bad/Get", kAnn).status.error_code() == grpc::StatusCode::INTERNAL);
  CHECK(RecordedJson(rig, "/b.B/Get") == R"({"name":"***"})");
}

TEST_CASE("two upstreams with different files of one name are both known, and each call names its own descriptors") {
  ScriptedServer pay(Reflecting({ServiceFile("service.proto", "pay", "name")}));
  ScriptedServer ord(Reflecting({ServiceFile("service.proto", "ord", "name")}));
  Rig rig({}, Methods::kUnknown, Between(pay, ord));
  AwaitService(rig.channel(), "pay.Pay");
  AwaitService(rig.channel(), "ord.Ord");
  CHECK(CallUnary(rig.channel(), kPayGet, kAnn).response == kAnn);
  CHECK(CallUnary(rig.channel(), kOrdGet, kAnn).response == kAnn);
  std::string pay_version;
  std::string ord_version;
  CHECK(RecordedJson(rig, kPayGet, &pay_version) == R"({"name":"ann"})");
  CHECK(RecordedJson(rig, kOrdGet, &ord_version) == R"({"name":"ann"})");
  CHECK(pay_version != ord_version);
}

TEST_CASE("no upstream's word counts for another's messages, or against the operator's files") {
  testing::TemporaryDirectory directory;
  const std::string policy =
      WriteFile(directory, "policy.yaml",
                "access: {default: allow}\nmasks: [{name: m, fields: [\"pay.R.card\"], text: \"***\"}]\n");
  // What the hostile one says of pay.R, under the same file's name and under another, and of what its field is made of.
  Files hostile = {ServiceFile("service.proto", "ord", "name"), ServiceFile("evil.proto", "pay", "harmless"),
                   Source("google/protobuf/any.proto",
                          "syntax='proto3'; package google.protobuf; message Any { string harmless = 1; }")};
  const pb::FileDescriptorProto honest = ServiceFile("service.proto", "pay", "card");
  SECTION("another upstream's") {
    ScriptedServer pay(Reflecting({honest}));
    // First by name and in time, which decided before.
    ScriptedServer ord(Reflecting(hostile));
    Rig rig({}, Methods::kUnknown, Between(pay, ord, policy));
    AwaitService(rig.channel(), "ord.Ord");
    AwaitService(rig.channel(), "pay.Pay");
    CHECK(CallUnary(rig.channel(), kPayGet, kAnn).response == kAnn);
    CHECK(RecordedJson(rig, kPayGet) == R"({"card":"***"})");
  }
  SECTION("the operator's") {
    pb::FileDescriptorSet set;
    *set.add_file() = honest;
    const std::string file = WriteFile(directory, "set.binpb", set.SerializeAsString());
    ScriptedServer pay(Reflecting({ServiceFile("service.proto", "pay", "harmless"), ServiceFile("a.proto", "a", "x")}));
    ScriptedServer ord(Reflecting(hostile));
    Rig rig({}, Methods::kUnknown, Between(pay, ord, policy, {file}));
    AwaitService(rig.channel(), "ord.Ord");
    CHECK(CallUnary(rig.channel(), kPayGet, kAnn).response == kAnn);
    CHECK(RecordedJson(rig, kPayGet) == R"({"card":"***"})");
  }
}

TEST_CASE("merged reflection gives each service the files of its own upstream, whatever their names") {
  const auto files = [](const std::string& package, const std::string& field) {
    return Files{
        ServiceFile("service.proto", package, "name", "import 'common.proto'; message Uses { common.C c = 1; }"),
        Source("common.proto", absl::StrCat("syntax='proto3'; package common; message C { string ", field, " = 1; }"))};
  };
  ScriptedServer pay(Reflecting(files("pay", "pays")));
  ScriptedServer ord(Reflecting(files("ord", "orders")));
  Rig rig({}, Methods::kUnknown, Between(pay, ord));
  AwaitService(rig.channel(), "pay.Pay");
  AwaitService(rig.channel(), "ord.Ord");
  Asking asking(rig.channel());
  std::set<std::string> names;
  for (const auto& [service, field] : {std::pair("pay.Pay", "pays"), {"ord.Ord", "orders"}}) {
    INFO(service);
    const rpb::ServerReflectionResponse answer = asking.File(service);
    const auto& given = answer.file_descriptor_response().file_descriptor_proto();
    REQUIRE(given.size() == 2);
    pb::DescriptorPool pool;
    for (int i = given.size(); i-- > 0;) {
      pb::FileDescriptorProto file;
      REQUIRE(file.ParseFromString(given[i]));
      CHECK(pool.BuildFile(file) != nullptr);
      CHECK(names.insert(file.name()).second);
      // And so it is when asked for by that name.
      rpb::ServerReflectionRequest question;
      question.set_file_by_filename(file.name());
      const rpb::ServerReflectionResponse by_name = asking.Ask(question);
      REQUIRE(by_name.file_descriptor_response().file_descriptor_proto_size() > 0);
      CHECK(by_name.file_descriptor_response().file_descriptor_proto(0) == given[i]);
    }
    REQUIRE(pool.FindMessageTypeByName("common.C") != nullptr);
    CHECK(pool.FindMessageTypeByName("common.C")->FindFieldByName(field) != nullptr);
    // A type that both have is the one of the service that was asked for last.
    const rpb::ServerReflectionResponse type = asking.File("common.C");
    REQUIRE(type.file_descriptor_response().file_descriptor_proto_size() == 1);
    CHECK(absl::StrContains(type.file_descriptor_response().file_descriptor_proto(0), field));
  }
  CHECK(names.contains("service.proto"));
  CHECK(names.contains("common.proto"));
}

// An upstream whose reflection is asked and never answers.
std::map<std::string, ScriptedServer::Script> Silent() {
  const auto silent = [](ScriptedCall& call) {
    call.Read();
    call.AwaitCancel();
    return grpc::Status::CANCELLED;
  };
  return {{kV1, silent}, {"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", silent}, {kPayGet, Echo}};
}

grpc::StatusCode CodeWithin(Rig& rig, const char* path, std::chrono::seconds time) {
  BlockingCall call(rig.channel(), path);
  call.context().set_deadline(std::chrono::system_clock::now() + time);
  call.Start();
  call.Write(kAnn, grpc::WriteOptions().set_last_message());
  call.Read();
  return call.Finish().error_code();
}

TEST_CASE("a call waits for descriptors only where masks that apply to it look into messages") {
  testing::TemporaryDirectory directory;
  const std::string policy = WriteFile(directory, "policy.yaml", R"(
access: {default: allow}
masks:
  - {name: others, match: {methods: ["other.*"]}, fields: ["*.card"]}
  - {name: metadata, metadata: ["x-session"]}
content:
  - {name: elsewhere, match: {methods: ["else.*"]}, detect: [jwt], in: [requests]}
)");
  Rig rig(Silent(), Methods::kUnknown, AsksItself(policy));
  // Reflection is asked for ten seconds.
  CHECK(CodeWithin(rig, kPayGet, std::chrono::seconds(7)) == grpc::StatusCode::OK);
  CHECK(CodeWithin(rig, "/other.Service/Get", std::chrono::seconds(1)) == grpc::StatusCode::DEADLINE_EXCEEDED);
  CHECK(CodeWithin(rig, "/else.Service/Get", std::chrono::seconds(1)) == grpc::StatusCode::DEADLINE_EXCEEDED);
}

TEST_CASE("after an upstream has left reflection unanswered, calls do not wait for it again for a while") {
  testing::TemporaryDirectory directory;
  const std::string policy =
      WriteFile(directory, "policy.yaml", "access: {default: allow}\nmasks: [{name: m, fields: [\"*.card\"]}]\n");
  Rig rig(Silent(), Methods::kUnknown, AsksItself(policy));
  CHECK(CodeWithin(rig, kPayGet, std::chrono::seconds(60)) == grpc::StatusCode::INTERNAL);
  for (int i = 0; i < 5; ++i) CHECK(CodeWithin(rig, kPayGet, std::chrono::seconds(5)) == grpc::StatusCode::INTERNAL);
}

TEST_CASE("an upstream that does not answer reflection keeps nobody from what another one says") {
  ScriptedServer silent(Silent());
  ScriptedServer ord(Reflecting({ServiceFile("service.proto", "ord", "name")}));
  testing::TemporaryDirectory directory;
  const std::string policy =
      WriteFile(directory, "policy.yaml", "access: {default: allow}\nmasks: [{name: m, fields: [\"*.card\"]}]\n");
  Rig rig({}, Methods::kUnknown, Between(silent, ord, policy));
  CHECK(CodeWithin(rig, kOrdGet, std::chrono::seconds(9)) == grpc::StatusCode::OK);
}

TEST_CASE("an upstream that tells too much is told so, and what it said before stays") {
  // Each file imports the next, and there is no end to them.
  std::atomic<int> asked{0};
  const auto endless = [&](ScriptedCall& call) {
    while (const std::optional<std::string> bytes = call.Read()) {
      rpb::ServerReflectionRequest question;
      rpb::ServerReflectionResponse answer;
      question.ParseFromString(*bytes);
      if (question.has_list_services()) {
        answer.mutable_list_services_response()->add_service()->set_name("a.A");
      } else {
        const int number = ++asked;
        pb::FileDescriptorProto file;
        file.set_name(absl::StrCat(number, ".proto"));
        file.add_dependency(absl::StrCat(number + 1, ".proto"));
        // So that it does not take long to come to the end.
        file.mutable_options()->set_go_package(std::string(1 << 20, 'x'));
        answer.mutable_file_descriptor_response()->add_file_descriptor_proto(file.SerializeAsString());
      }
      if (!call.Write(answer.SerializeAsString())) break;
    }
    return grpc::Status::OK;
  };
  ScriptedServer server({{kV1, endless}});
  UpstreamOptions options = testing::OptionsFor(server.address(), "unused").upstreams[0];
  const auto upstream = *Upstream::Create(options);
  CHECK(absl::IsResourceExhausted(FetchFiles(*upstream, absl::Seconds(60)).status()));
  CHECK(asked < 30);
}

}  // namespace
}  // namespace sallyport::gateway
