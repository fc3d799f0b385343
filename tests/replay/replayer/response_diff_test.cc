#include "replay/replayer/response_diff.h"

#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/io/gzip_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <catch2/catch.hpp>

#include "pay/v1/payments.pb.h"
#include "protos/message_encoding.h"
#include "tests/replay/fake_call_source.h"
#include "tests/replay/record_builder.h"

namespace sallyport::replay {
namespace {

using Catch::Contains;
using Catch::Matchers::StartsWith;

constexpr char kMethod[] = "/pay.v1.Payments/GetPayment";

void AddFile(const google::protobuf::FileDescriptor* file, google::protobuf::FileDescriptorSet* set) {
  for (int i = 0; i < file->dependency_count(); ++i) AddFile(file->dependency(i), set);
  file->CopyTo(set->add_file());
}

std::shared_ptr<const policy::Descriptors> PayDescriptors() {
  google::protobuf::FileDescriptorSet set;
  AddFile(pay::v1::Payment::descriptor()->file(), &set);
  return policy::Descriptors::Create(set, "the test").value();
}

std::string Payment(const std::string& id, int64_t amount, int64_t created = 1) {
  pay::v1::Payment payment;
  payment.set_id(id);
  payment.mutable_amount()->set_minor_units(amount);
  payment.mutable_created()->set_seconds(created);
  return payment.SerializeAsString();
}

std::string Gzip(const std::string& text, google::protobuf::io::GzipOutputStream::Format format) {
  std::string compressed;
  google::protobuf::io::StringOutputStream out(&compressed);
  google::protobuf::io::GzipOutputStream::Options options;
  options.format = format;
  google::protobuf::io::GzipOutputStream gzip(&out, options);
  void* data = nullptr;
  int size = 0;
  size_t done = 0;
  while (done < text.size() && gzip.Next(&data, &size)) {
    const size_t part = std::min<size_t>(static_cast<size_t>(size), text.size() - done);
    memcpy(data, text.data() + done, part);
    gzip.BackUp(size - static_cast<int>(part));
    done += part;
  }
  gzip.Close();
  return compressed;
}

// A record and a response that is equal to it.
struct Pair {
  RecordBuilder builder{1, kMethod};
  ReplayedResponse response;
  std::shared_ptr<const policy::Descriptors> descriptors = PayDescriptors();
  ComparisonOptions options;

  explicit Pair(const std::string& recorded = Payment("pay-1", 100),
                const std::string& replayed = Payment("pay-1", 100)) {
    builder.Request("").HalfClose().Headers({{"x-a", "1"}, {"x-a", "2"}}).Response(recorded).End();
    builder.Trailer("x-cost", "7");
    response.headers_came = true;
    response.headers = {{"x-a", "1"}, {"x-a", "2"}};
    response.frames = {{replayed, false}};
    response.frame_count = 1;
    response.trailers = {{"x-cost", "7"}};
  }

