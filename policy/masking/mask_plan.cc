#include "policy/masking/mask_plan.h"

#include <algorithm>
#include <deque>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "policy/glob.h"
#include "policy/masking/blank_messages.h"
#include "policy/masking/field_options.h"
#include "policy/masking/glob_progress.h"

namespace sallyport::policy {
namespace pb = google::protobuf;
namespace {

constexpr size_t kMostNodes = 200'000;
constexpr char kAny[] = "google.protobuf.Any";

bool MatchesOne(const std::vector<std::string>& globs, std::string_view text) {
  return std::any_of(globs.begin(), globs.end(), [&](const std::string& glob) { return GlobMatches(glob, text); });
}

}  // namespace

// A node stands for a type together with how far each glob has come on the way to it, so that there are finitely many
// of them however types refer to each other.
class MaskPlan::Compiler {
 public:
  explicit Compiler(const Request& request) : request_(request), hides_(request.texts) {
    for (const FieldSelection* selection : request.selections) {
      for (const FieldGlob& glob : selection->globs) globs_.Add(glob, options_.size());
      std::vector<uint32_t> numbers;
      for (const std::string& option : selection->options) {
        if (const uint32_t number = OptionNumber(*request.pool, option); number != 0) numbers.push_back(number);
      }
      options_.push_back(std::move(numbers));
      reads_options_ = reads_options_ || !selection->classes.empty() || !options_.back().empty();
      hides_ = hides_ || !selection->globs.empty() || !selection->classes.empty() || !selection->options.empty();
    }
  }

  // From a type on, where globs have come so far already.
  absl::StatusOr<std::unique_ptr<MaskPlan>> Run(const pb::Descriptor* root, Progress progress) {
    NodeFor(root, std::move(progress));
    while (!open_.empty()) {
      const int32_t node = open_.front();
      open_.pop_front();
      Fill(node);
      if (!status_.ok()) return status_;
      if (nodes_.size() > kMostNodes) {
        return absl::ResourceExhaustedError(
            absl::StrCat("masks lead to more than ", kMostNodes, " places in messages of type ", root->full_name()));
      }
    }
    MarkActive();
    MarkJoint();
    return Flatten();
  }

 private:
  struct Draft {
    const pb::Descriptor* type = nullptr;
    Progress progress;
    Progress content_progress;  // of an Any
    bool decided = false;       // it is for messages of certain keys, and no place in `progress` waits
    int32_t keys = kNone;
    std::vector<Field> fields;
    bool everything = false;  // a glob means all fields, those included that nobody knows
    bool active = false;
    bool joint = false;  // parts of a message here depend on each other
    std::vector<int32_t> leads_to;
    std::vector<int32_t> merges;  // those of leads_to in fields that are not repeated
  };

  int32_t NodeFor(const pb::Descriptor* type, Progress progress) {
    globs_.Begin(type, &progress);
    return AddNode(type, std::move(progress), false);
  }

  int32_t AddNode(const pb::Descriptor* type, Progress progress, bool decided) {
    const auto [place, is_new] = numbers_.try_emplace({type, decided, progress}, static_cast<int32_t>(nodes_.size()));
    if (is_new) {
      nodes_.emplace_back();
      nodes_.back().type = type;
      nodes_.back().progress = std::move(progress);
      nodes_.back().decided = decided;
      open_.push_back(place->second);
    }
    return place->second;
  }

  // In the order of their numbers.
  std::vector<const pb::FieldDescriptor*> FieldsOf(const pb::Descriptor& type) const {
    std::vector<const pb::FieldDescriptor*> fields;
    // Also those that an upstream adds to a message of the operator's.
    if (type.extension_range_count() > 0) request_.pool->FindAllExtensions(&type, &fields);
    for (int i = 0; i < type.field_count(); ++i) fields.push_back(type.field(i));
    std::sort(fields.begin(), fields.end(), [](const auto* a, const auto* b) { return a->number() < b->number(); });
    return fields;
  }

  // A node of which the message's keys say what it is: one for each set of conditions that may hold.
  void FillByKeys(int32_t number, const FollowedGlobs::Conditions& conditions) {
    absl::StatusOr<KeyTable> keys = KeyTable::Create(conditions.list);
    if (!keys.ok()) return status_.Update(keys.status());
    std::vector<int32_t> nodes;
    for (const uint64_t outcome : keys->outcomes()) {
      const Draft& draft = nodes_[static_cast<size_t>(number)];
      Progress progress = globs_.Decided(*draft.type, draft.progress, conditions, outcome);
      nodes.push_back(AddNode(draft.type, std::move(progress), true));
    }
    Draft& draft = nodes_[static_cast<size_t>(number)];
    draft.keys = static_cast<int32_t>(choices_.size());
    draft.leads_to = nodes;
    choices_.push_back({*std::move(keys), std::move(nodes)});
  }

