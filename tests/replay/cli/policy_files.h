// What tests of `sallyport policy` share.
#ifndef SALLYPORT_TESTS_REPLAY_CLI_POLICY_FILES_H_
#define SALLYPORT_TESTS_REPLAY_CLI_POLICY_FILES_H_

#include <fstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/replay/cli/command_fixture.h"
#include "tests/replay/shop_store.h"

namespace sallyport::replay {

// A directory with policy files.
class PolicyFiles {
 public:
  std::string Write(const std::string& name, const std::string& text) const {
    std::ofstream(Path(name), std::ios::binary) << text;
    return Path(name);
  }
  std::string Path(const std::string& name) const { return directory_.path() + "/" + name; }

 private:
  recorder::TemporaryDirectory directory_;
};

inline constexpr char kPolicy[] = R"(access:
  rules:
    - name: no deletes
      match: {methods: ["*/Delete*"]}
      action: deny
    - {name: soon, match: {networks: [10.0.0.0/8]}, action: deny, shadow: true}
    - name: developers
      match: {groups: [dev], methods: ["shop.Orders/*"]}
      action: allow
limits:
  - {name: each caller, per: [identity], calls_per_second: 5}
)";

// Adds a call that took 100 ms.
inline std::string AddCall(ShopStore& store, absl::Duration offset, std::string_view subject,
                           const std::vector<std::string>& groups, std::string_view method,
                           recorder::EndReason reason = recorder::EndReason::kCompleted, int status_code = 0) {
  const uint64_t id = store.NewId(offset);
  const absl::Time time = ShopTime() + offset;
  recorder::EntryBatch batch = store.recorder().NewBatch(id);
  recorder::CallStart start = store.Start(method);
  start.identity = {"https://idp.test", subject, groups, 1};
  if (subject.empty()) start.identity = {};
  const std::vector<recorder::Metadatum> metadata = {{"tenant", "eu-1"}, {"authorization", "Bearer x"}};
  start.metadata = metadata;
  batch.AddStart(time, start);
  recorder::CallEnd end;
  end.reason = reason;
  end.status_code = status_code;
  end.duration = absl::Milliseconds(100);
  batch.AddEnd(time + end.duration, end);
  store.Append(std::move(batch));
  return recorder::FormatId(id);
}

}  // namespace sallyport::replay

#endif  // SALLYPORT_TESTS_REPLAY_CLI_POLICY_FILES_H_
