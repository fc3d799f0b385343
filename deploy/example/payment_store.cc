#include "deploy/example/payment_store.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace sallyport::example {
namespace {

using pay::v1::AuthorizeRequest;
using pay::v1::Customer;
using pay::v1::FieldProblem;
using pay::v1::Payment;
using pay::v1::PaymentEvent;

constexpr int64_t kHighestAmount = 10'000'00;  // in minor units

// Whether the last digit is the check digit of the others (ISO/IEC 7812-1, "Luhn").
bool CheckDigitHolds(const std::string& digits) {
  int sum = 0;
  bool twice = false;
  for (auto digit = digits.rbegin(); digit != digits.rend(); ++digit) {
    int value = *digit - '0';
    if (twice) value = value > 4 ? value * 2 - 9 : value * 2;
    sum += value;
    twice = !twice;
  }
  return sum % 10 == 0;
}

bool IsCardNumber(const std::string& number) {
  if (number.size() < 13 || number.size() > 19) return false;
  for (char c : number) {
    if (!absl::ascii_isdigit(c)) return false;
  }
  return CheckDigitHolds(number);
}

FieldProblem Problem(const std::string& field, const std::string& description) {
  FieldProblem problem;
  problem.set_field(field);
  problem.set_description(description);
  return problem;
}

Customer MakeCustomer(const std::string& id, const std::string& name, const std::string& social_security_number,
                      const std::string& card_number) {
  Customer customer;
  customer.set_id(id);
  customer.set_name(name);
  customer.set_email(absl::StrCat(id, "@example.com"));
  customer.set_social_security_number(social_security_number);
  customer.mutable_card()->set_number(card_number);
  customer.mutable_card()->set_holder(name);
  customer.mutable_card()->set_expiry("12/29");
  return customer;
}

Payment MakePayment(const std::string& id, const Customer& customer, const std::string& currency, int64_t minor_units,
                    int64_t created_seconds) {
  Payment payment;
  payment.set_id(id);
  payment.set_customer_id(customer.id());
  payment.mutable_amount()->set_currency(currency);
  payment.mutable_amount()->set_minor_units(minor_units);
  payment.set_card_number(customer.card().number());
  payment.set_state(Payment::STATE_AUTHORIZED);
  payment.mutable_created()->set_seconds(created_seconds);
  return payment;
}

}  // namespace

std::vector<FieldProblem> FindProblems(const AuthorizeRequest& request) {
  std::vector<FieldProblem> problems;
  if (request.customer_id().empty()) problems.push_back(Problem("customer_id", "must be given"));
  if (request.amount().currency().size() != 3) {
    problems.push_back(Problem("amount.currency", "must be three letters, such as EUR"));
  }
  if (request.amount().minor_units() <= 0) problems.push_back(Problem("amount.minor_units", "must be above 0"));
  if (!IsCardNumber(request.card().number())) {
    problems.push_back(Problem("card.number", "must be 13 to 19 digits, the last one their check digit"));
  }
  return problems;
}

// Card numbers are the ones that card schemes publish for tests; the social security numbers were never issued.
PaymentStore::PaymentStore() {
  absl::MutexLock lock(&mutex_);
  const Customer ada = MakeCustomer("ada", "Ada Lovelace", "078-05-1120", "4111111111111111");
  const Customer grace = MakeCustomer("grace", "Grace Hopper", "219-09-9999", "5555555555554444");
  customers_.emplace(ada.id(), ada);
  customers_.emplace(grace.id(), grace);
  for (const Payment& payment :
       {MakePayment("pay-1", ada, "EUR", 12'50, 1767323040), MakePayment("pay-2", grace, "USD", 250'00, 1767326640),
        MakePayment("pay-3", ada, "EUR", 999'99, 1767330240)}) {
    payments_.emplace(payment.id(), payment);
  }
}

absl::StatusOr<Payment> PaymentStore::Authorize(const AuthorizeRequest& request, absl::Time now) {
  if (request.amount().minor_units() > kHighestAmount) {
    return absl::FailedPreconditionError(absl::StrCat("amount.minor_units is ", request.amount().minor_units(),
                                                      "; payments above 10,000.00 (", kHighestAmount,
                                                      ") need a transfer"));
  }
  absl::MutexLock lock(&mutex_);
  const std::string id = request.payment_id().empty() ? absl::StrCat("pay-", next_id_++) : request.payment_id();
  if (payments_.contains(id)) {
    return absl::AlreadyExistsError(absl::StrCat("there is already a payment \"", id, "\""));
  }
  Payment payment;
  payment.set_id(id);
  payment.set_customer_id(request.customer_id());
  *payment.mutable_amount() = request.amount();
  payment.set_card_number(request.card().number());
  payment.set_state(Payment::STATE_AUTHORIZED);
  const int64_t nanoseconds = absl::ToUnixNanos(now);
  payment.mutable_created()->set_seconds(nanoseconds / 1'000'000'000);
  payment.mutable_created()->set_nanos(static_cast<int32_t>(nanoseconds % 1'000'000'000));
  payments_.emplace(id, payment);
  AddEvent(payment);
  return payment;
}

absl::StatusOr<Payment> PaymentStore::Get(const std::string& id) const {
  absl::MutexLock lock(&mutex_);
  auto found = payments_.find(id);
  if (found == payments_.end()) return absl::NotFoundError(absl::StrCat("there is no payment \"", id, "\""));
  return found->second;
}

absl::StatusOr<Payment> PaymentStore::Delete(const std::string& id) {
  absl::MutexLock lock(&mutex_);
  auto found = payments_.find(id);
  if (found == payments_.end()) {
    return absl::NotFoundError(absl::StrCat("there is no payment \"", id, "\" to delete"));
  }
  Payment payment = std::move(found->second);
  payments_.erase(found);
  payment.set_state(Payment::STATE_DELETED);
  AddEvent(payment);
  return payment;
}

absl::StatusOr<Customer> PaymentStore::GetCustomer(const std::string& id) const {
  absl::MutexLock lock(&mutex_);
  auto found = customers_.find(id);
  if (found == customers_.end()) return absl::NotFoundError(absl::StrCat("there is no customer \"", id, "\""));
  return found->second;
}

std::vector<Payment> PaymentStore::List(const std::string& customer_id) const {
  absl::MutexLock lock(&mutex_);
  std::vector<Payment> found;
  for (const auto& [id, payment] : payments_) {
    if (customer_id.empty() || payment.customer_id() == customer_id) found.push_back(payment);
  }
  return found;
}

int64_t PaymentStore::events() const {
  absl::MutexLock lock(&mutex_);
  return static_cast<int64_t>(events_.size());
}

std::optional<PaymentEvent> PaymentStore::NextEvent(int64_t seen, absl::Duration wait) const {
  absl::MutexLock lock(&mutex_);
  const auto there_is_one = [this, seen]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return static_cast<int64_t>(events_.size()) > seen;
  };
  if (!mutex_.AwaitWithTimeout(absl::Condition(&there_is_one), wait)) return std::nullopt;
  return events_[static_cast<size_t>(seen)];
}

void PaymentStore::AddEvent(const Payment& payment) {
  PaymentEvent event;
  event.set_number(static_cast<int64_t>(events_.size()) + 1);
  *event.mutable_payment() = payment;
  events_.push_back(std::move(event));
}

}  // namespace sallyport::example
