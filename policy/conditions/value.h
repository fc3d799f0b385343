// What conditions reckon with.
#ifndef SALLYPORT_POLICY_CONDITIONS_VALUE_H_
#define SALLYPORT_POLICY_CONDITIONS_VALUE_H_

#include <google/protobuf/descriptor.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory_resource>
#include <string>
#include <string_view>
#include <type_traits>

#include "policy/messages/json_text.h"

namespace sallyport::policy {

enum class Kind : uint8_t {
  kError,
  kNull,
  kBool,
  kInt,
  kUint,
  kDouble,
  kString,
  kBytes,
  kTimestamp,
  kDuration,
  kList,
  kMap,
  kMessage,
};
// As CEL says it: "int", "google.protobuf.Timestamp".
const char* KindName(Kind kind);

struct Pair;

// A value of CEL, or an error. What it refers to lives in a Heap, in the condition's text or in what was asked about;
// so it is copied freely and owns nothing.
struct Value {
  Kind kind = Kind::kNull;
  bool unreadable = false;  // an error: what was asked for is there and cannot be read, or is too much
  int32_t nanos = 0;        // of times, beside `integer` seconds; in durations of the same sign
  union {
    int64_t integer = 0;
    bool truth;
    uint64_t natural;
    double real;
    const char* chars;              // texts, bytes and errors
    const Value* items;             // lists
    const Pair* pairs;              // maps
    const std::string_view* parts;  // messages: the bytes of one, in parts that parsers merge
  };
  size_t size = 0;                                     // of what the last four refer to
  const google::protobuf::Descriptor* type = nullptr;  // messages

  bool is(Kind wanted) const { return kind == wanted; }
  bool error() const { return kind == Kind::kError; }
  bool is_true() const { return kind == Kind::kBool && truth; }
  bool is_false() const { return kind == Kind::kBool && !truth; }
  bool number() const { return kind == Kind::kInt || kind == Kind::kUint || kind == Kind::kDouble; }
  std::string_view text() const { return {chars, size}; }

  static Value Null() { return {}; }
  static Value Bool(bool truth) {
    Value value;
    value.kind = Kind::kBool;
    value.integer = 0;
    value.truth = truth;
    return value;
  }
  static Value Int(int64_t integer) {
    Value value;
    value.kind = Kind::kInt;
    value.integer = integer;
    return value;
  }
  static Value Uint(uint64_t natural) {
    Value value;
    value.kind = Kind::kUint;
    value.natural = natural;
    return value;
  }
  static Value Double(double real) {
    Value value;
    value.kind = Kind::kDouble;
    value.real = real;
    return value;
  }
  static Value Text(std::string_view text, Kind kind = Kind::kString) {
    Value value;
    value.kind = kind;
    value.chars = text.data();
    value.size = text.size();
    return value;
  }
  // `what` must live as long as the value.
  static Value Error(std::string_view what) { return Text(what, Kind::kError); }
  static Value Unreadable(std::string_view what) {
    Value value = Error(what);
    value.unreadable = true;
    return value;
  }
  static Value Time(Kind kind, int64_t seconds, int32_t nanos) {
    Value value = Int(seconds);
    value.kind = kind;
    value.nanos = nanos;
    return value;
  }
  static Value List(const Value* items, size_t size) {
    Value value;
    value.kind = Kind::kList;
    value.items = items;
    value.size = size;
    return value;
  }
  static Value Map(const Pair* pairs, size_t size) {
    Value value;
    value.kind = Kind::kMap;
    value.pairs = pairs;
    value.size = size;
    return value;
  }
  static Value Message(const google::protobuf::Descriptor* type, const std::string_view* parts, size_t size) {
    Value value;
    value.kind = Kind::kMessage;
    value.type = type;
    value.parts = parts;
    value.size = size;
    return value;
  }
};

struct Pair {
  Value key;
  Value value;
};

// What one answer needs in memory, given back at once, and what it has cost. Lives for one answer; one thread.
class Heap {
 public:
  explicit Heap(uint64_t most_cost) : left_(most_cost), buffer_(first_.data(), first_.size()) {}
  Heap(const Heap&) = delete;
  Heap& operator=(const Heap&) = delete;

  // False once it is too much: whoever asks then returns TooMuch().
  bool Spend(uint64_t steps) {
    if (steps > left_) {
      left_ = 0;
      return false;
    }
    left_ -= steps;
    return true;
  }
  bool SpendBytes(size_t bytes) { return Spend(bytes / 32 + 1); }
  static Value TooMuch() { return Value::Unreadable("it costs too much to answer"); }

  template <typename Element>
  Element* Array(size_t size) {
    static_assert(std::is_trivially_destructible_v<Element>);
    void* const place = buffer_.allocate(size * sizeof(Element) + 1, alignof(Element));
    return new (place) Element[size];
  }
  std::string_view Keep(std::string_view text) {
    char* const place = static_cast<char*>(buffer_.allocate(text.size() + 1, 1));
    if (!text.empty()) memcpy(place, text.data(), text.size());
    return {place, text.size()};
  }
  // Errors are short: they cost nothing.
  Value Error(const std::string& what) { return Value::Error(Keep(what)); }

 private:
  uint64_t left_;
  std::array<std::byte, 2048> first_;
  std::pmr::monotonic_buffer_resource buffer_;
};

// In CEL's sense: numbers of different kinds by their value, lists and maps by their elements, messages by their
// fields; values of different kinds are not equal. An error where the values hold one. `spend`s from the heap.
Value Equal(const Value& left, const Value& right, Heap* heap);
// Of numbers of any kinds; of two values of one of the other kinds that have an order. False if there is none: NaN, or
// what has no order, which `comparable` tells.
struct Order {
  bool comparable = false;  // else: no such overload
  bool ordered = false;
  int sign = 0;  // of left - right
};
Order Compare(const Value& left, const Value& right);
// The pair's value, or null.
const Value* FindKey(const Value& map, const Value& key, Heap* heap);

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_CONDITIONS_VALUE_H_
