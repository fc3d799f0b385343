#include "gateway/admin/admin_server.h"

#include <spdlog/spdlog.h>

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace sallyport::gateway {
namespace {

// Few, for they are taken from the descriptors that callers' connections leave for other things
// (listener/descriptor_limit.h).
constexpr size_t kMostConnections = 20;

// What stands before the query, with its escapes resolved.
std::string PathOf(const std::string& target) {
  const std::string escaped = target.substr(0, target.find_first_of("?#"));
  std::string path;
  for (size_t i = 0; i < escaped.size(); ++i) {
    const bool hex = escaped[i] == '%' && i + 2 < escaped.size() &&
                     absl::ascii_isxdigit(static_cast<unsigned char>(escaped[i + 1])) &&
                     absl::ascii_isxdigit(static_cast<unsigned char>(escaped[i + 2]));
    path += hex ? absl::HexStringToBytes(escaped.substr(i + 1, 2)) : escaped.substr(i, 1);
    if (hex) i += 2;
  }
  return path;
}

HttpAnswer Answer(const AdminServer::Handlers& handlers, const ReceivedRequest& request) {
  const auto handler = handlers.find(PathOf(request.target));
  const bool read = request.method == "GET" || request.method == "HEAD";
  HttpAnswer answer;
  if (handler == handlers.end() || !read) {
    answer.status = handler == handlers.end() ? 404 : 405;
    if (!read) answer.headers.emplace_back("Allow", "GET, HEAD");
    return answer;
  }
  AdminAnswer made = handler->second();
  const int64_t seconds = absl::ToInt64Seconds(made.cacheable);
  answer.status = made.status;
  answer.headers.emplace_back("Cache-Control", seconds > 0 ? absl::StrCat("public, max-age=", seconds) : "no-store");
  answer.headers.emplace_back("Content-Type", std::move(made.content_type));
  answer.body = std::move(made.body);
  return answer;
}

}  // namespace

AdminServer::AdminServer(std::unique_ptr<HttpServer> server) : server_(std::move(server)) {}

absl::StatusOr<std::unique_ptr<AdminServer>> AdminServer::Start(const std::string& address, Handlers handlers) {
  HttpServerOptions options;
  options.name = "the admin endpoint";
  options.most_connections = kMostConnections;
  absl::StatusOr<std::unique_ptr<HttpServer>> server =
      HttpServer::Start(address, std::move(options), [handlers = std::move(handlers)](const auto& exchange) {
        exchange->Answer(Answer(handlers, exchange->request()));
      });
  if (!server.ok()) return server.status();
  if (!(*server)->IsLoopback()) {
    spdlog::warn("the admin endpoint on {} can be reached from other machines: let only those who must", address);
  }
  return std::unique_ptr<AdminServer>(new AdminServer(*std::move(server)));
}

}  // namespace sallyport::gateway
