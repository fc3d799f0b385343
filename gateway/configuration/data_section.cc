// `data`: where and how what happens is recorded.
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "gateway/configuration/sections.h"
#include "recorder/keys/key_source.h"
#include "recorder/keys/sealed_view.h"

namespace sallyport::gateway {
namespace {

constexpr char kDefaultBuffer[] = "64MiB";
constexpr char kDefaultSegmentSize[] = "256MiB";

// A keyring is read when the gateway starts, and a command is run only then.
void CheckKeys(ConfigurationCheck& check, const std::string& key, const recorder::KeySource& source) {
  std::error_code error;
  if (source.kind == recorder::KeySource::Kind::kFile && std::filesystem::is_directory(source.value, error)) {
    check.Fail(key, absl::StrCat(source.value, " is a directory, and no keyring file"));
  }
  if (source.kind == recorder::KeySource::Kind::kEnvironment && std::getenv(source.value.c_str()) == nullptr) {
    check.Fail(key, absl::StrCat("the environment has no variable ", source.value));
  }
}

}  // namespace

void CheckData(ConfigurationCheck& check) {
  GatewayOptions& options = check.options();
  const v1::Data& data = check.config().data();
  switch (data.durability()) {
    case v1::write_ahead:
      options.durability = Durability::kWriteAhead;
      break;
    case v1::relaxed:
      options.durability = Durability::kRelaxed;
      break;
    case v1::off:
      options.durability = Durability::kOff;
      break;
    default:
      options.durability = Durability::kCommit;
  }
  options.data_directory = data.directory();
  if (data.directory().empty() && options.durability != Durability::kOff) {
    check.Fail("data.directory", "is missing: where to keep what is recorded");
  }
  if (!data.directory().empty()) check.Directory("data.directory", data.directory());
  if (!data.keys().empty()) {
    absl::StatusOr<recorder::KeySource> keys = recorder::KeySource::Parse(data.keys());
    if (!keys.ok()) {
      check.Fail("data.keys", keys.status().message());
    } else {
      CheckKeys(check, "data.keys", *keys);
      options.keys = *std::move(keys);
    }
  }
  options.buffer_bytes = check.Size("data.buffer", data.buffer(), kDefaultBuffer, 64 << 10, uint64_t{64} << 30);
  options.segment_bytes =
      check.Size("data.segment_size", data.segment_size(), kDefaultSegmentSize, 1 << 20, uint64_t{64} << 30);
  if (!data.retention().empty()) {
    options.retention.age = check.Duration("data.retention", data.retention(), "");
    if (*options.retention.age <= absl::ZeroDuration()) check.Fail("data.retention", "must be longer than nothing");
  }
  if (!data.retention_min_age().empty()) {
    options.retention.min_age = check.Duration("data.retention_min_age", data.retention_min_age(), "");
    if (data.retention_size().empty() && !check.faults().Unread("data.retention_size")) {
      check.Fail("data.retention_min_age", "goes with retention_size");
    }
  }
  if (!data.reveal_key().empty()) {
    absl::StatusOr<recorder::RevealKey> key = recorder::RevealKey::Parse(data.reveal_key());
    if (key.ok()) {
      options.reveal_key = *std::move(key);
    } else {
      check.Fail("data.reveal_key", key.status().message());
    }
  }
  if (!data.retention_size().empty()) {
    options.retention.bytes =
        check.Size("data.retention_size", data.retention_size(), "", options.segment_bytes, uint64_t{1} << 60);
  }
}

}  // namespace sallyport::gateway
