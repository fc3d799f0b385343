#include "protos/fault_list.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace sallyport {

void FaultList::Add(std::string line) {
  constexpr size_t kMost = 20;
  if (lines_.size() == kMost) {
    ++left_out_;
  } else {
    lines_.push_back(std::move(line));
  }
}

absl::Status FaultList::status(std::string_view name) const {
  if (lines_.empty()) return absl::OkStatus();
  std::string text = absl::StrJoin(lines_, "\n");
  if (left_out_ > 0) absl::StrAppend(&text, "\n", std::string(name), ": and ", left_out_, " more");
  return absl::InvalidArgumentError(text);
}

std::string Quoted(std::string_view text) {
  constexpr size_t kShown = 80;
  return absl::StrCat("\"", absl::CHexEscape(std::string(text.substr(0, kShown))), text.size() > kShown ? "..." : "",
                      "\"");
}

}  // namespace sallyport
