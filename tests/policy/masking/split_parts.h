// Messages as no serialiser writes them and every parser reads them: what a field holds comes in several parts.
#ifndef SALLYPORT_TESTS_POLICY_MASKING_SPLIT_PARTS_H_
#define SALLYPORT_TESTS_POLICY_MASKING_SPLIT_PARTS_H_

#include <google/protobuf/descriptor.h>

#include <string>
#include <string_view>

#include "tests/policy/masking/random_messages.h"

namespace sallyport::policy {

// The same message, in which message fields that are not repeated are cut into parts at random, at every depth: in
// groups, entries of maps, contents of an Any, and bytes whose option says that they hold a message. Parsers, who merge
// the parts, read what they read before. The bytes must be those of a message of that type.
std::string SplitParts(Chance& chance, const google::protobuf::Descriptor& type, std::string_view bytes);

}  // namespace sallyport::policy

#endif  // SALLYPORT_TESTS_POLICY_MASKING_SPLIT_PARTS_H_
