#include "gateway/reflection/refresher.h"

#include <google/protobuf/descriptor.pb.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <deque>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/functional/function_ref.h"
#include "absl/hash/hash.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "grpc/reflection/v1/reflection.pb.h"
#include "policy/descriptors/reflected_bounds.h"

namespace sallyport::gateway {
namespace {

namespace rpb = grpc::reflection::v1;

// Of answers, most of which servers repeat.
constexpr size_t kMostAnswerBytes = size_t{256} << 20;
constexpr size_t kMostQuestions = 2 * policy::ReflectedBounds::kMostFiles;
// Of streams that the upstream ends instead of saying that it does not have a file.
constexpr int kMostStreams = 16;
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

  // The stream has come to its end: nothing more can be asked on it.
  bool ended() const { return finished_; }

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

// Asks for everything that an upstream lists, and for what that imports, over as many streams as it takes.
class FileCollector {
 public:
  using NewStream = absl::FunctionRef<std::unique_ptr<ReflectionStream>()>;
  explicit FileCollector(NewStream new_stream) : new_stream_(new_stream), stream_(new_stream()) {}

  absl::StatusOr<google::protobuf::FileDescriptorSet> Collect() {
    rpb::ServerReflectionRequest question;
    question.set_list_services("*");
    const absl::StatusOr<rpb::ServerReflectionResponse> services = stream_->Ask(question);
    if (!services.ok()) return services.status();
    for (const rpb::ServiceResponse& service : services->list_services_response().service()) {
      question.set_file_containing_symbol(service.name());
      if (absl::Status status = AskFor(question); !status.ok()) return status;
    }
    for (; !wanted_.empty(); wanted_.pop_front()) {
      if (names_.contains(wanted_.front())) continue;
      question.set_file_by_filename(wanted_.front());
      if (absl::Status status = AskFor(question); !status.ok()) return status;
    }
    return std::move(files_);
  }

 private:
  // A server may list a service whose file it does not have, and name imports that it does not have: what does not need
  // them is still worth knowing.
  absl::Status AskFor(const rpb::ServerReflectionRequest& question) {
    if (++questions_ > kMostQuestions)
      return absl::ResourceExhaustedError("the upstream's files do not come to an end");
    const absl::StatusOr<rpb::ServerReflectionResponse> answer = stream_->Ask(question);
    if (answer.ok()) return TakeFiles(*answer);
    if (absl::IsDeadlineExceeded(answer.status()) || absl::IsCancelled(answer.status())) return answer.status();
    if (!stream_->ended()) return absl::OkStatus();
    if (++streams_ >= kMostStreams) return answer.status();
    stream_ = nullptr;  // there is one at a time
    stream_ = new_stream_();
    return absl::OkStatus();
  }

  absl::Status TakeFiles(const rpb::ServerReflectionResponse& answer) {
    answer_bytes_ += answer.ByteSizeLong();
    if (answer_bytes_ > kMostAnswerBytes) {
      return absl::ResourceExhaustedError(
          absl::StrCat("the upstream's answers are more than ", kMostAnswerBytes >> 20, " MiB"));
    }
    for (const std::string& serialized : answer.file_descriptor_response().file_descriptor_proto()) {
      if (!seen_.insert(absl::HashOf(serialized)).second) continue;
      absl::StatusOr<google::protobuf::FileDescriptorProto> file = bounds_.Read(serialized);
      if (absl::IsInvalidArgument(file.status())) continue;
      if (!file.ok()) return file.status();
      if (!names_.insert(file->name()).second) continue;
      for (const std::string& import : file->dependency()) {
        // Standard files are known, and nobody else's count.
        if (!policy::IsStandardFile(import) && asked_for_.insert(import).second) wanted_.push_back(import);
      }
      *files_.add_file() = *std::move(file);
    }
    return absl::OkStatus();
  }

