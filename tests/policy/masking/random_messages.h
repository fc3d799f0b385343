// Random values for messages of any type.
#ifndef SALLYPORT_TESTS_POLICY_MASKING_RANDOM_MESSAGES_H_
#define SALLYPORT_TESTS_POLICY_MASKING_RANDOM_MESSAGES_H_

#include <google/protobuf/message.h>

#include <cstdint>
#include <iterator>
#include <random>
#include <string>

namespace sallyport::policy {

class Chance {
 public:
  explicit Chance(uint64_t seed) : engine_(seed) {}
  size_t Below(size_t bound) { return std::uniform_int_distribution<size_t>(0, bound - 1)(engine_); }
  bool OneIn(size_t count) { return Below(count) == 0; }
  uint64_t Number() { return OneIn(4) ? Below(4) : engine_() >> Below(64); }
  std::string Text() {
    static const std::string kPieces[] = {"a",  "Z",    "7",     "-", " ", "é",
                                          "水", "4111", "x@y.z", "*", ".", " 4111 1111 1111 1111 "};
    // What keys look like.
    static const std::string kNames[] = {"user.email", "user.phone", "k.1", "a", ""};
    if (OneIn(3)) return kNames[Below(std::size(kNames))];
    std::string text;
    for (size_t i = Below(12); i > 0; --i) text += kPieces[Below(std::size(kPieces))];
    return text;
  }

 private:
  std::mt19937_64 engine_;
};

// Fields of a message at random, those of maps always; messages in it at most `depth` deep. Sometimes with an unknown
// field. Bytes whose option (t.sensitive) says that they hold a message hold one.
void Fill(Chance& chance, int depth, google::protobuf::Message* message);
// One value of one field, added if it is repeated.
void FillField(Chance& chance, int depth, const google::protobuf::FieldDescriptor& field,
               google::protobuf::Message* message);

}  // namespace sallyport::policy

#endif  // SALLYPORT_TESTS_POLICY_MASKING_RANDOM_MESSAGES_H_
