// sallyport-example-client: calls every method of the example service, good and bad, and prints what came back.
// It is an ordinary gRPC client: point it at the service or at the gateway in front of it.
#include <grpcpp/grpcpp.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "pay/v1/payments.grpc.pb.h"

namespace {

using grpc::Status;
using pay::v1::Payments;

const char* CodeName(grpc::StatusCode code) {
  constexpr const char* kNames[] = {
      "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
      "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
      "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
      "DATA_LOSS", "UNAUTHENTICATED"};
  const auto index = static_cast<size_t>(code);
  return index < std::size(kNames) ? kNames[index] : "?";
}

std::string Amount(const pay::v1::Money& money) {
  return absl::StrFormat("%s %d.%02d", money.currency(), money.minor_units() / 100, money.minor_units() % 100);
}

std::string Text(const pay::v1::Payment& payment) {
  return absl::StrCat(payment.id(), "  ", payment.customer_id(), "  ", Amount(payment.amount()), "  card ",
                      payment.card_number(), "  ", pay::v1::Payment::State_Name(payment.state()));
}

pay::v1::AuthorizeRequest Charge(const std::string& customer, int64_t minor_units, const std::string& card) {
  pay::v1::AuthorizeRequest request;
  request.set_customer_id(customer);
  request.mutable_amount()->set_currency("EUR");
  request.mutable_amount()->set_minor_units(minor_units);
  request.mutable_card()->set_number(card);
  request.mutable_card()->set_holder("Ada Lovelace");
  request.mutable_card()->set_expiry("12/29");
  request.mutable_card()->set_security_code("123");
  return request;
}

// Runs the calls one after the other. Lives in main.
class Walk {
 public:
  Walk(const std::string& target, std::string session, const std::string& token)
      : stub_(Payments::NewStub(grpc::CreateChannel(target, grpc::InsecureChannelCredentials()))),
        session_(std::move(session)),
        authorization_("Bearer " + token) {}

  // True if every call ended as it should.
  bool Run(std::chrono::milliseconds pause) {
    Unary();
    Errors();
    ServerStream(pause);
    ClientStream();
    Bidi();
    WatchWhileCharging();
    return good_;
  }

 private:
  std::unique_ptr<grpc::ClientContext> Context(std::chrono::seconds timeout = std::chrono::seconds(20)) {
    auto context = std::make_unique<grpc::ClientContext>();
    context->set_deadline(std::chrono::system_clock::now() + timeout);
    context->AddMetadata("authorization", authorization_);
    if (!session_.empty()) context->AddMetadata("sallyport-session", session_);
    return context;
  }

  void Report(const std::string& method, const Status& status, grpc::StatusCode expected, const std::string& result) {
    const bool as_expected = status.error_code() == expected;
    good_ = good_ && as_expected;
    absl::PrintF("%-15s %-20s %s\n", method, CodeName(status.error_code()),
                 status.ok() ? result : status.error_message());
    PrintDetails(status);
    if (!as_expected) absl::PrintF("    expected %s\n", CodeName(expected));
    std::fflush(stdout);
  }

  static void PrintDetails(const Status& status) {
    pay::v1::StatusDetails details;
    if (status.error_details().empty() || !details.ParseFromString(status.error_details())) return;
    for (const google::protobuf::Any& detail : details.details()) {
      pay::v1::FieldProblem problem;
      if (detail.UnpackTo(&problem)) absl::PrintF("    %s: %s\n", problem.field(), problem.description());
    }
  }

