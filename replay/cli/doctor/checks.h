// What the doctor looks at, and what it finds.
#ifndef SALLYPORT_REPLAY_CLI_DOCTOR_CHECKS_H_
#define SALLYPORT_REPLAY_CLI_DOCTOR_CHECKS_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "recorder/keys/key_source.h"
#include "sallyport/v1/config.pb.h"

namespace sallyport::replay {

struct DoctorFinding {
  enum class Level { kOk, kWarning, kProblem };
  Level level = Level::kOk;
  std::string check;  // one word: configuration, files, keys, api-key, certificate, credential, clock, disk, upstream,
                      // grpc, limits, index, store
  std::string where;  // a path, an upstream or nothing
  std::string what;
  std::string advice;  // what to do; nothing where all is fine
};

// What is looked at. A value.
struct DoctorSubject {
  std::string config_path;  // empty: there is no configuration to look at
  std::optional<v1::Config> config;
  std::string data;
  std::optional<recorder::KeySource> keys;
  absl::Time now;
};

using Findings = std::vector<DoctorFinding>;

// Reads the configuration at `config_path`, takes the data directory and the keys from it where the command line names
// none, and has `sallyportd --check` say what it thinks; `sallyportd` is a path, or empty if there is none.
void CheckConfiguration(const std::string& sallyportd, DoctorSubject& subject, Findings& findings);
// Whether each upstream takes a connection, within two seconds each.
void CheckUpstreams(const DoctorSubject& subject, Findings& findings);
// When the certificates end that the configuration names.
void CheckCertificates(const DoctorSubject& subject, Findings& findings);
// Whether the gateway that runs, as its metrics say, shows the certificate in the file that the configuration names.
void CheckShownCertificate(const DoctorSubject& subject, Findings& findings);
// For how long a server's certificate still holds, as a gateway's metrics say; nothing if they do not.
std::optional<absl::Duration> ShownExpiry(std::string_view metrics);
// API keys that end soon, or never.
void CheckApiKeys(const DoctorSubject& subject, Findings& findings);
// Files with secrets that upstreams are shown: whether they are there, and how old they are.
void CheckCredentials(const DoctorSubject& subject, Findings& findings);
// Owners and modes of the data directory, its keys and the keyring; and how old the keyring's keys are.
void CheckFiles(const DoctorSubject& subject, Findings& findings);
// The store's format, its index, and whether a gateway writes it.
void CheckStoreState(const DoctorSubject& subject, Findings& findings);
// Free space and inodes, and for how long they last at the rate of the last day.
void CheckDisk(const DoctorSubject& subject, Findings& findings);
// The kernel's word on the clock, and the newest thing in the log.
void CheckClock(const DoctorSubject& subject, Findings& findings);
// Open files, and what this version of gRPC is known not to do.
void CheckHost(const DoctorSubject& subject, Findings& findings);

// `sallyportd` beside this program, or on PATH; empty if it is in neither.
std::string FindGatewayProgram();

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_CLI_DOCTOR_CHECKS_H_