  const NewStream new_stream_;
  std::unique_ptr<ReflectionStream> stream_;
  int streams_ = 1;
  size_t questions_ = 0;
  size_t answer_bytes_ = 0;
  policy::ReflectedBounds bounds_;
  google::protobuf::FileDescriptorSet files_;
  absl::flat_hash_set<size_t> seen_;
  absl::flat_hash_set<std::string> names_;
  absl::flat_hash_set<std::string> asked_for_;
  std::deque<std::string> wanted_;
};

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

absl::StatusOr<google::protobuf::FileDescriptorSet> FetchFiles(Upstream& upstream, absl::Duration timeout,
                                                               AskCancel* cancel) {
  const absl::Time deadline = absl::Now() + timeout;
  const absl::StatusOr<UpstreamCredentials::Shown> credentials = OwnCredentials(upstream, deadline);
  if (!credentials.ok()) return credentials.status();
  absl::StatusOr<google::protobuf::FileDescriptorSet> files;
  for (const char* method : kMethods) {
    files = FileCollector([&] {
              return std::make_unique<ReflectionStream>(upstream, method, *credentials, deadline, cancel);
            }).Collect();
    if (!absl::IsUnimplemented(files.status())) break;
  }
  return files;
}

ReflectionRefresher::~ReflectionRefresher() { SetSources({}); }

void ReflectionRefresher::SetSources(const std::vector<Source>& sources) {
  std::list<Asked> gone;
  {
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
      Asked& asked = asked_.back();
      asked.source = source;
      asked.due = std::min(asked.due, absl::Now() + source.interval);
      asked.woken = true;
      if (!asked.thread.joinable()) asked.thread = std::thread([this, &asked] { Run(asked); });
    }
    for (Asked& asked : gone) asked.gone = true;
  }
  for (Asked& asked : gone) asked.cancel.Cancel();
  for (Asked& asked : gone) {
    asked.thread.join();
    for (Done& done : asked.waiting) done();
  }
}

bool ReflectionRefresher::AskSoon(const Upstream& upstream, Done done) {
  absl::MutexLock lock(&mutex_);
  const auto found = std::find_if(asked_.begin(), asked_.end(),
                                  [&](const Asked& asked) { return asked.source.upstream == &upstream; });
  if (found == asked_.end() || found->not_offered || absl::Now() < found->silent_until) return false;
  if (found->waiting.empty() && !found->asking) {
    if (absl::Now() - found->last < kLeastPause) return false;
    found->due = absl::InfinitePast();
    found->woken = true;
  }
  if (done != nullptr) found->waiting.push_back(std::move(done));
  return true;
}

void ReflectionRefresher::Run(Asked& asked) {
  while (true) {
    Upstream* upstream = nullptr;
    {
      absl::MutexLock lock(&mutex_);
      asked.woken = false;
      mutex_.AwaitWithDeadline(absl::Condition(&asked, &Asked::Woken), asked.due);
      if (asked.gone) return;
      if (absl::Now() < asked.due) continue;
      asked.asking = true;
      asked.last = absl::Now();
      upstream = asked.source.upstream;
    }
    Ask(asked, *upstream);
  }
}

void ReflectionRefresher::Ask(Asked& asked, Upstream& upstream) {
  const absl::StatusOr<google::protobuf::FileDescriptorSet> files = FetchFiles(upstream, kAskTimeout, &asked.cancel);
  absl::Status status = files.status();
  if (status.ok()) status = catalog_->Update(upstream.name(), *files);
  std::vector<Done> waiting;
  {
    absl::MutexLock lock(&mutex_);
    asked.asking = false;
    if (!asked.gone) Note(asked, status);
    waiting.swap(asked.waiting);
  }
  for (Done& done : waiting) done();
}

void ReflectionRefresher::Note(Asked& asked, const absl::Status& status) {
  const Upstream& upstream = *asked.source.upstream;
  asked.not_offered = absl::IsUnimplemented(status);
  asked.silent_until = absl::IsDeadlineExceeded(status) ? absl::Now() + kSilence : absl::InfinitePast();
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
