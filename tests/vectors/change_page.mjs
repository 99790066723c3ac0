/* Changes a good proof in every way there is a loop for, and prints what verify.js let pass.

   node change_page.mjs VERIFY_JS FILE TRUST: FILE carries its receipt from the chain. Prints JSON:
   {bytes: n, accepted: [...], event: n, eventAccepted: [...], parts: n, faults: [...]} */

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";

const verifier = createRequire(import.meta.url)(resolve(process.argv[2]));
const [file, trust] = process.argv.slice(3, 5).map((path) => new Uint8Array(readFileSync(path)));
const require = [1, 2, 3];
const good = await verifier.check({ file, trust, require });
if (good.exit !== 0) throw new Error(`the good file is not good: ${good.verdict}`);

function isRefused(bytes) {
  try {
    verifier.readProof(bytes);
    return false;
  } catch (error) {
    return error instanceof verifier.Refused;
  }
}

/* Every byte of the file, one bit changed. */
async function everyByte() {
  const accepted = [];
  for (let at = 0; at < file.length; at++) {
    const changed = file.slice();
    changed[at] ^= 1 << (at % 8);
    if (isRefused(changed)) continue;
    const { exit } = await verifier.check({ file: changed, trust, require });
    if (exit !== 1) accepted.push(at);
  }
  return accepted;
}

/* Every byte of the header and of every node, past the checksum: line 3 fails, or the block has another hash. */
function everyByteOfTheEvent() {
  const proof = verifier.readProof(file),
    { hash } = verifier.readHeader(proof.anchor.header),
    accepted = [];
  const parts = [proof.anchor.header, ...proof.anchor.nodes];
  for (const part of parts) {
    for (let at = 0; at < part.length; at++) {
      part[at] ^= 1;
      const { header, line } = verifier.ofEvent(proof, null);
      if (line.status !== "failed" && header.hash === hash) accepted.push([parts.indexOf(part), at]);
      part[at] ^= 1;
    }
  }
  if (verifier.ofEvent(proof, null).line.status !== "passed") throw new Error("the event is not restored");
  return { accepted, count: parts.reduce((total, part) => total + part.length, 0) };
}

function places(value, path = []) {
  if (value === null || typeof value !== "object") return [path];
  return [path, ...Object.keys(value).flatMap((key) => places(value[key], [...path, key]))];
}

const ODD = [
  null,
  true,
  0,
  -1,
  1,
  2 ** 53 - 1,
  "",
  "x",
  "AAAA",
  "\n",
  [],
  [[]],
  {},
  { a: 1 },
  ["x"],
  "a".repeat(70000),
];

/* Every part replaced by every odd value, the checksum repaired: always a report, by the one exception. */
async function everyPart() {
  const faults = [],
    document = JSON.parse(new TextDecoder().decode(file));
  delete document.checksum;
  let count = 0;
  for (const path of places(document).slice(1)) {
    for (const odd of ODD) {
      const changed = structuredClone(document);
      path.slice(0, -1).reduce((value, key) => value[key], changed)[path.at(-1)] = odd;
      changed.checksum = verifier.hex(verifier.sha256(verifier.utf8(verifier.canonical(changed))));
      count++;
      const fault = await faultOf(verifier.utf8(verifier.canonical(changed)));
      if (fault) faults.push(`${path.join(".")} = ${JSON.stringify(odd).slice(0, 20)}: ${fault}`);
    }
  }
  return { faults, count };
}

async function faultOf(bytes) {
  try {
    verifier.readProof(bytes);
  } catch (error) {
    return error instanceof verifier.Refused ? "" : String(error);
  }
  const report = await verifier.check({ file: bytes, trust, require });
  return [0, 1, 3].includes(report.exit) ? "" : report.verdict;
}

const accepted = await everyByte(),
  event = everyByteOfTheEvent(),
  parts = await everyPart();
process.stdout.write(
  JSON.stringify({
    bytes: file.length,
    accepted,
    event: event.count,
    eventAccepted: event.accepted,
    parts: parts.count,
    faults: parts.faults,
  }),
);
