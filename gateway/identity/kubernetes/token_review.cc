#include "gateway/identity/kubernetes/token_review.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gateway/files/small_file.h"
#include "gateway/identity/jwt/strict_json.h"
#include "gateway/identity/jwt/token_fault.h"
#include "gateway/identity/printable_text.h"

namespace sallyport::gateway {
namespace {

using nlohmann::json;

constexpr int kOk = 200;
constexpr int kCreated = 201;
constexpr size_t kMostNameBytes = 512;
constexpr size_t kMostGroups = 256;

// A list of text; empty if it is anything else.
std::vector<std::string> TextList(const json& object, const char* name) {
  std::vector<std::string> list;
  const auto member = object.find(name);
  if (member == object.end() || !member->is_array()) return list;
  for (const json& element : *member) {
    if (element.is_string()) list.push_back(element.get<std::string>());
  }
  return list;
}

const json* Object(const json& object, const char* name) {
  const auto member = object.find(name);
  return member != object.end() && member->is_object() ? &*member : nullptr;
}

}  // namespace

TokenReviewer::TokenReviewer(TokenReviewOptions options, std::vector<std::string> audiences,
                             std::vector<std::unique_ptr<HttpClient>> clients)
    : options_(std::move(options)), audiences_(std::move(audiences)), clients_(std::move(clients)) {}

TokenReviewer::~TokenReviewer() = default;

absl::Status TokenReviewer::Ask(const TokenCache::Key& id, std::string_view token, Done done) {
  const std::lock_guard lock(mutex_);
  if (stopping_ || waiting_ >= kMostWaiting) {
    return absl::UnavailableError("too many tokens wait to be reviewed; try again later");
  }
  const auto [question, added] = questions_.try_emplace(id);
  if (added) {
    question->second.token = token;
    unasked_.push_back(id);
    changed_.notify_one();
  }
  question->second.waiting.push_back(std::move(done));
  ++waiting_;
  return absl::OkStatus();
}

void TokenReviewer::Start() {
  for (const std::unique_ptr<HttpClient>& client : clients_) {
    threads_.emplace_back([this, &client] { Run(*client); });
  }
}

void TokenReviewer::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  for (const std::unique_ptr<HttpClient>& client : clients_) client->Cancel();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  absl::flat_hash_map<TokenCache::Key, Question, SeededHash> questions;
  {
    const std::lock_guard lock(mutex_);
    questions.swap(questions_);
    unasked_.clear();
    waiting_ = 0;
  }
  for (auto& [id, question] : questions) {
    for (Done& done : question.waiting) done(absl::UnavailableError("tokens are not reviewed any more"));
  }
}

void TokenReviewer::Run(HttpClient& client) {
  while (true) {
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stopping_ || !unasked_.empty(); });
      if (stopping_) return;
    }
    AskNext(client);
  }
}

bool TokenReviewer::AskNext(HttpClient& client) {
  TokenCache::Key id;
  std::string token;
  {
    const std::lock_guard lock(mutex_);
    if (unasked_.empty()) return false;
    id = unasked_.front();
    unasked_.pop_front();
    token = std::move(questions_[id].token);
  }
  const ReviewResult result = Review(client, token);
  std::vector<Done> waiting;
  {
    const std::lock_guard lock(mutex_);
    const auto question = questions_.find(id);
    waiting = std::move(question->second.waiting);
    questions_.erase(question);
    waiting_ -= waiting.size();
  }
  Note(result);
  for (Done& done : waiting) done(result);
  return true;
}

ReviewResult TokenReviewer::Review(HttpClient& client, const std::string& token) const {
  absl::StatusOr<std::string> own = ReadTokenFile(options_.token_file);
  if (!own.ok()) return absl::UnavailableError(own.status().message());
  HttpRequest request;
  request.method = HttpMethod::kPost;
  request.url = absl::StrCat(options_.url, "/apis/authentication.k8s.io/v1/tokenreviews");
  request.headers = {{"Accept", "application/json"},
                     {"Content-Type", "application/json"},
                     {"Authorization", absl::StrCat("Bearer ", *own)}};
  request.body = json{{"apiVersion", "authentication.k8s.io/v1"},
                      {"kind", "TokenReview"},
                      {"spec", {{"token", token}, {"audiences", audiences_}}}}
                     .dump();
  absl::StatusOr<HttpResponse> response = client.Send(request);
  if (!response.ok()) return absl::UnavailableError(response.status().message());
  return ReadAnswer(*response);
}

ReviewResult TokenReviewer::ReadAnswer(const HttpResponse& response) const {
  const auto nonsense = [this](absl::string_view what) {
    return absl::UnavailableError(absl::StrCat(PublicPart(options_.url), ": the TokenReview ", what));
  };
  if (response.status != kOk && response.status != kCreated) return nonsense(UnexpectedAnswer(response).message());
  absl::StatusOr<json> answer = ParseStrictObject(response.body);
  if (!answer.ok()) return nonsense(answer.status().message());
  const json* status = Object(*answer, "status");
  if (status == nullptr) return nonsense("has no status");
  const auto authenticated = status->find("authenticated");
  if (authenticated == status->end() || *authenticated != true) {
    return Refuse(TokenFault::kRevoked, "the token does not stand any more, says Kubernetes");
  }
  // Kubernetes asks its clients to look: a server that knows no audiences would let tokens for others pass.
  const std::vector<std::string> audiences = TextList(*status, "audiences");
  if (std::find_first_of(audiences.begin(), audiences.end(), audiences_.begin(), audiences_.end()) == audiences.end()) {
    return Refuse(TokenFault::kAudience, "the token is for somebody else, says Kubernetes");
  }
  const json* user = Object(*status, "user");
  const auto username = user == nullptr ? status->end() : user->find("username");
  if (user == nullptr || username == user->end() || !username->is_string()) return nonsense("names nobody");
  ReviewedToken reviewed{username->get<std::string>(), TextList(*user, "groups")};
  const auto unfit = [](const std::string& name) { return !IsPrintable(name, kMostNameBytes); };
  if (reviewed.groups.size() > kMostGroups || std::any_of(reviewed.groups.begin(), reviewed.groups.end(), unfit)) {
    return nonsense("names groups that cannot be taken");
  }
  return reviewed;
}

void TokenReviewer::Note(const ReviewResult& result) {
  const bool failed = absl::IsUnavailable(result.status());
  {
    const std::lock_guard lock(mutex_);
    if (failed == failing_ || stopping_) return;
    failing_ = failed;
  }
  if (failed) {
    spdlog::warn("tokens cannot be reviewed: {}", std::string(result.status().message()));
  } else {
    spdlog::info("tokens are reviewed again by {}", PublicPart(options_.url));
  }
}

}  // namespace sallyport::gateway
