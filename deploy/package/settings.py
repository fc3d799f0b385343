"""The keys of configuration and policy, with the comments that .proto sources have for them."""

import re


class Field:
    def __init__(self, name, kind, comment):
        self.name, self.kind, self.comment, self.values, self.repeated = name, kind, comment, [], False


class Message:
    def __init__(self, name, comment):
        self.name, self.comment, self.fields, self.is_enum = name, comment, [], False


FIELD = re.compile(r"^\s*(?:(repeated|optional)\s+)?(map<\w+,\s*[\w.]+>|[\w.]+)\s+(\w+)\s*=\s*\d+[^;]*;\s*(?://\s*(.*))?$")
VALUE = re.compile(r"^\s*(\w+)\s*=\s*\d+[^;]*;\s*(?://\s*(.*))?$")
KINDS = {"string": "text", "bool": "true or false", "uint32": "number", "uint64": "number", "int32": "number", "int64": "number",
         "double": "number", "float": "number"}


class Settings:
    def __init__(self, folder):
        self._messages = {}
        for path in sorted(folder.glob("*.proto")):
            self._read(path.read_text())

    def _read(self, text):
        stack, comment = [], []
        for line in text.split("\n"):
            stripped = line.strip()
            if stripped.startswith("//"):
                comment.append(stripped[2:].strip())
                continue
            opens = re.match(r"(message|enum|oneof)\s+(\w+)\s*\{(.*)$", stripped)
            if opens:
                kind, name, rest = opens.groups()
                outer = [entry for entry in stack if entry is not None]
                if kind == "oneof":
                    stack.append(stack[-1] if stack else None)
                else:
                    full = f"{outer[-1].name}.{name}" if outer else name
                    message = Message(full, " ".join(comment))
                    message.is_enum = kind == "enum"
                    self._messages[full] = message
                    stack.append(message)
                comment = []
                if rest.strip() == "}":
                    stack.pop()
                continue
            if stripped.startswith("}"):
                if stack:
                    stack.pop()
                comment = []
                continue
            here = stack[-1] if stack else None
            found = here and not here.is_enum and FIELD.match(line)
            value = here and here.is_enum and VALUE.match(line)
            if found:
                repeated, kind, name, behind = found.groups()
                field = Field(name, kind, " ".join([*comment, behind or ""]).strip())
                field.repeated = repeated == "repeated"
                here.fields.append(field)
            elif value:
                here.fields.append(Field(value.group(1), "", " ".join([*comment, value.group(2) or ""]).strip()))
            comment = []

    def _find(self, scope, name):
        while scope:
            if f"{scope}.{name}" in self._messages:
                return self._messages[f"{scope}.{name}"]
            scope = scope.rpartition(".")[0]
        return self._messages.get(name)

    def parts(self, top):
        """Each message that can be reached, once: the place where it first stands ("listen.tls"), its comment, its fields."""
        queue, seen = [(self._messages[top], "")], {top: ""}
        while queue:
            message, place = queue.pop(0)
            fields = []
            for field in message.fields:
                mapped = re.fullmatch(r"map<(\w+),\s*([\w.]+)>", field.kind)
                kind = mapped.group(2) if mapped else field.kind
                other = self._find(message.name, kind)
                shown = Field(field.name, KINDS.get(kind, kind), field.comment)
                suffix = ".NAME" if mapped else "[]" if field.repeated else ""
                below = f"{place}.{field.name}{suffix}".lstrip(".")
                if other is not None and other.is_enum:
                    shown.kind = "one of"
                    shown.values = [(value.name, value.comment) for value in other.fields]
                elif other is not None:
                    if other.name not in seen:
                        seen[other.name] = below
                        queue.append((other, below))
                    shown.kind = f"keys, see {seen[other.name]}"
                if mapped:
                    shown.kind = "by name: " + shown.kind
                elif field.repeated:
                    shown.kind = "list: " + shown.kind
                fields.append(shown)
            yield place, message.comment, fields
