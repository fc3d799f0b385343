#include "deploy/example/payments_service.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace sallyport::example {
namespace {

using pay::v1::AuthorizeRequest;
using pay::v1::ChatMessage;
using pay::v1::FieldProblem;
using pay::v1::Payment;
using pay::v1::PaymentEvent;

// How often a waiting stream looks whether its caller is still there.
constexpr absl::Duration kLook = absl::Milliseconds(20);
constexpr absl::Duration kLongestPause = absl::Minutes(1);

grpc::Status ToGrpc(const absl::Status& status) {
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), std::string(status.message()));
}

// INVALID_ARGUMENT with each problem as a detail.
grpc::Status Invalid(const std::vector<FieldProblem>& problems) {
  pay::v1::StatusDetails details;
  std::vector<std::string> texts;
  for (const FieldProblem& problem : problems) {
    texts.push_back(absl::StrCat(problem.field(), " ", problem.description()));
    details.add_details()->PackFrom(problem);
  }
  details.set_code(grpc::StatusCode::INVALID_ARGUMENT);
  details.set_message(absl::StrJoin(texts, "; "));
  return grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, details.message(), details.SerializeAsString());
}

grpc::Status Stopping() { return grpc::Status(grpc::StatusCode::UNAVAILABLE, "the example service is stopping"); }

std::string Answer(const std::string& text) {
  const std::string lower = absl::AsciiStrToLower(text);
  if (lower == "bye") return "Good bye.";
  if (absl::StrContains(lower, "refund")) return "A refund takes three days.";
  if (absl::StrContains(lower, "card")) return "Please never send your card number in a chat.";
  return absl::StrCat("You said: ", text);
}

}  // namespace

bool PaymentsService::Pause(const grpc::ServerContext& context, absl::Duration pause) const {
  const absl::Time end = absl::Now() + pause;
  for (absl::Duration left = pause; left > absl::ZeroDuration(); left = end - absl::Now()) {
    if (context.IsCancelled() || stopping_.WaitForNotificationWithTimeout(std::min(left, kLook))) return false;
  }
  return !context.IsCancelled() && !stopping_.HasBeenNotified();
}

grpc::Status PaymentsService::Authorize(grpc::ServerContext* context, const AuthorizeRequest* request,
                                        Payment* response) {
  const std::vector<FieldProblem> problems = FindProblems(*request);
  if (!problems.empty()) return Invalid(problems);
  absl::StatusOr<Payment> payment = store_.Authorize(*request, absl::Now());
  if (!payment.ok()) return ToGrpc(payment.status());
  *response = *std::move(payment);
  return grpc::Status::OK;
}

grpc::Status PaymentsService::GetPayment(grpc::ServerContext* context, const pay::v1::GetPaymentRequest* request,
                                         Payment* response) {
  absl::StatusOr<Payment> payment = store_.Get(request->id());
  if (!payment.ok()) return ToGrpc(payment.status());
  *response = *std::move(payment);
  return grpc::Status::OK;
}

grpc::Status PaymentsService::DeletePayment(grpc::ServerContext* context, const pay::v1::DeletePaymentRequest* request,
                                            pay::v1::DeletePaymentResponse* response) {
  absl::StatusOr<Payment> payment = store_.Delete(request->id());
  if (!payment.ok()) return ToGrpc(payment.status());
  *response->mutable_deleted() = *std::move(payment);
  return grpc::Status::OK;
}

grpc::Status PaymentsService::GetCustomer(grpc::ServerContext* context, const pay::v1::GetCustomerRequest* request,
                                          pay::v1::Customer* response) {
  absl::StatusOr<pay::v1::Customer> customer = store_.GetCustomer(request->id());
  if (!customer.ok()) return ToGrpc(customer.status());
  *response = *std::move(customer);
  return grpc::Status::OK;
}

grpc::Status PaymentsService::ListPayments(grpc::ServerContext* context, const pay::v1::ListPaymentsRequest* request,
                                           grpc::ServerWriter<Payment>* writer) {
  const absl::Duration pause = absl::Seconds(request->pause().seconds()) + absl::Nanoseconds(request->pause().nanos());
  if (pause < absl::ZeroDuration() || pause > kLongestPause) {
    FieldProblem problem;
    problem.set_field("pause");
    problem.set_description(absl::StrCat("is ", absl::FormatDuration(pause), ", must be between 0 and ",
                                         absl::FormatDuration(kLongestPause)));
    return Invalid({problem});
  }
  const std::vector<Payment> payments = store_.List(request->customer_id());
  context->AddTrailingMetadata("payments", absl::StrCat(payments.size()));
  for (const Payment& payment : payments) {
    if (pause > absl::ZeroDuration() && !Pause(*context, pause)) return Stopping();
    if (!writer->Write(payment)) break;  // the caller is gone
  }
  return grpc::Status::OK;
}

grpc::Status PaymentsService::WatchPayments(grpc::ServerContext* context, const pay::v1::WatchPaymentsRequest* request,
                                            grpc::ServerWriter<PaymentEvent>* writer) {
  int64_t seen = store_.events();
  writer->SendInitialMetadata();  // tells the caller that the watch has begun
  for (int32_t sent = 0; request->limit() == 0 || sent < request->limit();) {
    if (context->IsCancelled()) return grpc::Status::CANCELLED;
    if (stopping_.HasBeenNotified()) return Stopping();
    std::optional<PaymentEvent> event = store_.NextEvent(seen, kLook);
    if (!event.has_value()) continue;
    ++seen;
    if (!request->customer_id().empty() && event->payment().customer_id() != request->customer_id()) continue;
    if (!writer->Write(*event)) return grpc::Status::CANCELLED;
    ++sent;
  }
  return grpc::Status::OK;
}

grpc::Status PaymentsService::ImportPayments(grpc::ServerContext* context, grpc::ServerReader<AuthorizeRequest>* reader,
                                             pay::v1::ImportSummary* response) {
  std::map<std::string, int64_t> totals;
  for (AuthorizeRequest request; reader->Read(&request);) {
    if (!FindProblems(request).empty() || !store_.Authorize(request, absl::Now()).ok()) {
      response->set_rejected(response->rejected() + 1);
      continue;
    }
    response->set_accepted(response->accepted() + 1);
    totals[request.amount().currency()] += request.amount().minor_units();
  }
  for (const auto& [currency, minor_units] : totals) {
    pay::v1::Money* total = response->add_totals();
    total->set_currency(currency);
    total->set_minor_units(minor_units);
  }
  return grpc::Status::OK;
}

grpc::Status PaymentsService::Chat(grpc::ServerContext* context,
                                   grpc::ServerReaderWriter<ChatMessage, ChatMessage>* stream) {
  for (ChatMessage message; stream->Read(&message);) {
    ChatMessage answer;
    answer.set_author("support");
    answer.set_text(Answer(message.text()));
    if (!stream->Write(answer)) return grpc::Status::CANCELLED;
    if (absl::EqualsIgnoreCase(message.text(), "bye")) break;
  }
  return grpc::Status::OK;
}

}  // namespace sallyport::example
