"""Texts that built-ins take apart: versions, addresses, patterns, times, units, documents… right ones and nearly right.

Every maker draws from a small alphabet, so that what is looked for is found now and then.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from random import Random
from typing import Final

LETTERS: Final = "aaabbcA01 .-_/:,é\n"
ODD: Final = (
    "",
    " ",
    "\t",
    "\u00a0",
    "\u2028",
    "ß",
    "İ",
    "ǅ",
    "é",
    "e\u0301",
    "日本",
    "😀",
    "\x7f",
    "\ufeff",
    "a\x00b",
    "\ud800",
    "\ufffd",
    "\uffff",
    "\x00",
    "\x85",
    "\x1f",
    "\u200b",
    "ſ",
    "\u212a",
    "ς",
    "ﬃ",
    "٣",
    "１",
    "²",
    "\\",
    '"',
    "'",
    "<&>",
)
ZONES: Final = (
    "UTC", "", "Local", "America/New_York", "Europe/Berlin", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe",
    "Pacific/Apia", "EST", "EST5EDT", "Etc/GMT+5", "GMT", "nowhere", "europe/berlin", "../etc/passwd", "+01:00", "Zulu",
)  # fmt: skip
LAYOUTS: Final = (
    "2006", "06", "01", "1", "Jan", "January", "02", "2", "_2", "002", "__2", "15", "03", "3", "04", "4", "05", "5",
    "PM", "pm", "MST", "Z0700", "Z07:00", "Z07", "Z070000", "Z07:00:00", "-0700", "-07:00", "-07", "-070000",
    "-07:00:00", ".000", ".999", ",000", ",999", ".000000000", "Mon", "Monday",
)  # fmt: skip
NAMED_LAYOUTS: Final = (
    "RFC3339", "RFC3339Nano", "RFC1123", "RFC1123Z", "RFC822", "RFC822Z", "RFC850", "ANSIC", "UnixDate", "RubyDate",
    "Kitchen", "Stamp", "DateTime", "2006-01-02T15:04:05Z07:00", "2006-01-02 15:04:05", "Mon Jan _2 15:04:05 2006",
)  # fmt: skip
INSTANTS: Final = (
    0, 1, -1, 999_999_999, 1_000_000_000, 1_709_164_800_123_456_789, 1_582_977_600_000_000_000, 951_782_400_000_000_000,
    -62_135_596_800_000_000_000, 9_223_372_036_854_775_807, -9_223_372_036_854_775_808, 9_223_372_036_854_775_808,
    1_711_846_800_000_000_000, 1_698_541_200_000_000_000, 1_325_239_200_000_000_000,
)  # fmt: skip
VERBS: Final = "vvvvsssdddqxXtfeEgGbocUTpOw%!"
NUMBERS: Final = (
    "0", "1", "2", "3", "5", "7", "8", "10", "16", "36", "37", "64", "100", "255", "-1", "-2", "-3", "-64", "0.5",
    "-0.5",
    "1.5", "2.5", "-1.5", "-2.5", "0.1", "0.2", "0.3", "1.0", "2.0", "1e0", "1E1", "10e-1", "1e3", "1e-3", "-0", "0.0",
    "-0.0", "3.141592653589793", "2147483648", "4294967296", "9007199254740991", "9007199254740993",
    "9223372036854775807", "9223372036854775808", "-9223372036854775808", "18446744073709551615",
    "18446744073709551616", "123456789012345678901234567890", "0.1234567890123456789012345", "1e20", "1e21", "1e22",
    "123456789.987654321", "1e100", "1e-100", "0.30000000000000004", "99999999999999999999.5",
    "1e308", "1e400", "-1e400", "1e-400", "4.9e-324", "-9223372036854775809", "9223372036854775807.0", "1E+2",
    "1e00003", "1.00000000000000000000", "1e1000",
)  # fmt: skip


_PARTS_OF_TIMES: Final = (
    "2006", "9999", "99", "1", "12", "31", "366", "060", "Jan", "MARCH", "feb", "mon", "Tuesday", "PM", "am", "UTC",
    "GMT+3", "CEST", "ABCDE", "+01", "-00:00:01", "-000001", "+25:00", "+01:61", "+010203", "Z", ".5", ",123456789012",
    ".+5", ".-5", " ", "  ", "-", ":", "T", "é", "24", "60",
)  # fmt: skip


class Corpora:
    """Makes texts of many families from one source of chance."""

    def __init__(self, random: Random) -> None:
        self.random = random

    def often(self, share: float) -> bool:
        """True in that share of the calls."""
        return self.random.random() < share

    def one(self, *choices: str) -> str:
        """One of several texts."""
        return self.random.choice(choices)

    def of(self, choices: Sequence[str]) -> str:
        """One of a sequence of texts."""
        return self.random.choice(choices)

    def pick(self, *choices: Callable[[], str]) -> str:
        """What one of several makers makes."""
        return self.random.choice(choices)()

    def some(self, make: Callable[[], str], low: int, high: int) -> list[str]:
        """A few of what is made."""
        return [make() for _ in range(self.random.randint(low, high))]

    def integer(self, low: int, high: int) -> str:
        """A whole number in decimal."""
        return str(self.random.randint(low, high))

    # --- plain texts

    def text(self) -> str:
        """Any text, from few letters."""
        if self.often(0.12):
            return self.of(ODD) + self.one("", "", "a", "b")
        return "".join(self.random.choice(LETTERS) for _ in range(self.random.choice((0, 1, 1, 2, 3, 4, 6, 9))))

    def spoiled(self, text: str) -> str:
        """A text with a small fault, now and then."""
        if self.often(0.75):
            return text
        at = self.random.randint(0, len(text))
        return self.pick(
            lambda: text[:at] + text[at + 1 :],
            lambda: text[:at] + self.random.choice("0a-.:/ Z+_%é\n") + text[at:],
            lambda: text[:at] + text[at : at + 2] * 2 + text[at + 2 :],
            lambda: text.upper(),
            lambda: f" {text}",
            lambda: f"{text} ",
            lambda: text[:at],
        )

    def number(self) -> str:
        """A number as JSON has it."""
        if self.often(0.6):
            return self.of(NUMBERS)
        return self.pick(
            lambda: self.integer(-20, 20),
            lambda: self.integer(0, 5),
            lambda: self.integer(-(10**12), 10**12),
            lambda: f"{self.random.uniform(-10, 10):.{self.random.randint(1, 6)}f}",
            lambda: f"{self.random.randint(1, 999)}e{self.random.randint(-12, 12)}",
            lambda: self.integer(-(10**25), 10**25),
        )

    def number_text(self) -> str:
        """A number as somebody may write it."""
        return self.spoiled(
            self.pick(
                self.number,
                self.number,
                lambda: f"+{self.number()}",
                lambda: f"0{self.number()}",
                lambda: self.one(
                    "0x1F",
                    "0b11",
                    "0o17",
                    "1_000",
                    ".5",
                    "5.",
                    "1e",
                    "e1",
                    "Inf",
                    "NaN",
                    "-",
                    "0x1p-2",
                    "٣",
                    "0x1.8P1",
                    "0x_1p1",
                    "0X.8p-1",
                    "1e1_0",
                    "1__0",
                    "1_",
                    "+.5",
                    "-.5",
                    "007",
                    "1e99999",
                    "1e-99999",
                    "1.8e308",
                    "İnf",
                    "-infinity",
                    "１",
                    "9223372036854775807.0",
                    "00000000000000000000001",
                ),
            )
        )

    # --- versions, units, addresses

    def version(self) -> str:
        """A semantic version."""
        core = ".".join(self.integer(0, 11) for _ in range(self.random.choice((3, 3, 3, 3, 2, 4, 1))))
        part: Callable[[], str] = lambda: self.one("alpha", "rc", "beta", "1", "2", "10", "01", "x-y", "0a", "", "é")
        before = f"-{'.'.join(self.some(part, 1, 3))}" if self.often(0.4) else ""
        build = f"+{'.'.join(self.some(part, 1, 2))}" if self.often(0.2) else ""
        return self.spoiled(self.one("", "", "", "v") + core + before + build)

    def quantity(self) -> str:
        """A number with a unit."""
        unit = self.one(
            "", "", "m", "k", "K", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei", "KB", "kb", "MB", "MiB",
            "gib", "B", "b", "u", "n", "mi", "\u00b5", "Z", "ki", "KIB", "e3", "i",
            "e21", "e21m", "e500", "e-500", "e400Ki", "mİ", "é", "\u212a", "E+3k", "e1e1",
        )  # fmt: skip
        number = self.pick(
            lambda: self.integer(0, 2000), lambda: self.integer(0, 9) + "." + self.integer(0, 999), self.number
        )
        return self.spoiled(self.one('"', "") + number + self.one("", "", "", " ") + unit + self.one("", "", "", '"'))

    def address(self) -> str:
        """An IP address."""
        four: Callable[[], str] = lambda: ".".join(
            self.one("0", "1", "10", "127", "128", "192", "255") for _ in range(4)
        )
        six: Callable[[], str] = lambda: self.one(
            "::", "::1", "fd00::1", "2001:db8::", "2001:DB8::1", "fe80::1%eth0", "::ffff:10.0.0.1", "1:2:3:4:5:6:7:8",
            "ffff::",
            "2001:db8:0:0:1::",
        )  # fmt: skip
        return self.spoiled(self.pick(four, four, four, six, lambda: f"10.0.{self.integer(0, 3)}.{self.integer(0, 9)}"))

    def network(self, least: int = 0) -> str:
        """A network in CIDR notation; ``least`` bits of it are fixed."""
        at = self.address()
        if least:  # a slip of the pen would ask for millions of addresses
            return f"{at}/{self.random.randint(least + 96 if ':' in at else least, 128 if ':' in at else 32)}"
        return self.spoiled(f"{at}/{self.random.randint(0, 128 if ':' in at else 32)}") if self.often(0.9) else at

    def networks(self) -> str:
        """Rego text of networks in the shapes that matching takes: bare, in arrays and tuples, by key, in sets."""
        one: Callable[[], str] = lambda: quoted(self.network() if self.often(0.6) else self.address())
        entry: Callable[[], str] = lambda: f"[{one()}, {self.of(NUMBERS)}]" if self.often(0.3) else one()
        return self.pick(
            one,
            lambda: f"[{', '.join(self.some(entry, 0, 3))}]",
            lambda: braced(self.some(entry, 1, 3)),
            lambda: "{" + ", ".join(f'"{k}": {entry()}' for k in "abc"[: self.random.randint(0, 3)]) + "}",
        )

    # --- patterns

    def regex(self, depth: int = 2) -> str:
        """A regular expression."""
        if depth <= 0 or self.often(0.4):
            return self.one(
                "a", "b", "ab", ".", "\\d", "\\w", "\\s", "\\b", "\\B", "^", "$", "[a-c]", "[^a]", "[0-9]", "\\.",
                "é", "(?i)A",
                "\\pL", "\\p{Lu}", "[[:alpha:]]", "\\A", "\\z", "\\Q.\\E", "\\x61", "\\n", "(?s).", "(?m)^", "\\S",
                "\\W", "-", " ",
                "[[:^digit:]]", "\\p{Greek}", "[\\d_]", "\\D", "\\P{GREEK}", "\\p{l-u}",
                "[\\p{ Letter }0]", "\\p{^Lu_}", "\\pC",
                "\\P{Cn}", "[^\\p{Any}]", "\\p{ascii}", "(?i)\\p{Lu}", "\\p{Old_Italic}", "[[:foo:]]", "\\x{110000}",
                "\\_",
                "\\8", "(?<n>b)", "(?i-s:a)", "(?-)", "(?P=n)", "\\C", "[b-a]", "]", "{", "\\07",
            )  # fmt: skip
        inner: Callable[[], str] = lambda: self.regex(depth - 1)
        made = self.pick(
            lambda: inner() + inner(),
            lambda: inner() + inner() + inner(),
            lambda: f"({inner()})",
            lambda: f"(?:{inner()})",
            lambda: f"(?P<n>{inner()})",
            lambda: f"({inner()}|{inner()})",
            lambda: f"{inner()}|{inner()}",
            lambda: f"{inner()}{self.one('*', '+', '?', '*?', '+?', '??', '{2}', '{1,2}', '{0,}', '{,2}', '{1001}')}",
        )
        return self.spoiled(made) if self.often(0.2) else made

    def replacement(self) -> str:
        """What regex.replace puts in."""
        return self.one(
            "",
            "x",
            "$1",
            "${1}",
            "$0",
            "$n",
            "${n}x",
            "$1x",
            "$$",
            "$",
            "${",
            "\\1",
            "$12",
            "[$1]",
            "é",
            "$01",
            "$²",
            "${n",
            "$n1",
            "${1}$n",
            "$_",
            "$é",
        )

    def glob(self) -> str:
        """A glob."""
        part: Callable[[], str] = lambda: self.one(
            "a", "b", "ab", ".", "/", ":", "*", "**", "?", "[a-c]", "[!a]", "[abc]", "{a,b}", "{a*,b?}", "{a,{b,c}}",
            "\\*",
            "é", "-", "[a-", "{a", "}", "]", "!", "[^a]", "\\", "{,a}", "_", "1",
        )  # fmt: skip
        return "".join(self.some(part, 0, 4))

    def regex_glob(self) -> str:
        """What regex.globs_match takes."""
        part: Callable[[], str] = lambda: (
            self.one("a", "b", ".", "[a-c]", "[0-9]", "1", "-", "\\.") + self.one("", "", "+", "*")
        )
        return self.spoiled("".join(self.some(part, 0, 4)))

    def template(self) -> str:
        """A regular expression with literal text around it."""
        return self.spoiled(
            "".join(self.some(lambda: self.one("urn:", "a", "{.*}", "{a+}", "{[0-9]{2}}", "b", "{", "."), 1, 3))
        )

    def format(self) -> str:
        """A format of sprintf."""
        verb: Callable[[], str] = lambda: (
            "%"
            + self.one("", "", "", "+", "-", "#", " ", "0", "+#", "-0", "[1]", "[2]", "[3]", "*")
            + self.one("", "", "", "5", "8", "12", "1")
            + self.one("", "", "", ".2", ".0", ".", ".5", ".*")
            + self.random.choice(VERBS)
        )
        return "".join(self.some(lambda: self.pick(verb, verb, lambda: self.one("a", " ", "é", "%%", "/")), 1, 4))

    # --- times

    def instant(self) -> str:
        """Nanoseconds since 1970."""
        if self.often(0.4):
            return str(self.random.choice(INSTANTS))
        return self.pick(
            lambda: self.integer(0, 2 * 10**18),
            lambda: self.integer(-(10**18), 2 * 10**18),
            lambda: str(self.random.randint(0, 2 * 10**9) * 10**9),
            self.number,
        )

    def zoned(self) -> str:
        """Rego text of an instant, alone or with a zone."""
        return self.instant() if self.often(0.5) else f"[{self.instant()}, {quoted(self.of(ZONES))}]"

    def zoned_layout(self) -> str:
        """Rego text of what time.format takes."""
        if self.often(0.4):
            return self.zoned()
        return f"[{self.instant()}, {quoted(self.of(ZONES))}, {quoted(self.layout())}]"

    def layout(self) -> str:
        """A layout of Go's."""
        if self.often(0.3):
            return self.of(NAMED_LAYOUTS)
        between = self.one(" ", "-", ":", "/", "T", "", "a")
        return between.join(self.some(lambda: self.of(LAYOUTS), 1, 4))

    def moment(self) -> str:
        """A time as text, mostly of RFC 3339."""
        r = self.random
        year, month = r.choice((0, 1677, 1970, 2000, 2023, 2024, 2262, 9999)), r.randint(0, 13)
        day = f"{year:04}-{month:02}-{r.choice((0, 1, 15, 28, 29, 30, 31, 32)):02}"
        hour = f"{r.choice((0, 1, 12, 23, 24)):02}:{r.choice((0, 30, 59, 60)):02}:{r.choice((0, 1, 59, 60)):02}"
        fraction = self.one("", "", ".5", ".123456789", ".1234567899", ",5", ".")
        offset = self.one("Z", "Z", "+02:00", "-07:30", "+24:00", "z", "+0200", "", "-00:00", "+23:59")
        return self.spoiled(f"{day}{self.one('T', 'T', 'T', 't', ' ')}{hour}{fraction}{offset}")

    def by_layout(self, layout: str) -> str:
        """A text that a layout may read."""
        return self.pick(
            self.moment,
            lambda: self.spoiled(layout),
            lambda: self.spoiled(layout.replace("06", "24")),
            self.text,
            lambda: "".join(self.some(lambda: self.of(_PARTS_OF_TIMES), 1, 4)),
        )

    def duration(self) -> str:
        """A duration of Go's."""
        unit: Callable[[], str] = lambda: self.one("h", "m", "s", "ms", "us", "µs", "ns", "d", "w", "y", "")
        part: Callable[[], str] = lambda: self.one("1", "1.5", "0", ".5", "10", "5.", "100000", "0.000001") + unit()
        return self.spoiled(self.one("", "", "-", "+") + "".join(self.some(part, 1, 3)))

    # --- documents as text

    def document(self, depth: int = 2) -> str:
        """A JSON document."""
        if depth <= 0 or self.often(0.35):
            return self.pick(
                self.number, lambda: quoted(self.text()), lambda: self.one("true", "false", "null", "1", '"a"')
            )
        if self.often(0.5):
            return f"[{', '.join(self.some(lambda: self.document(depth - 1), 0, 3))}]"
        return self.object(depth)

    def object(self, depth: int = 2) -> str:
        """A JSON object with few keys."""
        keys = self.random.sample(("a", "b", "c", "d", "", "a/b", "~", "0", "é"), self.random.randint(0, 3))
        return "{" + ", ".join(f"{quoted(k)}: {self.document(depth - 1)}" for k in keys) + "}"

    def json_text(self) -> str:
        """JSON, or nearly."""
        made = self.document()
        if self.often(0.3):
            made = self.pick(
                lambda: made + self.one(" ", ",", "x", " 1", "\n"),
                lambda: made.replace(",", ",,"),
                lambda: made.replace('"', "'"),
                lambda: self.one(
                    "01", "-", "1.", "+1", "nan", "tru", '"\\x"', '"\\ud800"', '{"a":1,"a":2}', "[1,]", "", " ", '"\t"'
                ),
            )
        return self.spoiled(made) if self.often(0.3) else made

    def yaml_text(self) -> str:
        """YAML, or nearly."""
        scalar: Callable[[], str] = lambda: self.one(
            "a", "1", "1.5", "true", "yes", "no", "on", "null", "~", "", "0x1F", "017", "0o17", "1e3", ".5", ".inf",
            ".NaN", "1_000",
            "2024-01-02", "2024-01-02T03:04:05Z", "'it''s'", '"a\\nb"', "!!str 1", "&x 1", "*x", "[1, 2]", "{a: 1}",
            "- a", "a b",
            "'", "@a", "%a", "|", ">-", "a: b", "#c", "é", "12:30:45", "-1", "+1", "1e400", "9007199254740993", "<<",
            "!!binary YQ==",
            "[", "{a", "? a", "!x y", "-", ":", "\t", "!!timestamp 2024-1-2", "!!null x", "!!bool yes", "!!set {a}",
            "{a:}",
            "[a:,b]", "{a, 1: b, ~: c}", "[a?]", "*x : 1", "!!binary gA==", "!!int '1'", "0x8000000000000000", "y",
            "'<<'",
            "{<<: {1: a}}", "{<<: [{a: 1}, {a: 2}]}", "\"\\ud83d\\ude00\"", "\"\\/\"", "? {1: a, b: .5}", "+.inf",
            "-.5",
        )  # fmt: skip
        key: Callable[[], str] = lambda: self.one(
            "a",
            "b",
            "1",
            "true",
            '"a"',
            "<<",
            "a b",
            "null",
            "[a]",
            "1.5",
            "? a",
            "~",
            "0x1",
            "!!binary YQ==",
            "2024-01-02",
            "{a: 1}",
            "+1",
            "&x a",
            "*x",
        )
        return self.pick(
            scalar,
            lambda: "\n".join(f"{key()}: {scalar()}" for _ in range(self.random.randint(1, 3))),
            lambda: "\n".join(f"- {scalar()}" for _ in range(self.random.randint(1, 3))),
            lambda: f"{key()}:\n  {key()}: {scalar()}\n  {key()}: {scalar()}\n",
            lambda: f"{key()}: {self.one('|', '>', '|-', '>+', '|2')}\n  a\n\n   b\n  c\n",
            lambda: f"---\n{key()}: {scalar()}\n{self.one('', '---', '...')}\n{scalar()}",
            lambda: f"a: &x {{b: {scalar()}}}\nc: *x\nd:\n  <<: *x\n",
            lambda: (
                f"a: &x {{{key()}: 1, {key()}: {scalar()}}}\n<<: {self.one('*x', '[*x, *x]', '1')}\n{key()}: &x 2\n"
            ),
            lambda: f"- - {scalar()}\n  - {scalar()}\n-\n  {key()}: {scalar()}",
            self.json_text,
        )

    def coded(self) -> str:
        """Text of an encoding of bytes: base64 of either alphabet, hex, or in percent signs; or nearly."""
        raw = (
            self.random.randbytes(self.random.randint(0, 6))
            if self.often(0.4)
            else self.text().encode("utf-8", "surrogatepass")
        )
        return self.spoiled(
            self.pick(
                lambda: base64.b64encode(raw).decode(),
                lambda: base64.urlsafe_b64encode(raw).decode(),
                lambda: base64.b64encode(raw).decode().rstrip("="),
                lambda: raw.hex(),
                lambda: "".join(f"%{b:02x}" for b in raw),
                lambda: base64.b64encode(raw * 9).decode()[:20] + "\n" + base64.b64encode(raw).decode(),
            )
        )

    def query(self) -> str:
        """A query string of a URL."""
        pair: Callable[[], str] = lambda: (
            self.one("a", "b", "", "%61", "é", "a+b", "%zz", "a;b") + self.one("=", "", "==") + self.text()
        )
        return self.one("&", "&", "&", ";").join(self.some(pair, 0, 3))

    def uri(self) -> str:
        """A URI."""
        user = self.one("", "", "", "u@", "u:p@", ":p@", "%41@")
        host = self.one(
            "example.com", "10.0.0.1", "[::1]", "", "EXAMPLE.com", "a b", "é.com", "[::1%25eth0]", "[fe80::1", "x_y"
        )
        port = self.one("", "", ":80", ":", ":x", ":99999")
        path = self.one("", "/", "/a/b", "/a%2Fb", "/%zz", "a", "/a b", "//x", "/é", "/..")
        rest = self.one("", "", "?a=1&b", "?", "#f", "#", "?a#b?c", "?%zz", "#%zz", "?é")
        scheme = self.one(
            "http://",
            "https://",
            "HTTP://",
            "",
            "//",
            "mailto:",
            "a+b://",
            "1a://",
            "file:///",
            ":",
            "urn:",
            "javascript:",
        )
        return self.spoiled(scheme + user + host + port + path + rest)

    def uuid(self) -> str:
        """A UUID of any version."""
        digits = "".join(self.random.choice("0123456789abcdef") for _ in range(32))
        digits = digits[:12] + self.one("1", "2", "3", "4", "5", "7", digits[12]) + digits[13:]
        made = f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
        return self.spoiled(
            self.pick(
                lambda: made,
                lambda: made,
                lambda: f"urn:uuid:{made}",
                lambda: f"{{{made}}}",
                lambda: digits,
                made.upper,
            )
        )

    def pointer(self) -> str:
        """Rego text of a path of JSON Patch, as text or as an array."""
        step: Callable[[], str] = lambda: self.one("a", "b", "c", "0", "1", "-", "", "~0", "~1", "a~1b", "~", "01", "é")
        if self.often(0.25):
            steps = self.some(lambda: self.pick(lambda: quoted(step()), lambda: self.one("0", "1", "-1")), 0, 2)
            return f"[{', '.join(steps)}]"
        return quoted(self.one("/", "/", "/", "") + "/".join(self.some(step, 0, 3)))

    def patch(self) -> str:
        """Rego text of an operation of JSON Patch."""
        op = self.one("add", "add", "remove", "replace", "replace", "move", "copy", "test", "test", "x")
        fields = [f'"op": "{op}"', f'"path": {self.pointer()}']
        if op in ("move", "copy") or self.often(0.03):
            fields.append(f'"from": {self.pointer()}')
        if op in ("add", "replace", "test") or self.often(0.03):
            fields.append(f'"value": {self.document(1)}')
        if self.often(0.05):
            fields.pop(self.random.randrange(len(fields)))
        return "{" + ", ".join(fields) + "}"


def quoted(text: str) -> str:
    """A text as a string of JSON and Rego."""
    return json.dumps(text, ensure_ascii=any("\ud800" <= c <= "\udfff" for c in text))


def braced(items: Sequence[str]) -> str:
    """Rego text of a set."""
    return f"{{{', '.join(items)}}}" if items else "set()"
