// What the example service remembers.
#ifndef SALLYPORT_DEPLOY_EXAMPLE_PAYMENT_STORE_H_
#define SALLYPORT_DEPLOY_EXAMPLE_PAYMENT_STORE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "pay/v1/payments.pb.h"

namespace sallyport::example {

// What is wrong with a request, field by field; empty if nothing is.
std::vector<pay::v1::FieldProblem> FindProblems(const pay::v1::AuthorizeRequest& request);

// Customers and payments in memory, beginning with the same few at every start. Lives as long as the service.
// Thread-safe.
class PaymentStore {
 public:
  PaymentStore();

  // FAILED_PRECONDITION for an amount above the limit, ALREADY_EXISTS if the payment's id is taken. Expects a request
  // without problems.
  absl::StatusOr<pay::v1::Payment> Authorize(const pay::v1::AuthorizeRequest& request, absl::Time now);
  // NOT_FOUND
  absl::StatusOr<pay::v1::Payment> Get(const std::string& id) const;
  // NOT_FOUND
  absl::StatusOr<pay::v1::Payment> Delete(const std::string& id);
  // NOT_FOUND
  absl::StatusOr<pay::v1::Customer> GetCustomer(const std::string& id) const;
  // By id. All payments where `customer_id` is empty.
  std::vector<pay::v1::Payment> List(const std::string& customer_id) const;

  // How many events there were so far.
  int64_t events() const;
  // The event that came after the first `seen` ones, waiting for it no longer than `wait`.
  std::optional<pay::v1::PaymentEvent> NextEvent(int64_t seen, absl::Duration wait) const;

 private:
  void AddEvent(const pay::v1::Payment& payment) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable absl::Mutex mutex_;
  std::map<std::string, pay::v1::Customer, std::less<>> customers_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, pay::v1::Payment, std::less<>> payments_ ABSL_GUARDED_BY(mutex_);
  std::vector<pay::v1::PaymentEvent> events_ ABSL_GUARDED_BY(mutex_);
  int64_t next_id_ ABSL_GUARDED_BY(mutex_) = 1001;
};

}  // namespace sallyport::example

#endif  // SALLYPORT_DEPLOY_EXAMPLE_PAYMENT_STORE_H_
