#include "gateway/stream_windows.h"

#include <grpc/impl/codegen/grpc_types.h>

#include <atomic>

// The library's, as its sources declare them; weak, so that the gateway links and runs where they are gone.
namespace grpc_core::chttp2 {

class TestOnlyTransportTargetWindowEstimatesMocker {
 public:
  virtual ~TestOnlyTransportTargetWindowEstimatesMocker() = default;
  virtual double ComputeNextTargetInitialWindowSizeFromPeriodicUpdate(double current_target) = 0;
};

extern __attribute__((weak))
TestOnlyTransportTargetWindowEstimatesMocker* g_test_only_transport_target_window_estimates_mocker;

}  // namespace grpc_core::chttp2

namespace sallyport::gateway {
namespace {

namespace library = grpc_core::chttp2;

constexpr uint32_t kDefaultWindow = 1 << 20;
std::atomic<uint32_t> window{kDefaultWindow};

class FixedWindow final : public library::TestOnlyTransportTargetWindowEstimatesMocker {
 public:
  double ComputeNextTargetInitialWindowSizeFromPeriodicUpdate(double /*current_target*/) override {
    return window.load(std::memory_order_relaxed);
  }
};

// Whether the library has the hook, which then is in use.
bool HasHook() {
  static const bool kHas = [] {
    if (&library::g_test_only_transport_target_window_estimates_mocker == nullptr) return false;
    // Connections ask it until the process ends.
    library::g_test_only_transport_target_window_estimates_mocker = new FixedWindow;
    return true;
  }();
  return kHas;
}

template <typename SetInt>
void Bound(SetInt set) {
  if (HasHook()) return;
  set(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  set(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, static_cast<int>(window.load(std::memory_order_relaxed)));
}

}  // namespace

void SetStreamWindow(uint32_t bytes) { window = bytes; }

void BoundStreamWindows(grpc::ChannelArguments& arguments) {
  Bound([&](const char* name, int value) { arguments.SetInt(name, value); });
}

void BoundStreamWindows(grpc::ServerBuilder& builder) {
  Bound([&](const char* name, int value) { builder.AddChannelArgument(name, value); });
}

}  // namespace sallyport::gateway