  void Fill(int32_t number) {
    Draft& draft = nodes_[static_cast<size_t>(number)];
    const Progress here = draft.progress;
    if (!draft.decided && globs_.AnyWaits(here)) {
      const FollowedGlobs::Conditions conditions = globs_.ConditionsOn(*draft.type, FieldsOf(*draft.type), here);
      if (!conditions.list.empty()) return FillByKeys(number, conditions);
      draft.progress = globs_.NoneHolds(here);
    }
    FillFields(number, here);
  }

  // `here`: how far the globs have come, with those that wait.
  void FillFields(int32_t number, const Progress& here) {
    const pb::Descriptor* const type = nodes_[static_cast<size_t>(number)].type;
    std::vector<Field> fields;
    for (const pb::FieldDescriptor* descriptor : FieldsOf(*type)) fields.push_back(FieldOf(number, *descriptor));
    Draft& draft = nodes_[static_cast<size_t>(number)];
    draft.everything = globs_.MeansEverything(draft.progress);
    draft.fields = std::move(fields);
    // What is in it is at the place of the Any itself, as far as globs go.
    if (type->full_name() == kAny) draft.content_progress = here;
  }

  Field FieldOf(int32_t node, const pb::FieldDescriptor& descriptor) {
    Field field;
    field.number = static_cast<uint32_t>(descriptor.number());
    field.descriptor = &descriptor;
    Progress progress;
    uint32_t number = 0;
    const FieldOptions options = reads_options_ || descriptor.type() == pb::FieldDescriptor::TYPE_BYTES
                                     ? ReadFieldOptions(descriptor)
                                     : FieldOptions();
    const bool message = descriptor.cpp_type() == pb::FieldDescriptor::CPPTYPE_MESSAGE;
    const pb::Descriptor* held = nullptr;
    if (descriptor.type() == pb::FieldDescriptor::TYPE_BYTES && !options.holds.empty()) {
      held = request_.pool->FindMessageTypeByName(options.holds);
    }
    for (size_t i = 0; i < request_.selections.size(); ++i) {
      const FieldSelection& selection = *request_.selections[i];
      bool chosen = MatchesOne(selection.classes, options.sensitive_class) && !options.sensitive_class.empty();
      chosen = chosen || std::any_of(options_[i].begin(), options_[i].end(),
                                     [&](uint32_t option) { return options.set.contains(option); });
      for (size_t j = 0; j < selection.globs.size(); ++j, ++number) {
        const FieldGlob& glob = selection.globs[j];
        const Progress& before = nodes_[static_cast<size_t>(node)].progress;
        const FieldGlob::Places after = globs_.After(before, number, descriptor.name());
        bool by_wildcard = false;
        // "everything in it" is about what a message holds, which then is as it was but empty.
        const bool accepted = glob.Accepts(after, &by_wildcard);
        chosen = chosen || (accepted && !(by_wildcard && (message || held != nullptr)));
        FollowedGlobs::Merge(number, after, &progress);
      }
      if (chosen && field.selection == kNone) field.selection = static_cast<int32_t>(i);
    }
    field.text = request_.texts && descriptor.cpp_type() == pb::FieldDescriptor::CPPTYPE_STRING && held == nullptr;
    if (field.selection != kNone && !request_.whole) {
      AddBlank(&field);
      return field;
    }
    field.dark = hides_ && held == nullptr && !options.holds.empty();
    const pb::Descriptor* const inner = message ? descriptor.message_type() : held;
    if (inner != nullptr) field.child = NodeFor(inner, std::move(progress));
    if (field.child == kNone) return field;
    nodes_[static_cast<size_t>(node)].leads_to.push_back(field.child);
    if (message && !descriptor.is_repeated()) nodes_[static_cast<size_t>(node)].merges.push_back(field.child);
    return field;
  }

