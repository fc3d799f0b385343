// What readers of the record are not shown: masks with the view reader.
#include "policy/masking/reader_masks.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "policy/policy_check.h"
#include "tests/policy/masking/masking_fixture.h"

namespace sallyport::policy {
namespace {

constexpr char kProto[] = R"(
syntax = "proto3";
package t;
message Note { string text = 1; string mail = 2; }
message Empty {}
service S { rpc M(Note) returns (Note); rpc E(Empty) returns (Empty); }
)";

constexpr char kMasks[] = R"(masks:
  - {name: texts, fields: ["t.Note.text"], text: "-", views: [reader], readers: {roles: [investigator]}}
  - {name: mails, match: {groups: [staff]}, detect: [email], text: "+", views: [record, reader]}
  - {name: tokens, metadata: [x-token], with: drop, views: [reader], readers: {groups: ["contract*"]}}
)";

// Field 1 and field 2 of a Note, both short.
std::string NoteOf(const std::string& text, const std::string& mail) {
  return std::string("\x0a") + static_cast<char>(text.size()) + text + "\x12" + static_cast<char>(mail.size()) + mail;
}

ReaderFacts ReaderWith(std::vector<RoleKind> roles, std::vector<std::string> groups = {}) {
  return {"bob", std::move(groups), std::move(roles)};
}

v1::Identity Alice() {
  v1::Identity alice;
  alice.set_issuer("https://idp.example");
  alice.set_subject("alice");
  alice.add_groups("staff");
  alice.set_proof(v1::PROOF_JWT);
  return alice;
}

MaskedCall CallBy(const v1::Identity* proved, std::string_view method = "t.S/M") {
  MaskedCall call;
  call.method = method;
  call.upstream = "etcd";
  call.proved = proved;
  call.peer = "ipv4:10.1.2.3:51514";
  call.start = MondayAtTen();
  return call;
}

std::string ShownOf(const ReaderMask& mask, const std::string& message, MessageSide side = MessageSide::kResponse) {
  std::string masked = "untouched";
  switch (mask.Message(side, message, &masked)) {
    case ReaderMask::Shown::kAsRecorded:
      CHECK(masked == "untouched");
      return message;
    case ReaderMask::Shown::kMasked:
      return masked;
    case ReaderMask::Shown::kNothing:
      break;
  }
  return "nothing";
}

TEST_CASE("a reader is not shown what masks hide from it, on either side, and others are") {
  const auto descriptors = DescriptorsOf(kProto);
  const ReaderMasks masks(Parsed(kMasks), kTestKey);
  REQUIRE_FALSE(masks.none());
  const v1::Identity alice = Alice();
  const std::string note = NoteOf("secret", "a@example.com");
  const ReaderMask investigator = masks.For(ReaderWith({RoleKind::kInvestigator}), CallBy(&alice), descriptors);
  for (const MessageSide side : {MessageSide::kRequest, MessageSide::kResponse}) {
    CHECK(investigator.hides_messages(side));
    CHECK(ShownOf(investigator, note, side) == NoteOf("-", "+"));
  }
  // Of an auditor the second alone.
  CHECK(ShownOf(masks.For(ReaderWith({RoleKind::kAuditor}), CallBy(&alice), descriptors), note) ==
        NoteOf("secret", "+"));
  // Of calls of others than the staff, nothing is hidden from it.
  v1::Identity other = Alice();
  other.clear_groups();
  CHECK(masks.For(ReaderWith({RoleKind::kAuditor}), CallBy(&other), descriptors).none());
  CHECK(ShownOf(masks.For(ReaderWith({RoleKind::kAuditor}), CallBy(&other), descriptors), note) == note);
  // A type in which nothing can be hidden by field is shown as it is.
  const auto by_field = ReaderMasks(Parsed("masks: [{name: m, fields: [\"t.Note.*\"], views: [reader]}]\n"), kTestKey);
  CHECK_FALSE(by_field.For(ReaderWith({RoleKind::kAuditor}), CallBy(&alice, "t.S/E"), descriptors)
                  .hides_messages(MessageSide::kRequest));
}

TEST_CASE("readers.roles means whoever is shown the call by such roles alone") {
  const auto means = [](const char* roles, std::vector<RoleKind> of_reader) {
    const auto policy =
        Parsed(std::string("masks: [{name: m, metadata: [x], views: [reader], readers: {roles: ") + roles + "}}]\n");
    return MeansReader(policy->masks()[0].readers, ReaderWith(std::move(of_reader)));
  };
  CHECK(means("[investigator]", {RoleKind::kInvestigator}));
  CHECK_FALSE(means("[investigator]", {RoleKind::kInvestigator, RoleKind::kAuditor}));
  CHECK_FALSE(means("[investigator]", {RoleKind::kInvestigator, RoleKind::kCaller}));
  CHECK(means("[investigator, caller]", {RoleKind::kInvestigator, RoleKind::kCaller}));
  // Roles that show no calls do not count.
  CHECK(means("[investigator]", {RoleKind::kOperator, RoleKind::kInvestigator, RoleKind::kApprover}));
  CHECK_FALSE(means("[caller]", {RoleKind::kInvestigator}));
  CHECK_FALSE(means("[caller]", {}));
}

