// How checks say what they found.
#ifndef SALLYPORT_REPLAY_CLI_DOCTOR_FINDING_LIST_H_
#define SALLYPORT_REPLAY_CLI_DOCTOR_FINDING_LIST_H_

#include <string>
#include <utility>

#include "replay/cli/doctor/checks.h"

namespace sallyport::replay {

inline void Fine(Findings& findings, std::string check, std::string where, std::string what) {
  findings.push_back({DoctorFinding::Level::kOk, std::move(check), std::move(where), std::move(what), ""});
}
inline void Warn(Findings& findings, std::string check, std::string where, std::string what, std::string advice) {
  findings.push_back(
      {DoctorFinding::Level::kWarning, std::move(check), std::move(where), std::move(what), std::move(advice)});
}
inline void Problem(Findings& findings, std::string check, std::string where, std::string what, std::string advice) {
  findings.push_back(
      {DoctorFinding::Level::kProblem, std::move(check), std::move(where), std::move(what), std::move(advice)});
}

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_CLI_DOCTOR_FINDING_LIST_H_
