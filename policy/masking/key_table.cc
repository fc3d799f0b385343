#include "policy/masking/key_table.h"

#include <algorithm>

#include "absl/container/inlined_vector.h"
#include "absl/strings/str_cat.h"
#include "policy/glob.h"
#include "policy/messages/wire_scalar.h"
#include "protos/utf8.h"

namespace sallyport::policy {
namespace {

using pb_field = google::protobuf::FieldDescriptor;

constexpr size_t kMostConditions = 64;
constexpr size_t kMostOutcomes = 1024;

absl::Status TooMany() {
  return absl::ResourceExhaustedError(absl::StrCat("keys in masks lead to more than ", kMostConditions,
                                                   " conditions or ", kMostOutcomes,
                                                   " combinations of them for one message"));
}

uint64_t Bit(size_t condition) { return uint64_t{1} << condition; }

bool IsUtf8(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const size_t size = static_cast<uint8_t>(text[at]) < 0x80 ? 1 : Utf8CharacterSize(text, at);
    if (size == 0) return false;
    at += size;
  }
  return true;
}

// Calls use(text) with a value that is no text as patterns have it.
template <typename Use>
auto WithText(const pb_field& field, uint64_t raw, Use use) {
  const auto decimal = [&](const absl::AlphaNum& number) {
    return use(std::string_view(number.data(), number.size()));
  };
  switch (field.type()) {
    case pb_field::TYPE_BOOL:
      return use(raw != 0 ? std::string_view("true") : std::string_view("false"));
    case pb_field::TYPE_INT32:
    case pb_field::TYPE_INT64:
    case pb_field::TYPE_SFIXED64:
      return decimal(static_cast<int64_t>(raw));
    case pb_field::TYPE_SFIXED32:
      return decimal(static_cast<int32_t>(raw));
    case pb_field::TYPE_SINT32:
    case pb_field::TYPE_SINT64:
      return decimal(UnZigZag(raw));
    default:
      return decimal(raw);
  }
}

std::string DefaultText(const pb_field& field) {
  switch (field.cpp_type()) {
    case pb_field::CPPTYPE_BOOL:
      return field.default_value_bool() ? "true" : "false";
    case pb_field::CPPTYPE_INT32:
      return absl::StrCat(field.default_value_int32());
    case pb_field::CPPTYPE_INT64:
      return absl::StrCat(field.default_value_int64());
    case pb_field::CPPTYPE_UINT32:
      return absl::StrCat(field.default_value_uint32());
    case pb_field::CPPTYPE_UINT64:
      return absl::StrCat(field.default_value_uint64());
    default:
      return field.default_value_string();
  }
}

// Some text is matched by globs of both.
bool MayBothHold(const KeyCondition& a, const KeyCondition& b) {
  for (const KeyPattern& one : a.patterns) {
    for (const KeyPattern& other : b.patterns) {
      if (one.glob && other.glob && GlobsMeet(one.text, other.text)) return true;
    }
  }
  return false;
}

// Adds every set of conditions of which each two may hold together by their globs, `set` being one, with more of those
// of `more`.
bool AddSets(uint64_t set, uint64_t more, const std::vector<uint64_t>& together, std::vector<uint64_t>* sets) {
  sets->push_back(set);
  if (sets->size() > kMostOutcomes) return false;
  for (; more != 0; more &= more - 1) {
    const auto next = static_cast<size_t>(__builtin_ctzll(more));
    // Those before it were in sets with it already.
    const uint64_t left = (more & (more - 1)) & together[next];
    if (!AddSets(set | Bit(next), left, together, sets)) return false;
  }
  return true;
}

void SortOut(std::vector<uint64_t>* sets) {
  std::sort(sets->begin(), sets->end());
  sets->erase(std::unique(sets->begin(), sets->end()), sets->end());
}

}  // namespace

KeyTable::Key KeyTable::KeyOf(const pb_field& field, const std::vector<KeyCondition>& conditions) {
  Key key;
  key.field = &field;
  for (size_t i = 0; i < conditions.size(); ++i) {
    if (conditions[i].field != &field) continue;
    for (const KeyPattern& pattern : conditions[i].patterns) {
      if (!MayHold(field, pattern)) continue;
      if (!pattern.glob) {
        key.literals[pattern.text] |= Bit(i);
        continue;
      }
      const auto same = std::find_if(key.globs.begin(), key.globs.end(),
                                     [&](const auto& glob) { return glob.first == pattern.text; });
      if (same == key.globs.end()) {
        key.globs.emplace_back(pattern.text, Bit(i));
      } else {
        same->second |= Bit(i);
      }
    }
  }
  for (auto& [text, matched] : key.literals) {
    for (const auto& [glob, bits] : key.globs) matched |= GlobMatches(glob, text) ? bits : 0;
  }
  if (const auto* const oneof = field.real_containing_oneof(); oneof != nullptr) {
    for (int i = 0; i < oneof->field_count(); ++i) {
      if (oneof->field(i) != &field) key.displacing.push_back(static_cast<uint32_t>(oneof->field(i)->number()));
    }
  }
  return key;
}

