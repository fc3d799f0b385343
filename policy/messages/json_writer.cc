#include "policy/messages/json_writer.h"

#include <charconv>

namespace sallyport::policy {
namespace {

template <typename Integer>
void AppendInteger(Integer value, std::string* out) {
  char text[24];
  const auto end = std::to_chars(text, text + sizeof text, value);
  out->append(text, static_cast<size_t>(end.ptr - text));
}

}  // namespace

void JsonWriter::Unsigned(uint64_t value) { AppendInteger(value, &out_); }
void JsonWriter::Signed(int64_t value) { AppendInteger(value, &out_); }

}  // namespace sallyport::policy
