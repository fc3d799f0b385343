#include "policy/masking/masker.h"

#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "google/rpc/status.pb.h"
#include "policy/glob.h"
#include "policy/masking/content_check.h"
#include "policy/masking/mask_table.h"
#include "policy/masking/mask_walker.h"

namespace sallyport::policy {
namespace {

constexpr std::string_view kStatusDetails = "grpc-status-details-bin";
constexpr size_t kMostKept = 4096;  // kinds of calls
constexpr int kSides = 2;
constexpr int kViews = 3;

using Numbers = std::vector<uint32_t>;  // places of rules in the policy

class PlannedMask final : public MessageMask {
 public:
  PlannedMask(std::unique_ptr<const MaskPlan> plan, MaskTable table)
      : plan_(std::move(plan)), table_(std::move(table)) {}

  size_t bytes() const { return sizeof *this + plan_->bytes(); }

  Outcome Apply(std::string_view message, std::string* masked, std::string* problem) const override {
    switch (MaskWalker(*plan_, table_, masked).Walk(message)) {
      case WalkOutcome::kUnchanged:
        return Outcome::kUnchanged;
      case WalkOutcome::kMasked:
        return Outcome::kMasked;
      case WalkOutcome::kTooMuch:
        *problem = absl::StrCat("it has more than ", kMostWork, " finds, or values to hash or tokenize");
        return Outcome::kUnreadable;
      case WalkOutcome::kUnreadable:
        break;
    }
    *problem = absl::StrCat("its bytes are not a ", plan_->node(0).type->full_name(), ", or have two readings");
    return Outcome::kUnreadable;
  }

 private:
  const std::unique_ptr<const MaskPlan> plan_;
  const MaskTable table_;
};

// What one content rule looks for in messages of a type.
struct ContentLook {
  const ContentRule* rule = nullptr;
  std::unique_ptr<const MaskPlan> texts;  // null if no detector is asked for
  struct Condition {
    std::string value;
    std::unique_ptr<const MaskPlan> plan;
  };
  std::vector<Condition> conditions;
};

// What is made once for a kind of call: its method and which rules apply.
class KindOfCall final : public CallMasks {
 public:
  const MessageMask* message(MessageSide side, MaskView view) const override {
    return messages_[At(side)][At(view)].get();
  }
  bool unreadable(MessageSide side, MaskView view) const override { return unreadable_[At(side)][At(view)]; }
  bool looks_into_messages() const override { return looks_into_messages_; }
  bool passes_unreadable() const override { return passes_unreadable_; }
  bool seals() const override { return seals_; }
  const MessageMask* before_sealing(MessageSide side) const override { return before_sealing_[At(side)].get(); }
  // Of what is its own and not shared with other kinds.
  size_t bytes() const {
    size_t bytes = sizeof *this;
    for (const std::vector<ContentLook>& looks : content_) {
      for (const ContentLook& look : looks) {
        bytes += sizeof look + (look.texts == nullptr ? 0 : look.texts->bytes());
        for (const ContentLook::Condition& condition : look.conditions) {
          bytes += sizeof condition + condition.plan->bytes();
        }
      }
    }
    return bytes;
  }
  bool masks_metadata(MaskView view) const override { return metadata_[At(view)].applies; }

  bool MaskMetadata(MaskView view, std::string_view name, std::string* value, bool* drop) const override {
    const Metadata& metadata = metadata_[At(view)];
    for (const auto& [glob, action] : metadata.names) {
      if (!GlobMatches(glob, name)) continue;
      *drop = action->kind == v1::Mask::drop;
      std::string masked;
      WorkBudget budget;
      AppendMaskedValue(metadata.table, DetectionCounts::kMetadata, *action, *value, &budget, &masked);
      return Replace(name, std::move(masked), value);
    }
    std::string masked;
    if (name == kStatusDetails && metadata.details != nullptr) {
      std::string problem;
      const MessageMask::Outcome outcome = metadata.details->Apply(*value, &masked, &problem);
      *drop = outcome == MessageMask::Outcome::kUnreadable && !passes_unreadable_;
      if (outcome != MessageMask::Outcome::kMasked) return *drop;
      *value = std::move(masked);
      return true;
    }
    return HideFinds(metadata.table, DetectionCounts::kMetadata, *value, &masked) &&
           Replace(name, std::move(masked), value);
  }