  std::vector<Difference> Compare() const {
    return CompareResponses(LoadWhole(builder), response, descriptors, options);
  }
};

TEST_CASE("a response as recorded has no differences") { CHECK(Pair().Compare().empty()); }

TEST_CASE("a field that changed is named by its path") {
  Pair pair(Payment("pay-1", 100), Payment("pay-2", 101));
  const std::vector<Difference> differences = pair.Compare();
  REQUIRE(differences.size() == 2);
  CHECK(differences[0].where == "frame 0 id");
  CHECK(differences[1].where == "frame 0 amount.minor_units");
  CHECK_THAT(differences[1].recorded, Contains("100"));
  CHECK_THAT(differences[1].replayed, Contains("101"));
}

TEST_CASE("ignored fields are not compared") {
  Pair pair(Payment("pay-1", 100, 1), Payment("pay-1", 100, 1'000'000'000));
  CHECK(pair.Compare().size() == 1);
  pair.options.ignored_fields = {"*created"};
  CHECK(pair.Compare().empty());
  pair.options.ignored_fields = {"other"};
  CHECK(pair.Compare().size() == 1);
}

TEST_CASE("a field that only one side has is a difference") {
  pay::v1::Payment payment;
  payment.set_id("pay-1");
  Pair pair(payment.SerializeAsString(), Payment("pay-1", 5));
  const std::vector<Difference> differences = pair.Compare();
  REQUIRE_FALSE(differences.empty());
  CHECK(differences[0].where == "frame 0 amount");
  CHECK(differences[0].recorded == "none");
}

TEST_CASE("a field that the descriptors do not know does not go unnoticed") {
  Pair pair(Payment("pay-1", 100), Payment("pay-1", 100) + "\xc2\x3e\x01x");
  const std::vector<Difference> differences = pair.Compare();
  REQUIRE(differences.size() == 1);
  CHECK(differences[0].where == "frame 0 @unknown[1000]");
  CHECK(differences[0].recorded == "none");
  CHECK_THAT(differences[0].replayed, Contains("\"eA==\""));
}

TEST_CASE("fields in another order mean the same") {
  Pair pair(std::string("\x0a\x01x\x12\x01y", 6), std::string("\x12\x01y\x0a\x01x", 6));
  CHECK(pair.Compare().empty());
}

TEST_CASE("without a descriptor, the first byte that differs is shown with what surrounds it") {
  Pair pair("the quick brown fox jumps", "the quick brown cat jumps");
  pair.descriptors = policy::Descriptors::Empty();
  const std::vector<Difference> differences = pair.Compare();
  REQUIRE(differences.size() == 1);
  CHECK(differences[0].where == "frame 0 byte 16");
  CHECK_THAT(differences[0].recorded, Contains("[66]") && Contains("brown fox"));
  CHECK_THAT(differences[0].replayed, Contains("[63]") && Contains("brown cat"));
}

TEST_CASE("one message being the beginning of the other is a difference at its end") {
  Pair pair("abc", "abcd");
  pair.descriptors = policy::Descriptors::Empty();
  const std::vector<Difference> differences = pair.Compare();
  REQUIRE(differences.size() == 1);
  CHECK(differences[0].where == "frame 0 byte 3");
  CHECK_THAT(differences[0].recorded, StartsWith("3 bytes") && Contains("[end]"));
}

TEST_CASE("bytes that do not parse as the method's message are compared from there on as bytes") {
  Pair pair(Payment("pay-1", 100), Payment("pay-1", 100) + "\xff\xff");
  const std::vector<Difference> differences = pair.Compare();
  REQUIRE(differences.size() == 1);
  CHECK(differences[0].where == "frame 0 @unparsed");
  CHECK(differences[0].recorded == "none");
  CHECK_THAT(differences[0].replayed, Contains("\"//8=\""));
  CHECK(Pair(Payment("pay-1", 100) + "\xff", Payment("pay-1", 100) + "\xff\xff").Compare().size() == 1);
}

TEST_CASE("status code, message and details are compared") {
  Pair pair;
  SECTION("code") {
    pair.response.status_code = 5;
    REQUIRE(pair.Compare().size() == 1);
    CHECK(pair.Compare()[0].where == "status");
    CHECK(pair.Compare()[0].recorded == "OK");
    CHECK(pair.Compare()[0].replayed == "NOT_FOUND");
  }
  SECTION("message") {
    for (const char* const recorded : {"", "why", "why not"}) {
      pair.builder.end().set_status_message(recorded);
      for (const char* const replayed : {"", "why", "why not", "Why"}) {
        CAPTURE(recorded, replayed);
        pair.response.status_message = replayed;
        const std::vector<Difference> differences = pair.Compare();
        REQUIRE(differences.size() == (std::string(recorded) == replayed ? 0 : 1));
        if (!differences.empty()) CHECK(differences[0].where == "status message");
      }
    }
  }
  SECTION("details") {
    pair.response.trailers.push_back({"grpc-status-details-bin", "\x08\x05"});
    REQUIRE(pair.Compare().size() == 1);
    CHECK(pair.Compare()[0].where == "trailer grpc-status-details-bin");
    CHECK_THAT(pair.Compare()[0].replayed, Contains("\"code\"") && Contains("5"));
  }
}

TEST_CASE("headers and trailers are compared with their duplicates in order, except volatile ones") {
  Pair pair;
  SECTION("order") {
    pair.response.headers = {{"x-a", "2"}, {"x-a", "1"}};
    REQUIRE(pair.Compare().size() == 1);
    CHECK(pair.Compare()[0].where == "header x-a");
    CHECK(pair.Compare()[0].recorded == "\"1\", \"2\"");
  }
  SECTION("missing") {
    pair.response.trailers.clear();
    REQUIRE(pair.Compare().size() == 1);
    CHECK(pair.Compare()[0].replayed == "none");
    pair.options.ignored_metadata = {"x-c*"};
    CHECK(pair.Compare().empty());
  }
  SECTION("volatile") {
    pair.response.headers.push_back({"date", "today"});
    pair.response.trailers.push_back({"x-request-id", "1"});
    CHECK(pair.Compare().empty());
    pair.options.strict = true;
    CHECK(pair.Compare().size() == 2);
  }
  SECTION("a credential, of which the record has a fingerprint only") {
    v1::Metadatum& cookie = *pair.builder.end().add_trailers();
    cookie.set_key("set-cookie");
    cookie.set_value("hmac:12");
    cookie.set_fingerprint(true);
    CHECK(pair.Compare().size() == 1);
    pair.response.trailers.push_back({"set-cookie", "anything"});
    CHECK(pair.Compare().empty());
  }
}

TEST_CASE("missing and surplus frames are counted and shown") {
  Pair pair;
  SECTION("missing") {
    pair.response.frames.clear();
    pair.response.frame_count = 0;
    const std::vector<Difference> differences = pair.Compare();
    REQUIRE(differences.size() == 2);
    CHECK(differences[0].where == "number of frames");
    CHECK_THAT(differences[1].recorded, Contains("pay-1"));
    CHECK(differences[1].replayed == "none");
  }
  SECTION("surplus") {
    pair.response.frames.push_back({Payment("pay-9", 1), false});
    pair.response.frame_count = 2;
    const std::vector<Difference> differences = pair.Compare();
    REQUIRE(differences.size() == 2);
    CHECK_THAT(differences[1].replayed, Contains("pay-9"));
  }
}

TEST_CASE("whether headers came is compared where that is asked for, and what was in them always") {
  Pair pair;
  pair.options.strict = true;
  CHECK(pair.Compare().empty());
  pair.builder.end().set_trailers_only(true);
  REQUIRE(pair.Compare().size() == 1);
  CHECK(pair.Compare()[0].where == "response headers");
  pair.response.headers_came = false;
  CHECK(pair.Compare().empty());
  pair.builder.end().set_trailers_only(false);
  CHECK(pair.Compare().size() == 1);
  pair.options.strict = false;
  CHECK(pair.Compare().empty());
  pair.response.headers = {{"x-a", "1"}};
  CHECK(pair.Compare().size() == 1);
}

TEST_CASE("a frame of which something was hidden in the record is not compared") {
  Pair pair(Payment("", 100));
  CHECK(pair.Compare().size() == 1);
  for (v1::Entry& entry : pair.builder.entries()) {
    if (entry.frame().direction() == v1::DIRECTION_RESPONSE) entry.mutable_frame()->set_masked(true);
  }
  CHECK(pair.Compare().empty());
}

TEST_CASE("of an end that was not the upstream's the code alone is compared, where it is the same") {
  for (const v1::EndReason reason :
       {v1::END_REASON_CANCELLED, v1::END_REASON_DEADLINE, v1::END_REASON_UPSTREAM_FAILURE}) {
    CAPTURE(reason);
    Pair pair;
    pair.options.strict = true;
    pair.builder.end().set_reason(reason);
    pair.builder.end().set_status_code(4);
    pair.builder.end().set_status_message("here");
    pair.builder.end().set_trailers_only(true);
    pair.response.status_code = 4;
    pair.response.status_message = "there";
    pair.response.trailers.clear();
    CHECK(pair.Compare().empty());
    // Frames that are missing are.
    pair.response.frames.clear();
    pair.response.frame_count = 0;
    CHECK_FALSE(pair.Compare().empty());
    pair.response.status_code = 5;
    CHECK(pair.Compare().size() == 5);  // code, message, number of frames, the frame, and the trailer
  }
}

TEST_CASE("of a call its caller cancelled, what would have come later is not compared") {
  Pair pair;
  pair.builder.end().set_reason(v1::END_REASON_CANCELLED);
  pair.builder.end().set_status_code(1);
  pair.builder.end().clear_trailers();
  pair.response.status_code = 1;
  pair.response.status_message = "CANCELLED";
  pair.response.frames.push_back({"later", false});
  pair.response.frame_count = 2;
  CHECK(pair.Compare().empty());
  pair.response.frames = {{"other", false}};
  CHECK_FALSE(pair.Compare().empty());
}

TEST_CASE("compressed frames are compared by what they hold") {
  using Format = google::protobuf::io::GzipOutputStream;
  const std::string message = Payment("pay-1", 100);
  Pair pair;
  pair.builder = RecordBuilder(1, kMethod);
  pair.builder.Request("").HalfClose().Headers({}, "gzip").Response(Gzip(message, Format::GZIP), true).End();
  pair.response.headers.clear();
  pair.response.trailers.clear();
  SECTION("the same, uncompressed") {
    pair.response.frames = {{message, false}};
    CHECK(pair.Compare().empty());
  }
  SECTION("the same, deflated") {
    pair.response.frames = {{Gzip(message, Format::ZLIB), true}};
    pair.response.encoding = MessageEncoding::kDeflate;
    CHECK(pair.Compare().empty());
  }
  SECTION("another") {
    pair.response.frames = {{Gzip(Payment("pay-2", 100), Format::GZIP), true}};
    pair.response.encoding = MessageEncoding::kGzip;
    REQUIRE(pair.Compare().size() == 1);
    CHECK(pair.Compare()[0].where == "frame 0 id");
  }
  SECTION("damaged") {
    pair.response.frames = {{"not gzip at all", true}};
    pair.response.encoding = MessageEncoding::kGzip;
    REQUIRE(pair.Compare().size() == 1);
    CHECK_THAT(pair.Compare()[0].replayed, Contains("cannot be inflated"));
  }
}

TEST_CASE("inflating is bounded and notices a message that was cut off") {
  using Format = google::protobuf::io::GzipOutputStream;
  const std::string zeros(1 << 20, '\0');
  const std::string bomb = Gzip(zeros, Format::GZIP);
  CHECK(Inflate(MessageEncoding::kGzip, bomb, 1 << 20).value() == zeros);
  CHECK(absl::IsInvalidArgument(Inflate(MessageEncoding::kGzip, bomb, (1 << 20) - 1).status()));
  CHECK(absl::IsInvalidArgument(Inflate(MessageEncoding::kGzip, bomb.substr(0, bomb.size() - 9), 1 << 20).status()));
  CHECK(absl::IsInvalidArgument(Inflate(MessageEncoding::kGzip, bomb + "x", 1 << 20).status()));
  CHECK(absl::IsInvalidArgument(Inflate(MessageEncoding::kGzip, "", 1 << 20).status()));
  CHECK(absl::IsInvalidArgument(Inflate(MessageEncoding::kDeflate, bomb, 1 << 20).status()));
}

TEST_CASE("what a target sends cannot act on the terminal") {
  Pair pair;
  pair.response.status_message = "\033[2J\r\n";
  REQUIRE(pair.Compare().size() == 1);
  CHECK(pair.Compare()[0].replayed == "\"\\x1b[2J\\r\\n\"");
}

TEST_CASE("a message with many differences is cut short") {
  Pair pair("[", "[");
  pay::v1::ImportSummary left;
  pay::v1::ImportSummary right;
  for (int i = 0; i < 100; ++i) {
    left.add_totals()->set_minor_units(i);
    right.add_totals()->set_minor_units(i + 1000);
  }
  MessageContext context{
      "frame 0", "/pay.v1.Payments/ImportPayments", policy::MessageSide::kResponse, pair.descriptors.get(), {}};
  const std::vector<Difference> differences =
      CompareMessages(context, left.SerializeAsString(), right.SerializeAsString(), 10);
  REQUIRE(differences.size() == 10);
  CHECK(differences[8].where == "frame 0 totals[8].minor_units");
  CHECK_THAT(differences[9].recorded, Contains("91 more"));
}

}  // namespace
}  // namespace sallyport::replay
