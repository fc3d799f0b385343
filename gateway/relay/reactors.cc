#include "gateway/relay/reactors.h"

#include "gateway/relay/call_session.h"

namespace sallyport::gateway {

void CallerReactor::OnSendInitialMetadataDone(bool /*ok*/) { session_->OnCallerHeadersSent(); }
void CallerReactor::OnReadDone(bool ok) { session_->OnCallerReadDone(ok); }
void CallerReactor::OnWriteDone(bool ok) { session_->OnCallerWriteDone(ok); }
void CallerReactor::OnCancel() { session_->OnCallerCancel(); }
void CallerReactor::OnDone() { session_->OnCallerDone(); }

void UpstreamStreamReactor::OnReadInitialMetadataDone(bool ok) { session_->OnUpstreamHeaders(ok); }
void UpstreamStreamReactor::OnReadDone(bool ok) { session_->OnUpstreamReadDone(ok); }
void UpstreamStreamReactor::OnWriteDone(bool ok) { session_->OnUpstreamWriteDone(ok); }
void UpstreamStreamReactor::OnWritesDoneDone(bool ok) { session_->OnUpstreamWriteDone(ok); }
void UpstreamStreamReactor::OnDone(const grpc::Status& status) { session_->OnUpstreamDone(status); }

void UpstreamUnaryReactor::OnReadInitialMetadataDone(bool ok) { session_->OnUpstreamHeaders(ok); }
void UpstreamUnaryReactor::OnReadDone(bool ok) { session_->OnUnaryResponse(ok); }
void UpstreamUnaryReactor::OnDone(const grpc::Status& status) { session_->OnUpstreamDone(status); }

}  // namespace sallyport::gateway
