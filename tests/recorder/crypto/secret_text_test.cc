#include "recorder/crypto/secret_text.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <cstring>
#include <new>
#include <sstream>
#include <type_traits>

namespace {

// What stood in one block of memory at the moment when it was given back.
const void* watched_block = nullptr;
std::string* seen_in_block = nullptr;

void GiveBack(void* block) {
  if (block != nullptr && block == watched_block) {
    watched_block = nullptr;
    std::memcpy(seen_in_block->data(), block, seen_in_block->size());
  }
  std::free(block);
}

}  // namespace

// Every allocation of this program goes through here, so that a test can look at memory as it is given back.
void* operator new(std::size_t size) {
  if (void* block = std::malloc(size == 0 ? 1 : size)) return block;
  throw std::bad_alloc();
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return std::malloc(size == 0 ? 1 : size); }
void* operator new[](std::size_t size) { return operator new(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return operator new(size, std::nothrow); }
void operator delete(void* block) noexcept { GiveBack(block); }
void operator delete(void* block, std::size_t) noexcept { GiveBack(block); }
void operator delete(void* block, const std::nothrow_t&) noexcept { GiveBack(block); }
void operator delete[](void* block) noexcept { GiveBack(block); }
void operator delete[](void* block, std::size_t) noexcept { GiveBack(block); }
void operator delete[](void* block, const std::nothrow_t&) noexcept { GiveBack(block); }

namespace sallyport::recorder {
namespace {

const std::string kLong = "a secret that is too long to be kept inside a string object";

// What is left of the memory at `begin` when `drop` has run, which gives it back.
template <typename Drop>
std::string LeftBehind(const char* begin, size_t size, Drop drop) {
  std::string seen(size, '?');
  seen_in_block = &seen;
  watched_block = begin;
  drop();
  REQUIRE(watched_block == nullptr);
  return seen;
}

template <typename Value, typename = void>
struct CanBePrinted : std::false_type {};
template <typename Value>
struct CanBePrinted<Value, std::void_t<decltype(std::declval<std::ostringstream&>() << std::declval<const Value&>())>>
    : std::true_type {};

static_assert(CanBePrinted<std::string>::value);
static_assert(!CanBePrinted<SecretText>::value);
static_assert(!std::is_copy_constructible_v<SecretText> && !std::is_copy_assignable_v<SecretText>);
static_assert(!std::is_convertible_v<SecretText, std::string_view> && !std::is_convertible_v<SecretText, std::string>);

TEST_CASE("nothing of a secret is left in memory once it is dropped") {
  std::string text = kLong;
  text.reserve(200);
  auto secret = std::make_unique<SecretText>(std::move(text));
  CHECK(LeftBehind(secret->view().data(), 200, [&] { secret.reset(); }) == std::string(200, '\0'));

  // The other way round: plain text stays, so that the test can tell.
  auto plain = std::make_unique<std::string>(kLong);
  CHECK(LeftBehind(plain->data(), 9, [&] { plain.reset(); }).substr(0, 8) == kLong.substr(0, 8));
}

TEST_CASE("a short secret, which lives inside the object, leaves nothing there or where it came from") {
  alignas(std::string) char origin[sizeof(std::string)] = {};
  alignas(SecretText) char place[sizeof(SecretText)] = {};
  const auto holds = [](const auto& memory) {
    return std::string_view(memory, sizeof(memory)).find("hunter") != std::string_view::npos;
  };
  auto* text = new (origin) std::string("hunter2");
  CHECK(holds(origin));
  auto* secret = new (place) SecretText(std::move(*text));
  CHECK(secret->view() == "hunter2");
  CHECK(holds(place));
  CHECK_FALSE(holds(origin));
  text->~basic_string();
  SecretText moved = std::move(*secret);
  CHECK(moved.view() == "hunter2");
  secret->~SecretText();
  CHECK_FALSE(holds(place));
}

TEST_CASE("a secret that replaces another leaves nothing of it") {
  SecretText secret{std::string(kLong)};
  const char* first = secret.view().data();
  CHECK(LeftBehind(first, kLong.size(), [&] { secret = SecretText(std::string("another")); }) ==
        std::string(kLong.size(), '\0'));
  CHECK(secret.view() == "another");
}

}  // namespace
}  // namespace sallyport::recorder
