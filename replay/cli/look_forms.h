// What is said of a look at the record, for event_forms.cc.
#ifndef SALLYPORT_REPLAY_CLI_LOOK_FORMS_H_
#define SALLYPORT_REPLAY_CLI_LOOK_FORMS_H_

#include <cstdint>
#include <string>

#include "replay/cli/record_json.h"
#include "replay/cli/record_text.h"
#include "sallyport/v1/audit.pb.h"

namespace sallyport::replay {

struct LookForms {
  static void ShowText(const v1::Event& event, const v1::CallSummary& summary, RecordText* out);
  static Json ShowJson(const v1::Event& event);
  static std::string TailText(const v1::TailedEvent& tailed, bool messages);
  static Json TailJson(const v1::Event& event, bool messages);
};

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_CLI_LOOK_FORMS_H_
