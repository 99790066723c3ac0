/* Calls functions of verify.js on bytes: node ask_page.mjs VERIFY_JS < [[name, "hex", …], …]; prints the answers.

   Bytes come back as hex; "CHAINS" is the table of chains; "parse" takes and gives the text itself. */

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";

const verifier = createRequire(import.meta.url)(resolve(process.argv[2]));

function answer(name, ...given) {
  if (name === "CHAINS") return verifier.CHAINS;
  try {
    if (name === "parse") return verifier.canonical(verifier.parse(given[0], "the text"));
    if (name.startsWith("is")) return verifier[name](...given);
    const said = verifier[name](...given.map(verifier.unhex));
    return said instanceof Uint8Array ? verifier.hex(said) : said;
  } catch (error) {
    if (error instanceof verifier.Refused) return `refused: ${error.message}`;
    throw error;
  }
}

const asked = JSON.parse(readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(asked.map((question) => answer(...question))));
