// Which names the door is asked for by, and which pages of browsers may ask.
#ifndef SALLYPORT_GATEWAY_API_DOOR_ORIGIN_RULES_H_
#define SALLYPORT_GATEWAY_API_DOOR_ORIGIN_RULES_H_

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "gateway/http/http_messages.h"

namespace sallyport::gateway {

// Keeps pages that are not meant to out: those that make a browser take their name for this machine (DNS rebinding: the
// `Host` is theirs), and those of other origins. Constant once made; thread-safe.
class OriginRules {
 public:
  // `address` is what is listened on. INVALID_ARGUMENT if an origin is no "scheme://host[:port]", or a host no
  // "host[:port]".
  static absl::StatusOr<OriginRules> Create(const std::string& address, const std::vector<std::string>& origins,
                                            const std::vector<std::string>& hosts);

  // The answer to a request that does not come in: 400 without one `Host` and no more, 421 for a strange one, 403 for a
  // strange `Origin`. Nothing if it may come in.
  std::optional<HttpAnswer> Refuse(const ReceivedRequest& request) const;

  // The answer to a browser that asks whether a page may ask: 204. Nothing for all other requests. For those that may
  // come in.
  static std::optional<HttpAnswer> AnswerPreflight(const ReceivedRequest& request);

  // What an answer to a page of another origin has to say so that the page may see it, and all of its headers. For
  // requests that may come in.
  static void Permit(const ReceivedRequest& request, HttpHeaders& headers);

 private:
  OriginRules() = default;
  bool KnowsHost(const std::string& host) const;
  bool KnowsOrigin(const ReceivedRequest& request, const std::string& origin) const;

  bool any_address_ = false;       // listens on all of the machine's
  std::set<std::string> names_;    // in lower case, without ports: whatever the port is, no other machine has that name
  std::set<std::string> places_;   // "host:port", where a setting gives the port
  std::set<std::string> origins_;  // in lower case
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_API_DOOR_ORIGIN_RULES_H_