  bool MaskText(MaskView view, std::string* text) const override {
    std::string masked;
    if (!HideFinds(metadata_[At(view)].table, DetectionCounts::kStatusMessage, *text, &masked)) return false;
    *text = std::move(masked);
    return true;
  }

  bool checks_content(MessageSide side) const override { return !content_[At(side)].empty(); }
  bool enforces_content(MessageSide side) const override {
    return absl::c_any_of(content_[At(side)], [](const ContentLook& look) { return !look.rule->shadow; });
  }
  ContentVerdict CheckContent(MessageSide side, std::string_view message) const override {
    ContentVerdict verdict;
    for (const ContentLook& look : content_[At(side)]) {
      bool found = false;
      if (!Finds(look, message, &found)) {
        // It would have been refused.
        found = true;
        verdict.unreadable = !look.rule->shadow;
        if (verdict.unreadable) return verdict;
      }
      if (!found) continue;
      if (!look.rule->shadow) {
        verdict.rule = look.rule->name;
        return verdict;
      }
      verdict.shadow.push_back(look.rule->name);
    }
    return verdict;
  }

 private:
  friend class BuiltMasker;
  struct Metadata {
    bool applies = false;
    std::vector<std::pair<std::string, const MaskAction*>> names;  // globs; of the policy
    MaskTable table;
    std::shared_ptr<const MessageMask> details;
  };

  static size_t At(MessageSide side) { return side == MessageSide::kRequest ? 0 : 1; }
  static size_t At(MaskView view) { return static_cast<size_t>(view); }

  // Nothing is left of a text with more finds than there is work for.
  static bool HideFinds(const MaskTable& table, const char* place, std::string_view text, std::string* masked) {
    WorkBudget budget;
    if (MaskFinds(table, place, text, &budget, masked)) return true;
    masked->clear();
    return budget.exceeded();
  }

  // What stands in place of a value must be one that gRPC sends.
  static bool Replace(std::string_view name, std::string masked, std::string* value) {
    if (!name.ends_with("-bin")) {
      for (char& c : masked) {
        if (!absl::ascii_isprint(static_cast<unsigned char>(c))) c = '?';
      }
    }
    if (masked == *value) return false;
    *value = std::move(masked);
    return true;
  }

  bool Finds(const ContentLook& look, std::string_view message, bool* found) const {
    for (const ContentLook::Condition& condition : look.conditions) {
      const bool readable = VisitValues(*condition.plan, message, [&](const VisitedValue& value) {
        *found = GlobMatches(condition.value, value.text);
        return !*found;
      });
      if (!readable) return false;
      if (*found) return true;
    }
    if (look.texts == nullptr) return true;
    std::vector<Detection> detections;
    bool all = true;  // that are there were looked at
    const bool readable = VisitValues(*look.texts, message, [&](const VisitedValue& value) {
      detections.clear();
      all = policy_->detectors()->FindAtMost(value.text, kMostWork, &detections) && all;
      *found = std::any_of(detections.begin(), detections.end(), [&](const Detection& detection) {
        return std::binary_search(look.rule->detect.begin(), look.rule->detect.end(), detection.detector);
      });
      return !*found;
    });
    return readable && (all || *found);
  }

  std::shared_ptr<const Policy> policy_;
  std::shared_ptr<const Descriptors> descriptors_;
  std::shared_ptr<const MessageMask> messages_[kSides][kViews];
  bool unreadable_[kSides][kViews] = {};
  bool looks_into_messages_ = false;
  bool passes_unreadable_ = false;
  bool seals_ = false;
  std::shared_ptr<const MessageMask> before_sealing_[kSides];
  Metadata metadata_[kViews];
  std::vector<ContentLook> content_[kSides];
};

class BuiltMasker final : public Masker {
 public:
  BuiltMasker(std::shared_ptr<const Policy> policy, std::shared_ptr<const Descriptors> descriptors, const MaskKey& key,
              std::shared_ptr<DetectionCounts> counts, size_t most_bytes)
      : policy_(std::move(policy)),
        descriptors_(std::move(descriptors)),
        key_(key),
        counts_(std::move(counts)),
        most_bytes_(most_bytes) {}

