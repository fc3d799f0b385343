#include "policy/matching/match_reader.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <vector>

#include "absl/strings/str_cat.h"
#include "policy/method_globs.h"

namespace sallyport::policy {
namespace {

constexpr size_t kLongestGlob = 1024;

bool IsMetadataName(const std::string& name) {
  return !name.empty() && name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_.-") == std::string::npos;
}

// The record keeps only fingerprints of these, and a policy file is no place for secrets.
bool HoldsCredentials(std::string name) {
  if (name.ends_with("-bin")) name.resize(name.size() - 4);
  constexpr absl::string_view kNames[] = {"authorization", "proxy-authorization", "cookie", "set-cookie"};
  return std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
}

v1::Proof RecordedProof(int proof) {
  switch (proof) {
    case v1::Match::jwt:
      return v1::PROOF_JWT;
    case v1::Match::mtls:
      return v1::PROOF_MTLS;
    case v1::Match::api_key:
      return v1::PROOF_API_KEY;
    case v1::Match::local:
      return v1::PROOF_LOCAL;
    default:
      return v1::PROOF_NONE;
  }
}

// Reads one Match, or one of its exceptions.
class MatchReader {
 public:
  MatchReader(const std::string& key, Faults* faults) : key_(key), faults_(*faults) {}

  Match Read(const v1::Match& source) {
    Match match;
    match.identities = Globs("identities", source.identities());
    match.groups = Globs("groups", source.groups());
    match.issuers = Globs("issuers", source.issuers());
    match.proofs = Proofs("proofs", source.proofs());
    match.all_proofs = Proofs("all_proofs", source.all_proofs());
    if ((match.all_proofs & ProofBit(v1::PROOF_NONE)) != 0 && source.all_proofs_size() > 1) {
      Fault("all_proofs", "none cannot be shown together with others");
    }
    match.methods = Methods(source.methods());
    match.upstreams = Globs("upstreams", source.upstreams());
    match.metadata = Metadata("metadata", source.metadata());
    match.all_metadata = Metadata("all_metadata", source.all_metadata());
    match.networks = Networks(source.networks());
    match.times = Times(source.times());
    return match;
  }

  std::string KeyOf(absl::string_view condition) const { return absl::StrCat(key_, ".", condition); }
  void Fault(absl::string_view condition, absl::string_view problem) { faults_.Add(KeyOf(condition), problem); }

  // Fault if the list is there and empty.
  void CheckNotEmpty(absl::string_view condition, bool empty) {
    if (!empty || !faults_.Given(KeyOf(condition))) return;
    Fault(condition,
          "is an empty list, which no call would match: name something, or remove the key to match every call");
  }

 private:
  // Fault unless it can be used as one.
  void CheckGlob(absl::string_view condition, const std::string& glob) {
    if (glob.empty()) Fault(condition, "is empty: give a text or a glob");
    if (glob.size() > kLongestGlob) Fault(condition, absl::StrCat("is longer than ", kLongestGlob, " bytes"));
  }

  std::vector<std::string> Globs(absl::string_view condition,
                                 const google::protobuf::RepeatedPtrField<std::string>& source) {
    CheckNotEmpty(condition, source.empty());
    for (int i = 0; i < source.size(); ++i) CheckGlob(absl::StrCat(condition, "[", i, "]"), source[i]);
    return {source.begin(), source.end()};
  }

  std::vector<std::string> Methods(const google::protobuf::RepeatedPtrField<std::string>& source) {
    std::vector<std::string> methods = Globs("methods", source);
    for (size_t i = 0; i < methods.size(); ++i) {
      if (methods[i].starts_with('/')) methods[i].erase(0, 1);
      if (const std::string fault = SlashFault(methods[i]); !fault.empty()) {
        Fault(absl::StrCat("methods[", i, "]"), fault);
      }
    }
    return methods;
  }

  ProofSet Proofs(absl::string_view condition, const google::protobuf::RepeatedField<int>& source) {
    CheckNotEmpty(condition, source.empty());
    ProofSet proofs = 0;
    for (const int proof : source) proofs |= ProofBit(RecordedProof(proof));
    return proofs;
  }

