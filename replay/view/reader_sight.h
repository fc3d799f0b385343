// What one reader's searches look into.
#ifndef SALLYPORT_REPLAY_VIEW_READER_SIGHT_H_
#define SALLYPORT_REPLAY_VIEW_READER_SIGHT_H_

#include <memory>

#include "replay/view/call_scan.h"
#include "replay/view/reader_rights.h"
#include "replay/view/stored_descriptors.h"

namespace sallyport::replay {

// Shows a search what CallView shows the reader; a call with a message of which nothing may be shown counts as
// unreadable, so that nothing is found by what is not there. `rights` has masks. Both must outlive it.
std::unique_ptr<EntrySight> SightOf(const ReaderRights& rights, StoredDescriptors* descriptors);

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_VIEW_READER_SIGHT_H_
