// Names sealed with keys that are always the same, for indexes without a store.
#ifndef SALLYPORT_TESTS_RECORDER_FIXED_SEALER_H_
#define SALLYPORT_TESTS_RECORDER_FIXED_SEALER_H_

#include <memory>
#include <string>

#include "recorder/format/name_sealer.h"

namespace sallyport::recorder {

inline std::shared_ptr<const NameSealer> FixedSealer(char store = 's') {
  StoreId id;
  id.fill(store);
  return std::make_shared<NameSealer>(SecretKey(std::string(SecretKey::kSize, 'n')),
                                      SecretKey(std::string(SecretKey::kSize, 'h')), id);
}

}  // namespace sallyport::recorder

#endif  // SALLYPORT_TESTS_RECORDER_FIXED_SEALER_H_