  std::vector<MetadataCondition> Metadata(absl::string_view condition,
                                          const google::protobuf::Map<std::string, std::string>& source) {
    CheckNotEmpty(condition, source.empty());
    // In the order of their names: the map's own order is random.
    const std::map<std::string, std::string> sorted(source.begin(), source.end());
    std::vector<MetadataCondition> conditions;
    for (const auto& [name, glob] : sorted) {
      const std::string key = absl::StrCat(condition, ".", name);
      if (!IsMetadataName(name)) {
        Fault(condition, absl::StrCat(Quoted(name), " is no name of metadata: those have a-z, 0-9, _, . and - only"));
      } else if (HoldsCredentials(name)) {
        Fault(key, "holds credentials, which are for identity to check: match identities, groups or issuers");
      } else if (glob.size() > kLongestGlob) {
        Fault(key, absl::StrCat("is longer than ", kLongestGlob, " bytes"));
      }
      conditions.push_back({name, glob});
    }
    return conditions;
  }

  std::vector<Network> Networks(const google::protobuf::RepeatedPtrField<std::string>& source) {
    CheckNotEmpty("networks", source.empty());
    std::vector<Network> networks;
    for (int i = 0; i < source.size(); ++i) {
      const absl::StatusOr<Network> network = ParseNetwork(source[i]);
      if (network.ok()) {
        networks.push_back(*network);
      } else {
        Fault(absl::StrCat("networks[", i, "]"), network.status().message());
      }
    }
    return networks;
  }

  int Minutes(const std::string& condition, const std::string& text, int otherwise) {
    if (text.empty()) return otherwise;
    const std::optional<int> minutes = ParseTimeOfDay(text);
    if (minutes.has_value()) return *minutes;
    Fault(condition, absl::StrCat(Quoted(text), " is not a time of day: write such as \"08:30\""));
    return otherwise;
  }

  std::vector<TimeWindow> Times(const google::protobuf::RepeatedPtrField<v1::TimeOfDay>& source) {
    CheckNotEmpty("times", source.empty());
    std::vector<TimeWindow> times;
    times.reserve(static_cast<size_t>(source.size()));
    for (int i = 0; i < source.size(); ++i) times.push_back(Time(absl::StrCat("times[", i, "]"), source[i]));
    return times;
  }

  TimeWindow Time(const std::string& condition, const v1::TimeOfDay& source) {
    TimeWindow window;
    CheckNotEmpty(condition + ".days", source.days().empty());
    if (!source.days().empty()) window.days = 0;
    for (const int day : source.days()) window.days |= static_cast<uint8_t>(1u << static_cast<unsigned>(day));
    window.from = Minutes(condition + ".from", source.from(), 0);
    window.to = Minutes(condition + ".to", source.to(), kDayMinutes);
    if (window.from == kDayMinutes) Fault(condition + ".from", "\"24:00\" is the end of a day: begin at \"00:00\"");
    if (window.from == window.to) {
      Fault(condition, "begins and ends at the same time: leave out from and to for whole days");
    }
    const std::string zone = source.zone().empty() ? "UTC" : source.zone();
    const std::optional<absl::TimeZone> found = FindTimeZone(zone);
    if (found.has_value()) {
      window.zone = *found;
    } else {
      Fault(condition + ".zone", absl::StrCat(Quoted(zone),
                                              " is not in this machine's time zone database (package "
                                              "tzdata): write a name such as Europe/Berlin, or UTC"));
    }
    return window;
  }

  const std::string key_;
  Faults& faults_;
};

bool IsEmpty(const v1::Match& match) { return match.ByteSizeLong() == 0; }

}  // namespace

Match ReadMatch(const v1::Match& source, const std::string& key, Faults* faults) {
  MatchReader reader(key, faults);
  Match match = reader.Read(source);
  reader.CheckNotEmpty("except", source.except().empty());
  for (int i = 0; i < source.except_size(); ++i) {
    const std::string except_key = reader.KeyOf(absl::StrCat("except[", i, "]"));
    if (IsEmpty(source.except(i))) faults->Add(except_key, "leaves every call out: give it a condition, or remove it");
    if (!source.except(i).except().empty()) {
      faults->Add(except_key + ".except", "cannot stand in an except: write a rule of its own before this one");
    }
    match.except.push_back(MatchReader(except_key, faults).Read(source.except(i)));
  }
  return match;
}

}  // namespace sallyport::policy
