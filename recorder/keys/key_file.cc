#include "recorder/keys/key_file.h"

#include <algorithm>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "recorder/crypto/secret_text.h"
#include "recorder/crypto/text.h"
#include "recorder/system/file.h"

namespace sallyport::recorder {
namespace {

constexpr std::string_view kFirstLine = "sallyport-key 1";
constexpr size_t kKekIdSize = 4;

template <typename Array>
std::string Hex(const Array& bytes) {
  return absl::BytesToHexString({bytes.data(), bytes.size()});
}

// Takes the value of the next line if that line is `name value`.
class Lines {
 public:
  explicit Lines(std::string_view text) : text_(text) {}

  bool Take(std::string_view name, std::string& value) {
    const size_t end = text_.find('\n');
    if (end == std::string_view::npos) return false;
    const std::string_view line = text_.substr(0, end);
    if (!line.starts_with(name) || line.size() <= name.size() || line[name.size()] != ' ') return false;
    value = line.substr(name.size() + 1);
    text_.remove_prefix(end + 1);
    return true;
  }
  bool empty() const { return text_.empty(); }

 private:
  std::string_view text_;
};

template <typename Array>
bool TakeHex(Lines& lines, std::string_view name, Array& out) {
  std::string value;
  if (!lines.Take(name, value)) return false;
  const std::optional<std::string> bytes = FromHex(value, out.size());
  if (!bytes.has_value()) return false;
  std::copy(bytes->begin(), bytes->end(), out.begin());
  return true;
}

bool TakePurpose(Lines& lines, KeyPurpose& purpose) {
  std::string value;
  if (!lines.Take("purpose", value)) return false;
  if (value == "store") {
    purpose = KeyPurpose::Store();
  } else if (value == "signing") {
    purpose = KeyPurpose::Signing();
  } else if (value.starts_with("data ") && absl::SimpleAtoi(value.substr(5), &purpose.segment)) {
    purpose.kind = KeyPurpose::Kind::kData;
  } else {
    return false;
  }
  return true;
}

std::string Text(KeyPurpose purpose) {
  switch (purpose.kind) {
    case KeyPurpose::Kind::kStore:
      return "store";
    case KeyPurpose::Kind::kSigning:
      return "signing";
    case KeyPurpose::Kind::kData:
      break;
  }
  return absl::StrCat("data ", purpose.segment);
}

bool ParseLines(Lines lines, KeyFile& file) {
  std::string value;
  if (!lines.Take("sallyport-key", value) || !TakeHex(lines, "store", file.store_id)) return false;
  if (!TakePurpose(lines, file.purpose)) return false;
  if (file.purpose.kind == KeyPurpose::Kind::kData && !TakeHex(lines, "id", file.id)) return false;
  if (!lines.Take("kek", file.kek)) return false;
  if (file.kek == KeyFile::kCommandKek) {
    if (!lines.Take("token", file.token)) return false;
  } else if (!FromHex(file.kek, kKekIdSize).has_value()) {
    return false;
  }
  if (!lines.Take("wrapped", value) || !lines.empty()) return false;
  const std::optional<SecretText> wrapped = FromBase64(value);
  if (!wrapped.has_value()) return false;
  file.wrapped = wrapped->view();
  return true;
}

}  // namespace

std::string KeyFile::BoundText() const {
  std::string text = absl::StrCat(View(kFirstLine), "\nstore ", Hex(store_id), "\npurpose ", Text(purpose), "\n");
  if (purpose.kind == KeyPurpose::Kind::kData) absl::StrAppend(&text, "id ", Hex(id), "\n");
  absl::StrAppend(&text, "kek ", kek, "\n");
  if (kek == kCommandKek) absl::StrAppend(&text, "token ", token, "\n");
  return text;
}

std::string KeyFile::Format() const { return absl::StrCat(BoundText(), "wrapped ", absl::Base64Escape(wrapped), "\n"); }

absl::StatusOr<KeyFile> KeyFile::Parse(std::string_view text, std::string_view path) {
  KeyFile file;
  if (ParseLines(Lines(text), file) && file.Format() == text) return file;
  if (text.starts_with("sallyport-key ") && !text.starts_with(absl::StrCat(View(kFirstLine), "\n"))) {
    return absl::DataLossError(
        absl::StrCat(View(path), ": a key file of a version that this program does not know, or damaged"));
  }
  return absl::DataLossError(absl::StrCat(View(path), ": the key file is damaged; restore it from a backup"));
}

absl::StatusOr<KeyFile> ReadKeyFile(const std::string& path, KeyPurpose purpose) {
  const absl::StatusOr<std::string> text = ReadWholeFile(path, KeyFile::kMaxSize);
  if (absl::IsResourceExhausted(text.status())) {
    return absl::DataLossError(absl::StrCat(path, ": the key file is damaged: it is too large to be one"));
  }
  if (!text.ok()) return text.status();
  absl::StatusOr<KeyFile> file = KeyFile::Parse(*text, path);
  if (file.ok() && !(file->purpose == purpose)) {
    return absl::DataLossError(absl::StrCat(path, ": holds a key for something else (", Text(file->purpose), ")"));
  }
  return file;
}

}  // namespace sallyport::recorder
