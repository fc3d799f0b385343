// The record as one reader sees it.
#ifndef SALLYPORT_GATEWAY_API_SOURCES_H_
#define SALLYPORT_GATEWAY_API_SOURCES_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "gateway/api/reader.h"
#include "recorder/keys/key_source.h"
#include "replay/view/call_source.h"
#include "replay/view/call_store.h"
#include "replay/view/reader_source.h"

namespace sallyport::gateway {

// Stands on one opened store, which all readers share. Thread-safe; what it gives may outlive it.
class Sources {
 public:
  // Of a store that a recorder has opened. Errors as of CallStore::Open.
  static absl::StatusOr<std::unique_ptr<Sources>> Open(const std::string& directory,
                                                       const std::optional<recorder::KeySource>& keys);

  // What `reader` may see of the record, with what these masks (null for none) hide from it. For one call.
  std::unique_ptr<replay::CallSource> For(const Reader& reader,
                                          const std::shared_ptr<const policy::ReaderMasks>& masks);

 private:
  explicit Sources(std::shared_ptr<replay::CallStore> store) : store_(std::move(store)) {}

  const std::shared_ptr<replay::CallStore> store_;
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_API_SOURCES_H_
