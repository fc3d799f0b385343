// The record of a gateway elsewhere.
#ifndef SALLYPORT_REPLAY_CLIENT_REMOTE_SOURCE_H_
#define SALLYPORT_REPLAY_CLIENT_REMOTE_SOURCE_H_

#include <memory>
#include <stop_token>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "recorder/crypto/secret_text.h"
#include "recorder/crypto/signed_note.h"
#include "replay/client/server_address.h"
#include "replay/view/call_source.h"

namespace sallyport::replay {

// How a server is asked. Moved, not copied.
struct RemoteOptions {
  std::string server;  // see ServerAddress
  // A bearer token or an API key; empty: none is sent.
  recorder::SecretText token;
  bool tls = false;
  bool plaintext = false;                            // also beyond this machine
  std::string authorities;                           // PEM; empty: the system's
  std::string certificates;                          // PEM, the client's own first; empty: none is shown
  recorder::SecretText private_key;                  // PEM, of the client's certificate
  absl::Duration patience = absl::Seconds(60);       // with what is answered at once
  absl::Duration long_patience = absl::Minutes(10);  // with what the server has to work for
  int most_message_bytes = 256 << 20;                // of one message of an answer
};

class RemoteExchange;

// Asks the audit service (sallyport.v1.Audit) of a gateway. What comes back is checked as far as it is printed as it is
// (answer_check.h); evidence is checked before it is handed on, against the key that the server says signs its
// checkpoints. Nothing is asked again by itself. Errors have the code that the server gave; UNAVAILABLE where it could
// not be reached, CANCELLED where the call was told to stop, DATA_LOSS where the answer is not what it has to be.
// Thread-safe.
class RemoteSource final : public CallSource {
 public:
  // Connects when something is asked. INVALID_ARGUMENT if the address cannot be read, or asks would go over a network
  // in the clear though `plaintext` does not say so.
  static absl::StatusOr<std::unique_ptr<RemoteSource>> Create(RemoteOptions options);
  ~RemoteSource() override;

  absl::StatusOr<v1::SearchCallsResponse> SearchCalls(const v1::SearchCallsRequest& request) override;
  absl::StatusOr<v1::SearchSessionsResponse> SearchSessions(const v1::SearchSessionsRequest& request) override;
  absl::StatusOr<v1::Call> GetCall(const v1::GetCallRequest& request) override;
  absl::Status ReadCall(const v1::ReadCallRequest& request, EventReceiver event) override;
  absl::Status TailCalls(const v1::TailCallsRequest& request, std::stop_token stop, TailReceiver said) override;
  absl::StatusOr<v1::Evidence> GetEvidence(const v1::GetEvidenceRequest& request) override;
  absl::StatusOr<v1::Evidence> ProveList(const v1::ProveListRequest& request) override;
  absl::Status ScanCalls(const v1::SearchCallsRequest& request, std::stop_token stop, ScanReceiver said) override;
  absl::StatusOr<v1::Statistics> GetStatistics(const v1::StatisticsRequest& request) override;
  absl::StatusOr<v1::ListMethodsResponse> ListMethods(const v1::ListMethodsRequest& request) override;
  absl::StatusOr<v1::ListLooksResponse> ListLooks(const v1::ListLooksRequest& request) override;
  absl::Status GetFrame(const v1::GetFrameRequest& request, FrameReceiver part) override;
  absl::Status GetSession(const v1::GetSessionRequest& request, SessionReceiver event) override;
  absl::StatusOr<v1::GetCheckpointsResponse> GetCheckpoints(const v1::GetCheckpointsRequest& request) override;
  absl::Status VerifyStore(const v1::VerifyStoreRequest& request, std::stop_token stop, VerifyReceiver said) override;
  absl::StatusOr<v1::Gaps> GetGaps(const v1::GetGapsRequest& request) override;
  absl::StatusOr<v1::GetDescriptorsResponse> GetDescriptors(const v1::GetDescriptorsRequest& request) override;

 private:
  explicit RemoteSource(std::unique_ptr<RemoteExchange> exchange, absl::Duration patience,
                        absl::Duration long_patience);

  // The one message of an answer.
  template <typename Response>
  absl::StatusOr<Response> One(const char* method, const google::protobuf::MessageLite& request,
                               absl::Duration patience);
  // Every message of an answer, checked.
  template <typename Response>
  absl::Status Each(const char* method, const google::protobuf::MessageLite& request, const std::stop_token& stop,
                    absl::FunctionRef<absl::Status(Response&)> receive);
  // The key that signs the checkpoints, as the server says.
  absl::StatusOr<recorder::VerifierKey> LogKey();
  absl::Status Wrong(const char* method, const absl::Status& status) const;

  const std::unique_ptr<RemoteExchange> exchange_;
  const absl::Duration patience_;
  const absl::Duration long_patience_;
};

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_CLIENT_REMOTE_SOURCE_H_
