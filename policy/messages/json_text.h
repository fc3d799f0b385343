// Values as JSON has them.
#ifndef SALLYPORT_POLICY_MESSAGES_JSON_TEXT_H_
#define SALLYPORT_POLICY_MESSAGES_JSON_TEXT_H_

#include <string>
#include <string_view>

namespace sallyport::policy {

bool IsUtf8(std::string_view text);

// In quotes. `text` must be UTF-8.
void AppendJsonString(std::string_view text, std::string* out);
// The content of such a string, without the quotes.
void AppendJsonCharacters(std::string_view text, std::string* out);
// With the standard alphabet, padded; no quotes.
void AppendBase64(std::string_view bytes, std::string* out);

// The fewest digits that are read back as the same number; "NaN", "Infinity" and "-Infinity" in quotes.
void AppendJsonDouble(double value, std::string* out);
void AppendJsonFloat(float value, std::string* out);

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_MESSAGES_JSON_TEXT_H_
