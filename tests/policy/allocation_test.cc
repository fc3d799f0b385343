// Deciding allocates nothing, so it does not depend on what else uses the heap.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <new>
#include <string>

#include "absl/strings/str_cat.h"
#include "policy/masking/masker.h"
#include "policy/policy.h"
#include "tests/policy/descriptor_files.h"
#include "tests/policy/made_policy.h"

namespace {

thread_local long allocations = 0;

void* Allocate(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}

}  // namespace

void* operator new(std::size_t size) { return Allocate(size); }
void* operator new[](std::size_t size) { return Allocate(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return Allocate(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return Allocate(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

namespace sallyport::policy {
namespace {

TEST_CASE("a decision allocates nothing, with few rules and with thousands") {
  for (const int rules : {5, 4000}) {
    Maker maker({.services = 50, .methods = 8, .groups = 100, .subjects = 100, .tenants = 10, .hosts = 100}, 9);
    v1::Policy source = maker.MakePolicy(rules);
    // Texts of rules in shadow are noted in a list that holds two.
    for (v1::AccessRule& rule : *source.mutable_access()->mutable_rules()) rule.set_shadow(false);
    const auto policy = Policy::Parse(FileOf(source), "made.yaml");
    REQUIRE(policy.ok());
    for (int i = 0; i < 200; ++i) {
      const MadeCall call = maker.MakeCall();
      const AccessRequest request = call.request();
      const long before = allocations;
      const AccessDecision decision = (*policy)->Decide(request);
      const long after = allocations;
      REQUIRE(after == before);
      REQUIRE_FALSE(decision.rule.empty());
    }
  }
  const long before = allocations;
  delete new std::string(100, 'x');
  REQUIRE(allocations > before);  // they are counted
}

TEST_CASE("masking a message allocates once at most, and nothing where there is room") {
  const auto descriptors = Descriptors::Create(ShopSet(), "shop");
  REQUIRE(descriptors.ok());
  for (const char* const with : {"redact", "last4", "hash", "tokenize", "drop", "truncate, length: 3"}) {
    INFO(with);
    const auto policy = Policy::Parse(
        absl::StrCat("masks: [{name: m, fields: [shop.Order.card_number, shop.Order.next], with: ", with, "}]\n"),
        "p.yaml");
    REQUIRE(policy.ok());
    MadeCall call;
    call.method = "/shop.Orders/Get";
    const auto masks = Masker::Create(*policy, *descriptors, MaskKey{})->ForCall(call.request());
    REQUIRE(masks != nullptr);
    const MessageMask* mask = masks->message(MessageSide::kRequest, MaskView::kRecord);
    REQUIRE(mask != nullptr);
    const std::string order = std::string("\x0a\x10") + "4111111111111111";
    std::string problem;
    {
      std::string first;
      mask->Apply(order, &first, &problem);  // what is made once for each thread
    }
    std::string masked;
    for (const long most : {1, 0}) {
      const long before = allocations;
      const MessageMask::Outcome outcome = mask->Apply(order, &masked, &problem);
      const long made = allocations - before;
      REQUIRE(outcome == MessageMask::Outcome::kMasked);
      CHECK(made <= most);
    }
  }
}

}  // namespace
}  // namespace sallyport::policy
