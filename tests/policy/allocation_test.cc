// Deciding allocates nothing, so it does not depend on what else uses the heap.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <new>
#include <string>

#include "policy/policy.h"
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

}  // namespace
}  // namespace sallyport::policy
