// `drain`.
#include "absl/strings/str_cat.h"
#include "gateway/configuration/sections.h"

namespace sallyport::gateway {
namespace {

constexpr absl::Duration kLongestDelay = absl::Hours(1);
constexpr absl::Duration kLongestTimeout = absl::Hours(24);

void Longest(ConfigurationCheck& check, const std::string& key, absl::Duration given, absl::Duration most) {
  if (given > most) check.Fail(key, absl::StrCat("is more than ", absl::FormatDuration(most)));
}

}  // namespace

void CheckDrain(ConfigurationCheck& check) {
  const v1::Drain& drain = check.config().drain();
  DrainOptions& options = check.options().drain;
  options.delay = check.Duration("drain.delay", drain.delay(), "0s");
  options.timeout = check.Duration("drain.timeout", drain.timeout(), "10s");
  Longest(check, "drain.delay", options.delay, kLongestDelay);
  Longest(check, "drain.timeout", options.timeout, kLongestTimeout);
}

}  // namespace sallyport::gateway
