#include "replay/cli/terminal_text.h"

#include <catch2/catch.hpp>
#include <sstream>

#include "replay/view/names.h"

namespace sallyport::replay {
namespace {

TEST_CASE("what acts on a terminal or misleads is escaped, and other text is left alone") {
  CHECK(Printable("plain caf\xc3\xa9 \xe6\x97\xa5 \\") == "plain caf\xc3\xa9 \xe6\x97\xa5 \\");
  CHECK(Printable("a\x1b[2J") == "a\\x1b[2J");
  CHECK(Printable(std::string_view("\0\a\x7f", 3)) == "\\x00\\x07\\x7f");
  CHECK(Printable("a\r\n\tb") == "a\\r\\n\\tb");
  CHECK(PrintableLines("a\r\nb") == "a\\r\nb");
  CHECK(Printable("\xc2\x9b"
                  "31m") == "\\u009b31m");        // C1 control sequence introducer
  CHECK(Printable("\xe2\x80\xae") == "\\u202e");  // right-to-left override
  CHECK(Printable("\xe2\x80\xa8\xef\xbb\xbf") == "\\u2028\\ufeff");
}

TEST_CASE("bytes that are not UTF-8 are shown as bytes") {
  CHECK(Printable("\xff\xfe") == "\\xff\\xfe");
  CHECK(Printable("\xc0\x9b") == "\\xc0\\x9b");           // overlong
  CHECK(Printable("\xe0\x82\x9b") == "\\xe0\\x82\\x9b");  // overlong
  CHECK(Printable("\xed\xa0\x80") == "\\xed\\xa0\\x80");  // a surrogate
  CHECK(Printable("\xf4\x90\x80\x80") == "\\xf4\\x90\\x80\\x80");
  CHECK(Printable("\xe6\x97") == "\\xe6\\x97");  // cut
}

TEST_CASE("long text is cut to the columns it may take") {
  CHECK(CutEnd("abcdef", 6) == "abcdef");
  CHECK(CutEnd("abcdef", 4) == "abc\xe2\x80\xa6");
  CHECK(CutMiddle("abcdefgh", 5) == "ab\xe2\x80\xa6gh");
  CHECK(DisplayWidth("\xe6\x97\xa5x") == 3);
  for (size_t columns = 3; columns < 8; ++columns) {
    CHECK(DisplayWidth(CutMiddle("\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5", columns)) <= columns);
  }
}

TEST_CASE("quantities are short and do not lie") {
  CHECK(HumanSize(0) == "0 B");
  CHECK(HumanSize(1023) == "1023 B");
  CHECK(HumanSize(1536) == "1.5 KiB");
  CHECK(HumanSize(1 << 20) == "1 MiB");
  CHECK(HumanSize((1 << 20) - 1) == "1 MiB");
  CHECK(HumanSize(~uint64_t{0}) == "16 EiB");
  CHECK(HumanDuration(absl::ZeroDuration()) == "0");
  CHECK(HumanDuration(absl::Nanoseconds(10)) == "1us");
  CHECK(HumanDuration(absl::Microseconds(85)) == "85us");
  CHECK(HumanDuration(absl::Microseconds(1250)) == "1.25ms");
  CHECK(HumanDuration(absl::Microseconds(999'900)) == "1.00s");
  CHECK(HumanDuration(absl::Milliseconds(59'960)) == "1m00s");
  CHECK(HumanDuration(absl::Seconds(3 * 3600 + 7 * 60)) == "3h07m");
  CHECK(HumanDuration(absl::Hours(98)) == "4d02h");
}

TEST_CASE("a table lines its columns up") {
  Table table({{"NAME", Table::Align::kLeft, 6}, {"N", Table::Align::kRight}});
  table.AddRow({"a", "1"});
  table.AddRow({"abcdefghi", "200"});
  std::ostringstream out;
  table.Print(out, Fit::kCut);
  CHECK(out.str() == "NAME      N\na         1\nab\xe2\x80\xa6ghi  200\n");
}

TEST_CASE("nothing is cut where it must not be, and what is long stands out alone") {
  Table whole({{"NAME", Table::Align::kLeft, 6}, {"N", Table::Align::kRight}});
  Table names({{"NAME", Table::Align::kLeft, 6, true}, {"N", Table::Align::kRight}});
  std::ostringstream out;
  for (Table* table : {&whole, &names}) {
    table->AddRow({"a", "1"});
    table->AddRow({"abcdefghi", "200"});
    table->Print(out, table == &whole ? Fit::kWhole : Fit::kCut);
  }
  const std::string text = "NAME      N\na         1\nabcdefghi  200\n";
  CHECK(out.str() == text + text);
}

TEST_CASE("a peer is shown as people write addresses") {
  CHECK(PeerText("ipv4:10.0.0.7:51514") == "10.0.0.7:51514");
  CHECK(PeerText("ipv6:%5B::1%5D:52038") == "[::1]:52038");
  CHECK(PeerText("ipv6:%5Bfe80::1%25eth0%5D:52038") == "[fe80::1%eth0]:52038");
  CHECK(PeerText("ipv6:[::1]:52038") == "[::1]:52038");
  CHECK(PeerText("unix:/run/a%5Bx.sock") == "unix:/run/a%5Bx.sock");
  CHECK(PeerText("(shredded)\x1b") == "(shredded)\\x1b");
  CHECK(PeerText("") == "");
  CHECK(PlainPeer("ipv6:%5B::1%5D:52038") == "ipv6:[::1]:52038");
  CHECK(PlainPeer("ipv4:10.0.0.7:51514") == "ipv4:10.0.0.7:51514");
}

TEST_CASE("bytes are dumped with offsets and characters") {
  CHECK(HexDump(std::string_view("\x00 ab", 4), "  ") ==
        "  00000000  00 20 61 62                                       . ab\n");
  CHECK(HexDump("", "") == "");
}

}  // namespace
}  // namespace sallyport::replay
