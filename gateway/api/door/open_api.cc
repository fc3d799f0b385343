#include "gateway/api/door/open_api.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gateway/api/door/open_api_schema.h"

namespace sallyport::gateway {
namespace {

using google::protobuf::MethodDescriptor;
using google::protobuf::ServiceDescriptor;
using Json = OpenApiSchemas::Json;

constexpr char kError[] = "connect.Error";
constexpr char kErrorReference[] = "#/components/schemas/connect.Error";

Json ErrorSchema() {
  const Json text = {{"type", "string"}};
  const Json code = {{"type", "string"},
                     {"enum",
                      {"canceled", "unknown", "invalid_argument", "deadline_exceeded", "not_found", "already_exists",
                       "permission_denied", "resource_exhausted", "failed_precondition", "aborted", "out_of_range",
                       "unimplemented", "internal", "unavailable", "data_loss", "unauthenticated"}}};
  Json detail = {{"type", "object"},
                 {"description", "A detail of google.rpc.Status."},
                 {"properties",
                  {{"type", {{"type", "string"}, {"description", "The message's name, such as google.rpc.ErrorInfo."}}},
                   {"value", {{"type", "string"}, {"description", "The message in base64, without padding."}}},
                   {"debug", {{"description", "The same in JSON."}}}}}};
  return {{"type", "object"},
          {"description", "Why a call failed."},
          {"properties", {{"code", code}, {"message", text}, {"details", {{"type", "array"}, {"items", detail}}}}},
          {"required", {"code"}}};
}

Json Content(const char* type, Json schema) { return {{type, {{"schema", std::move(schema)}}}}; }

Json Operation(const MethodDescriptor& method, OpenApiSchemas& schemas) {
  const bool streams = method.server_streaming();
  // Connect frames what is streamed, so that it is not the message alone.
  const char* const type = streams ? "application/connect+json" : "application/json";
  std::string comment = CommentOf(method);
  if (streams) {
    absl::StrAppend(
        &comment, comment.empty() ? "" : " ",
        "The answer is a stream: request and answers are framed as Connect says, each message with a byte of "
        "flags and its length in four.");
  }
  Json operation = {{"operationId", absl::StrCat(method.service()->name(), "_", method.name())},
                    {"tags", {method.service()->full_name()}},
                    {"summary", method.name()}};
  if (!comment.empty()) operation["description"] = std::move(comment);
  operation["requestBody"] = {{"required", true}, {"content", Content(type, schemas.Use(*method.input_type()))}};
  operation["responses"] = {
      {"200", {{"description", "What was asked for."}, {"content", Content(type, schemas.Use(*method.output_type()))}}},
      {"default",
       {{"description", "Why there is no answer."},
        {"content", Content("application/json", {{"$ref", kErrorReference}})}}}};
  return operation;
}

// Connect's GET of what has no side effects.
Json SafeOperation(const MethodDescriptor& method, Json post) {
  const auto parameter = [](const char* name, bool required, Json schema, const char* about) {
    return Json{
        {"name", name}, {"in", "query"}, {"required", required}, {"schema", std::move(schema)}, {"description", about}};
  };
  post.erase("requestBody");
  post["operationId"] = absl::StrCat(method.service()->name(), "_", method.name(), "_Get");
  post["parameters"] = {
      parameter("encoding", true, {{"type", "string"}, {"enum", {"json", "proto"}}}, "What the message is."),
      parameter("message", true, {{"type", "string"}}, "The request."),
      parameter("base64", false, {{"type", "string"}, {"enum", {"1"}}}, "The message is base64url."),
      parameter("compression", false, {{"type", "string"}, {"enum", {"gzip", "identity"}}}, "How it is compressed."),
      parameter("connect", false, {{"type", "string"}, {"enum", {"v1"}}}, "The protocol's version.")};
  return post;
}

Json PathsOf(const ServiceDescriptor& service, OpenApiSchemas& schemas) {
  Json paths = Json::object();
  for (int i = 0; i < service.method_count(); ++i) {
    const MethodDescriptor& method = *service.method(i);
    Json operation = Operation(method, schemas);
    Json& path = paths[absl::StrCat("/", service.full_name(), "/", method.name())];
    if (!method.server_streaming() &&
        method.options().idempotency_level() == google::protobuf::MethodOptions::NO_SIDE_EFFECTS) {
      path["get"] = SafeOperation(method, operation);
    }
    path["post"] = std::move(operation);
  }
  return paths;
}

}  // namespace

absl::StatusOr<std::string> MakeOpenApi(const std::vector<std::string>& services, std::string_view descriptor_set) {
  google::protobuf::FileDescriptorSet set;
  if (!set.ParseFromArray(descriptor_set.data(), static_cast<int>(descriptor_set.size()))) {
    return absl::InvalidArgumentError("the descriptors of the services are damaged");
  }
  google::protobuf::DescriptorPool pool;
  for (const auto& file : set.file()) {
    if (pool.BuildFile(file) == nullptr) {
      return absl::InvalidArgumentError(absl::StrCat("the descriptors of ", file.name(), " are not in order"));
    }
  }
  OpenApiSchemas schemas;
  Json paths = Json::object();
  Json tags = Json::array();
  for (const std::string& name : services) {
    const ServiceDescriptor* const service = pool.FindServiceByName(name);
    if (service == nullptr) return absl::InvalidArgumentError(absl::StrCat("no descriptors have ", name));
    paths.update(PathsOf(*service, schemas));
    tags.push_back({{"name", name}, {"description", CommentOf(*service)}});
  }
  Json components = schemas.Take();
  components[kError] = ErrorSchema();
  const Json page = {
      {"openapi", "3.1.0"},
      {"info",
       {{"title", "Sallyport"}, {"version", "1"}, {"description", "The record of calls, for those who may see it."}}},
      {"servers", {{{"url", "/"}}}},
      {"security", {{{"bearer", Json::array()}}}},
      {"tags", std::move(tags)},
      {"paths", std::move(paths)},
      {"components",
       {{"schemas", std::move(components)},
        {"securitySchemes",
         {{"bearer",
           {{"type", "http"},
            {"scheme", "bearer"},
            {"description", "A token, or an API key, that the gateway takes."}}}}}}}};
  return page.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace sallyport::gateway
