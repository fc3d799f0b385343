#include "gateway/api/audit_answers.h"

#include "absl/time/time.h"
#include "recorder/format/entry_batch.h"
#include "replay/view/proto_time.h"

namespace sallyport::gateway {

v1::WhoamiResponse WhoIs(const Reader& reader) {
  v1::WhoamiResponse answer;
  answer.set_identity(recorder::ValidText(reader.identity));
  if (!reader.caller.anonymous()) {
    const ProvedIdentity& named = reader.caller.named();
    v1::Identity& proved = *answer.mutable_proved();
    proved.set_issuer(recorder::ValidText(named.issuer));
    proved.set_subject(recorder::ValidText(named.subject));
    for (const std::string& group : named.groups) proved.add_groups(recorder::ValidText(group));
    proved.set_proof(static_cast<v1::Proof>(named.kind));
    if (const absl::Time expires = reader.caller.expires(); expires != absl::InfiniteFuture()) {
      replay::SetTime(expires, answer.mutable_expires());
    }
  }
  for (const GrantedRole& role : reader.roles) {
    v1::ReaderRole& told = *answer.add_roles();
    told.set_name(recorder::ValidText(role.name));
    told.set_role(policy::RoleName(role.kind));
    for (const std::string& glob : role.calls.identities) told.add_identities(glob);
    for (const std::string& glob : role.calls.methods) told.add_methods(glob);
    for (const std::string& glob : role.calls.upstreams) told.add_upstreams(glob);
  }
  return answer;
}

}  // namespace sallyport::gateway
