#include "replay/cli/record_text.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "replay/cli/terminal_text.h"
#include "replay/view/exact_text.h"
#include "replay/view/names.h"
#include "replay/view/proto_time.h"

namespace sallyport::replay {
namespace {

constexpr char kIndent[] = "             ";
constexpr size_t kMostValue = 4 << 10;

}  // namespace

std::string RecordText::Bounded(const std::string& value) const {
  return bounded() ? CutEnd(value, kMostValue) : value;
}

void RecordText::Field(const std::string& name, const std::string& value) {
  if (value.empty()) return;
  out_ << name << std::string(std::max<size_t>(13 - name.size(), 1), ' ') << value << '\n';
}

void RecordText::Section(const std::string& heading,
                         const google::protobuf::RepeatedPtrField<v1::MetadataPair>& metadata) {
  if (!metadata.empty()) out_ << '\n' << heading << '\n';
  Pairs(metadata, "  ");
  out_ << '\n';
}

void RecordText::Title(const v1::Event& event, const std::string& text) {
  const std::string when = absl::StrCat("+", HumanDuration(ToDuration(event.offset())));
  out_ << when << std::string(std::max<size_t>(11 - std::min<size_t>(when.size(), 10), 1), ' ') << text << '\n';
}

void RecordText::Lines(const std::string& text) {
  size_t from = 0;
  while (from < text.size()) {
    const size_t end = std::min(text.find('\n', from), text.size());
    out_ << kIndent << std::string_view(text).substr(from, end - from) << '\n';
    from = end + 1;
  }
}

void RecordText::Metadata(const google::protobuf::RepeatedPtrField<v1::MetadataPair>& metadata) {
  Pairs(metadata, kIndent);
}

void RecordText::Bytes(std::string_view bytes) { out_ << HexDump(bytes, kIndent); }

void RecordText::Pairs(const google::protobuf::RepeatedPtrField<v1::MetadataPair>& metadata, std::string_view indent) {
  for (const v1::MetadataPair& pair : metadata) {
    const std::string& key = ExactText(pair.key(), "key", pair.exact());
    std::string value;
    if (pair.has_fingerprint()) {
      value = absl::StrCat("[not stored; fingerprint ",
                           Printable(ExactText(pair.fingerprint(), "fingerprint", pair.exact())), "]");
    } else if (IsBinaryKey(key)) {
      value = absl::StrCat(absl::Base64Escape(pair.data()), "  (", pair.data().size(), " bytes as base64)");
    } else {
      value = Printable(pair.has_data() ? pair.data() : pair.text());
    }
    out_ << indent << Printable(key) << ": " << Bounded(value) << '\n';
  }
}

std::string Size(uint64_t bytes) {
  return bytes < 1024 ? HumanSize(bytes) : absl::StrCat(HumanSize(bytes), " (", bytes, " bytes)");
}

}  // namespace sallyport::replay
