#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "policy/glob.h"
#include "policy/masking/mask_rules.h"
#include "policy/matching/match_reader.h"

namespace sallyport::policy {
namespace {

void CheckName(const std::string& name, const std::string& key, std::set<std::string>* names, Faults* faults) {
  if (name.empty()) {
    faults->Add(absl::StrCat(key, ".name"), "is missing: records and replies name it");
  } else if (!names->insert(name).second) {
    faults->Add(absl::StrCat(key, ".name"), absl::StrCat("is ", Quoted(name), " for the second time"));
  }
}

template <typename List>
std::vector<std::string> Listed(const List& list, const std::string& key, Faults* faults) {
  if (list.empty() && faults->Given(key)) faults->Add(key, "is an empty list: remove the key");
  for (int i = 0; i < list.size(); ++i) {
    if (list[i].empty()) faults->Add(absl::StrCat(key, "[", i, "]"), "is empty");
  }
  return {list.begin(), list.end()};
}

// Globs that may match a name as gRPC delivers it.
template <typename List>
std::vector<std::string> MetadataNames(const List& list, const std::string& key, Faults* faults) {
  std::vector<std::string> names = Listed(list, key, faults);
  for (size_t i = 0; i < names.size(); ++i) {
    if (names[i] == kAuthorityName) continue;
    if (names[i].find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_.-*?") == std::string::npos) continue;
    faults->Add(absl::StrCat(key, "[", i, "]"),
                absl::StrCat(Quoted(names[i]), " matches no name of metadata: those have a-z, 0-9, _, . and - only"));
  }
  return names;
}

void AddGlob(const std::string& text, const std::string& key, FieldSelection* fields, Faults* faults) {
  absl::StatusOr<FieldGlob> glob = FieldGlob::Parse(text);
  if (glob.ok()) {
    fields->globs.push_back(*std::move(glob));
  } else {
    faults->Add(key, absl::StrCat(Quoted(text), " ", glob.status().message()));
  }
}

template <typename List>
std::vector<uint32_t> DetectorsNamed(const List& globs, const std::string& key, const Detectors* detectors,
                                     Faults* faults) {
  std::vector<uint32_t> found;
  for (int i = 0; i < globs.size(); ++i) {
    bool any = false;
    const size_t count = detectors == nullptr ? 0 : detectors->names().size();
    for (size_t name = 0; name < count; ++name) {
      if (!GlobMatches(globs[i], detectors->names()[name])) continue;
      any = true;
      found.push_back(static_cast<uint32_t>(name));
    }
    // What is wrong with the policy's own detectors is told where they stand.
    if (any || faults->Unread("detectors") || (detectors == nullptr && faults->Given("detectors"))) continue;
    std::string known;
    for (std::string_view name : Detectors::BuiltIn())
      absl::StrAppend(&known, known.empty() ? "" : ", ", std::string(name));
    faults->Add(absl::StrCat(key, "[", i, "]"), absl::StrCat("no detector is called ", Quoted(globs[i]), "; there are ",
                                                             known, " and those under `detectors`"));
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

MaskAction ReadAction(const v1::Mask& mask, const std::string& key, Faults* faults) {
  if (faults->Unread(absl::StrCat(key, ".with"))) return {};
  if (faults->Given(absl::StrCat(key, ".text")) && mask.with() != v1::Mask::redact) {
    faults->Add(absl::StrCat(key, ".text"), "goes with `with: redact` only");
  }
  if ((mask.with() == v1::Mask::truncate) != (mask.length() != 0)) {
    faults->Add(absl::StrCat(key, ".length"), "goes with `with: truncate`, which needs it");
  }
  return {mask.with(), mask.text(), mask.length()};
}

MaskView ViewOf(int view) {
  switch (view) {
    case v1::Mask::caller:
      return MaskView::kCaller;
    case v1::Mask::upstream:
      return MaskView::kUpstream;
    case v1::Mask::reader:
      return MaskView::kReader;
    default:
      return MaskView::kRecord;
  }
}

uint8_t ReadViews(const v1::Mask& mask, const std::string& key, Faults* faults) {
  const auto bit = [](MaskView view) { return static_cast<uint8_t>(1 << static_cast<int>(view)); };
  if (mask.views().empty()) {
    if (faults->Given(absl::StrCat(key, ".views"))) faults->Add(absl::StrCat(key, ".views"), "is an empty list");
    return bit(MaskView::kRecord);
  }
  uint8_t views = 0;
  for (const int view : mask.views()) views |= bit(ViewOf(view));
  return views;
}

MaskReaders ReadReaders(const v1::Mask& mask, const std::string& key, Faults* faults) {
  MaskReaders readers;
  if (!faults->Given(key)) return readers;
  readers.identities = Listed(mask.readers().identities(), absl::StrCat(key, ".identities"), faults);
  readers.groups = Listed(mask.readers().groups(), absl::StrCat(key, ".groups"), faults);
  for (const int role : mask.readers().roles()) readers.roles.push_back(RoleOf(static_cast<v1::Role::Kind>(role)));
  const bool names_roles = faults->Given(absl::StrCat(key, ".roles"));
  if (names_roles && readers.roles.empty())
    faults->Add(absl::StrCat(key, ".roles"), "is an empty list: remove the key");
  if (readers.identities.empty() && readers.groups.empty() && !names_roles) {
    faults->Add(key, "names nobody: give identities, groups or roles, or remove the key to hide it from all readers");
  }
  return readers;
}

// What is asked of a recorded call must be in the record for sure.
void CheckReaderMatch(const v1::Match& match, const std::string& key, Faults* faults) {
  const auto refuse = [&](const char* condition, bool given, const char* why) {
    if (given)
      faults->Add(absl::StrCat(key, ".", condition), absl::StrCat("can't be asked with the view reader: ", why));
  };
  constexpr char kProofs[] = "match identities or issuers";
  constexpr char kMetadata[] = "metadata may be masked in the record itself; make a mask of its own for readers";
  refuse("proofs", !match.proofs().empty(), kProofs);
  refuse("all_proofs", !match.all_proofs().empty(), kProofs);
  refuse("metadata", !match.metadata().empty(), kMetadata);
  refuse("all_metadata", !match.all_metadata().empty(), kMetadata);
  for (int i = 0; i < match.except_size(); ++i) {
    CheckReaderMatch(match.except(i), absl::StrCat(key, ".except[", i, "]"), faults);
  }
}

// Where readers are shown less, or not.
void CheckReaderView(const v1::Mask& mask, const MaskRule& rule, const std::string& key, Faults* faults) {
  if (!rule.IsOf(MaskView::kReader)) {
    if (faults->Given(absl::StrCat(key, ".readers")) && !faults->Unread(absl::StrCat(key, ".views"))) {
      faults->Add(absl::StrCat(key, ".readers"), "goes with the view reader: add `reader` to views");
    }
    return;
  }
  CheckReaderMatch(mask.match(), absl::StrCat(key, ".match"), faults);
  if (rule.pass_unreadable) {
    faults->Add(absl::StrCat(key, ".pass_unreadable"),
                "does not go with the view reader: readers are never shown what can't be looked into; make a mask of "
                "its own for them");
  }
}

}  // namespace

std::shared_ptr<const Detectors> ReadDetectors(const v1::Policy& policy, Faults* faults) {
  std::set<std::string> names;
  for (std::string_view name : Detectors::BuiltIn()) names.emplace(name);
  std::vector<CustomDetector> custom;
  bool sound = true;
  for (int i = 0; i < policy.detectors_size(); ++i) {
    const v1::Detector& detector = policy.detectors(i);
    const std::string key = absl::StrCat("detectors[", i, "]");
    CheckName(detector.name(), key, &names, faults);
    // One at a time, so that the error has its line.
    const auto alone = Detectors::Create({}, {{detector.name(), detector.pattern()}});
    if (!alone.ok()) {
      faults->Add(absl::StrCat(key, ".pattern"), alone.status().message());
      sound = false;
    }
    custom.push_back({detector.name(), detector.pattern()});
  }
  std::vector<std::string> wanted;
  for (std::string_view name : Detectors::BuiltIn()) {
    const auto asks = [name](const auto& rule) {
      return std::any_of(rule.detect().begin(), rule.detect().end(),
                         [name](const std::string& glob) { return GlobMatches(glob, name); });
    };
    if (std::any_of(policy.masks().begin(), policy.masks().end(), asks) ||
        std::any_of(policy.content().begin(), policy.content().end(), asks)) {
      wanted.emplace_back(name);
    }
  }
  if (!sound || (wanted.empty() && custom.empty())) return nullptr;
  absl::StatusOr<std::shared_ptr<const Detectors>> detectors = Detectors::Create(wanted, custom);
  if (detectors.ok()) return *std::move(detectors);
  faults->Add("detectors", detectors.status().message());
  return nullptr;
}

std::vector<MaskRule> ReadMasks(const v1::Policy& policy, const Detectors* detectors, Faults* faults) {
  std::vector<MaskRule> rules;
  std::set<std::string> names;
  for (int i = 0; i < policy.masks_size(); ++i) {
    const v1::Mask& mask = policy.masks(i);
    const std::string key = absl::StrCat("masks[", i, "]");
    CheckName(mask.name(), key, &names, faults);
    MaskRule rule;
    rule.name = mask.name();
    rule.match = ReadMatch(mask.match(), absl::StrCat(key, ".match"), faults);
    const std::vector<std::string> globs = Listed(mask.fields(), absl::StrCat(key, ".fields"), faults);
    for (size_t j = 0; j < globs.size(); ++j)
      AddGlob(globs[j], absl::StrCat(key, ".fields[", j, "]"), &rule.fields, faults);
    rule.fields.classes = Listed(mask.classes(), absl::StrCat(key, ".classes"), faults);
    rule.fields.options = Listed(mask.options(), absl::StrCat(key, ".options"), faults);
    Listed(mask.detect(), absl::StrCat(key, ".detect"), faults);
    rule.detect = DetectorsNamed(mask.detect(), absl::StrCat(key, ".detect"), detectors, faults);
    rule.metadata = MetadataNames(mask.metadata(), absl::StrCat(key, ".metadata"), faults);
    rule.action = ReadAction(mask, key, faults);
    rule.views = ReadViews(mask, key, faults);
    rule.seal = mask.seal();
    rule.pass_unreadable = mask.pass_unreadable();
    rule.readers = ReadReaders(mask, absl::StrCat(key, ".readers"), faults);
    CheckReaderView(mask, rule, key, faults);
    rule.line = faults->LineOf(key);
    if (globs.empty() && mask.classes().empty() && mask.options().empty() && mask.detect().empty() &&
        mask.metadata().empty()) {
      faults->Add(key, "masks nothing: give fields, classes, options, detect or metadata");
    }
    if (rule.seal && !rule.looks_into_messages()) {
      faults->Add(absl::StrCat(key, ".seal"), "is about messages: of metadata no original is kept");
    }
    if (rule.seal && !rule.IsOf(MaskView::kRecord)) {
      faults->Add(absl::StrCat(key, ".seal"), "is about what is recorded: add `record` to views");
    }
    rules.push_back(std::move(rule));
  }
  return rules;
}

std::vector<ContentRule> ReadContentRules(const v1::Policy& policy, const Detectors* detectors, Faults* faults) {
  std::vector<ContentRule> rules;
  std::set<std::string> names;
  for (int i = 0; i < policy.content_size(); ++i) {
    const v1::ContentRule& source = policy.content(i);
    const std::string key = absl::StrCat("content[", i, "]");
    CheckName(source.name(), key, &names, faults);
    ContentRule rule;
    rule.name = source.name();
    rule.match = ReadMatch(source.match(), absl::StrCat(key, ".match"), faults);
    Listed(source.detect(), absl::StrCat(key, ".detect"), faults);
    rule.detect = DetectorsNamed(source.detect(), absl::StrCat(key, ".detect"), detectors, faults);
    for (int j = 0; j < source.fields_size(); ++j) {
      const v1::FieldCondition& condition = source.fields(j);
      FieldConditionRule made;
      AddGlob(condition.field(), absl::StrCat(key, ".fields[", j, "].field"), &made.field, faults);
      made.value = condition.value().empty() ? "*" : condition.value();
      rule.conditions.push_back(std::move(made));
    }
    if (source.detect().empty() && source.fields().empty()) {
      faults->Add(key, "looks for nothing: give detect or fields");
    }
    for (const int side : source.in()) {
      rule.requests = rule.requests || side == v1::ContentRule::requests;
      rule.responses = rule.responses || side == v1::ContentRule::responses;
    }
    if (source.in().empty()) rule.requests = true;
    rule.shadow = source.shadow() || policy.shadow();
    rule.line = faults->LineOf(key);
    rules.push_back(std::move(rule));
  }
  return rules;
}

}  // namespace sallyport::policy
