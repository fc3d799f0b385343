"""Encodings of secrets that a masker might not see through, made by hand."""

CANARY = b"c4nary"


def varint(value, least=1):
    out = bytearray()
    while True:
        byte = value & 0x7F
        value >>= 7
        out.append(byte | (0x80 if value else 0))
        if not value:
            break
    while len(out) < least:
        out[-1] |= 0x80
        out.append(0)
    return bytes(out)


def tag(number, wire, least=1):
    return varint(number << 3 | wire, least)


def field(number, payload, tag_size=1, length_size=1):
    return tag(number, 2, tag_size) + varint(len(payload), length_size) + payload


def group(number, content):
    return tag(number, 3) + content + tag(number, 4)


# How the secret stands in a message that has a secret field `number` of type string or bytes.
VALUES = {
    "plain": lambda number: field(number, CANARY),
    "overlong tag": lambda number: field(number, CANARY, tag_size=3),
    "longest tag": lambda number: field(number, CANARY, tag_size=5),
    "overlong length": lambda number: field(number, CANARY, length_size=3),
    "longest length": lambda number: field(number, CANARY, length_size=5),
    "both overlong": lambda number: field(number, CANARY, tag_size=4, length_size=4),
    "twice": lambda number: field(number, b"x") + field(number, CANARY),
    "twice, the last empty": lambda number: field(number, CANARY) + field(number, b""),
    "after an unknown field": lambda number: field(2000, b"?") + field(number, CANARY),
    "in an unknown field": lambda number: field(2001, CANARY),
    "in an unknown group": lambda number: group(2002, field(1, CANARY)),
    "in nested unknown groups": lambda number: group(2003, group(2004, field(number, CANARY))),
    "not UTF-8": lambda number: field(number, b"\xff\xfe" + CANARY + b"\xc0"),
    "as a group": lambda number: group(number, field(1, CANARY)),
    "as fixed64": lambda number: tag(number, 1) + CANARY + b"!!",
    "after a varint of the same number": lambda number: tag(number, 0) + varint(7) + field(number, CANARY),
    "after zeros": lambda number: field(number, b"\0" * 200 + CANARY),
    "behind an overlong varint elsewhere": lambda number: tag(2005, 0) + varint(1, 9) + field(number, CANARY),
    "bits beyond the tag": lambda number: bytes([number << 3 | 2 | 0x80, 0x80, 0x80, 0x80, 0x10]) + varint(6) + CANARY,
    "six bytes of tag": lambda number: field(number, CANARY, tag_size=6),
    "six bytes of length": lambda number: field(number, CANARY, length_size=6),
    "an end of nothing": lambda number: tag(1, 4) + field(number, CANARY),
    "field 0": lambda number: field(0, CANARY),
    "cut off": lambda number: field(number, CANARY)[:-1],
    "longer than there is": lambda number: tag(number, 2) + varint(7) + CANARY,
}


def any_of(name, value, order="type first"):
    url = field(1, b"type.googleapis.com/" + name)
    value = field(2, value)
    return url + value if order == "type first" else value + url


# Where such a message stands: what Outer's bytes are, from a maker of the innermost message's bytes.
PLACES = {
    "Outer.secret": lambda make: make(1),
    "Outer.secret_bytes": lambda make: make(12),
    "Outer.secrets": lambda make: make(13),
    "Outer.secret_way": lambda make: make(5),
    "inner.secret": lambda make: field(2, make(1)),
    "inner.secret_bytes": lambda make: field(2, make(3)),
    "inner.secrets": lambda make: field(2, make(4)),
    "inner, split": lambda make: field(2, field(2, b"a")) + field(2, make(1)) + field(2, field(2, b"b")),
    "inner, overlong": lambda make: field(2, make(1), tag_size=3, length_size=4),
    "inners": lambda make: field(3, make(1)) + field(3, make(1)),
    "inner_way": lambda make: field(5, b"x") + field(6, make(1)) + field(7, b"") + tag(7, 0) + varint(1),
    "a map's message": lambda make: field(4, field(1, b"k") + field(2, make(1))),
    "a map's message, value first": lambda make: field(4, field(2, make(1)) + field(1, b"k")),
    "a map's message, entries twice": lambda make: field(4, field(1, b"k") + field(2, make(1)) + field(1, b"l") + field(2, make(1))),
    "a map's value": lambda make: field(14, field(1, b"k") + make(2)),
    "a map's key": lambda make: field(14, make(1) + field(2, b"v")),
    "Any": lambda make: field(8, any_of(b"evasion.Inner", make(1))),
    "Any, value first": lambda make: field(8, any_of(b"evasion.Inner", make(1), "value first")),
    "Any in Any": lambda make: field(8, any_of(b"google.protobuf.Any", any_of(b"evasion.Inner", make(1)))),
    "Anys": lambda make: field(9, any_of(b"evasion.Plain", b"")) + field(9, any_of(b"evasion.Inner", make(1))),
    "outer.outer.inner": lambda make: field(10, field(10, field(2, make(1)))),
    "outer, split": lambda make: field(10, field(2, b"")) + field(10, field(2, make(1)) + field(11, b"x")),
}

OTHERS = {
    "Any without a type": field(8, field(2, field(1, CANARY))),
    "Any of an unknown type": field(8, any_of(b"no.where.Type", field(1, CANARY))),
    "Any with two types": field(8, field(1, b"x/evasion.Plain") + field(2, field(1, CANARY)) + field(1, b"x/evasion.Inner")),
    "Any in two parts": field(8, field(1, b"x/evasion.Inner")) + field(8, field(2, field(1, CANARY))),
    "Any that becomes another's": field(8, any_of(b"evasion.Plain", field(2000, CANARY))) + field(8, field(1, b"x/evasion.Inner")),
    "Any with a group": group(8, any_of(b"evasion.Inner", field(1, CANARY))),
    "inner as a group": group(2, field(1, CANARY)),
    "120 deep": None,
    "a group 150 deep": None,
}


