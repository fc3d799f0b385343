// The door by itself, as npm's clients, buf and curl meet it: tests/integration/audit/clients.js, which
// audit_clients_test has hold a whole gateway to the same.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "absl/strings/str_cat.h"
#include "gateway/api/door/door_error.h"
#include "sallyport/v1/audit.pb.h"
#include "tests/gateway/api/door/door_rig.h"
#include "tests/skipped.h"

namespace sallyport::gateway {
namespace {

using testing::DoorRig;
using testing::Script;
using testing::SeenCall;

Script Failing(const absl::Status& status) {
  const DoorError error = OwnError(status, "SCRIPTED");
  Script script;
  script.status = grpc::Status(static_cast<grpc::StatusCode>(error.code), error.message, error.details);
  return script;
}

// As the service does: nobody is let in without a token, and a stranger has no role.
Script Answering(DoorRig& rig, const SeenCall& call) {
  const std::string token = rig.VisitorOf(call).authorization.value_or("");
  if (token.empty()) return Failing(absl::UnauthenticatedError("who is it?"));
  if (call.method == "/sallyport.v1.Audit/Whoami") return {{}, {v1::WhoamiResponse().SerializeAsString()}, {}, {}};
  if (token == "Bearer stranger") return Failing(absl::PermissionDeniedError("no role"));
  if (call.method == "/sallyport.v1.Audit/TailCalls") {
    v1::TailCallsResponse said;
    said.mutable_following()->set_written(true);
    Script script{{}, {said.SerializeAsString()}, {}, {}};
    script.holds = true;
    return script;
  }
  v1::SearchCallsRequest request;
  if (!request.ParseFromString(call.request)) return Failing(absl::InternalError("no request"));
  if (!request.page_token().empty()) return Failing(absl::InvalidArgumentError("a page token of nobody's"));
  v1::SearchCallsResponse response;
  response.add_calls()->set_id(std::string(3000, 'a'));
  return {{}, {response.SerializeAsString()}, {}, {}};
}

TEST_CASE("npm's clients, buf and curl understand the door in all their protocols and codecs") {
  if (!std::filesystem::exists(SALLYPORT_AUDIT_CLIENTS "/node_modules")) {
    return sallyport::testing::Skip("tests/install_node_packages.sh has not been run");
  }
  DoorRig rig({});
  rig.api().chooses = [&rig](const SeenCall& call) { return Answering(rig, call); };
  const std::string command = absl::StrCat("node " SALLYPORT_AUDIT_CLIENTS "/clients.js ", rig.door().address(),
                                           R"( '{"": 16, "stranger": 7, "auditor": 0}')");
  CHECK(std::system(command.c_str()) == 0);  // NOLINT(concurrency-mt-unsafe): nothing else changes the environment
  CHECK(rig.api().Await([](testing::ScriptedApi& api) { return api.cancelled > 0; }));  // tails that were left
}

}  // namespace
}  // namespace sallyport::gateway
