// What one reader sees of a store: by brute force, nothing of what it may not.
#include "replay/view/reader_source.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "tests/replay/view/reader_fixture.h"

namespace sallyport::replay {
namespace {

using recorder::CallScope;
using recorder::FormatId;

struct Known {
  uint64_t id = 0;
  MadeOf made;
  std::string method;  // without the slash
};

// What a glob that has at most one star, at its end, matches.
bool Matches(const std::string& glob, const std::string& text) {
  if (!absl::EndsWith(glob, "*")) return glob == text;
  return absl::StartsWith(text, glob.substr(0, glob.size() - 1));
}
bool AnyMatches(const std::vector<std::string>& globs, const std::string& text) {
  return std::any_of(globs.begin(), globs.end(), [&](const std::string& glob) { return Matches(glob, text); });
}
bool Sees(const CallScope& scope, const Known& call) {
  return std::any_of(scope.parts.begin(), scope.parts.end(), [&](const CallScope::Part& part) {
    return (!part.own.has_value() || *part.own == call.made.subject) &&
           (part.identities.empty() || AnyMatches(part.identities, call.made.subject)) &&
           (part.methods.empty() || AnyMatches(part.methods, call.method)) &&
           (part.upstreams.empty() || AnyMatches(part.upstreams, call.made.upstream)) &&
           !AnyMatches(part.but_methods, call.method);
  });
}

class Records {
 public:
  explicit Records(uint32_t seed) : random_(seed) {
    for (int i = 0; i < 60; ++i) {
      Known call;
      call.made.subject = Pick({"alice", "bob", "carol"});
      call.made.method = Pick({"/shop.Orders/Get", "/shop.Orders/Watch", "/pay.Pay/Charge", "/pay.Admin/Refund"});
      call.made.upstream = Pick({"shop", "payments"});
      call.made.session = 70 + random_() % 6;
      call.made.ends = random_() % 8 != 0;
      call.method = call.made.method.substr(1);
      call.id = AddCall(store_, absl::Seconds(i), call.made);
      calls_.push_back(call);
    }
    source_ = OpenStore(store_);
  }

  ReaderRights AnyRights(int number) {
    ReaderRights rights;
    rights.reader = rights.subject = absl::StrCat("reader ", number);
    for (uint32_t parts = random_() % 3; parts-- > 0;) {
      CallScope::Part& part = rights.scope.parts.emplace_back();
      if (random_() % 3 == 0) part.own = Pick({"alice", "bob", "nobody"});
      if (random_() % 3 == 0) part.identities = {Pick({"a*", "bob", "*"})};
      if (random_() % 2 == 0) part.methods = {Pick({"pay.*", "shop.Orders/Get", "*"}), "none.*"};
      if (random_() % 3 == 0) part.upstreams = {Pick({"shop", "pay*"})};
      if (random_() % 3 == 0) part.but_methods = {Pick({"pay.Admin/*", "shop.*"})};
      rights.kinds.push_back(policy::RoleKind::kInvestigator);
    }
    return rights;
  }

  const std::vector<Known>& calls() const { return calls_; }
  const std::shared_ptr<CallStore>& source() const { return source_; }

 private:
  std::string Pick(const std::vector<std::string>& texts) { return texts[random_() % texts.size()]; }

