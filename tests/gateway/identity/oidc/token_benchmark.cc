// What verifying a bearer token costs: seen for the first time, seen before, and forged.
// usage: token_benchmark
#include <spdlog/spdlog.h>

#include <chrono>
#include <cstdio>
#include <ctime>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/gateway/identity/jwt/key_ring.h"

namespace sallyport::gateway {
namespace {

double CpuMicroseconds() {
  timespec time = {};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
}

std::string TokenWith(const Signing& signing, int number) {
  nlohmann::json claims = Claims();
  claims["jti"] = absl::StrCat("token-", number);
  return Signed(Unsigned(Header(signing.algorithm, signing.key), claims), signing.algorithm, Keys().at(signing.key));
}

// CPU time for each of many verifications.
double Measure(TokenVerifier& verifier, const std::vector<std::string>& tokens, int rounds, bool good) {
  const double begin = CpuMicroseconds();
  for (int i = 0; i < rounds; ++i) {
    for (const std::string& token : tokens) {
      if (verifier.VerifyNow(token, kNow)->ok() != good) {
        std::fprintf(stderr, "a token was not verified as it should be\n");
        std::exit(1);
      }
    }
  }
  return (CpuMicroseconds() - begin) / (static_cast<double>(tokens.size()) * rounds);
}

void Report() {
  constexpr int kTokens = 500;
  std::printf("%-18s %12s %12s %12s %8s\n", "microseconds CPU", "first seen", "seen before", "forged", "bytes");
  for (const Signing& signing : kSignings) {
    Rig rig;
    std::vector<std::string> tokens, forged;
    for (int i = 0; i < kTokens; ++i) {
      tokens.push_back(TokenWith(signing, i));
      forged.push_back(tokens.back());
      char& changed = forged.back()[forged.back().size() - 20];
      changed = changed == 'A' ? 'B' : 'A';
    }
    const double first = Measure(*rig.verifier, tokens, 1, true);
    const double again = Measure(*rig.verifier, tokens, 100, true);
    const double refused = Measure(*rig.verifier, forged, 1, false);
    std::printf("%-18s %12.1f %12.2f %12.1f %8zu\n", absl::StrCat(signing.algorithm, " ", signing.key).c_str(), first,
                again, refused, tokens[0].size());
  }
}

void ReportThreads() {
  Rig rig;
  std::vector<std::string> tokens;
  for (int i = 0; i < 100; ++i) tokens.push_back(TokenWith({"ES256", "p256"}, i));
  for (const int count : {1, 2, 4}) {
    const auto begin = std::chrono::steady_clock::now();
    std::vector<std::thread> threads;
    for (int i = 0; i < count; ++i) threads.emplace_back([&] { Measure(*rig.verifier, tokens, 2000, true); });
    for (std::thread& thread : threads) thread.join();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    std::printf("%d threads: %.2f million look-ups a second\n", count, count * 100 * 2000 / took.count() / 1e6);
  }
}

}  // namespace
}  // namespace sallyport::gateway

int main() {
  spdlog::set_level(spdlog::level::off);
  sallyport::gateway::Report();
  sallyport::gateway::ReportThreads();
  return 0;
}