  void AddBlank(Field* field) {
    const absl::StatusOr<bool> stays = blank_messages_.MustStay(*field->descriptor);
    field->stays = stays.ok() && *stays;
    status_.Update(stays.status());
    if (field->descriptor->cpp_type() != pb::FieldDescriptor::CPPTYPE_MESSAGE) return;
    absl::StatusOr<std::string> blank = blank_messages_.Of(*field->descriptor->message_type());
    status_.Update(blank.status());
    if (!blank.ok() || blank->empty()) return;
    blanks_.push_back(*std::move(blank));
    field->blank = &blanks_.back();
  }

  void MarkActive() {
    std::vector<std::vector<int32_t>> from(nodes_.size());
    std::vector<int32_t> found;
    for (size_t i = 0; i < nodes_.size(); ++i) {
      Draft& draft = nodes_[i];
      for (const int32_t to : draft.leads_to) from[static_cast<size_t>(to)].push_back(static_cast<int32_t>(i));
      const bool is_any = draft.type->full_name() == kAny;
      draft.active = draft.everything || request_.texts || (is_any && hides_) ||
                     std::any_of(draft.fields.begin(), draft.fields.end(),
                                 [](const Field& field) { return field.selection != kNone || field.dark; });
      if (draft.active) found.push_back(static_cast<int32_t>(i));
    }
    while (!found.empty()) {
      const int32_t node = found.back();
      found.pop_back();
      for (const int32_t before : from[static_cast<size_t>(node)]) {
        if (std::exchange(nodes_[static_cast<size_t>(before)].active, true)) continue;
        found.push_back(before);
      }
    }
    // Whatever the keys are, something may be hidden in such a message.
    for (const Draft& draft : nodes_) {
      if (draft.keys == kNone || !draft.active) continue;
      for (const int32_t node : draft.leads_to) nodes_[static_cast<size_t>(node)].active = true;
    }
  }

  // A message that is looked at whole, and not in parts.
  bool IsWhole(const Field& field) const {
    return request_.whole && field.selection != kNone && !field.descriptor->is_repeated() &&
           field.descriptor->cpp_type() == pb::FieldDescriptor::CPPTYPE_MESSAGE;
  }

  void MarkJoint() {
    std::vector<std::vector<int32_t>> from(nodes_.size());
    std::vector<int32_t> found;
    for (size_t i = 0; i < nodes_.size(); ++i) {
      Draft& draft = nodes_[i];
      for (const int32_t to : draft.merges) from[static_cast<size_t>(to)].push_back(static_cast<int32_t>(i));
      draft.joint =
          draft.type->full_name() == kAny || draft.keys != kNone ||
          std::any_of(draft.fields.begin(), draft.fields.end(), [this](const Field& field) { return IsWhole(field); });
      if (draft.joint) found.push_back(static_cast<int32_t>(i));
    }
    while (!found.empty()) {
      const int32_t node = found.back();
      found.pop_back();
      for (const int32_t before : from[static_cast<size_t>(node)]) {
        if (std::exchange(nodes_[static_cast<size_t>(before)].joint, true)) continue;
        found.push_back(before);
      }
    }
  }

  static size_t BytesOf(const MaskPlan& plan) {
    size_t bytes = sizeof plan + plan.nodes_.capacity() * sizeof(Node) + plan.fields_.capacity() * sizeof(Field);
    for (const Progress& progress : plan.anys_) {
      bytes += sizeof(Progress);
      for (const auto& [number, places] : progress) bytes += sizeof number + places.capacity() * sizeof places[0];
    }
    for (const Choice& choice : plan.choices_) {
      bytes += choice.keys.bytes() + choice.nodes.capacity() * sizeof(int32_t);
    }
    for (const std::string& blank : plan.blanks_) bytes += sizeof(std::string) + blank.capacity();
    return bytes;
  }

  bool IsJoint(const Field& field) const {
    if (IsWhole(field)) return true;
    return field.child != kNone && nodes_[static_cast<size_t>(field.child)].joint && !field.descriptor->is_repeated() &&
           field.descriptor->cpp_type() == pb::FieldDescriptor::CPPTYPE_MESSAGE;
  }

