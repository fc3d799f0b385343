#include "protos/yaml_document.h"

#include <yaml-cpp/eventhandler.h>

#include <algorithm>
#include <exception>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace sallyport {
namespace {

// Looks only at where documents begin.
class DocumentStarts : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark& mark) override { line_ = mark.line + 1; }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t, const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}
  int line() const { return line_; }

 private:
  int line_ = 1;
};

// The line on which a second document begins, 0 if there is none. (YAML::LoadAll finds documents without end in a text
// that begins with a comma.) Throws what the parser throws.
int SecondDocument(const std::string& text) {
  std::istringstream stream(text);
  YAML::Parser parser(stream);
  DocumentStarts starts;
  if (!parser.HandleNextDocument(starts) || !parser.HandleNextDocument(starts)) return 0;
  return starts.line();
}

std::string_view LineAt(std::string_view text, int line) {
  for (; line > 0; --line) {
    const size_t end = text.find('\n');
    if (end == std::string_view::npos) return "";
    text.remove_prefix(end + 1);
  }
  return text.substr(0, text.find('\n'));
}

// What to write instead, where the mistake is one of those that are made often.
std::string Advice(std::string_view text, const YAML::Exception& error) {
  const std::string_view line = LineAt(text, error.mark.line);
  if (absl::StrContains(absl::string_view(line.data(), line.size()), '\t')) {
    return "; there is a tab in this line: YAML is indented with spaces only";
  }
  const size_t column = static_cast<size_t>(std::max(error.mark.column, 0));
  // What is wrong begins at the mark or ends there.
  for (const char begins : {'*', '&', '!', '@', '`', '%'}) {
    const size_t at = line.substr(0, column + 1).rfind(begins);
    if (at == std::string_view::npos) continue;
    if (at > 0 && line[at - 1] != ' ' && line[at - 1] != '[' && line[at - 1] != ',' && line[at - 1] != '{') continue;
    const std::string_view rest = line.substr(at);
    const std::string value(rest.substr(0, rest.find_first_of(begins == '*' ? ",]} " : ",]}")));
    return absl::StrCat("; a text that begins with ", std::string(1, begins), " has to be quoted: \"", value, "\"");
  }
  // Such as a.B[key=x].c in a list in brackets: there they end the text.
  const size_t bracket = line.find_first_of("[]", line.find_first_of("[{") + 1);
  if (error.msg == YAML::ErrorMsg::END_OF_SEQ_FLOW && bracket != std::string_view::npos && line[bracket] == '[' &&
      line[bracket - 1] > ' ' && std::string_view("[,{:").find(line[bracket - 1]) == std::string_view::npos) {
    return "; a text with brackets in it has to be quoted in a list";
  }
  if (error.msg == YAML::ErrorMsg::MAP_VALUE) return "; a text with a colon and a space in it has to be quoted";
  return "";
}

}  // namespace

absl::StatusOr<YAML::Node> LoadYamlDocument(std::string_view text, const std::string& name) {
  try {
    const std::string owned(text);
    if (const int line = SecondDocument(owned); line != 0) {
      return absl::InvalidArgumentError(
          absl::StrCat(name, ":", line, ": a second document begins: the file must hold one"));
    }
    return YAML::Load(owned);
  } catch (const YAML::Exception& error) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, ":", error.mark.line + 1, ": not YAML: ", error.msg, Advice(text, error)));
  } catch (const std::exception& error) {
    return absl::InvalidArgumentError(absl::StrCat(name, ": not YAML: ", error.what()));
  }
}

}  // namespace sallyport
