// Names and peers as the index keeps them.
#include "recorder/format/name_sealer.h"

#include <catch2/catch.hpp>
#include <string>

#include "recorder/format/peer_address.h"
#include "tests/recorder/fixed_sealer.h"

namespace sallyport::recorder {
namespace {

TEST_CASE("a name is sealed the same way each time, and opens only where it belongs") {
  const auto sealer = FixedSealer();
  const NameHash hash = sealer->HashOf(NameKind::kMethod, "a.B/C");
  const std::string sealed = sealer->Seal(NameKind::kMethod, hash, "a.B/C");
  CHECK(sealed == FixedSealer()->Seal(NameKind::kMethod, hash, "a.B/C"));
  CHECK(sealed.find("a.B") == std::string::npos);
  auto opened = sealer->Open(NameKind::kMethod, AsText(hash), sealed);
  REQUIRE(opened.ok());
  CHECK(*opened == "a.B/C");

  const NameHash other = sealer->HashOf(NameKind::kMethod, "a.B/D");
  CHECK(AsText(other) != AsText(hash));
  CHECK(AsText(sealer->HashOf(NameKind::kIdentity, "a.B/C")) != AsText(hash));
  CHECK(absl::IsDataLoss(sealer->Open(NameKind::kMethod, AsText(other), sealed).status()));
  CHECK(absl::IsDataLoss(sealer->Open(NameKind::kIdentity, AsText(hash), sealed).status()));
  CHECK(absl::IsDataLoss(FixedSealer('t')->Open(NameKind::kMethod, AsText(hash), sealed).status()));
  CHECK(absl::IsDataLoss(sealer->Open(NameKind::kMethod, AsText(hash), "").status()));
  for (size_t i = 0; i < sealed.size(); ++i) {
    std::string flipped = sealed;
    flipped[i] = static_cast<char>(flipped[i] ^ 1);
    CHECK(absl::IsDataLoss(sealer->Open(NameKind::kMethod, AsText(hash), flipped).status()));
  }
}

TEST_CASE("a peer is kept by host and port, and comes back as it was") {
  for (const char* peer : {"ipv4:10.0.0.7:51514", "ipv6:[::1]:80", "ipv6:%5B::1%5D:65535", "unix:/run/a.sock",
                           "unix:", "", "a:007", "a:0", "a:123456", "a:99999", ":1", "a:-1", "a: 1"}) {
    const PeerAddress split = SplitPeer(peer);
    CHECK(JoinPeer(std::string(split.host), split.port) == peer);
  }
  CHECK(SplitPeer("ipv4:10.0.0.7:51514").host == "ipv4:10.0.0.7");
  CHECK(SplitPeer("ipv4:10.0.0.7:51514").port == 51514);
}

}  // namespace
}  // namespace sallyport::recorder
