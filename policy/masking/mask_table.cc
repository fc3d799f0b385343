#include "policy/masking/mask_table.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "absl/cleanup/cleanup.h"

namespace sallyport::policy {
namespace {

struct Span {
  size_t begin;
  size_t end;
  int32_t action;  // -1: a replacement, which stays
};

// What one text takes. Kept by each thread, so that texts of usual length allocate nothing.
struct Workplace {
  std::vector<Detection> found;
  std::vector<uint64_t> finds;
  std::vector<Span> replacements;
  std::vector<Span> spans;

  // Gives back what a long text took.
  void Tidy() {
    Tidy(&found);
    Tidy(&replacements);
    Tidy(&spans);
  }

 private:
  template <typename Element>
  static void Tidy(std::vector<Element>* list) {
    constexpr size_t kKeptBytes = size_t{64} << 10;
    if (list->capacity() * sizeof(Element) > kKeptBytes) std::vector<Element>().swap(*list);
  }
};

// What is to be masked in `text`, and the replacements that are there already and stay, in order and apart from each
// other. What overlaps is masked as one, as the first mask in the file says; finds within a replacement are none.
// Adds to `finds`, by detector. False if there is nothing to mask, or too much.
bool FindSpans(const MaskTable& table, std::string_view text, WorkBudget* budget, Workplace* place) {
  const std::vector<Span>& replacements = place->replacements;
  std::vector<Span>* const spans = &place->spans;
  place->found.clear();
  if (!table.detectors->FindAtMost(text, budget->left(), &place->found)) budget->Exceed();
  budget->Take(place->found.size());
  if (budget->exceeded()) return false;
  spans->clear();
  auto replacement = replacements.begin();
  const auto add = [&](Span span) {
    if (spans->empty() || span.begin >= spans->back().end) return spans->push_back(span);
    Span& last = spans->back();
    last.end = std::max(last.end, span.end);
    last.action =
        last.action < 0 || span.action < 0 ? std::max(last.action, span.action) : std::min(last.action, span.action);
  };
  bool any = false;
  for (const Detection& detection : place->found) {
    const int32_t action = table.detected[detection.detector];
    if (action < 0) continue;
    for (; replacement != replacements.end() && replacement->begin <= detection.begin; ++replacement) add(*replacement);
    const bool within = !spans->empty() && spans->back().action < 0 && detection.end <= spans->back().end;
    if (within) continue;
    ++place->finds[detection.detector];
    add({detection.begin, detection.end, action});
    any = true;
  }
  for (; replacement != replacements.end(); ++replacement) add(*replacement);
  return any;
}

// Of what is to be masked, of which there is something.
int32_t FirstAction(const std::vector<Span>& spans) {
  int32_t first = std::numeric_limits<int32_t>::max();
  for (const Span& span : spans) first = span.action < 0 ? first : std::min(first, span.action);
  return first;
}

}  // namespace

bool MaskFinds(const MaskTable& table, std::string_view place, std::string_view text, WorkBudget* budget,
               std::string* masked) {
  if (table.detectors == nullptr) return false;
  // What is left may look like something in its turn, now that what stood beside it is gone. Each round leaves less of
  // the original; texts that need more than a few are made for that.
  constexpr int kMostRounds = 8;
  constexpr size_t kAlwaysLookedInto = 64 << 10;
  const int most_rounds = text.size() <= kAlwaysLookedInto ? kMostRounds : 2;
  thread_local Workplace workplace;
  const absl::Cleanup tidy = [] { workplace.Tidy(); };
  std::vector<uint64_t>& finds = workplace.finds;
  std::vector<Span>& replacements = workplace.replacements;
  std::vector<Span>& spans = workplace.spans;
  finds.assign(table.detected.size(), 0);
  replacements.clear();
  std::string former;
  std::string_view present = text;
  int round = 0;
  for (; round <= most_rounds && FindSpans(table, present, budget, &workplace); ++round) {
    if (round == most_rounds) spans = {{0, present.size(), FirstAction(spans)}};
    if (round > 0) {
      former.swap(*masked);
      present = former;
    }
    masked->clear();
    replacements.clear();
    size_t from = 0;
    for (const Span& span : spans) {
      masked->append(present.substr(from, span.begin - from));
      const size_t begin = masked->size();
      const std::string_view value = present.substr(span.begin, span.end - span.begin);
      if (span.action < 0) {
        masked->append(value);
      } else {
        AppendMaskedText(table.actions[static_cast<size_t>(span.action)], table.key, value, masked);
      }
      replacements.push_back({begin, masked->size(), -1});
      from = span.end;
    }
    masked->append(present.substr(from));
    present = *masked;
  }
  if (round == 0 || budget->exceeded()) return false;
  for (size_t i = 0; table.counts != nullptr && i < finds.size(); ++i) {
    if (finds[i] > 0) table.counts->Add(place, table.detectors->names()[i], finds[i]);
  }
  return *masked != text;
}

void AppendMaskedValue(const MaskTable& table, std::string_view place, const MaskAction& action, std::string_view text,
                       WorkBudget* budget, std::string* out) {
  if (action.kind != v1::Mask::truncate || table.detectors == nullptr) {
    return AppendMaskedText(action, table.key, text, out);
  }
  // What is cut may look like something else, and be longer once that is masked: again, until nothing changes.
  constexpr int kMostRounds = 8;
  std::string value(text);
  std::string masked;
  for (int round = 0; round < kMostRounds; ++round) {
    const bool found = MaskFinds(table, place, value, budget, &masked);
    if (budget->exceeded()) return;
    if (found) value.swap(masked);
    masked.clear();
    AppendMaskedText(action, table.key, value, &masked);
    const bool cut = masked != value;
    value.swap(masked);
    if (found || cut) continue;
    out->append(value);
    return;
  }
}

}  // namespace sallyport::policy
