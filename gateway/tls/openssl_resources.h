// What the few files share that include OpenSSL.
#ifndef SALLYPORT_GATEWAY_TLS_OPENSSL_RESOURCES_H_
#define SALLYPORT_GATEWAY_TLS_OPENSSL_RESOURCES_H_

#include <openssl/err.h>

namespace sallyport::gateway {

// Takes the errors that came up in its life off the thread's queue again: gRPC, on the same thread, would take what is
// left there for a failure of its connection.
class OpensslErrors {
 public:
  OpensslErrors() { ERR_set_mark(); }
  ~OpensslErrors() { ERR_pop_to_mark(); }
  OpensslErrors(const OpensslErrors&) = delete;
  OpensslErrors& operator=(const OpensslErrors&) = delete;
};

// For unique_ptr.
template <auto Function>
struct FreeWith {
  template <typename Object>
  void operator()(Object* object) const {
    Function(object);
  }
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_TLS_OPENSSL_RESOURCES_H_