TEST_CASE("readers are meant by subject, group and role at once; who has none of these by none") {
  const auto policy = Parsed(
      "masks: [{name: m, metadata: [x], views: [reader], readers: {identities: [\"b*\"], groups: [ops, \"con*\"]}}]\n");
  const MaskReaders& readers = policy->masks()[0].readers;
  CHECK(MeansReader(readers, {"bob", {"x", "contractors"}, {}}));
  CHECK_FALSE(MeansReader(readers, {"bob", {"x"}, {}}));
  CHECK_FALSE(MeansReader(readers, {"alice", {"ops"}, {}}));
  CHECK_FALSE(MeansReader(readers, {"", {}, {}}));
  CHECK(MeansReader({}, {"", {}, {}}));
}

TEST_CASE("what cannot be looked into is not shown to readers from whom something is hidden") {
  const auto descriptors = DescriptorsOf(kProto);
  const ReaderMasks masks(Parsed(kMasks), kTestKey);
  const v1::Identity alice = Alice();
  const ReaderFacts reader = ReaderWith({RoleKind::kInvestigator});
  const std::string note = NoteOf("secret", "a@example.com");
  // No descriptors, a method that they do not know, bytes that are no message, and one that is cut short.
  CHECK(ShownOf(masks.For(reader, CallBy(&alice), nullptr), note) == "nothing");
  CHECK(masks.For(reader, CallBy(&alice), nullptr).hides_messages(MessageSide::kRequest));
  CHECK(ShownOf(masks.For(reader, CallBy(&alice, "t.S/Other"), descriptors), note) == "nothing");
  CHECK(ShownOf(masks.For(reader, CallBy(&alice), descriptors), "\xff\xff") == "nothing");
  CHECK(ShownOf(masks.For(reader, CallBy(&alice), descriptors), note.substr(0, 5)) == "nothing");
}

TEST_CASE("metadata and texts are hidden from readers as messages are") {
  const auto descriptors = DescriptorsOf(kProto);
  const ReaderMasks masks(Parsed(kMasks), kTestKey);
  const v1::Identity alice = Alice();
  const ReaderMask contractor =
      masks.For(ReaderWith({RoleKind::kAuditor}, {"contractors"}), CallBy(&alice), descriptors);
  REQUIRE(contractor.hides_texts());
  std::string value = "t-1";
  CHECK_FALSE(contractor.Metadatum("x-token", &value));
  value = "of a@example.com";
  CHECK(contractor.Metadatum("x-from", &value));
  CHECK(value == "of +");
  std::string text = "no a@example.com here";
  contractor.Text(&text);
  CHECK(text == "no + here");
  const ReaderMask other = masks.For(ReaderWith({RoleKind::kAuditor}), CallBy(&alice), descriptors);
  value = "t-1";
  CHECK(other.Metadatum("x-token", &value));
  CHECK(value == "t-1");
  // Where masks are about metadata alone, messages are shown as they are.
  const ReaderMasks of_metadata(Parsed("masks: [{name: m, metadata: [x], views: [reader]}]\n"), kTestKey);
  const ReaderMask mask = of_metadata.For(ReaderWith({RoleKind::kAuditor}), CallBy(&alice), nullptr);
  CHECK_FALSE(mask.hides_messages(MessageSide::kRequest));
  CHECK(ShownOf(mask, "\xff") == "\xff");
}

TEST_CASE("of whom nobody knows who called, and of what a list says, more is hidden rather than less") {
  const ReaderMasks masks(Parsed(R"(masks:
  - {name: who, match: {identities: [alice]}, metadata: [x], views: [reader]}
  - {name: where, match: {networks: [192.0.2.0/24]}, metadata: [x], views: [reader]}
  - {name: what, match: {methods: [t.S/Other]}, metadata: [x], views: [reader]}
  - {name: but, match: {except: [{groups: [staff]}]}, metadata: [x], views: [reader]}
  - {name: but here, match: {except: [{upstreams: [etcd]}]}, metadata: [x], views: [reader]}
)"),
                          kTestKey);
  const ReaderFacts reader = ReaderWith({RoleKind::kAuditor});
  using Places = std::vector<uint32_t>;
  const v1::Identity alice = Alice();
  CHECK(masks.MasksOf(reader, CallBy(&alice)) == Places{0});
  v1::Identity bob = Alice();
  bob.set_subject("bob");
  bob.clear_groups();
  CHECK(masks.MasksOf(reader, CallBy(&bob)) == Places{3});
  const v1::Identity nobody;
  CHECK(masks.MasksOf(reader, CallBy(&nobody)) == Places{0, 3});
  CHECK(masks.MasksOf(reader, CallBy(nullptr)) == Places{0, 1, 3});
  // What the gateway says of many calls at once is of any method.
  CHECK(masks.MasksOf(reader, CallBy(nullptr, "(200+ refused calls)")) == Places{0, 1, 2, 3, 4});
}