  size_t bytes() const override {
    absl::MutexLock plans(&plans_mutex_);
    absl::MutexLock lock(&mutex_);
    return plan_bytes_ + kept_bytes_;
  }

  std::shared_ptr<const CallMasks> ForCall(const AccessRequest& request) const override {
    const RequestFacts facts(request);
    Numbers masks;
    Numbers content;
    policy_->mask_index().ForEachMatch(facts, [&](size_t number) {
      masks.push_back(static_cast<uint32_t>(number));
      return true;
    });
    policy_->content_index().ForEachMatch(facts, [&](size_t number) {
      content.push_back(static_cast<uint32_t>(number));
      return true;
    });
    if (masks.empty() && content.empty()) return nullptr;
    // What callers make up is all of one kind.
    const std::string path = absl::StrCat("/", std::string(facts.method()));
    const bool known = descriptors_->FindMethod(path) != nullptr;
    return ForKind({known ? path : "", std::move(masks), std::move(content)});
  }

  std::shared_ptr<const CallMasks> ForUnproved() const override {
    Numbers masks;
    for (size_t i = 0; i < policy_->masks().size(); ++i) masks.push_back(static_cast<uint32_t>(i));
    return masks.empty() ? nullptr : ForKind({"", std::move(masks), {}});
  }

  void Warm(const Masker& before) const override {
    const auto& former = static_cast<const BuiltMasker&>(before);
    std::vector<Kind> kinds;
    {
      absl::ReaderMutexLock lock(&former.mutex_);
      for (const auto& [kind, masks] : former.kept_) kinds.push_back(kind);
    }
    for (Kind& kind : kinds) {
      if (Renumber(former.policy_->masks(), policy_->masks(), &kind.masks) &&
          Renumber(former.policy_->content_rules(), policy_->content_rules(), &kind.content)) {
        ForKind(std::move(kind));
      }
    }
  }

 private:
  struct Kind {
    std::string path;  // "/package.Service/Method"; empty for methods that are not known
    Numbers masks;
    Numbers content;
    friend bool operator<(const Kind& a, const Kind& b) {
      return std::tie(a.path, a.masks, a.content) < std::tie(b.path, b.masks, b.content);
    }
  };

  // The places of the same rules in another policy; false if one is not there any more.
  template <typename Rules>
  static bool Renumber(const Rules& before, const Rules& after, Numbers* numbers) {
    for (uint32_t& number : *numbers) {
      const auto same =
          std::find_if(after.begin(), after.end(), [&](const auto& rule) { return rule.name == before[number].name; });
      if (same == after.end()) return false;
      number = static_cast<uint32_t>(same - after.begin());
    }
    std::sort(numbers->begin(), numbers->end());
    return true;
  }

  std::shared_ptr<const CallMasks> ForKind(Kind kind) const {
    {
      absl::ReaderMutexLock lock(&mutex_);
      if (const auto found = kept_.find(kind); found != kept_.end()) return found->second;
    }
    // Made outside the lock, twice where two calls come at once.
    std::shared_ptr<const KindOfCall> made = Make(kind);
    const size_t bytes =
        made->bytes() + sizeof kind + kind.path.size() + (kind.masks.size() + kind.content.size()) * sizeof(uint32_t);
    absl::MutexLock lock(&mutex_);
    if (kept_.size() >= kMostKept || kept_bytes_ + bytes > most_bytes_ / 2) ForgetKinds();
    const auto [place, is_new] = kept_.try_emplace(std::move(kind), std::move(made));
    if (is_new) kept_bytes_ += bytes;
    return place->second;
  }

  void ForgetKinds() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    kept_.clear();
    kept_bytes_ = 0;
  }

