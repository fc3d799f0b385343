#include "gateway/reflection/refresher.h"

#include <google/protobuf/descriptor.pb.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <deque>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "grpc/reflection/v1/reflection.pb.h"

namespace sallyport::gateway {
namespace {

namespace rpb = grpc::reflection::v1;

constexpr size_t kMostBytes = 64 << 20;
constexpr size_t kMostFiles = 20'000;
constexpr absl::Duration kLongestRetry = absl::Minutes(1);
constexpr absl::Duration kAskTimeout = absl::Seconds(10);

// The two versions differ in their package only, so the messages of one serve both.
constexpr const char* kMethods[] = {"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
                                    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"};

// What the upstream is shown by the gateway on its own account: what callers in no group get. Null if nothing. Blocks.
absl::StatusOr<UpstreamCredentials::Shown> OwnCredentials(Upstream& upstream, absl::Time deadline) {
  if (upstream.credentials() == nullptr) return UpstreamCredentials::Shown();
  struct Later {
    absl::Notification told;
    absl::StatusOr<UpstreamCredentials::Shown> shown;
  };
  auto later = std::make_shared<Later>();
  CallerView gateway;
  gateway.subject = "sallyport";
  auto shown = upstream.credentials()->Get(gateway, absl::Now(), [later](auto result) {
    later->shown = std::move(result);
    later->told.Notify();
  });
  if (shown.has_value()) return *std::move(shown);
  if (!later->told.WaitForNotificationWithDeadline(deadline)) {
    return absl::DeadlineExceededError("the gateway's credentials did not come in time");
  }
  return later->shown;
}

// One reflection stream, asked and answered in turns by one thread.
class ReflectionStream {
 public:
  ReflectionStream(Upstream& upstream, const char* method, const UpstreamCredentials::Shown& credentials,
                   absl::Time deadline, AskCancel* cancel)
      : lease_(upstream.Own()), credentials_(credentials), scope_(cancel, &context_) {
    context_.set_deadline(absl::ToChronoTime(deadline));
    if (credentials_ != nullptr) {
      for (const ShownCredentials::Pair& pair : credentials_->pairs()) {
        context_.AddMetadata(*pair.name, std::string(pair.credential.value->view()));
      }
    }
    stream_ = lease_.stub().PrepareCall(&context_, method, &queue_);
    stream_->StartCall(this);
    started_ = Next();
  }

  ~ReflectionStream() {
    context_.TryCancel();
    if (!finished_) Finish();
    queue_.Shutdown();
    void* tag = nullptr;
    bool ok = false;
    while (queue_.Next(&tag, &ok)) {
    }
  }

  absl::StatusOr<rpb::ServerReflectionResponse> Ask(const rpb::ServerReflectionRequest& question) {
    grpc::ByteBuffer request;
    bool own_buffer = false;
    grpc::Status encoded =
        grpc::GenericSerialize<grpc::ProtoBufferWriter, rpb::ServerReflectionRequest>(question, &request, &own_buffer);
    if (!encoded.ok()) return absl::InternalError(encoded.error_message());
    if (started_) {
      stream_->Write(request, this);
      if (Next()) {
        grpc::ByteBuffer answer;
        stream_->Read(&answer, this);
        if (Next()) return Decode(&answer);
      }
    }
    grpc::Status status = Finish();
    if (status.ok()) return absl::UnavailableError("the upstream ended the reflection stream without an answer");
    return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
  }

 private:
  static absl::StatusOr<rpb::ServerReflectionResponse> Decode(grpc::ByteBuffer* bytes) {
    rpb::ServerReflectionResponse response;
    grpc::Status decoded =
        grpc::GenericDeserialize<grpc::ProtoBufferReader, rpb::ServerReflectionResponse>(bytes, &response);
    if (!decoded.ok()) return absl::DataLossError("the upstream's reflection answer does not parse");
    if (response.has_error_response()) {
      return absl::NotFoundError(absl::StrCat("reflection: ", response.error_response().error_message()));
    }
    return response;
  }

  bool Next() {
    void* tag = nullptr;
    bool ok = false;
    return queue_.Next(&tag, &ok) && ok;
  }

  grpc::Status Finish() {
    grpc::Status status;
    stream_->Finish(&status, this);
    Next();
    finished_ = true;
    if (credentials_ != nullptr && status.error_code() == grpc::StatusCode::UNAUTHENTICATED) {
      credentials_->OnRejected(absl::Now());
    }
    return status;
  }

  const StreamLease lease_;
  const UpstreamCredentials::Shown credentials_;
  grpc::ClientContext context_;
  const AskCancel::Scope scope_;
  grpc::CompletionQueue queue_;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> stream_;
  bool started_ = false;
  bool finished_ = false;
};

// Adds the files of one answer that are not there yet, and what they import to `wanted`.
absl::Status TakeFiles(const rpb::ServerReflectionResponse& answer, google::protobuf::FileDescriptorSet* files,
                       std::set<std::string>* names, std::deque<std::string>* wanted, size_t* bytes) {
  for (const std::string& serialized : answer.file_descriptor_response().file_descriptor_proto()) {
    google::protobuf::FileDescriptorProto file;
    if (!file.ParseFromString(serialized)) return absl::DataLossError("a file descriptor does not parse");
    if (!names->insert(file.name()).second) continue;
    *bytes += serialized.size();
    if (*bytes > kMostBytes || names->size() > kMostFiles) {
      return absl::ResourceExhaustedError("the upstream's descriptors are larger than 64 MiB or 20,000 files");
    }
    for (const std::string& import : file.dependency()) wanted->push_back(import);
    *files->add_file() = std::move(file);
  }
  return absl::OkStatus();
}

absl::StatusOr<google::protobuf::FileDescriptorSet> FetchFiles(ReflectionStream& stream) {
  rpb::ServerReflectionRequest question;
  question.set_list_services("*");
  absl::StatusOr<rpb::ServerReflectionResponse> services = stream.Ask(question);
  if (!services.ok()) return services.status();
  google::protobuf::FileDescriptorSet files;
  std::set<std::string> names;
  std::deque<std::string> wanted;
  size_t bytes = 0;
  for (const rpb::ServiceResponse& service : services->list_services_response().service()) {
    question.set_file_containing_symbol(service.name());
    absl::StatusOr<rpb::ServerReflectionResponse> answer = stream.Ask(question);
    // A server may list a service whose file it does not have: the others are still worth knowing.
    if (absl::IsNotFound(answer.status())) continue;
    if (!answer.ok()) return answer.status();
    if (absl::Status taken = TakeFiles(*answer, &files, &names, &wanted, &bytes); !taken.ok()) return taken;
  }
  for (; !wanted.empty(); wanted.pop_front()) {
    if (names.contains(wanted.front())) continue;
    question.set_file_by_filename(wanted.front());
    absl::StatusOr<rpb::ServerReflectionResponse> answer = stream.Ask(question);
    if (!answer.ok()) return answer.status();
    if (absl::Status taken = TakeFiles(*answer, &files, &names, &wanted, &bytes); !taken.ok()) return taken;
  }
  return files;
}

}  // namespace

void AskCancel::Cancel() {
  absl::MutexLock lock(&mutex_);
  cancelled_ = true;
  if (context_ != nullptr) context_->TryCancel();
}

AskCancel::Scope::Scope(AskCancel* cancel, grpc::ClientContext* context) : cancel_(cancel) {
  if (cancel_ == nullptr) return;
  absl::MutexLock lock(&cancel_->mutex_);
  cancel_->context_ = context;
  if (cancel_->cancelled_) context->TryCancel();
}

AskCancel::Scope::~Scope() {
  if (cancel_ == nullptr) return;
  absl::MutexLock lock(&cancel_->mutex_);
  cancel_->context_ = nullptr;
}

absl::StatusOr<std::shared_ptr<const policy::Descriptors>> FetchDescriptors(Upstream& upstream, absl::Duration timeout,
                                                                            AskCancel* cancel) {
  absl::Time deadline = absl::Now() + timeout;
  absl::StatusOr<UpstreamCredentials::Shown> credentials = OwnCredentials(upstream, deadline);
  if (!credentials.ok()) return credentials.status();
  absl::Status status;
  for (const char* method : kMethods) {
    ReflectionStream stream(upstream, method, *credentials, deadline, cancel);
    absl::StatusOr<google::protobuf::FileDescriptorSet> files = FetchFiles(stream);
    if (files.ok()) {
      std::vector<std::string> left_out;
      auto descriptors =
          policy::Descriptors::Create(*files, absl::StrCat("reflection of upstream ", upstream.name()), &left_out);
      for (const std::string& file : left_out) spdlog::error("descriptors: {}", file);
      return descriptors;
    }
    status = files.status();
    if (!absl::IsUnimplemented(status)) break;
  }
  return status;
}

ReflectionRefresher::ReflectionRefresher(MethodCatalog* catalog) : catalog_(catalog) {
  thread_ = std::thread([this] { Run(); });
}

ReflectionRefresher::~ReflectionRefresher() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  cancel_.Cancel();
  thread_.join();
  std::list<Asked> left;
  {
    absl::MutexLock lock(&mutex_);
    left.swap(asked_);
  }
  for (Asked& asked : left) {
    for (Done& done : asked.waiting) done();
  }
}

std::string ReflectionRefresher::SourceName(const std::string& upstream) {
  return absl::StrCat("reflection of ", upstream);
}

void ReflectionRefresher::SetSources(const std::vector<Source>& sources) {
  std::list<Asked> gone;
  {
    absl::MutexLock taking(&taking_);
    absl::MutexLock lock(&mutex_);
    gone.swap(asked_);
    for (const Source& source : sources) {
      const auto former = std::find_if(gone.begin(), gone.end(),
                                       [&](const Asked& asked) { return asked.source.upstream == source.upstream; });
      if (former != gone.end()) {
        asked_.splice(asked_.end(), gone, former);
      } else {
        asked_.emplace_back();
      }
      asked_.back().source = source;
      asked_.back().due = std::min(asked_.back().due, absl::Now() + source.interval);
    }
    woken_ = true;
  }
  for (Asked& asked : gone) {
    for (Done& done : asked.waiting) done();
  }
}

bool ReflectionRefresher::AskSoon(const Upstream& upstream, Done done) {
  absl::MutexLock lock(&mutex_);
  Asked* const asked = Find(&upstream);
  if (asked == nullptr || asked->not_offered || stopping_) return false;
  if (asked->waiting.empty() && !asked->asking) {
    if (absl::Now() - asked->last < kLeastPause) return false;
    asked->due = absl::InfinitePast();
    woken_ = true;
  }
  if (done != nullptr) asked->waiting.push_back(std::move(done));
  return true;
}

ReflectionRefresher::Asked* ReflectionRefresher::Find(const Upstream* upstream) {
  const auto found = std::find_if(asked_.begin(), asked_.end(),
                                  [upstream](const Asked& asked) { return asked.source.upstream == upstream; });
  return found == asked_.end() ? nullptr : &*found;
}

void ReflectionRefresher::Run() {
  while (true) {
    Source source;
    {
      absl::MutexLock lock(&mutex_);
      const auto next =
          std::min_element(asked_.begin(), asked_.end(), [](const Asked& a, const Asked& b) { return a.due < b.due; });
      const absl::Time due = next == asked_.end() ? absl::InfiniteFuture() : next->due;
      woken_ = false;
      if (mutex_.AwaitWithDeadline(absl::Condition(this, &ReflectionRefresher::Woken), due)) {
        if (stopping_) return;
        continue;
      }
      next->asking = true;
      next->last = absl::Now();
      source = next->source;
    }
    Ask(source);
  }
}

void ReflectionRefresher::Ask(const Source& source) {
  absl::StatusOr<std::shared_ptr<const policy::Descriptors>> descriptors =
      FetchDescriptors(*source.upstream, kAskTimeout, &cancel_);
  std::vector<Done> waiting;
  {
    absl::MutexLock taking(&taking_);
    {
      absl::MutexLock lock(&mutex_);
      if (Find(source.upstream) == nullptr) return;
    }
    absl::Status status = descriptors.status();
    if (status.ok()) status = catalog_->Update(SourceName(source.upstream->name()), *std::move(descriptors));
    absl::MutexLock lock(&mutex_);
    Asked* const asked = Find(source.upstream);
    asked->asking = false;
    if (!stopping_) Note(*asked, status);
    waiting.swap(asked->waiting);
  }
  for (Done& done : waiting) done();
}

void ReflectionRefresher::Note(Asked& asked, const absl::Status& status) {
  const Upstream& upstream = *asked.source.upstream;
  asked.not_offered = absl::IsUnimplemented(status);
  if (status.ok()) {
    asked.retry = absl::Seconds(1);
    asked.due = absl::Now() + asked.source.interval;
    asked.last_error.clear();
    return;
  }
  const std::string error(status.message());
  if (error != asked.last_error) {
    if (asked.not_offered && asked.source.optional) {
      spdlog::info("upstream {} offers no reflection: give --descriptors to see decoded frames", upstream.name());
    } else {
      spdlog::warn("descriptors of upstream {}: {}", upstream.name(), status.ToString());
    }
    asked.last_error = error;
  }
  asked.due = absl::Now() + (asked.not_offered ? asked.source.interval : asked.retry);
  asked.retry = std::min(asked.retry * 2, kLongestRetry);
}

}  // namespace sallyport::gateway
