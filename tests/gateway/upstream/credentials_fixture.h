// What tests of credentials fetch with: a runner that waits to be told, a clock that stands still, a scripted HTTP
// client.
#ifndef SALLYPORT_TESTS_GATEWAY_UPSTREAM_CREDENTIALS_FIXTURE_H_
#define SALLYPORT_TESTS_GATEWAY_UPSTREAM_CREDENTIALS_FIXTURE_H_

#include <catch2/catch.hpp>
#include <deque>
#include <fstream>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "gateway/http/http_client.h"
#include "gateway/upstream/credentials/refreshed_secret.h"

namespace sallyport::gateway {

// Keeps tasks until the test lets them run, on the test's own thread.
class HeldRunner final : public FetchRunner {
 public:
  bool Run(absl::AnyInvocable<void() &&> task) override {
    if (full) return false;
    tasks_.push_back(std::move(task));
    return true;
  }
  size_t held() const { return tasks_.size(); }
  void RunOne() {
    REQUIRE_FALSE(tasks_.empty());
    absl::AnyInvocable<void()&&> task = std::move(tasks_.front());
    tasks_.pop_front();
    std::move(task)();
  }

  bool full = false;

 private:
  std::deque<absl::AnyInvocable<void() &&>> tasks_;
};

struct HeldClock {
  absl::Time now = absl::FromUnixSeconds(1'800'000'000);
  std::function<absl::Time()> function() {
    return [this] { return now; };
  }
};

inline SharedSecret Secret(std::string text) { return std::make_shared<const recorder::SecretText>(std::move(text)); }

// What a result holds, or its error's code and message.
inline std::string Text(const absl::StatusOr<SharedSecret>& secret) {
  return secret.ok() ? std::string((*secret)->view()) : secret.status().ToString();
}

inline bool Contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

inline void WriteFile(const std::string& path, std::string_view text) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
}

// Answers in turn as it was told, and remembers what was asked.
struct HttpScript {
  std::deque<std::function<absl::StatusOr<HttpResponse>(const HttpRequest&)>> answers;
  std::vector<HttpRequest> requests;

  void Say(int status, const std::string& body) {
    answers.push_back([=](const HttpRequest&) -> absl::StatusOr<HttpResponse> {
      return HttpResponse{status, "application/json", body};
    });
  }
  void Fail(const absl::Status& status) {
    answers.push_back([=](const HttpRequest&) -> absl::StatusOr<HttpResponse> { return status; });
  }
  std::string HeaderOf(size_t request, std::string_view name) const {
    for (const auto& [key, value] : requests.at(request).headers) {
      if (key == name) return value;
    }
    return "";
  }
};

class ScriptedHttp final : public HttpClient {
 public:
  explicit ScriptedHttp(HttpScript& script) : script_(script) {}
  absl::StatusOr<HttpResponse> Send(const HttpRequest& request) override {
    script_.requests.push_back(request);
    REQUIRE_FALSE(script_.answers.empty());
    auto answer = std::move(script_.answers.front());
    script_.answers.pop_front();
    return answer(script_.requests.back());
  }
  void Cancel() override {}

 private:
  HttpScript& script_;
};

inline std::vector<std::unique_ptr<HttpClient>> ClientsOf(HttpScript& script, size_t count = 1) {
  std::vector<std::unique_ptr<HttpClient>> clients;
  for (size_t i = 0; i < count; ++i) clients.push_back(std::make_unique<ScriptedHttp>(script));
  return clients;
}

}  // namespace sallyport::gateway

#endif  // SALLYPORT_TESTS_GATEWAY_UPSTREAM_CREDENTIALS_FIXTURE_H_