TEST_CASE("the relay neither applies masks of readers nor looks into calls for them") {
  const auto descriptors = DescriptorsOf(kProto);
  const auto readers_alone =
      Parsed("masks: [{name: m, fields: [\"t.Note.text\"], detect: [email], views: [reader]}]\n");
  CHECK_FALSE(readers_alone->looks_into_calls());
  CHECK(readers_alone->relay_masks().empty());
  MadeCall call = AliceReads();
  call.method = "/t.S/M";
  const auto masker = Masker::Create(readers_alone, descriptors, kTestKey);
  CHECK(masker->ForCall(call.request()) == nullptr);
  CHECK(masker->ForUnproved() == nullptr);
  // Beside others, each in its view.
  const auto both = Parsed(kMasks);
  const auto masks = Masker::Create(both, descriptors, kTestKey)->ForCall(call.request());
  REQUIRE(masks != nullptr);
  std::string masked;
  std::string problem;
  REQUIRE(masks->message(MessageSide::kRequest, MaskView::kRecord) != nullptr);
  CHECK(masks->message(MessageSide::kRequest, MaskView::kRecord)
            ->Apply(NoteOf("secret", "a@example.com"), &masked, &problem) == MessageMask::Outcome::kMasked);
  CHECK(masked == NoteOf("secret", "+"));
  CHECK(masks->message(MessageSide::kRequest, MaskView::kReader) == nullptr);
  CHECK_FALSE(masks->masks_metadata(MaskView::kReader));
  CHECK_FALSE(masks->masks_metadata(MaskView::kCaller));
}

TEST_CASE("without a policy, or masks of readers, nothing is hidden") {
  const v1::Identity alice = Alice();
  const ReaderMasks none(nullptr, kTestKey);
  CHECK(none.none());
  CHECK(none.For(ReaderWith({RoleKind::kAuditor}), CallBy(&alice), nullptr).none());
  CHECK(ReaderMasks(Parsed("masks: [{name: m, metadata: [x]}]\n"), kTestKey).none());
}

TEST_CASE("what masks of readers cannot have is told with its line") {
  const auto wrong = [](const std::string& mask) {
    return FaultOf("masks:\n  - {name: m, fields: [\"t.Note.text\"], " + mask + "}\n");
  };
  const auto has = [](const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
  };
  CHECK(has(wrong("readers: {groups: [a]}"), "policy.yaml:2: masks[0].readers: goes with the view reader"));
  CHECK(
      has(wrong("views: [record, caller], readers: {roles: [caller]}"), "masks[0].readers: goes with the view reader"));
  CHECK(has(wrong("views: [reader], readers: {}"), "masks[0].readers: names nobody"));
  CHECK(has(wrong("views: [reader], readers: {roles: []}"), "masks[0].readers.roles: is an empty list"));
  CHECK(has(wrong("views: [reader], readers: {groups: [\"\"]}"), "masks[0].readers.groups[0]: is empty"));
  CHECK(has(wrong("views: [reader], pass_unreadable: true"),
            "masks[0].pass_unreadable: does not go with the view reader"));
  CHECK(has(wrong("views: [reader], seal: true"), "masks[0].seal: is about what is recorded"));
  CHECK(has(wrong("views: [reader], match: {proofs: [jwt]}"), "masks[0].match.proofs: can't be asked"));
  CHECK(has(wrong("views: [record, reader], match: {metadata: {x-a: b}}"), "masks[0].match.metadata: can't be asked"));
  CHECK(has(wrong("views: [reader], match: {except: [{all_metadata: {x-a: b}}]}"),
            "masks[0].match.except[0].all_metadata: can't be asked"));
  // What is recorded may be sealed, whoever is shown what.
  CHECK(Parsed("masks: [{name: m, fields: [a.B.c], seal: true, views: [record, reader]}]\n")->masks()[0].seal);
}

TEST_CASE("check warns of masks whose readers nobody can be") {
  const auto warnings = [](const std::string& kinds, const std::string& roles) {
    return CheckPolicy(*Parsed("access: {default: allow}\nmasks: [{name: m, metadata: [x], views: [reader], readers: "
                               "{roles: " +
                               kinds + "}}]\n" + roles))
        .size();
  };
  CHECK(warnings("[investigator]", "") == 1);
  CHECK(warnings("[operator]", "roles: [{name: a, role: operator, match: {groups: [a]}}]\n") == 1);
  CHECK(warnings("[investigator]", "roles: [{name: a, role: investigator, match: {groups: [a]}}]\n") == 0);
  CHECK(warnings("[auditor]", "") == 0);
}

}  // namespace
}  // namespace sallyport::policy
