#include "policy/masking/mask_walker.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include "policy/masking/wire_field.h"

namespace sallyport::policy {

using pb_field = google::protobuf::FieldDescriptor;

namespace {

// Takes a keyed hash of each value.
bool IsKeyed(const MaskAction& action) { return action.kind == v1::Mask::hash || action.kind == v1::Mask::tokenize; }

}  // namespace

WalkOutcome MaskWalker::Walk(std::string_view message) {
  message_ = message;
  at_ = run_ = message.data();
  const char* const end = message.data() + message.size();
  if (!Push(plan_.node(0), at_, 0, at_, end, 0)) return WalkOutcome::kUnreadable;
  open_ = 1;  // the message itself has no beginning to write
  while (depth_ > 0) {
    const Frame& frame = frames_[depth_ - 1];
    if (at_ == frame.end) {
      if (frame.group != 0) return WalkOutcome::kUnreadable;
      Close();
    } else if (!WalkField() || budget_.exceeded()) {
      return budget_.exceeded() ? WalkOutcome::kTooMuch : WalkOutcome::kUnreadable;
    }
  }
  if (!changed_) return WalkOutcome::kUnchanged;
  out_.append(run_, static_cast<size_t>(end - run_));
  return WalkOutcome::kMasked;
}

bool MaskWalker::Push(const MaskPlan::Node& node, const char* header, uint64_t tag, const char* content,
                      const char* end, uint32_t group, bool later) {
  if (depth_ == kMostDepth) return false;
  if (node.keys != MaskPlan::kNone) {
    const MaskPlan::Node* const chosen = later ? nullptr : NodeByKeys(node, content, end, group);
    return chosen != nullptr && Push(*chosen, header, tag, content, end, group);
  }
  Frame& frame = frames_[depth_++];
  frame = {&node, header, content, end, tag, group, {kNotOpen, 0}, nullptr, false, later, joints_.Open(node), false};
  return !node.is_any || group != 0 || LookIntoAny(frame);
}

const MaskPlan::Node* MaskWalker::NodeByKeys(const MaskPlan::Node& node, const char* content, const char* end,
                                             uint32_t group) {
  const MaskPlan::Node* const chosen =
      node.plan->NodeByKeys(node, WireReader(content, end), group, kMostDepth - depth_ - 1, &looked_ahead_);
  return looked_ahead_ > MostLookedAhead(message_.size()) ? nullptr : chosen;
}

bool MaskWalker::IsLater(const MaskPlan::Field& field) {
  if (field.joint == MaskPlan::kNone) return false;
  const Frame& frame = frames_[depth_ - 1];
  return frame.later || joints_.Mark(frame.joints, field.joint);
}

bool MaskWalker::LookIntoAny(Frame& frame) {
  AnyContent content = ContentOf(*frame.node, {frame.content, static_cast<size_t>(frame.end - frame.content)});
  frame.any_known = content.known;
  frame.any_content = content.node;
  const bool readable = content.sound && (!frame.later || StandsAlone(*frame.node, content));
  if (content.plan != nullptr) {
    content_plans_.push_back(std::move(content.plan));
    frame.holds_plan = true;
  }
  return readable;
}

bool MaskWalker::WalkField() {
  Frame& frame = frames_[depth_ - 1];
  const char* const begin = at_;
  WireReader reader(at_, frame.end);
  uint32_t number = 0;
  WireType type = WireType::kVarint;
  bool minimal = false;
  if (!reader.ReadTag(&number, &type, &minimal)) return false;
  at_ = reader.at();
  if (type == WireType::kEndGroup) return WalkEndGroup(number, begin, minimal);
  const MaskPlan::Field* const field = frame.node->plan->Find(*frame.node, number);
  const WireType wanted = field == nullptr ? type : WireTypeOf(field->descriptor->type());
  const bool packed = field != nullptr && type == WireType::kLength && wanted != type && IsPackable(*field->descriptor);
  if (field == nullptr || (type != wanted && !packed)) {
    if (!reader.SkipValue(number, type, kMostDepth - depth_)) return false;
    at_ = reader.at();
    if (field == nullptr && frame.node->keeps_unknown && minimal) return true;
    BeginChange(begin);
    EndChange();
    return true;
  }
  const uint64_t tag = TagOf(number, type);
  switch (type) {
    case WireType::kVarint:
      return WalkVarint(*field, begin, tag, minimal);
    case WireType::kLength:
      if (frame.node->is_any && number == kAnyValue && field->selection == MaskPlan::kNone) {
        return WalkAnyValue(frame, begin, minimal);
      }
      return WalkLength(*field, begin, tag, minimal);
    case WireType::kStartGroup:
      return WalkGroup(*field, number, begin, minimal);
    default:
      return WalkFixed(*field, begin, tag, minimal);
  }
}

bool MaskWalker::WalkEndGroup(uint32_t number, const char* begin, bool minimal) {
  const Frame& frame = frames_[depth_ - 1];
  if (frame.group == 0 || number != frame.group) return false;
  if (!minimal) RewriteTag(begin, TagOf(number, WireType::kEndGroup));
  Close();
  return true;
}

void MaskWalker::RewriteTag(const char* begin, uint64_t tag) {
  BeginChange(begin);
  AppendVarint(tag, &out_);
  EndChange();
}

bool MaskWalker::WalkGroup(const MaskPlan::Field& field, uint32_t number, const char* begin, bool minimal) {
  const Frame& frame = frames_[depth_ - 1];
  const uint64_t tag = TagOf(number, WireType::kStartGroup);
  if (field.child != MaskPlan::kNone) {
    if (!minimal) RewriteTag(begin, tag);
    return Push(frame.node->plan->node(field.child), begin, tag, at_, frame.end, number, IsLater(field));
  }
  WireReader reader(at_, frame.end);
  if (!reader.SkipValue(number, WireType::kStartGroup, kMostDepth - depth_)) return false;
  at_ = reader.at();
  if (field.selection == MaskPlan::kNone && minimal) return true;
  BeginChange(begin);
  if (field.selection != MaskPlan::kNone && !IsDropped(field)) {
    AppendVarint(tag, &out_);
    if (field.blank != nullptr) out_.append(*field.blank);
    AppendVarint(TagOf(number, WireType::kEndGroup), &out_);
  }
  EndChange();
  return true;
}

bool MaskWalker::WalkFixed(const MaskPlan::Field& field, const char* begin, uint64_t tag, bool minimal) {
  WireReader reader(at_, frames_[depth_ - 1].end);
  uint64_t raw = 0;
  if (!ReadScalar(*field.descriptor, reader, &raw)) return false;
  const auto size = static_cast<size_t>(reader.at() - at_);
  at_ = reader.at();
  if (field.selection == MaskPlan::kNone && minimal) return true;
  BeginChange(begin);
  if (field.selection == MaskPlan::kNone) {
    AppendVarint(tag, &out_);
    AppendFixed(raw, size, &out_);
  } else if (!IsDropped(field)) {
    AppendVarint(tag, &out_);
    AppendScalar(field, raw);
  }
  EndChange();
  return true;
}

bool MaskWalker::WalkVarint(const MaskPlan::Field& field, const char* begin, uint64_t tag, bool minimal) {
  WireReader reader(at_, frames_[depth_ - 1].end);
  uint64_t value = 0;
  bool minimal_value = false;
  if (!reader.ReadVarint(&value, &minimal_value)) return false;
  at_ = reader.at();
  const uint64_t kept = Truncated(field.descriptor->type(), value);
  if (field.selection == MaskPlan::kNone && minimal && minimal_value && kept == value) return true;
  BeginChange(begin);
  if (field.selection == MaskPlan::kNone) {
    AppendVarint(tag, &out_);
    AppendVarint(kept, &out_);
  } else if (!IsDropped(field)) {
    AppendVarint(tag, &out_);
    AppendScalar(field, kept);
  }
  EndChange();
  return true;
}

bool MaskWalker::WalkAnyValue(Frame& frame, const char* begin, bool minimal) {
  WireReader reader(at_, frame.end);
  std::string_view value;
  bool minimal_length = false;
  if (!reader.ReadLength(&value, &minimal_length)) return false;
  if (!frame.any_known) {
    // Nobody knows what is in it.
    at_ = reader.at();
    if (frame.later) {
      // Without a value it would have that of an earlier part.
      if (!value.empty() || !minimal || !minimal_length) Replace(begin, TagOf(kAnyValue, WireType::kLength), "");
      return true;
    }
    BeginChange(begin);
    EndChange();
    return true;
  }
  const uint64_t tag = TagOf(kAnyValue, WireType::kLength);
  if (frame.any_content != nullptr) {
    at_ = value.data();
    if (!Push(*frame.any_content, begin, tag, value.data(), value.data() + value.size(), 0)) return false;
    if (!minimal || !minimal_length) OpenFrames();
    return true;
  }
  at_ = reader.at();
  if (!minimal || !minimal_length) Replace(begin, tag, value);
  return true;
}

bool MaskWalker::WalkLength(const MaskPlan::Field& field, const char* begin, uint64_t tag, bool minimal) {
  WireReader reader(at_, frames_[depth_ - 1].end);
  std::string_view value;
  bool minimal_length = false;
  if (!reader.ReadLength(&value, &minimal_length)) return false;
  const pb_field& descriptor = *field.descriptor;
  const bool text = descriptor.cpp_type() == pb_field::CPPTYPE_STRING;
  if (field.selection == MaskPlan::kNone && field.child != MaskPlan::kNone) {
    at_ = value.data();
    const bool later = IsLater(field);
    if (!Push(frames_[depth_ - 1].node->plan->node(field.child), begin, tag, value.data(), value.data() + value.size(),
              0, later))
      return false;
    if (!minimal || !minimal_length) OpenFrames();
    return true;
  }
  at_ = reader.at();
  if (field.selection != MaskPlan::kNone) return WalkMasked(field, begin, tag, value);
  if (field.dark) {
    BeginChange(begin);
    if (descriptor.is_required()) {
      AppendVarint(tag, &out_);
      out_.push_back('\0');
    }
    EndChange();
    return true;
  }
  if (field.text) {
    if (MaskFinds(table_, descriptor.full_name(), value, &budget_, &found_)) {
      Replace(begin, tag, found_);
      return true;
    }
  }
  const bool packed = !text && descriptor.cpp_type() != pb_field::CPPTYPE_MESSAGE;
  if (packed && !IsPackedSound(descriptor, value)) return false;
  if (!minimal || !minimal_length) Replace(begin, tag, value);
  return true;
}

void MaskWalker::Replace(const char* begin, uint64_t tag, std::string_view value) {
  BeginChange(begin);
  AppendVarint(tag, &out_);
  AppendVarint(value.size(), &out_);
  out_.append(value);
  EndChange();
}

bool MaskWalker::WalkMasked(const MaskPlan::Field& field, const char* begin, uint64_t tag, std::string_view value) {
  BeginChange(begin);
  if (!IsDropped(field)) {
    AppendVarint(tag, &out_);
    const pb_field& descriptor = *field.descriptor;
    const MaskAction& action = table_.actions[static_cast<size_t>(field.selection)];
    // Most stay about as long as they were.
    const LengthPlace length = OpenLength(value.size());
    if (descriptor.cpp_type() == pb_field::CPPTYPE_STRING) {
      if (IsKeyed(action)) budget_.Take(1);
      AppendMaskedValue(table_, descriptor.full_name(), action, value, &budget_, &out_);
    } else if (descriptor.cpp_type() == pb_field::CPPTYPE_MESSAGE) {
      if (field.blank != nullptr) out_.append(*field.blank);
    } else {
      WireReader elements(value);
      while (!elements.done()) {
        uint64_t raw = 0;
        if (!ReadScalar(descriptor, elements, &raw)) return false;
        AppendScalar(field, raw);
        if (budget_.exceeded()) return false;
      }
    }
    CloseLength(length);
  }
  EndChange();
  return !budget_.exceeded();
}

// A field that must be there stays, redacted.
bool MaskWalker::IsDropped(const MaskPlan::Field& field) const {
  return table_.actions[static_cast<size_t>(field.selection)].kind == v1::Mask::drop && !field.stays;
}

void MaskWalker::AppendScalar(const MaskPlan::Field& field, uint64_t raw) {
  const MaskAction& action = table_.actions[static_cast<size_t>(field.selection)];
  if (IsKeyed(action)) budget_.Take(1);
  const auto as_signed = static_cast<int64_t>(raw);
  constexpr int64_t kLeast32 = std::numeric_limits<int32_t>::min();
  constexpr int64_t kMost32 = std::numeric_limits<int32_t>::max();
  constexpr int64_t kLeast64 = std::numeric_limits<int64_t>::min();
  constexpr int64_t kMost64 = std::numeric_limits<int64_t>::max();
  switch (field.descriptor->type()) {
    case pb_field::TYPE_INT32:
      return AppendVarint(static_cast<uint64_t>(MaskedSigned(action, table_.key, as_signed, kLeast32, kMost32)), &out_);
    case pb_field::TYPE_INT64:
      return AppendVarint(static_cast<uint64_t>(MaskedSigned(action, table_.key, as_signed, kLeast64, kMost64)), &out_);
    case pb_field::TYPE_SINT32:
      return AppendVarint(
          static_cast<uint32_t>(ZigZag(MaskedSigned(action, table_.key, UnZigZag(raw), kLeast32, kMost32))), &out_);
    case pb_field::TYPE_SINT64:
      return AppendVarint(ZigZag(MaskedSigned(action, table_.key, UnZigZag(raw), kLeast64, kMost64)), &out_);
    case pb_field::TYPE_UINT32:
      return AppendVarint(MaskedUnsigned(action, table_.key, raw, UINT32_MAX), &out_);
    case pb_field::TYPE_UINT64:
      return AppendVarint(MaskedUnsigned(action, table_.key, raw, UINT64_MAX), &out_);
    case pb_field::TYPE_BOOL:
      return AppendVarint(MaskedUnsigned(action, table_.key, raw, 1) & 1, &out_);
    case pb_field::TYPE_ENUM:
      // The first value: zero in proto3, and there in proto2.
      return AppendVarint(static_cast<uint64_t>(int64_t{field.descriptor->enum_type()->value(0)->number()}), &out_);
    case pb_field::TYPE_FIXED32:
      return AppendFixed(MaskedUnsigned(action, table_.key, raw, UINT32_MAX), 4, &out_);
    case pb_field::TYPE_FIXED64:
      return AppendFixed(MaskedUnsigned(action, table_.key, raw, UINT64_MAX), 8, &out_);
    case pb_field::TYPE_SFIXED32:
      return AppendFixed(
          static_cast<uint64_t>(MaskedSigned(action, table_.key, static_cast<int32_t>(raw), kLeast32, kMost32)), 4,
          &out_);
    case pb_field::TYPE_SFIXED64:
      return AppendFixed(static_cast<uint64_t>(MaskedSigned(action, table_.key, as_signed, kLeast64, kMost64)), 8,
                         &out_);
    case pb_field::TYPE_FLOAT: {
      const auto value =
          static_cast<float>(MaskedFloating(action, table_.key, std::bit_cast<float>(static_cast<uint32_t>(raw))));
      return AppendFixed(std::bit_cast<uint32_t>(value), 4, &out_);
    }
    case pb_field::TYPE_DOUBLE:
      return AppendFixed(std::bit_cast<uint64_t>(MaskedFloating(action, table_.key, std::bit_cast<double>(raw))), 8,
                         &out_);
    default:
      return;
  }
}

MaskWalker::LengthPlace MaskWalker::OpenLength(size_t expected) {
  const LengthPlace place{out_.size(), VarintLength(expected)};
  out_.append(place.size, '\0');
  return place;
}

void MaskWalker::CloseLength(const LengthPlace& place) {
  std::string length;
  AppendVarint(out_.size() - place.at - place.size, &length);
  out_.replace(place.at, place.size, length);
}

void MaskWalker::BeginChange(const char* begin) {
  OpenFrames();
  out_.append(run_, static_cast<size_t>(begin - run_));
}

void MaskWalker::OpenFrames() {
  if (!changed_) {
    changed_ = true;
    constexpr size_t kRoom = 256;  // for masks that are longer than what they mask
    out_.clear();
    out_.reserve(message_.size() + kRoom);
  }
  for (; open_ < depth_; ++open_) {
    Frame& frame = frames_[open_];
    if (frame.group != 0) continue;
    out_.append(run_, static_cast<size_t>(frame.header - run_));
    AppendVarint(frame.tag, &out_);
    frame.length = OpenLength(static_cast<size_t>(frame.end - frame.content));
    run_ = frame.content;
  }
}

void MaskWalker::Close() {
  Frame& frame = frames_[depth_ - 1];
  if (frame.length.at != kNotOpen) {
    out_.append(run_, static_cast<size_t>(at_ - run_));
    run_ = at_;
    CloseLength(frame.length);
  }
  joints_.Close(frame.joints);
  if (frame.holds_plan) content_plans_.pop_back();
  --depth_;
  open_ = std::min(open_, depth_);
}

}  // namespace sallyport::policy