  std::shared_ptr<const KindOfCall> Make(const Kind& kind) const {
    auto made = std::make_shared<KindOfCall>();
    made->policy_ = policy_;
    made->descriptors_ = descriptors_;
    bool looks = false;
    bool passes = true;
    for (const uint32_t number : kind.masks) {
      const MaskRule& rule = policy_->masks()[number];
      if (!rule.looks_into_messages()) continue;
      looks = true;
      passes = passes && rule.pass_unreadable;
      made->seals_ = made->seals_ || rule.seal;
    }
    made->looks_into_messages_ = looks || !kind.content.empty();
    made->passes_unreadable_ = looks && passes;
    for (const MaskView view : {MaskView::kRecord, MaskView::kCaller, MaskView::kUpstream}) {
      Numbers of_view;
      for (const uint32_t number : kind.masks) {
        if (policy_->masks()[number].IsOf(view)) of_view.push_back(number);
      }
      if (of_view.empty()) continue;
      made->metadata_[KindOfCall::At(view)] = MetadataOf(of_view);
      for (const MessageSide side : {MessageSide::kRequest, MessageSide::kResponse}) {
        const bool shown = view == MaskView::kRecord || (view == MaskView::kCaller) == (side == MessageSide::kResponse);
        const bool looks_here = std::any_of(of_view.begin(), of_view.end(), [this](uint32_t number) {
          return policy_->masks()[number].looks_into_messages();
        });
        if (!shown || !looks_here) continue;
        const google::protobuf::Descriptor* const type = descriptors_->FindMessage(kind.path, side);
        std::shared_ptr<const MessageMask>& mask = made->messages_[KindOfCall::At(side)][KindOfCall::At(view)];
        const bool sound = type != nullptr && MaskFor(type, of_view, &mask);
        made->unreadable_[KindOfCall::At(side)][KindOfCall::At(view)] = !sound && !made->passes_unreadable_;
        if (view != MaskView::kRecord || !made->seals_ || !sound) continue;
        Numbers without;
        absl::c_copy_if(of_view, std::back_inserter(without),
                        [this](uint32_t number) { return !policy_->masks()[number].seal; });
        // Of the same type, and fewer: it is not too large either.
        MaskFor(type, without, &made->before_sealing_[KindOfCall::At(side)]);
      }
    }
    for (const MessageSide side : {MessageSide::kRequest, MessageSide::kResponse}) AddContent(kind, side, *made);
    return made;
  }

  MaskPlan::Request RequestFor(const google::protobuf::Descriptor* root) const {
    MaskPlan::Request request;
    request.root = root;
    request.pool = &descriptors_->pool();
    request.keeps_unknown = policy_->keep_unknown_fields();
    return request;
  }

  // The mask of these rules for messages of a type, made once: the same for all methods and views. Leaves it null where
  // there is nothing to hide. False if its plan would be too large.
  bool MaskFor(const google::protobuf::Descriptor* type, const Numbers& numbers,
               std::shared_ptr<const MessageMask>* mask) const {
    absl::MutexLock lock(&plans_mutex_);
    if (const auto found = plans_.find({type, numbers}); found != plans_.end()) {
      *mask = found->second.mask;
      return found->second.sound;
    }
    Planned planned;
    planned.sound = MakeMask(type, numbers, &planned.mask);
    const size_t bytes = sizeof planned + sizeof(uint32_t) * numbers.size() +
                         (planned.mask == nullptr ? 0 : static_cast<const PlannedMask&>(*planned.mask).bytes());
    if (plan_bytes_ + bytes > most_bytes_ / 2) {
      // Those that kinds of calls hold on to go as well.
      plans_.clear();
      plan_bytes_ = 0;
      absl::MutexLock kinds(&mutex_);
      ForgetKinds();
    }
    plan_bytes_ += bytes;
    *mask = planned.mask;
    const bool sound = planned.sound;
    plans_.try_emplace({type, numbers}, std::move(planned));
    return sound;
  }

  bool MakeMask(const google::protobuf::Descriptor* type, const Numbers& numbers,
                std::shared_ptr<const MessageMask>* mask) const {
    MaskPlan::Request request = RequestFor(type);
    for (const uint32_t number : numbers) {
      const MaskRule& rule = policy_->masks()[number];
      request.selections.push_back(&rule.fields);
      request.texts = request.texts || !rule.detect.empty();
    }
    absl::StatusOr<std::unique_ptr<const MaskPlan>> plan = MaskPlan::Compile(request);
    if (!plan.ok()) return false;
    if (!(*plan)->passes()) *mask = std::make_shared<PlannedMask>(*std::move(plan), TableOf(numbers));
    return true;
  }

