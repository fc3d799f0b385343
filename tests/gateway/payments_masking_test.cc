// The example payments service behind a gateway that hides cards from one group and not from another, in each kind of
// call.
#include <grpcpp/server_builder.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "deploy/example/payments_service.h"
#include "recorder/api_keys/api_key_file.h"
#include "tests/gateway/rig.h"

namespace sallyport::gateway {
namespace {

namespace pay = ::pay::v1;
using testing::Dial;
using testing::TemporaryDirectory;

constexpr char kCard[] = "4111111111111111";
constexpr char kHidden[] = "************1111";

constexpr char kPolicy[] =
    "access: {default: allow}\n"
    "masks:\n"
    "  - name: cards\n"
    "    match: {groups: [support]}\n"
    "    fields: [pay.v1.Card.number, pay.v1.Payment.card_number]\n"
    "    with: last4\n"
    "    views: [record, caller]\n"
    "  - {name: codes, fields: [\"*.security_code\"], views: [record, caller, upstream]}\n"
    "  - {name: cards in talks, match: {groups: [support]}, detect: [payment_card], with: last4, views: [record, "
    "caller]}\n";

class Shop {
 public:
  Shop() {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    REQUIRE(server_ != nullptr);
    GatewayOptions options = testing::OptionsFor(absl::StrCat("127.0.0.1:", port), directory_.path() + "/data");
    options.identity.api_keys_file = directory_.path() + "/api-keys";
    support_ = KeyOf("sam", "support");
    payments_ = KeyOf("pat", "payments");
    options.policy_file = directory_.path() + "/policy.yaml";
    std::ofstream(options.policy_file) << kPolicy;
    google::protobuf::FileDescriptorSet files;
    pay::Card::descriptor()->file()->CopyTo(files.add_file());
    const std::string set = directory_.path() + "/payments.binpb";
    std::ofstream(set, std::ios::binary) << files.SerializeAsString();
    options.descriptor_files = {set};
    options.reflection.clear();
    auto gateway = Gateway::Start(options);
    INFO(gateway.status());
    REQUIRE(gateway.ok());
    gateway_ = *std::move(gateway);
    stub_ = pay::Payments::NewStub(Dial(gateway_->addresses().front()));
  }
  ~Shop() {
    service_.Stop();
    stub_ = nullptr;
    gateway_ = nullptr;
    server_->Shutdown();
  }

  std::unique_ptr<grpc::ClientContext> As(bool support) const {
    auto context = std::make_unique<grpc::ClientContext>();
    context->AddMetadata("authorization", absl::StrCat("Bearer ", support ? support_ : payments_));
    return context;
  }
  pay::Payments::Stub& stub() { return *stub_; }
  // Ends the gateway.
  void Close() {
    stub_ = nullptr;
    REQUIRE(gateway_->Shutdown(absl::Seconds(5)).ok());
  }
  // All that was recorded of a caller's calls, once the gateway has ended.
  std::string RecordedOf(const std::string& subject) const {
    auto reader = recorder::RecordReader::Open(directory_.path() + "/data");
    REQUIRE(reader.ok());
    recorder::CallQuery query;
    query.identity = absl::StrCat("*", subject);
    const auto calls = (*reader)->Calls(query);
    REQUIRE(calls.ok());
    std::string all;
    for (const recorder::CallSummary& call : *calls) {
      REQUIRE((*reader)
                  ->ReadCall(call.id,
                             [&](const v1::Entry& entry) {
                               all += entry.SerializeAsString();
                               return absl::OkStatus();
                             })
                  .ok());
    }
    return all;
  }

 private:
  std::string KeyOf(const std::string& subject, const std::string& group) const {
    auto key = recorder::IssueApiKey(directory_.path() + "/api-keys", subject, {group}, absl::Now(),
                                     absl::InfiniteFuture(), recorder::RealFileSystem());
    REQUIRE(key.ok());
    return std::string(key->text.view());
  }

  TemporaryDirectory directory_;
  example::PaymentsService service_;
  std::unique_ptr<grpc::Server> server_;
  std::string support_;
  std::string payments_;
  std::unique_ptr<Gateway> gateway_;
  std::unique_ptr<pay::Payments::Stub> stub_;
};

pay::AuthorizeRequest Charge(const std::string& customer) {
  pay::AuthorizeRequest request;
  request.set_customer_id(customer);
  request.mutable_amount()->set_currency("EUR");
  request.mutable_amount()->set_minor_units(1250);
  request.mutable_card()->set_number(kCard);
  request.mutable_card()->set_holder("Ada Example");
  request.mutable_card()->set_expiry("12/30");
  request.mutable_card()->set_security_code("737");
  return request;
}

TEST_CASE("cards are hidden from one group and not from the other, in each kind of call") {
  Shop shop;
  for (const bool support : {true, false}) {
    CAPTURE(support);
    const std::string seen = support ? kHidden : kCard;

    pay::Payment payment;
    REQUIRE(shop.stub().Authorize(shop.As(support).get(), Charge("ada"), &payment).ok());
    CHECK(payment.card_number() == seen);
    CHECK(payment.amount().minor_units() == 1250);

    pay::ListPaymentsRequest list;
    list.set_customer_id("ada");
    const auto list_context = shop.As(support);
    const auto payments = shop.stub().ListPayments(list_context.get(), list);
    int listed = 0;
    while (payments->Read(&payment)) {
      ++listed;
      CHECK(absl::StartsWith(payment.card_number(), "****") == support);
    }
    CHECK(payments->Finish().ok());
    CHECK(listed > 0);

    pay::ImportSummary summary;
    const auto import_context = shop.As(support);
    const auto import = shop.stub().ImportPayments(import_context.get(), &summary);
    for (int i = 0; i < 3; ++i) REQUIRE(import->Write(Charge("ada")));
    import->WritesDone();
    REQUIRE(import->Finish().ok());
    CHECK(summary.accepted() == 3);

    const auto chat_context = shop.As(support);
    const auto chat = shop.stub().Chat(chat_context.get());
    pay::ChatMessage message;
    message.set_text(absl::StrCat("my number is ", kCard, ", help"));
    REQUIRE(chat->Write(message));
    REQUIRE(chat->Read(&message));
    CHECK(absl::StrContains(message.text(), seen));
    chat->WritesDone();
    CHECK(chat->Finish().ok());
  }
  shop.Close();
  const std::string of_support = shop.RecordedOf("sam");
  CHECK(absl::StrContains(of_support, kHidden));
  CHECK_FALSE(absl::StrContains(of_support, kCard));
  const std::string of_payments = shop.RecordedOf("pat");
  CHECK(absl::StrContains(of_payments, kCard));
  const std::string security_code(
      "\x22\x03"
      "737");
  CHECK_FALSE(absl::StrContains(of_support + of_payments, security_code));
}

}  // namespace
}  // namespace sallyport::gateway