  std::mt19937 random_;
  ShopStore store_;
  std::vector<Known> calls_;
  std::shared_ptr<CallStore> source_;
};

std::vector<const Known*> Visible(const Records& records, const ReaderRights& rights) {
  std::vector<const Known*> visible;
  for (const Known& call : records.calls()) {
    if (Sees(rights.scope, call)) visible.push_back(&call);
  }
  return visible;
}

// What each way to ask for one call by its id answers.
std::vector<absl::Status> AllAnswers(ReaderSource& source, const std::string& id) {
  const auto taken = [](const auto&) { return absl::OkStatus(); };
  v1::GetCallRequest get;
  get.set_id(id);
  v1::GetCallRequest summary = get;
  summary.set_summary_only(true);
  std::vector<absl::Status> answers = {source.GetCall(get).status(), source.GetCall(summary).status()};
  for (const v1::EventForm form : {v1::EVENT_FORM_DECODED, v1::EVENT_FORM_RAW, v1::EVENT_FORM_RECORD}) {
    v1::ReadCallRequest read;
    read.set_call(id);
    read.set_form(form);
    answers.push_back(source.ReadCall(read, taken));
  }
  v1::GetFrameRequest frame;
  frame.set_call(id);
  frame.set_direction(v1::DIRECTION_REQUEST);
  answers.push_back(source.GetFrame(frame, taken));
  return answers;
}

TEST_CASE("lists, counts, statistics and methods are of the calls that a reader may see, and of no others") {
  Records records(1);
  for (int number = 0; number < 40; ++number) {
    const ReaderRights rights = records.AnyRights(number);
    const auto visible = Visible(records, rights);
    ReaderSource source(records.source(), rights);
    v1::SearchCallsRequest request;
    request.set_order(v1::CALL_ORDER_OLDEST_FIRST);
    request.set_page_size(7);
    std::vector<std::string> expected;
    std::set<std::string> methods;
    std::map<std::string, uint64_t> sessions;
    for (const Known* call : visible) {
      expected.push_back(FormatId(call->id));
      methods.insert(call->method);
      ++sessions[FormatId(call->made.session)];
    }
    CHECK(Listed(source, request) == expected);
    request.set_count(v1::COUNT_MODE_EXACT);
    CHECK(source.SearchCalls(request).value().count() == visible.size());
    const auto found = source.SearchSessions({});
    REQUIRE(found.ok());
    std::map<std::string, uint64_t> counted;
    for (const v1::SessionSummary& session : found->sessions()) counted[session.id()] = session.calls();
    CHECK(counted == sessions);
    const auto statistics = source.GetStatistics({});
    const auto listed = source.ListMethods({});
    CHECK(statistics.ok() == !rights.scope.parts.empty());
    if (!statistics.ok()) {
      CHECK(absl::IsPermissionDenied(statistics.status()));
      CHECK(absl::IsPermissionDenied(listed.status()));
      continue;
    }
    uint64_t calls = 0;
    for (const auto& series : statistics->series()) {
      for (const auto& point : series.points()) calls += point.calls();
    }
    CHECK(calls == visible.size());
    std::set<std::string> names;
    for (const v1::MethodSummary& method : listed->methods()) names.insert(method.method());
    CHECK(names == methods);
  }
}

TEST_CASE("a call that may not be seen is answered as one that is not there") {
  Records records(2);
  const std::string absent = FormatId(records.calls().front().id - 1'000'000);
  for (int number = 0; number < 15; ++number) {
    const ReaderRights rights = records.AnyRights(number);
    ReaderSource source(records.source(), rights);
    const std::vector<absl::Status> of_absent = AllAnswers(source, absent);
    for (const Known& call : records.calls()) {
      const std::vector<absl::Status> answers = AllAnswers(source, FormatId(call.id));
      for (size_t i = 0; i < answers.size(); ++i) {
        if (Sees(rights.scope, call)) {
          CHECK(answers[i].ok());
          continue;
        }
        CHECK(absl::IsNotFound(answers[i]));
        CHECK(absl::StrReplaceAll(answers[i].message(), {{FormatId(call.id), absent}}) == of_absent[i].message());
      }
    }
    v1::GetEvidenceRequest evidence;
    const auto hidden = std::find_if(records.calls().begin(), records.calls().end(),
                                     [&](const Known& call) { return !Sees(rights.scope, call); });
    if (hidden == records.calls().end()) continue;
    evidence.set_call(FormatId(hidden->id));
    CHECK(absl::IsNotFound(source.GetEvidence(evidence).status()));
    v1::ProveListRequest list;
    list.add_calls(FormatId(hidden->id));
    CHECK(absl::IsPermissionDenied(source.ProveList(list).status()));
  }
}

TEST_CASE("a session is told as far as its calls may be seen, and is not there where none may") {
  Records records(3);
  for (int number = 0; number < 20; ++number) {
    const ReaderRights rights = records.AnyRights(number);
    ReaderSource source(records.source(), rights);
    for (uint64_t session = 70; session < 77; ++session) {
      std::set<std::string> expected;
      for (const Known* call : Visible(records, rights)) {
        if (call->made.session == session) expected.insert(FormatId(call->id));
      }
      v1::GetSessionRequest request;
      request.set_id(FormatId(session));
      std::set<std::string> told;
      uint64_t counted = 0;
      const absl::Status status = source.GetSession(request, [&](const v1::SessionEvent& said) {
        if (said.has_session()) counted = said.session().calls();
        if (said.has_event()) told.insert(said.event().call());
        return absl::OkStatus();
      });
      CHECK(told == expected);
      CHECK(counted == expected.size());
      CHECK(status.ok() == !expected.empty());
      if (expected.empty()) {
        CHECK(status.message() == absl::StrCat("there is no session ", FormatId(session), " in this store"));
      }
    }
  }
}

TEST_CASE("page tokens of lists are of use to who got them alone") {
  Records records(4);
  ReaderSource auditor(records.source(), Auditor());
  ReaderSource pay(records.source(), Investigator({"pay.*"}));
  v1::SearchCallsRequest request;
  request.set_page_size(3);
  const std::string token = auditor.SearchCalls(request).value().next_page_token();
  const std::string last = auditor.SearchCalls(request).value().calls(2).id();
  CHECK_FALSE(absl::StrContains(token, last));
  request.set_page_token(token);
  CHECK(auditor.SearchCalls(request).ok());
  CHECK(absl::IsInvalidArgument(pay.SearchCalls(request).status()));
  // Nor is an id taken for one.
  request.set_page_token(last);
  CHECK(absl::IsInvalidArgument(auditor.SearchCalls(request).status()));
  v1::SearchSessionsRequest sessions;
  sessions.set_page_size(1);
  sessions.set_page_token(auditor.SearchSessions(sessions).value().next_page_token());
  CHECK(auditor.SearchSessions(sessions).ok());
  CHECK(absl::IsInvalidArgument(pay.SearchSessions(sessions).status()));
}

TEST_CASE("who has numbers alone sees those of all calls, and nothing that tells of callers") {
  Records records(5);
  ReaderRights rights;
  rights.reader = "operator";
  rights.sees_numbers = rights.sees_store = true;
  ReaderSource source(records.source(), rights);
  v1::StatisticsRequest request;
  const auto all = source.GetStatistics(request);
  REQUIRE(all.ok());
  CHECK(all->series(0).points(0).calls() == records.calls().size());
  CHECK(source.ListMethods({}).value().methods_size() == 4);
  v1::StatisticsRequest by_identity;
  by_identity.add_group_by(v1::STATISTICS_KEY_IDENTITY);
  CHECK(absl::IsPermissionDenied(source.GetStatistics(by_identity).status()));
  request.mutable_filter()->set_identity("alice");
  CHECK(absl::IsPermissionDenied(source.GetStatistics(request).status()));
  CHECK(Listed(source, {}).empty());
  CHECK(source.GetGaps({}).ok());
  CHECK(absl::IsPermissionDenied(source.GetDescriptors({}).status()));
}

TEST_CASE("evidence of an open call, which names all others, is for who may see them") {
  ShopStore store;
  const uint64_t id = AddCall(store, absl::Seconds(0), {.ends = false});
  v1::GetEvidenceRequest request;
  request.set_call(FormatId(id));
  const uint64_t ended = AddCall(store, absl::Seconds(1), {});
  const auto opened = OpenStore(store);
  const auto evidence = ReaderSource(opened, Auditor()).GetEvidence(request);
  REQUIRE(evidence.ok());
  CHECK(evidence->call().later_size() > 0);
  CHECK(absl::IsFailedPrecondition(ReaderSource(opened, OwnCalls("alice")).GetEvidence(request).status()));
  request.set_call(FormatId(ended));
  CHECK(ReaderSource(opened, OwnCalls("alice")).GetEvidence(request).ok());
}

constexpr char kMasks[] = R"(masks:
 - {name: card, fields: [shop.Order.card_number], metadata: [user-agent, sallyport-session], text: HIDDEN,
    views: [reader], readers: {roles: [investigator]}}
)";

// Everything that a source tells of a call and its session, as bytes.
std::string AllTold(CallSource& source, const std::string& id, v1::EventForm form) {
  std::string told;
  v1::GetCallRequest get;
  get.set_id(id);
  const auto call = source.GetCall(get);
  REQUIRE(call.ok());
  absl::StrAppend(&told, call->ShortDebugString());
  v1::ReadCallRequest read;
  read.set_call(id);
  read.set_form(form);
  REQUIRE(source
              .ReadCall(read,
                        [&](v1::Event& event) {
                          absl::StrAppend(&told, event.ShortDebugString());
                          return absl::OkStatus();
                        })
              .ok());
  v1::GetFrameRequest frame;
  frame.set_call(id);
  for (const v1::Direction direction : {v1::DIRECTION_REQUEST, v1::DIRECTION_RESPONSE}) {
    frame.set_direction(direction);
    REQUIRE(source
                .GetFrame(frame,
                          [&](const v1::FramePart& part) {
                            absl::StrAppend(&told, part.ShortDebugString());
                            return absl::OkStatus();
                          })
                .ok());
  }
  v1::GetSessionRequest session;
  session.set_id(call->summary().session());
  session.set_form(form);
  REQUIRE(source
              .GetSession(session,
                          [&](const v1::SessionEvent& event) {
                            absl::StrAppend(&told, event.ShortDebugString());
                            return absl::OkStatus();
                          })
              .ok());
  absl::StrAppend(&told, source.SearchSessions({}).value().ShortDebugString());
  return told;
}

TEST_CASE("what masks hide from a reader stands in nothing that it is told") {
  ShopStore store;
  const std::string id = store.AddGet(absl::Seconds(0));
  const auto opened = OpenStore(store);
  ReaderRights rights = Investigator({"shop.*"});
  rights.masks = MasksOf(kMasks);
  ReaderSource masked(opened, rights);
  ReaderSource unmasked(opened, Investigator({"shop.*"}));
  for (const v1::EventForm form : {v1::EVENT_FORM_DECODED, v1::EVENT_FORM_RAW}) {
    const std::string seen = AllTold(masked, id, form);
    const std::string all = AllTold(unmasked, id, form);
    for (const char* const secret : {"4111", "grpc-test/1.0", "nightly"}) {
      INFO(secret);
      CHECK_FALSE(absl::StrContains(seen, secret));
      CHECK(absl::StrContains(all, secret));
    }
    CHECK(absl::StrContains(seen, "HIDDEN"));
    // What is not hidden stays.
    CHECK(absl::StrContains(seen, "shop-1"));
  }
}

TEST_CASE("a search for what was said finds nothing by what is hidden, and no call that may not be seen") {
  ShopStore store;
  const std::string id = store.AddGet(absl::Seconds(0));
  AddCall(store, absl::Seconds(1), {.method = "/shop.Orders/Upload"});
  const auto opened = OpenStore(store);
  ReaderRights rights = Investigator({"shop.Orders/Get"});
  rights.masks = MasksOf(kMasks);
  ReaderSource masked(opened, rights);
  ReaderSource unmasked(opened, Investigator({"shop.Orders/Get"}));
  v1::SearchCallsRequest request;
  request.mutable_filter()->set_text("4111");
  CHECK(Listed(unmasked, request) == std::vector<std::string>{id});
  CHECK(Listed(masked, request).empty());
  request.mutable_filter()->set_text("hidden");
  CHECK(Listed(masked, request) == std::vector<std::string>{id});
  request.mutable_filter()->set_accessed_by("bob");
  ReaderRights auditor = Auditor();
  CHECK(absl::IsInvalidArgument(ReaderSource(opened, auditor).SearchCalls(request).status()));
}

TEST_CASE("recorded bytes are for who is shown all of a call, and masks for whom they are meant") {
  ShopStore store;
  const std::string id = store.AddGet(absl::Seconds(0));
  const auto opened = OpenStore(store);
  ReaderRights rights = Investigator({"shop.*"});
  rights.masks = MasksOf(kMasks);
  v1::ReadCallRequest read;
  read.set_call(id);
  read.set_form(v1::EVENT_FORM_RECORD);
  v1::GetEvidenceRequest evidence;
  evidence.set_call(id);
  const auto taken = [](v1::Event& /*event*/) { return absl::OkStatus(); };
  ReaderSource masked(opened, rights);
  CHECK(absl::IsFailedPrecondition(masked.ReadCall(read, taken)));
  CHECK(absl::IsFailedPrecondition(masked.GetEvidence(evidence).status()));
  // An auditor too, of whom the mask says nothing.
  ReaderRights auditor = Auditor();
  auditor.masks = rights.masks;
  ReaderSource all(opened, auditor);
  CHECK(all.ReadCall(read, taken).ok());
  CHECK(all.GetEvidence(evidence).ok());
  CHECK(absl::StrContains(AllTold(all, id, v1::EVENT_FORM_DECODED), "4111"));
}

}  // namespace
}  // namespace sallyport::replay