  MaskTable TableOf(const Numbers& numbers) const {
    MaskTable table;
    table.key = key_;
    table.counts = counts_.get();
    for (const uint32_t number : numbers) {
      const MaskRule& rule = policy_->masks()[number];
      const auto action = static_cast<int32_t>(table.actions.size());
      table.actions.push_back(rule.action);
      if (rule.detect.empty()) continue;
      table.detectors = policy_->detectors();
      table.detected.resize(table.detectors->names().size(), MaskPlan::kNone);
      for (const uint32_t detector : rule.detect) {
        if (table.detected[detector] == MaskPlan::kNone) table.detected[detector] = action;
      }
    }
    return table;
  }

  KindOfCall::Metadata MetadataOf(const Numbers& numbers) const {
    KindOfCall::Metadata metadata;
    metadata.applies = true;
    metadata.table = TableOf(numbers);
    for (const uint32_t number : numbers) {
      const MaskRule& rule = policy_->masks()[number];
      for (const std::string& glob : rule.metadata) metadata.names.emplace_back(glob, &rule.action);
    }
    // Details are of types that the upstream chooses: where they cannot be looked into, they are left out.
    MaskFor(google::rpc::Status::descriptor(), numbers, &metadata.details);
    return metadata;
  }

  void AddContent(const Kind& kind, MessageSide side, KindOfCall& made) const {
    const google::protobuf::Descriptor* const type = descriptors_->FindMessage(kind.path, side);
    for (const uint32_t number : kind.content) {
      const ContentRule& rule = policy_->content_rules()[number];
      if (!(side == MessageSide::kRequest ? rule.requests : rule.responses)) continue;
      ContentLook look;
      look.rule = &rule;
      bool sound = type != nullptr;
      if (sound && !rule.detect.empty()) {
        MaskPlan::Request request = RequestFor(type);
        request.texts = true;
        sound = Compile(request, &look.texts);
      }
      for (const FieldConditionRule& condition : rule.conditions) {
        if (!sound) break;
        MaskPlan::Request request = RequestFor(type);
        request.selections = {&condition.field};
        request.whole = true;
        look.conditions.emplace_back();
        look.conditions.back().value = condition.value;
        sound = Compile(request, &look.conditions.back().plan);
      }
      if (!sound) {
        // Whatever masks let pass.
        made.unreadable_[KindOfCall::At(side)][KindOfCall::At(MaskView::kRecord)] |= !rule.shadow;
        continue;
      }
      made.content_[KindOfCall::At(side)].push_back(std::move(look));
    }
  }

  static bool Compile(const MaskPlan::Request& request, std::unique_ptr<const MaskPlan>* plan) {
    absl::StatusOr<std::unique_ptr<const MaskPlan>> made = MaskPlan::Compile(request);
    if (made.ok()) *plan = *std::move(made);
    return *plan != nullptr;
  }

  const std::shared_ptr<const Policy> policy_;
  const std::shared_ptr<const Descriptors> descriptors_;
  const MaskKey key_;
  const std::shared_ptr<DetectionCounts> counts_;
  struct Planned {
    bool sound = false;
    std::shared_ptr<const MessageMask> mask;
  };
  const size_t most_bytes_;
  mutable absl::Mutex plans_mutex_ ABSL_ACQUIRED_BEFORE(mutex_);
  mutable std::map<std::pair<const google::protobuf::Descriptor*, Numbers>, Planned> plans_
      ABSL_GUARDED_BY(plans_mutex_);
  mutable size_t plan_bytes_ ABSL_GUARDED_BY(plans_mutex_) = 0;
  mutable absl::Mutex mutex_;
  mutable std::map<Kind, std::shared_ptr<const CallMasks>> kept_ ABSL_GUARDED_BY(mutex_);
  mutable size_t kept_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace

std::shared_ptr<const Masker> Masker::Create(std::shared_ptr<const Policy> policy,
                                             std::shared_ptr<const Descriptors> descriptors, const MaskKey& key,
                                             std::shared_ptr<DetectionCounts> counts, size_t most_bytes) {
  return std::make_shared<BuiltMasker>(std::move(policy), std::move(descriptors), key, std::move(counts), most_bytes);
}

}  // namespace sallyport::policy
