// The example's gRPC service.
#ifndef SALLYPORT_DEPLOY_EXAMPLE_PAYMENTS_SERVICE_H_
#define SALLYPORT_DEPLOY_EXAMPLE_PAYMENTS_SERVICE_H_

#include <grpcpp/grpcpp.h>

#include "absl/synchronization/notification.h"
#include "deploy/example/payment_store.h"
#include "pay/v1/payments.grpc.pb.h"

namespace sallyport::example {

// pay.v1.Payments over a PaymentStore, which it owns. Each call runs on a thread of the server's. Must outlive the
// server that it is registered with.
class PaymentsService final : public pay::v1::Payments::Service {
 public:
  // Ends the streams that are open, so that the server can shut down. Once, from any thread.
  void Stop() { stopping_.Notify(); }

  grpc::Status Authorize(grpc::ServerContext* context, const pay::v1::AuthorizeRequest* request,
                         pay::v1::Payment* response) override;
  grpc::Status GetPayment(grpc::ServerContext* context, const pay::v1::GetPaymentRequest* request,
                          pay::v1::Payment* response) override;
  grpc::Status DeletePayment(grpc::ServerContext* context, const pay::v1::DeletePaymentRequest* request,
                             pay::v1::DeletePaymentResponse* response) override;
  grpc::Status GetCustomer(grpc::ServerContext* context, const pay::v1::GetCustomerRequest* request,
                           pay::v1::Customer* response) override;
  grpc::Status ListPayments(grpc::ServerContext* context, const pay::v1::ListPaymentsRequest* request,
                            grpc::ServerWriter<pay::v1::Payment>* writer) override;
  grpc::Status WatchPayments(grpc::ServerContext* context, const pay::v1::WatchPaymentsRequest* request,
                             grpc::ServerWriter<pay::v1::PaymentEvent>* writer) override;
  grpc::Status ImportPayments(grpc::ServerContext* context, grpc::ServerReader<pay::v1::AuthorizeRequest>* reader,
                              pay::v1::ImportSummary* response) override;
  grpc::Status Chat(grpc::ServerContext* context,
                    grpc::ServerReaderWriter<pay::v1::ChatMessage, pay::v1::ChatMessage>* stream) override;

 private:
  // False if the caller left or the service is stopping before `pause` was over.
  bool Pause(const grpc::ServerContext& context, absl::Duration pause) const;

  PaymentStore store_;
  absl::Notification stopping_;
};

}  // namespace sallyport::example

#endif  // SALLYPORT_DEPLOY_EXAMPLE_PAYMENTS_SERVICE_H_