# Entries that are chosen by a key: how key and value stand in one whose key is field 1, and whose value is `value`, bytes of a field. `key` makes
# a field of the key that is meant, `other` one of another key.
ENTRIES = {
    "key first": lambda key, other, value: key() + value,
    "value first": lambda key, other, value: value + key(),
    "value, key, value": lambda key, other, value: value + key() + value,
    "another key first": lambda key, other, value: other() + value + key(),
    "the key last of three": lambda key, other, value: key() + other() + value + key(),
    "an unknown field as well": lambda key, other, value: key() + field(3000, CANARY) + value,
    "a key of a wrong type last": lambda key, other, value: key() + value + tag(1, 5) + b"abcd",
    "a key as a group last": lambda key, other, value: value + key() + group(1, field(1, b"x")),
    "an overlong tag": lambda key, other, value: value + key(tag_size=4),
    "the longest tag": lambda key, other, value: value + key(tag_size=5),
    "a long way between": lambda key, other, value: value + field(3001, b"." * 5000) + key(),
    "field 0 between": lambda key, other, value: value + field(0, b"") + key(),
    "a group that does not end": lambda key, other, value: value + key() + tag(3002, 3),
    "cut off": lambda key, other, value: (value + key())[:-1],
}


def text_key(text):
    return lambda tag_size=1: field(1, text, tag_size)


def number_key(number, least=1):
    return lambda tag_size=1: tag(1, 0, tag_size) + varint(number, least)


SECRET, OTHER = text_key(b"secret"), text_key(b"open")
ATTRIBUTE = field(2, field(1, CANARY)) + field(3, CANARY)
LABEL = field(2, CANARY)

# What an Outer is, from a maker of an entry's bytes of (key, another key, value).
KEYED = {
    "attributes": lambda entry: field(15, entry(SECRET, OTHER, ATTRIBUTE)),
    "equal attributes": lambda entry: field(15, entry(SECRET, OTHER, ATTRIBUTE)) * 3,
    "attribute": lambda entry: field(16, entry(SECRET, OTHER, ATTRIBUTE)),
    "attribute, twice": lambda entry: field(16, entry(SECRET, OTHER, ATTRIBUTE)) * 2,
    "attribute, after another": lambda entry: field(16, OTHER()) + field(16, entry(SECRET, OTHER, ATTRIBUTE)),
    "attribute as a group": lambda entry: group(16, entry(SECRET, OTHER, ATTRIBUTE)),
    "in another's text": lambda entry: field(15, OTHER() + field(2, field(2, entry(SECRET, OTHER, ATTRIBUTE)))),
    "in one of no key's text": lambda entry: field(16, field(2, field(2, entry(SECRET, OTHER, ATTRIBUTE)))),
    "labels": lambda entry: field(17, entry(SECRET, OTHER, LABEL)),
    "equal labels": lambda entry: field(17, entry(SECRET, OTHER, LABEL)) * 2,
    "codes": lambda entry: field(18, entry(number_key(7), number_key(8), LABEL)),
    "codes, overlong": lambda entry: field(18, entry(number_key(7, 9), number_key(8), LABEL)),
    "codes of 64 bits": lambda entry: field(18, entry(number_key(7 | 1 << 40), number_key(8), LABEL)),
    "flags": lambda entry: field(19, entry(number_key(1), number_key(0), field(2, ATTRIBUTE))),
    "flags that are two": lambda entry: field(19, entry(number_key(2), number_key(0), field(2, ATTRIBUTE))),
    "attributes in an Any": lambda entry: field(8, any_of(b"evasion.Attribute", entry(SECRET, OTHER, ATTRIBUTE))),
    "attributes in an Any, value first": lambda entry: field(8, any_of(b"evasion.Attribute", entry(SECRET, OTHER, ATTRIBUTE), "value first")),
    "labels, deep": lambda entry: field(10, field(10, field(17, entry(SECRET, OTHER, LABEL)))),
}

KEYED_OTHERS = {
    "a key in another part": field(16, SECRET()) + field(16, ATTRIBUTE),
    "a key in a later part": field(16, ATTRIBUTE) + field(16, SECRET()),
    "a key in a later part, another first": field(16, OTHER() + ATTRIBUTE) + field(16, SECRET()),
    "a key in another part of what holds it": field(10, field(16, ATTRIBUTE)) + field(10, field(16, SECRET())),
    "a key that is no UTF-8": field(15, field(1, b"secre\xf4") + ATTRIBUTE + field(1, b"secret")),
    "a key as overlong UTF-8": field(15, field(1, b"\xc1\xb3ecret") + ATTRIBUTE),
    "a value in two parts": field(19, number_key(1)() + field(2, SECRET()) + field(2, ATTRIBUTE)),
}


def keyed_evasions():
    """The same for entries that are chosen by their keys."""
    for place, put in KEYED.items():
        for what, make in ENTRIES.items():
            yield f"{what} in {place}", put(make)
    yield from KEYED_OTHERS.items()


def nested(levels):
    message = field(1, CANARY)
    for _ in range(levels):
        message = field(10, message)
    return message


OTHERS["120 deep"] = nested(120)
OTHERS["a group 150 deep"] = b"".join(tag(2006, 3) for _ in range(150)) + field(1, CANARY) + b"".join(tag(2006, 4) for _ in range(150))


def all_evasions():
    """(what it is, the bytes of an Outer)"""
    for place, put in PLACES.items():
        for value, make in VALUES.items():
            yield f"{value} in {place}", put(make)
    yield from OTHERS.items()