absl::Status KeyTable::AddOutcomes(const Key& key, const std::vector<KeyCondition>& conditions,
                                   std::vector<uint64_t>* outcomes) {
  std::vector<uint64_t> sets = {key.absent};
  for (const auto& [text, matched] : key.literals) sets.push_back(matched);
  uint64_t by_glob = 0;
  for (const auto& [glob, bits] : key.globs) by_glob |= bits;
  std::vector<uint64_t> together(conditions.size());
  for (size_t i = 0; i < conditions.size(); ++i) {
    for (size_t j = 0; j < conditions.size(); ++j) {
      const bool both = (by_glob & Bit(i)) != 0 && (by_glob & Bit(j)) != 0 && MayBothHold(conditions[i], conditions[j]);
      if (both) together[i] |= Bit(j);
    }
  }
  if (!AddSets(0, by_glob, together, &sets)) return TooMany();
  SortOut(&sets);
  // Whatever the other keys are.
  if (sets.size() * outcomes->size() > kMostOutcomes) return TooMany();
  std::vector<uint64_t> all;
  for (const uint64_t one : sets) {
    for (const uint64_t other : *outcomes) all.push_back(one | other);
  }
  SortOut(&all);
  *outcomes = std::move(all);
  return absl::OkStatus();
}

absl::StatusOr<KeyTable> KeyTable::Create(const std::vector<KeyCondition>& conditions) {
  if (conditions.size() > kMostConditions) return TooMany();
  KeyTable table;
  table.outcomes_ = {0};
  for (const KeyCondition& condition : conditions) {
    const bool known = std::any_of(table.keys_.begin(), table.keys_.end(),
                                   [&](const Key& key) { return key.field == condition.field; });
    if (known) continue;
    Key key = KeyOf(*condition.field, conditions);
    bool literal = false;
    key.absent = table.Matched(key, DefaultText(*condition.field), &literal);
    if (absl::Status status = AddOutcomes(key, conditions, &table.outcomes_); !status.ok()) return status;
    table.keys_.push_back(std::move(key));
  }
  return table;
}

size_t KeyTable::bytes() const {
  size_t bytes = sizeof *this + outcomes_.capacity() * sizeof(uint64_t);
  for (const Key& key : keys_) {
    bytes += sizeof key + key.literals.capacity() * (sizeof(std::pair<std::string, uint64_t>) + 1) +
             key.globs.capacity() * sizeof(std::pair<std::string, uint64_t>) +
             key.displacing.capacity() * sizeof(uint32_t);
    for (const auto& [text, matched] : key.literals) bytes += text.capacity();
    for (const auto& [glob, matched] : key.globs) bytes += glob.capacity();
  }
  return bytes;
}

// `*known`: it is one of the texts that a pattern has as they are.
uint64_t KeyTable::Matched(const Key& key, std::string_view text, bool* known) const {
  const auto literal = key.literals.find(absl::string_view(text.data(), text.size()));
  *known = literal != key.literals.end();
  if (*known) return literal->second;
  uint64_t matched = 0;
  for (const auto& [glob, bits] : key.globs) {
    if ((bits & ~matched) != 0 && GlobMatches(glob, text)) matched |= bits;
  }
  return matched;
}

bool KeyTable::ReadKey(const Key& key, WireReader& reader, uint64_t* matched) const {
  bool known = false;
  if (key.field->cpp_type() != pb_field::CPPTYPE_STRING) {
    uint64_t raw = 0;
    if (!ReadScalar(*key.field, reader, &raw)) return false;
    *matched |= WithText(*key.field, raw, [&](std::string_view text) { return Matched(key, text, &known); });
    return true;
  }
  std::string_view text;
  bool minimal = false;
  if (!reader.ReadLength(&text, &minimal)) return false;
  *matched |= Matched(key, text, &known);
  return known || key.field->type() == pb_field::TYPE_BYTES || IsUtf8(text);
}

std::optional<size_t> KeyTable::Outcome(WireReader reader, uint32_t group, int depth, size_t* looked) const {
  struct Seen {
    uint64_t matched = 0;
    bool comes = false;
  };
  absl::InlinedVector<Seen, 4> seen(keys_.size());
  const char* const begin = reader.at();
  bool ended = group == 0;
  while (!reader.done()) {
    uint32_t number = 0;
    WireType type = WireType::kVarint;
    bool minimal = false;
    if (!reader.ReadTag(&number, &type, &minimal)) return std::nullopt;
    if (type == WireType::kEndGroup) {
      if (group == 0 || number != group) return std::nullopt;
      ended = true;
      break;
    }
    bool read = false;
    for (size_t i = 0; i < keys_.size(); ++i) {
      const Key& key = keys_[i];
      if (static_cast<uint32_t>(key.field->number()) == number && type == WireTypeOf(key.field->type())) {
        if (!ReadKey(key, reader, &seen[i].matched)) return std::nullopt;
        seen[i].comes = read = true;
      } else if (std::find(key.displacing.begin(), key.displacing.end(), number) != key.displacing.end()) {
        seen[i].matched |= key.absent;
      }
    }
    if (!read && !reader.SkipValue(number, type, depth)) return std::nullopt;
  }
  if (!ended) return std::nullopt;
  if (group != 0) *looked += static_cast<size_t>(reader.at() - begin);
  uint64_t matched = 0;
  for (size_t i = 0; i < keys_.size(); ++i) matched |= seen[i].comes ? seen[i].matched : keys_[i].absent;
  const auto found = std::lower_bound(outcomes_.begin(), outcomes_.end(), matched);
  if (found == outcomes_.end() || *found != matched) return std::nullopt;
  return static_cast<size_t>(found - outcomes_.begin());
}

}  // namespace sallyport::policy