  void Unary() {
    pay::v1::Payment payment;
    Status status = stub_->Authorize(Context().get(), Charge("ada", 42'00, "4111111111111111"), &payment);
    Report("Authorize", status, grpc::StatusCode::OK, Text(payment));

    pay::v1::GetPaymentRequest get;
    get.set_id("pay-2");
    pay::v1::Payment got;
    status = stub_->GetPayment(Context().get(), get, &got);
    Report("GetPayment", status, grpc::StatusCode::OK, Text(got));

    pay::v1::GetCustomerRequest get_customer;
    get_customer.set_id("ada");
    pay::v1::Customer customer;
    status = stub_->GetCustomer(Context().get(), get_customer, &customer);
    Report("GetCustomer", status, grpc::StatusCode::OK,
           absl::StrCat(customer.name(), "  ssn ", customer.social_security_number(), "  card ",
                        customer.card().number()));

    pay::v1::DeletePaymentRequest remove;
    remove.set_id(payment.id());
    remove.set_reason("made by the example client");
    pay::v1::DeletePaymentResponse removed;
    status = stub_->DeletePayment(Context().get(), remove, &removed);
    Report("DeletePayment", status, grpc::StatusCode::OK, Text(removed.deleted()));
  }

  void Errors() {
    pay::v1::Payment payment;
    Status status = stub_->Authorize(Context().get(), Charge("ada", -1, "4111111111111112"), &payment);
    Report("Authorize", status, grpc::StatusCode::INVALID_ARGUMENT, "");
    status = stub_->Authorize(Context().get(), Charge("ada", 2'000'000, "4111111111111111"), &payment);
    Report("Authorize", status, grpc::StatusCode::FAILED_PRECONDITION, "");
    pay::v1::GetPaymentRequest get;
    get.set_id("pay-0");
    status = stub_->GetPayment(Context().get(), get, &payment);
    Report("GetPayment", status, grpc::StatusCode::NOT_FOUND, "");
  }

  void ServerStream(std::chrono::milliseconds pause) {
    pay::v1::ListPaymentsRequest request;
    request.set_customer_id("ada");
    request.mutable_pause()->set_seconds(pause.count() / 1000);
    request.mutable_pause()->set_nanos(static_cast<int32_t>(pause.count() % 1000) * 1'000'000);
    auto context = Context(std::chrono::seconds(300));
    auto reader = stub_->ListPayments(context.get(), request);
    int count = 0;
    for (pay::v1::Payment payment; reader->Read(&payment); ++count) absl::PrintF("    %s\n", Text(payment));
    Report("ListPayments", reader->Finish(), grpc::StatusCode::OK, absl::StrCat(count, " payments"));
  }

  void ClientStream() {
    auto context = Context();
    pay::v1::ImportSummary summary;
    auto writer = stub_->ImportPayments(context.get(), &summary);
    for (int64_t minor_units : {10'00, 20'00, 0, 30'00}) {
      if (!writer->Write(Charge("grace", minor_units, "5555555555554444"))) break;  // Finish says why
    }
    writer->WritesDone();
    std::string totals;
    Status status = writer->Finish();
    for (const pay::v1::Money& total : summary.totals()) absl::StrAppend(&totals, ", ", Amount(total));
    Report("ImportPayments", status, grpc::StatusCode::OK,
           absl::StrCat(summary.accepted(), " accepted, ", summary.rejected(), " rejected", totals));
  }

  void Bidi() {
    auto context = Context();
    auto stream = stub_->Chat(context.get());
    int answers = 0;
    for (const char* text : {"hello", "where is my refund?", "bye"}) {
      pay::v1::ChatMessage message;
      message.set_author("ada");
      message.set_text(text);
      pay::v1::ChatMessage answer;
      if (!stream->Write(message) || !stream->Read(&answer)) break;
      absl::PrintF("    %s: %s\n    %s: %s\n", message.author(), message.text(), answer.author(), answer.text());
      ++answers;
    }
    stream->WritesDone();
    Report("Chat", stream->Finish(), grpc::StatusCode::OK, absl::StrCat(answers, " answers"));
  }

  // A watch that is open while other calls happen, and that the caller leaves.
  void WatchWhileCharging() {
    auto context = Context();
    pay::v1::WatchPaymentsRequest request;
    request.set_customer_id("grace");
    auto reader = stub_->WatchPayments(context.get(), request);
    reader->WaitForInitialMetadata();
    pay::v1::Payment payment;
    Status status = stub_->Authorize(Context().get(), Charge("grace", 7'77, "5555555555554444"), &payment);
    Report("Authorize", status, grpc::StatusCode::OK, Text(payment));
    pay::v1::PaymentEvent event;
    if (status.ok() && reader->Read(&event)) absl::PrintF("    event %d: %s\n", event.number(), Text(event.payment()));
    context->TryCancel();
    while (reader->Read(&event)) {
    }
    Report("WatchPayments", reader->Finish(), grpc::StatusCode::CANCELLED, "");
  }

  const std::unique_ptr<Payments::Stub> stub_;
  const std::string session_;
  const std::string authorization_;
  bool good_ = true;
};

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Calls every method of the example payments service and prints what came back."};
  std::string target = "127.0.0.1:50052";
  std::string session;
  std::string token = "example-token";
  int pause_milliseconds = 100;
  app.add_option("--target", target, "Where to call: the service or the gateway")->capture_default_str();
  app.add_option("--session", session, "Sent as the `sallyport-session` metadata value");
  app.add_option("--token", token, "Sent as the caller's bearer token")->capture_default_str();
  app.add_option("--pause-ms", pause_milliseconds, "Pause before each payment that ListPayments sends, in milliseconds")
      ->check(CLI::Range(0, 60000))
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);

  Walk walk(target, session, token);
  if (walk.Run(std::chrono::milliseconds(pause_milliseconds))) {
    absl::PrintF("All calls ended as they should.\n");
    return 0;
  }
  std::fprintf(stderr, "sallyport-example-client: not all calls against %s ended as they should (see above)\n",
               target.c_str());
  return 1;
}
