"use strict";

/* explorer.js: the reader's browser keeps the newest checkpoint that it saw, and checks that today's log begins with it.

   Keys and signatures are read by verify.js; here are the tree (RFC 9162 §2.1, from C2SP hash tiles), what the browser
   remembers, and the words. Keys are believed at first sight; later versions of trust.json must follow from the one that
   was believed. Nothing is sent but plain requests for public files of this site. */

(() => {
  const { Refused, readTrust, readCheckpoint, signatures, needFingerprint, sha256, grouped, hex, utf8 } =
    globalThis.verifier;
  const MEMORY = "touchstone.log",
    PATIENCE = 15000,
    MIB = 1 << 20;
  const byId = (id) => document.getElementById(id);
  const place = byId("explorer");

  /* The log is at fault, or seems to be. */
  class Alarm extends Error {}
  /* There is no saying: the sentence tells why. */
  class Unknown extends Error {}

  // --- What the site shows -------------------------------------------------------------------------------------------

  async function get(address, missing = `The site has no ${address}.`) {
    let response, bytes;
    try {
      const signal = AbortSignal.timeout(PATIENCE);
      response = await fetch(address, { cache: "no-store", credentials: "omit", redirect: "error", signal });
      bytes = new Uint8Array(await response.arrayBuffer());
    } catch {
      throw new Unknown("The site does not answer. Are you online?");
    }
    if (response.status === 404) throw new Unknown(missing);
    if (!response.ok) throw new Unknown(`The site answers ${response.status} for ${address}.`);
    if (bytes.length > MIB) throw new Unknown(`What the site has at ${address} is larger than it can be.`);
    return bytes;
  }

  /* Text is kept as it came, byte for byte; what is no UTF-8 cannot be a note or a trust file. */
  function textOf(bytes) {
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      throw new Unknown("What the site answers is not text.");
    }
  }

  async function look() {
    const { checkpoint, trust: keys } = place.dataset;
    const [note, trust] = await Promise.all([get(checkpoint, "The site shows no anchored seal."), get(keys)]);
    return { at: new Date().toISOString(), note: textOf(note), trust: textOf(trust) };
  }

  // --- The tree ------------------------------------------------------------------------------------------------------

  /* The complete subtrees that make up the leaves from low to below high, from the left: [level, index]. */
  function cover(low, high) {
    const nodes = [];
    while (low < high) {
      let level = 0n;
      while (!((low >> level) & 1n) && low + (2n << level) <= high) level++;
      nodes.push([level, low >> level]);
      low += 1n << level;
    }
    return nodes;
  }

  /* RFC 9162 §2.1.1: the root over complete subtrees, [level, hash], that follow each other from leaf 0. */
  function rootOf(subtrees) {
    const left = [];
    for (let [level, hash] of subtrees) {
      for (; left.length && left.at(-1)[0] === level; level++) hash = node(left.pop()[1], hash);
      left.push([level, hash]);
    }
    return left.length ? left.map(([, hash]) => hash).reduceRight((right, hash) => node(hash, right)) : sha256();
  }

  function node(left, right) {
    return sha256(Uint8Array.of(1), left, right);
  }

  /* The tiles of a log of that size; what was fetched is kept for the evidence: path → promise of bytes. */
  class Tiles {
    constructor(size) {
      this.size = size;
      this.fetched = new Map();
    }

    async read([level, index]) {
      const height = level % 8n,
        first = index << height,
        start = Number(first & 255n);
      const bytes = await this.tile(level / 8n, first >> 8n);
      const hashes = Array.from({ length: 1 << Number(height) }, (_, i) =>
        bytes.subarray(32 * (start + i), 32 * (start + i + 1)),
      );
      return [level, rootOf(hashes.map((hash) => [0n, hash]))];
    }

    tile(level, n) {
      const held = (this.size >> (8n * level)) - 256n * n,
        width = held < 256n ? Number(held) : 256;
      const digits = n.toString(),
        groups = digits.padStart(Math.ceil(digits.length / 3) * 3, "0").match(/.../g);
      const name = groups.map((group, i) => (i < groups.length - 1 ? `x${group}` : group)).join("/");
      const path = `tile/${level}/${name}${width < 256 ? `.p/${width}` : ""}`;
      if (!this.fetched.has(path)) this.fetched.set(path, this.whole(path, width));
      return this.fetched.get(path);
    }

    async whole(path, width) {
      const bytes = await get(place.dataset.log + path);
      if (bytes.length !== 32 * width) throw new Unknown(`The site gives ${path} in another length than it must have.`);
      return bytes;
    }

    async evidence() {
      const found = {};
      for (const [path, bytes] of this.fetched) found[path] = await bytes.then(hex, (error) => String(error.message));
      return found;
    }
  }

  /* Whether the larger checkpoint's tree begins with the smaller one's: both roots follow from the same subtrees. */
  async function begins(smaller, larger, tiles) {
    const read = (nodes) => Promise.all(nodes.map((one) => tiles.read(one)));
    const [before, after] = await Promise.all([
      read(cover(0n, smaller.size)),
      read(cover(smaller.size, larger.size)),
    ]);
    return hex(rootOf(before)) === hex(smaller.root) && hex(rootOf([...before, ...after])) === hex(larger.root);
  }

  // --- The judgement -------------------------------------------------------------------------------------------------

  function believed(look, before) {
    const trust = readTrust(utf8(look.trust));
    if (before && !trust.fingerprints.includes(before.trust.fingerprint))
      throw new Alarm("The site shows other keys than this browser believed, and they do not follow from those.");
    return trust;
  }

  function signed(look, trust) {
    const checkpoint = readCheckpoint(look.note);
    if (checkpoint.origin !== trust.origin)
      throw new Alarm(`The seal that the site shows is of another log than ${trust.origin}.`);
    const { log, auditors } = signatures(checkpoint, trust);
    if (!log.good.length || log.wrong.length || auditors.wrong.length)
      throw new Alarm("The seal that the site shows is not signed as it must be.");
    return { ...checkpoint, trust, at: look.at, by: auditors.good.map(({ key }) => key.name) };
  }

  /* "first", "same", "grown" or "older". Raises Alarm, Unknown and Refused. */
  async function judged(before, today, tiles) {
    if (!before) return "first";
    if (today.size === before.size) {
      if (hex(today.root) === hex(before.root)) return "same";
      throw new Alarm(
        `Two seals of ${entries(today)} differ: the one that this browser saw ${on(before)}, and today's. Both are signed.`,
      );
    }
    const grown = today.size > before.size,
      pair = grown ? [before, today] : [today, before];
    if (!(await begins(...pair, tiles)))
      throw new Alarm(
        `The log that this browser saw ${on(before)} (${entries(before)}) does not fit the one that the site shows today (${entries(today)}): something in it was changed or left out, or the site does not show the log that it signed.`,
      );
    return grown ? "grown" : "older";
  }

  /* What was remembered, read as strictly as what is new. */
  function readLast(last) {
    try {
      return signed(last, readTrust(utf8(last.trust)));
    } catch {
      throw new Unknown("What this browser remembers cannot be read any more. Forget it below, and start anew.");
    }
  }

  async function check(memory, fingerprint) {
    const before = memory.last && readLast(memory.last);
    const shown = await look();
    let tiles = null;
    try {
      const trust = believed(shown, before);
      if (fingerprint) needFingerprint(trust, fingerprint);
      const today = signed(shown, trust);
      tiles = new Tiles(before && before.size > today.size ? before.size : today.size);
      return { word: await judged(before, today, tiles), before, today, shown };
    } catch (error) {
      if (!(error instanceof Alarm)) throw error;
      const evidence = {
        what: error.message,
        site: location.origin,
        remembered: memory.last,
        shown,
        tiles: tiles ? await tiles.evidence() : {},
      };
      return { word: "alarm", evidence };
    }
  }

  // --- The memory ----------------------------------------------------------------------------------------------------

  function recall() {
    let text;
    try {
      text = localStorage.getItem(MEMORY);
    } catch {
      throw new Unknown("This browser keeps nothing for this site, so there is nothing to compare with.");
    }
    try {
      const { last = null, alarm = null } = JSON.parse(text ?? "{}");
      return { last, alarm };
    } catch {
      throw new Unknown("What this browser remembers cannot be read any more. Forget it below, and start anew.");
    }
  }

  function remember(memory) {
    try {
      localStorage.setItem(MEMORY, JSON.stringify(memory));
      return "";
    } catch {
      return "This browser does not let the site keep anything, so it will not know this next time.";
    }
  }

  // --- Words ---------------------------------------------------------------------------------------------------------

  function entries({ size }) {
    return `${size.toLocaleString("en")} ${size === 1n ? "entry" : "entries"}`;
  }

  function on({ at }) {
    const options = { dateStyle: "medium", timeStyle: "short", timeZone: "UTC" };
    return `on ${new Date(at).toLocaleString("en-GB", options)} UTC`;
  }

  const SAID = {
    first: ({ today }) => [
      "info",
      "Remembered",
      `This browser now remembers the log of ${entries(today)}. Check again some other day: if any of them is changed or left out by then, it will say so.`,
    ],
    same: ({ before }) => [
      "success",
      "Nothing new",
      `The site shows the seal that this browser saw ${on(before)}: ${entries(before)}, with the same fingerprint.`,
    ],
    grown: ({ before, today }) => [
      "success",
      "Consistent",
      `The log that this browser saw ${on(before)} (${entries(before)}) is the beginning of today's (${entries(today)}). Nothing in it was changed or left out.`,
    ],
    older: ({ before, today }) => [
      "warning",
      "An older seal",
      `The site shows a seal of ${entries(today)}; ${on(before)} this browser saw one of ${entries(before)}, which it still remembers. Today's is the beginning of that, so nothing was rewritten. This happens for a while when the chain gives a block up. If it is so tomorrow as well, tell an auditor.`,
    ],
  };

  function paragraph(text, name = "") {
    const made = document.createElement("p");
    made.className = name;
    made.textContent = text;
    return made;
  }

  function notice(level, title, ...sentences) {
    const made = document.createElement("div"),
      words = document.createElement("div");
    made.className = `notice notice--${level}`;
    words.className = "stack";
    words.append(paragraph(title, "notice__title"), ...sentences.filter(Boolean).map((text) => paragraph(text)));
    made.append(byId(`explorer-icon-${level}`).content.cloneNode(true), words);
    return made;
  }

  function alarmed(evidence) {
    return notice(
      "error",
      `NOT consistent, seen ${on(evidence.shown)}`,
      evidence.what,
      "This browser keeps what it saw before and what it saw then, and overwrites neither. Download the evidence now, and keep it somewhere else too.",
      `Give a copy to an auditor who is named on this page or to the authority that supervises us. Then ask us: ${place.dataset.help}.`,
    );
  }

  function show(...parts) {
    byId("explorer-result").replaceChildren(...parts);
  }

  /* What the page offers beside the last result. */
  function showMemory({ last, alarm }) {
    byId("explorer-memory").hidden = last === null && alarm === null;
    byId("explorer-memory").open = false;
    byId("explorer-keep").hidden = alarm === null;
    if (alarm === null) return;
    const file = new Blob([JSON.stringify(alarm, null, 2)], { type: "application/json" });
    byId("explorer-evidence").href = URL.createObjectURL(file);
  }

  function describe({ last }) {
    if (last === null) return "No seal; only the evidence of what was wrong.";
    const { trust, ...seen } = readLast(last);
    return `The log of ${entries(seen)}, seen ${on(seen)}. Its fingerprint: ${grouped(hex(seen.root))}. The fingerprint of the keys that it believes: ${grouped(trust.fingerprint)}.`;
  }

  // --- The controls --------------------------------------------------------------------------------------------------

  async function run() {
    show(paragraph("Checking…"));
    try {
      const memory = recall(),
        found = await check(memory, byId("explorer-fingerprint").value);
      settle(memory, found);
    } catch (error) {
      if (!(error instanceof Unknown || error instanceof Refused)) throw error;
      const isMalformed = error instanceof Refused && error.exit === 1;
      show(
        notice(
          "warning",
          "Could not be checked",
          isMalformed ? `What the site shows is malformed: ${error.message}.` : error.message,
          "Nothing that this browser remembers was changed. If it stays so for more than a day, tell an auditor.",
        ),
      );
    }
  }

  /* Keeps what was found, and says it. Once something was wrong nothing is overwritten until the reader forgets it. */
  function settle(memory, found) {
    let complaint = "";
    if (found.word === "alarm") {
      memory.alarm ??= found.evidence;
      complaint = remember(memory);
    } else if (memory.alarm === null && (found.word === "first" || found.word === "grown")) {
      memory.last = found.shown;
      complaint = remember(memory);
    }
    showMemory(memory);
    const parts = memory.alarm ? [alarmed(memory.alarm)] : [];
    if (found.word !== "alarm") parts.push(good(found, complaint));
    else if (complaint) parts.push(notice("warning", "Keep it yourself", complaint));
    show(...parts);
  }

  function good(found, complaint) {
    const { by, trust } = found.today;
    const auditors = by.length ? `Recomputed and signed by ${by.join(" and ")}.` : "";
    const given = byId("explorer-fingerprint").value.trim();
    const keys = given
      ? "The keys are those of the fingerprint that you gave."
      : `Fingerprint of the keys: ${grouped(trust.fingerprint)}.`;
    return notice(...SAID[found.word](found), auditors, keys, complaint);
  }

  function start() {
    let isBusy = false;
    byId("explorer-form").addEventListener("submit", async (event) => {
      event.preventDefault();
      if (isBusy) return;
      isBusy = true;
      await run().finally(() => (isBusy = false));
    });
    byId("explorer-memory").addEventListener("toggle", ({ target }) => {
      if (target.open) byId("explorer-remembered").textContent = said(() => describe(recall()));
    });
    byId("explorer-forget").addEventListener("click", () => {
      localStorage.removeItem(MEMORY);
      showMemory({ last: null, alarm: null });
      show(paragraph("Forgotten. The next check starts anew."));
      byId("explorer-form").querySelector("button").focus();
    });
    byId("explorer-form").hidden = false;
    byId("explorer-otherwise").open = false;
    const complaint = said(() => {
      const memory = recall();
      showMemory(memory);
      if (memory.alarm) show(alarmed(memory.alarm));
      return "";
    });
    byId("explorer-memory").hidden &&= complaint === "";
  }

  /* What it answers, or why there is no answer. */
  function said(answer) {
    try {
      return answer();
    } catch (error) {
      if (!(error instanceof Unknown)) throw error;
      return error.message;
    }
  }

  start();
})();
