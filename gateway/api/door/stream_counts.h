// How many calls are open at once, of each client and together.
#ifndef SALLYPORT_GATEWAY_API_DOOR_STREAM_COUNTS_H_
#define SALLYPORT_GATEWAY_API_DOOR_STREAM_COUNTS_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"

namespace sallyport::gateway {

// Thread-safe. Held by whoever holds a place.
class StreamCounts : public std::enable_shared_from_this<StreamCounts> {
 public:
  StreamCounts(size_t most, size_t most_of_one) : most_(most), most_of_one_(most_of_one) {}

  // Gives itself back.
  class Place {
   public:
    Place(std::shared_ptr<StreamCounts> counts, std::string client)
        : counts_(std::move(counts)), client_(std::move(client)) {}
    ~Place() { counts_->Leave(client_); }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

   private:
    const std::shared_ptr<StreamCounts> counts_;
    const std::string client_;
  };

  // Null if there is no place left.
  std::unique_ptr<Place> Enter(const std::string& client);

 private:
  void Leave(const std::string& client);

  const size_t most_;
  const size_t most_of_one_;
  absl::Mutex mutex_;
  size_t open_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::flat_hash_map<std::string, size_t> by_client_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_API_DOOR_STREAM_COUNTS_H_
