#include "policy/masking/field_check.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "policy/masking/mask_plan.h"

namespace sallyport::policy {
namespace {

class Checker {
 public:
  explicit Checker(const Descriptors& descriptors) : descriptors_(descriptors) {}

  void Check(const std::string& name, int line, const FieldSelection& fields) {
    for (size_t i = 0; i < fields.globs.size(); ++i) {
      FieldSelection one;
      one.globs = {fields.globs[i]};
      if (!MeansAny(one)) Warn(name, line, absl::StrCat("no field is meant by \"", fields.globs[i].text(), "\""));
    }
    for (const std::string& glob : fields.classes) {
      FieldSelection one;
      one.classes = {glob};
      if (!MeansAny(one)) Warn(name, line, absl::StrCat("no field has a class like \"", glob, "\""));
    }
    for (const std::string& option : fields.options) {
      FieldSelection one;
      one.options = {option};
      if (!MeansAny(one)) Warn(name, line, absl::StrCat("no field has the option \"", option, "\""));
    }
  }

  std::vector<PolicyWarning> Finish() && { return std::move(warnings_); }

 private:
  void Warn(const std::string& name, int line, const std::string& text) {
    warnings_.push_back({line, name, absl::StrCat(text, " in the descriptors given")});
  }

  bool MeansAny(const FieldSelection& selection) const {
    const std::vector<std::string> types = descriptors_.message_types();
    return std::any_of(types.begin(), types.end(), [&](const std::string& type) {
      MaskPlan::Request request;
      request.root = descriptors_.pool().FindMessageTypeByName(type);
      request.pool = &descriptors_.pool();
      request.selections = {&selection};
      // Contents of an Any are types that are looked at themselves.
      const auto plan = MaskPlan::Compile(request);
      // One that is too large means too much rather than nothing.
      return !plan.ok() || (*plan)->selects();
    });
  }

  const Descriptors& descriptors_;
  std::vector<PolicyWarning> warnings_;
};

}  // namespace

std::vector<PolicyWarning> CheckFields(const Policy& policy, const Descriptors& descriptors) {
  Checker checker(descriptors);
  for (const MaskRule& mask : policy.masks()) checker.Check(mask.name, mask.line, mask.fields);
  for (const ContentRule& rule : policy.content_rules()) {
    for (const FieldConditionRule& condition : rule.conditions) checker.Check(rule.name, rule.line, condition.field);
  }
  return std::move(checker).Finish();
}

}  // namespace sallyport::policy
