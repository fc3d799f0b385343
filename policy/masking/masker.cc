#include "policy/masking/masker.h"

#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "google/rpc/status.pb.h"
#include "policy/masking/kind_of_call.h"
#include "policy/masking/mask_table.h"
#include "policy/masking/mask_walker.h"

namespace sallyport::policy {
namespace {

constexpr size_t kMostKept = 4096;  // kinds of calls

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
      masks.push_back(policy_->relay_masks()[number]);
      return true;
    });
    policy_->content_index().ForEachMatch(facts, [&](size_t number) {
      content.push_back(static_cast<uint32_t>(number));
      return true;
    });
    if (masks.empty() && content.empty()) return nullptr;
    return ForKind({PathOf(facts.method()), std::move(masks), std::move(content)});
  }

  std::shared_ptr<const CallMasks> ForUnproved() const override {
    Numbers masks(policy_->relay_masks().begin(), policy_->relay_masks().end());
    return masks.empty() ? nullptr : ForKind({"", std::move(masks), {}});
  }

  std::shared_ptr<const CallMasks> ForReader(std::string_view method, Numbers masks) const override {
    if (method.starts_with('/')) method.remove_prefix(1);
    return ForKind({PathOf(method), std::move(masks), {}, true});
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
    bool reader = false;  // of the record, and not of what passes
    friend bool operator<(const Kind& a, const Kind& b) {
      return std::tie(a.path, a.masks, a.content, a.reader) < std::tie(b.path, b.masks, b.content, b.reader);
    }
  };

  // What callers make up is all of one kind. `method` has no slash in front.
  std::string PathOf(std::string_view method) const {
    std::string path = absl::StrCat("/", std::string(method));
    return descriptors_->FindMethod(path) != nullptr ? path : "";
  }

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
    KindOfCall::Parts made;
    made.policy = policy_;
    made.descriptors = descriptors_;
    bool looks = false;
    bool passes = true;
    for (const uint32_t number : kind.masks) {
      const MaskRule& rule = policy_->masks()[number];
      if (!rule.looks_into_messages()) continue;
      looks = true;
      passes = passes && rule.pass_unreadable;
      made.seals = made.seals || (rule.seal && !kind.reader);
    }
    made.looks_into_messages = looks || !kind.content.empty();
    made.passes_unreadable = looks && passes && !kind.reader;
    for (const MaskView view : {MaskView::kRecord, MaskView::kCaller, MaskView::kUpstream, MaskView::kReader}) {
      if ((view == MaskView::kReader) != kind.reader) continue;
      Numbers of_view;
      for (const uint32_t number : kind.masks) {
        if (policy_->masks()[number].IsOf(view)) of_view.push_back(number);
      }
      if (of_view.empty()) continue;
      made.metadata[KindOfCall::At(view)] = MetadataOf(of_view);
      for (const MessageSide side : {MessageSide::kRequest, MessageSide::kResponse}) {
        const bool shown =
            view == MaskView::kRecord || kind.reader || (view == MaskView::kCaller) == (side == MessageSide::kResponse);
        const bool looks_here = std::any_of(of_view.begin(), of_view.end(), [this](uint32_t number) {
          return policy_->masks()[number].looks_into_messages();
        });
        if (!shown || !looks_here) continue;
        const google::protobuf::Descriptor* const type = descriptors_->FindMessage(kind.path, side);
        std::shared_ptr<const MessageMask>& mask = made.messages[KindOfCall::At(side)][KindOfCall::At(view)];
        const bool sound = type != nullptr && MaskFor(type, of_view, &mask);
        made.unreadable[KindOfCall::At(side)][KindOfCall::At(view)] = !sound && !made.passes_unreadable;
        if (view != MaskView::kRecord || !made.seals || !sound) continue;
        Numbers without;
        absl::c_copy_if(of_view, std::back_inserter(without),
                        [this](uint32_t number) { return !policy_->masks()[number].seal; });
        // Of the same type, and fewer: it is not too large either.
        MaskFor(type, without, &made.before_sealing[KindOfCall::At(side)]);
      }
    }
    for (const MessageSide side : {MessageSide::kRequest, MessageSide::kResponse}) AddContent(kind, side, made);
    return std::make_shared<KindOfCall>(std::move(made));
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

  void AddContent(const Kind& kind, MessageSide side, KindOfCall::Parts& made) const {
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
        made.unreadable[KindOfCall::At(side)][KindOfCall::At(MaskView::kRecord)] |= !rule.shadow;
        continue;
      }
      made.content[KindOfCall::At(side)].push_back(std::move(look));
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
