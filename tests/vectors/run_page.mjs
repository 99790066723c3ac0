/* Runs the verifier page's verify.js on vectors, without a browser.

   node run_page.mjs VERIFY_JS < jobs.json: a list of {name, file, trust, receipt?, rpc?, arguments} with paths as they
   stand. Each `rpc` is served on loopback as a JSON-RPC node. Prints {name: {exit, lines}} as JSON. */

import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { isDeepStrictEqual } from "node:util";
import { resolve } from "node:path";

const { check } = createRequire(import.meta.url)(resolve(process.argv[2]));

const bytes = (path) => new Uint8Array(readFileSync(path));

/* 1,2 or 1-4 or both: the numbers. */
function numbers(text) {
  return text.split(",").flatMap((part) => {
    const [from, to = from] = part.split("-").map(Number);
    return Array.from({ length: to - from + 1 }, (_, i) => from + i);
  });
}

function request(job, rpc) {
  const given = { file: bytes(job.file), trust: bytes(job.trust), rpc };
  if (job.receipt) given.receipt = bytes(job.receipt);
  const names = {
    "--subject": "subject",
    "--fingerprint": "fingerprint",
    "--block-hash": "blockHash",
    "--require": "require",
  };
  for (let i = 0; i < job.arguments.length; i += 2) {
    const name = names[job.arguments[i]];
    if (!name) throw new Error(`${job.name}: the page has nothing for ${job.arguments[i]}`);
    given[name] = name === "require" ? numbers(job.arguments[i + 1]) : job.arguments[i + 1];
  }
  return given;
}

/* Calls `use` with the address of a node that answers from the book, if there is one. */
async function withNode(book, use) {
  if (!book) return use(null);
  const server = createServer(async (incoming, response) => {
    const parts = [];
    for await (const part of incoming) parts.push(part);
    const { id, method, params } = JSON.parse(Buffer.concat(parts));
    const answer = book.find((item) => item.method === method && isDeepStrictEqual(item.params, params));
    const said = answer ? { result: answer.result } : { error: { code: -32601, message: "the book has no answer" } };
    response.setHeader("Content-Type", "application/json");
    response.end(JSON.stringify({ id, jsonrpc: "2.0", ...said }));
  });
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  try {
    return await use(`http://127.0.0.1:${server.address().port}`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

const said = {};
for (const job of JSON.parse(readFileSync(0, "utf8"))) {
  const book = job.rpc ? JSON.parse(readFileSync(job.rpc, "utf8")) : null;
  const report = await withNode(book, (rpc) => check(request(job, rpc)));
  const lines = Object.fromEntries(report.lines.map(({ number, status }) => [number, status]));
  said[job.name] = { exit: report.exit, lines, verdict: report.verdict };
}
process.stdout.write(JSON.stringify(said));
