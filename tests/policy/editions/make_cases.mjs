// Writes editions.binpb and cases.tsv (type, message, JSON): random messages of the sources beside it, as protobuf-es
// shows them. In a copy of this folder, with @bufbuild/buf and @bufbuild/protobuf from npm:
//   npx buf build --as-file-descriptor-set -o set.binpb && node make_cases.mjs
import {createFileRegistry, fromBinary, toJsonString, toBinary, create, ScalarType, setExtension} from "@bufbuild/protobuf";
import {reflect} from "@bufbuild/protobuf/reflect";
import {FileDescriptorSetSchema} from "@bufbuild/protobuf/wkt";
import {readFileSync, writeFileSync} from "fs";
const set = fromBinary(FileDescriptorSetSchema, readFileSync("set.binpb"));
for (const f of set.file) f.sourceCodeInfo = undefined;
writeFileSync("editions.binpb", toBinary(FileDescriptorSetSchema, set));
const registry = createFileRegistry(set);
let seed = 12345; const rnd = n => { seed = (Math.imul(seed, 1103515245) + 12345) >>> 0; return (seed >>> 8) % n; };
function scalar(type) {
  switch (type) {
    case ScalarType.STRING: return ["", "x", "é\"\n"][rnd(3)];
    case ScalarType.BYTES: return new Uint8Array([[], [0, 255], [1]][rnd(3)]);
    case ScalarType.BOOL: return rnd(2) === 1;
    case ScalarType.INT64: return [0n, -1n, 9007199254740993n][rnd(3)];
    case ScalarType.INT32: return [0, 1, -7][rnd(3)];
    default: throw new Error("type " + type);
  }
}
const enumValue = e => e.open && rnd(4) === 0 ? 77 : e.values[rnd(e.values.length)].number;
function fill(desc, depth) {
  const message = create(desc), r = reflect(desc, message);
  if (desc.typeName.startsWith("google.protobuf.")) { r.set(desc.fields[0], BigInt(rnd(1000))); return message; }
  for (const f of desc.fields) {
    const required = f.presence === 3;
    if (!required && rnd(2) === 0) continue;
    const value = k => f.scalar !== undefined && k !== "message" && k !== "enum" ? scalar(f.scalar) : f.message ? reflect(f.message, fill(f.message, depth - 1)) : enumValue(f.enum);
    if ((f.message) && depth === 0) continue;
    if (f.fieldKind === "scalar") r.set(f, scalar(f.scalar));
    else if (f.fieldKind === "enum") r.set(f, enumValue(f.enum));
    else if (f.fieldKind === "message") r.set(f, reflect(f.message, fill(f.message, depth - 1)));
    else if (f.fieldKind === "list") for (let i = 0; i < 1 + rnd(2); ++i) r.get(f).add(value(f.listKind));
    else if (f.fieldKind === "map") r.get(f).set(f.mapKey === ScalarType.STRING ? "k" : 3, value(f.mapKind));
  }
  return message;
}
const lines = [];
for (const name of ["ed.Mixed", "ed.Plain", "plain.P", "del.D", "conflict.C"]) for (let i = 0; i < 100; ++i) {
  const desc = registry.getMessage(name), message = fill(desc, 3);
  if (name === "ed.Mixed" && rnd(2)) setExtension(message, registry.getExtension("ed.ext_text"), "e");
  if (name === "ed.Mixed" && rnd(2)) setExtension(message, registry.getExtension("ed.ext_group"), fill(registry.getMessage("ed.Mixed.Inner"), 1));
  const bytes = toBinary(desc, message);
  const json = toJsonString(desc, fromBinary(desc, bytes), {useProtoFieldName: true, registry});
  lines.push([name, Buffer.from(bytes).toString("base64"), json].join("\t"));
}
writeFileSync("cases.tsv", lines.join("\n") + "\n");
