// What the command line says of one event of a call, in each of its forms. All that it knows of a kind of event is in
// event_forms.cc.
#ifndef SALLYPORT_REPLAY_CLI_EVENT_FORMS_H_
#define SALLYPORT_REPLAY_CLI_EVENT_FORMS_H_

#include <string>

#include "replay/cli/record_json.h"
#include "replay/cli/record_text.h"
#include "sallyport/v1/audit.pb.h"

namespace sallyport::replay {

// `show`. A beginning is what stands above the events: who called what, and how that ended as far as `summary` knows.
void ShowText(const v1::Event& event, const v1::CallSummary& summary, RecordText* out);

// `show --json`. Of a beginning these are members of the call itself, of an end those of its `end`, and of any other
// event an element of `entries`.
Json ShowJson(const v1::Event& event);

// `tail`: what stands behind the event's time and call. `messages`: with what a frame says, in a line of its own.
std::string TailText(const v1::TailedEvent& tailed, bool messages);

// `tail --json`: the event's place in time and its call's names, then what it was about.
Json TailJson(const v1::TailedEvent& tailed, bool messages);

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_CLI_EVENT_FORMS_H_