  std::unique_ptr<MaskPlan> Flatten() {
    std::unique_ptr<MaskPlan> plan(new MaskPlan);
    for (Draft& draft : nodes_) {
      Node node;
      node.type = draft.type;
      node.plan = plan.get();
      node.active = draft.active;
      node.keys = draft.keys;
      node.first = static_cast<uint32_t>(plan->fields_.size());
      node.is_any = draft.type->full_name() == kAny;
      node.keeps_unknown = MatchesOne(request_.keeps_unknown, draft.type->full_name());
      if (draft.active) {
        node.count = static_cast<uint32_t>(draft.fields.size());
        for (Field& field : draft.fields) {
          if (field.child != kNone && !nodes_[static_cast<size_t>(field.child)].active) field.child = kNone;
          if (IsJoint(field)) field.joint = static_cast<int32_t>(node.joints++);
          plan->fields_.push_back(field);
        }
        if (node.is_any) {
          node.any = static_cast<int32_t>(plan->anys_.size());
          plan->anys_.push_back(std::move(draft.content_progress));
        }
      }
      plan->nodes_.push_back(node);
    }
    plan->choices_ = std::move(choices_);
    plan->blanks_ = std::move(blanks_);
    plan->texts_ = request_.texts;
    plan->bytes_ = BytesOf(*plan);
    return plan;
  }

  const Request& request_;
  bool hides_;                                  // the selections mean anything at all
  std::vector<std::vector<uint32_t>> options_;  // numbers, by selection
  bool reads_options_ = false;
  BlankMessages blank_messages_;
  std::deque<std::string> blanks_;
  absl::Status status_;
  std::deque<Draft> nodes_;
  std::deque<int32_t> open_;
  FollowedGlobs globs_;  // of all selections, in order
  std::vector<Choice> choices_;
  std::map<std::tuple<const pb::Descriptor*, bool, Progress>, int32_t> numbers_;
};

// The plans of what the Any in messages of one type have held, by type and by how far globs had come; shared by these
// plans themselves, for there may be an Any in an Any. Bounded in bytes: callers choose what comes. Thread-safe.
class AnyContents {
 public:
  explicit AnyContents(const MaskPlan::Request& request) : request_(request) {}

  MaskPlan::Content Find(const MaskPlan::Progress& progress, std::string_view type_name) {
    MaskPlan::Content content;
    const pb::Descriptor* const type = request_.pool->FindMessageTypeByName(std::string(type_name));
    if (type == nullptr) return content;
    std::pair<const pb::Descriptor*, MaskPlan::Progress> key(type, progress);
    {
      absl::ReaderMutexLock lock(&mutex_);
      if (const auto found = contents_.find(key); found != contents_.end()) return found->second;
    }
    // Made outside the lock, twice where two messages come at once.
    content.known = true;
    absl::StatusOr<std::unique_ptr<MaskPlan>> made = MaskPlan::Compiler(request_).Run(type, progress);
    content.sound = made.ok();
    if (made.ok() && !(*made)->passes()) {
      (*made)->contents_ = this;
      content.plan = *std::move(made);
    }
    const size_t bytes = kEntryBytes + (content.plan == nullptr ? 0 : content.plan->bytes());
    absl::MutexLock lock(&mutex_);
    if (bytes_ + bytes > kMostBytes) {
      // Those in use stay with who uses them.
      contents_.clear();
      bytes_ = 0;
    }
    bytes_ += bytes;
    return contents_.try_emplace(std::move(key), std::move(content)).first->second;
  }

 private:
  static constexpr size_t kMostBytes = size_t{4} << 20;
  static constexpr size_t kEntryBytes = 256;

  const MaskPlan::Request request_;
  absl::Mutex mutex_;
  std::map<std::pair<const pb::Descriptor*, MaskPlan::Progress>, MaskPlan::Content> contents_ ABSL_GUARDED_BY(mutex_);
  size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
};

absl::StatusOr<std::unique_ptr<const MaskPlan>> MaskPlan::Compile(const Request& request) {
  absl::StatusOr<std::unique_ptr<MaskPlan>> plan = Compiler(request).Run(request.root, {});
  if (!plan.ok()) return plan.status();
  if (!(*plan)->anys_.empty()) (*plan)->own_contents_ = std::make_shared<AnyContents>(request);
  (*plan)->contents_ = (*plan)->own_contents_.get();
  return *std::move(plan);
}

MaskPlan::Content MaskPlan::ContentOf(const Node& any, std::string_view type_name) const {
  if (any.any == kNone) return {};
  return contents_->Find(anys_[static_cast<size_t>(any.any)], type_name);
}

const MaskPlan::Field* MaskPlan::FindSlowly(const Field* begin, const Field* end, uint32_t number) {
  const Field* found =
      std::lower_bound(begin, end, number, [](const Field& field, uint32_t wanted) { return field.number < wanted; });
  return found != end && found->number == number ? found : nullptr;
}

}  // namespace sallyport::policy
