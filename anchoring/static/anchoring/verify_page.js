"use strict";

/* The verifier page's controls: takes files and words from the reader, calls verify.js, writes the report down.
   Text from files reaches the page as text alone. Nothing is sent anywhere but by a button that says so. */

(() => {
  const { check, BOUNDS, isPdf, PDF } = globalThis.verifier;
  const byId = (id) => document.getElementById(id);
  const isServed = location.protocol === "http:" || location.protocol === "https:";
  /* slot → {name, bytes, origin} of the file in it */
  const chosen = { proof: null, trust: null, receipt: null };

  /* What each line asks, for people. */
  const QUESTIONS = {
    record: "Is what you read what was recorded?",
    sealed: "Does it stand in the log, under the insurer's signature?",
    anchored: "Does the log's fingerprint stand on the chain?",
    block: "Is that block really part of the chain, for good?",
    registry: "Is the contract there the published one?",
    history: "Is this all that the log lists about the record?",
    recomputed: "Has somebody independent recomputed that list?",
    receipt: "Did the insurer sign this receipt?",
  };
  const WORDS = { passed: "Passed", failed: "Failed", pending: "Not yet", "not checked": "Not checked" };

  // --- Files ---------------------------------------------------------------------------------------------------------

  function say(sentence) {
    byId("status").textContent = sentence;
  }

  function sizeOf(length) {
    return length < 1024
      ? `${length} bytes`
      : length < 1048576
        ? `${Math.round(length / 1024)} KB`
        : `${Math.round(length / 1048576)} MB`;
  }

  /* Where a file belongs by how it begins; what the reader aimed at decides where that says nothing. */
  function slotOf(bytes, aimed) {
    const start = new TextDecoder().decode(bytes.subarray(0, 300));
    if (start.startsWith('{"format":"trust/')) return "trust";
    if (start.startsWith("{") || isPdf(bytes)) return "proof";
    if (/^[^\n]+\/receipt\n/.test(start))
      return aimed === "receipt" || (aimed === null && chosen.proof) ? "receipt" : "proof";
    return aimed || "proof";
  }

  /* Takes the file into the slot; where the browser cannot show its name in the input, the page does. */
  function put(slot, file, source = null) {
    chosen[slot] = file;
    const place = byId(`${slot}-chosen`),
      input = byId(slot);
    if (source === null) input.value = "";
    else if (input.files[0] !== source) showInInput(input, source);
    place.textContent = file && !input.files.length ? `${file.name}, ${sizeOf(file.bytes.length)}` : "";
    place.closest(".drop").classList.toggle("drop--full", file !== null);
    byId("result").hidden = true;
  }

  function showInInput(input, source) {
    const transfer = new DataTransfer();
    transfer.items.add(source);
    input.files = transfer.files;
  }

  async function take(files, aimed) {
    const said = [];
    for (const file of files) {
      if (file.size > BOUNDS.proof) {
        said.push(`${file.name} is larger than any proof, and was not read.`);
        continue;
      }
      try {
        const bytes = new Uint8Array(await file.arrayBuffer()),
          slot = slotOf(bytes, files.length > 1 ? null : aimed);
        if (aimed && slot !== aimed && byId(aimed).files[0] === file) put(aimed, null);
        put(slot, { name: file.name, bytes, isOurs: false }, file);
        const where = {
          proof: "the proof",
          trust: "the insurer's public keys",
          receipt: "the receipt that names the record",
        }[slot];
        said.push(isPdf(bytes) ? `${file.name}: ${PDF}` : `${file.name} is taken as ${where}.`);
      } catch {
        said.push(`${file.name} could not be read. Is it still there?`);
      }
    }
    say(said.join(" "));
  }

  async function takeSitesTrust(button) {
    say("Fetching trust.json from this site…");
    try {
      const response = await fetch(button.dataset.address, { credentials: "omit", cache: "no-cache" });
      if (!response.ok) throw new Error(String(response.status));
      const bytes = new Uint8Array(await response.arrayBuffer());
      put("trust", { name: `trust.json of ${location.host}`, bytes, isOurs: true });
      say("This site's trust.json is taken. That its keys are the right ones is the insurer's own word.");
    } catch {
      say("This site gives no trust.json. Choose the file instead.");
    }
  }

  function listen() {
    for (const slot of Object.keys(chosen)) {
      byId(slot).addEventListener("change", ({ target }) =>
        target.files.length ? take([...target.files], slot) : put(slot, null),
      );
    }
    document.addEventListener("dragover", (event) => {
      event.preventDefault();
      light(event.target);
    });
    document.addEventListener("dragleave", (event) => event.relatedTarget === null && light(null));
    document.addEventListener("drop", (event) => {
      event.preventDefault();
      light(null);
      const zone = event.target.closest ? event.target.closest("[data-slot]") : null;
      if (event.dataTransfer.files.length) take([...event.dataTransfer.files], zone ? zone.dataset.slot : null);
    });
    byId("site-trust").addEventListener("click", ({ currentTarget }) => takeSitesTrust(currentTarget));
    byId("form").addEventListener("submit", (event) => {
      event.preventDefault();
      run();
    });
    byId("print").addEventListener("click", () => window.print());
    byId("again").addEventListener("click", again);
    byId("confirm").addEventListener("click", ({ currentTarget }) => {
      const input = byId(currentTarget.dataset.by);
      input.closest("details").open = true;
      input.focus();
    });
    window.addEventListener("beforeprint", () =>
      document.querySelectorAll("#result details").forEach((part) => {
        part.open = true;
      }),
    );
  }

  function light(target) {
    const zone = target && target.closest ? target.closest("[data-slot]") : null;
    for (const drop of document.querySelectorAll(".drop"))
      drop.classList.toggle("drop--over", zone !== null && zone.contains(drop));
  }

  function again() {
    put("proof", null);
    say("");
    byId("proof").focus();
  }

  // --- The check -----------------------------------------------------------------------------------------------------

  function field(id) {
    const text = byId(id).value.trim();
    return text === "" ? null : text;
  }

  async function run() {
    if (!chosen.proof || !chosen.trust) {
      const slot = chosen.proof ? "trust" : "proof";
      say(
        slot === "proof"
          ? "Choose the proof first."
          : "Choose trust.json first: without the insurer's public keys nothing can be checked.",
      );
      byId(slot).focus();
      return;
    }
    say(field("rpc") ? "Checking, and asking the node…" : "Checking…");
    byId("submit").disabled = true;
    await new Promise((painted) => setTimeout(painted, 30));
    const begun = performance.now();
    const report = await check({
      file: chosen.proof.bytes,
      trust: chosen.trust.bytes,
      receipt: chosen.receipt ? chosen.receipt.bytes : null,
      subject: field("subject"),
      fingerprint: field("fingerprint"),
      blockHash: field("block-hash"),
      rpc: field("rpc"),
    });
    byId("result").dataset.milliseconds = (performance.now() - begun).toFixed(1);
    byId("submit").disabled = false;
    show(report);
  }

  // --- The report ----------------------------------------------------------------------------------------------------

  function make(tag, properties = {}, ...children) {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  }

  /* A sentence in which long hashes are set apart. */
  function prose(sentence) {
    return sentence.split(/(0x[0-9a-f]{40,64})/).map((part, i) => (i % 2 ? make("code", { textContent: part }) : part));
  }

  function icon(name) {
    return byId(`icon-${name.replace(" ", "-")}`).content.cloneNode(true);
  }

  /* [kind of box, icon, word] of the verdict: pending is never an error and never green. */
  function toneOf(report) {
    if (report.exit === 1) return ["bad", "failed", "Failed"];
    if (report.exit === 2) return ["info", "info", "Not checked: something is missing or wrong"];
    if (report.kind === "receipt") return ["good", "passed", "A good receipt"];
    if (report.exit === 0) return ["good", "passed", "Proved"];
    const isPending = report.lines.some(
      ({ number, status }) => status === "pending" && report.required.includes(number),
    );
    return isPending
      ? ["wait", "pending", "Nothing wrong, not finished yet"]
      : ["wait", "not checked", "Nothing wrong, not settled yet"];
  }

  function show(report) {
    const [tone, picture, word] = toneOf(report);
    byId("verdict-box").className = `verdict verdict--${tone}`;
    byId("verdict-box").querySelector("[data-icon]").replaceChildren(icon(picture));
    byId("verdict-word").textContent = word;
    byId("verdict").replaceChildren(...prose(report.verdict));
    byId("warnings").replaceChildren(...report.warnings.map(warning));
    fill("next", report.next);
    offerConfirmation(report);
    byId("facts-title").textContent =
      report.exit === 1 ? "What the file says, which you should not rely on" : "What the file shows";
    fill("not-proved", report.notProved);
    byId("lines").replaceChildren(...report.lines.map(lineItem));
    byId("facts").replaceChildren(...factNotes(report), ...report.facts.map(factTable));
    showTrust(report.trust);
    hideEmpty(report);
    byId("made").textContent =
      `${chosen.proof.name}, checked on this device on ${new Date().toLocaleString("en-GB", { dateStyle: "long", timeStyle: "short" })}.`;
    byId("result").hidden = false;
    say(summary(report, word));
    byId("verdict").focus();
    byId("verdict-box").scrollIntoView({ block: "start" });
  }

  /* A hash from an explorer settles line 4 where line 3 needed no node; else only a node can. */
  function offerConfirmation({ exit, lines }) {
    const statusOf = (name) => lines.find((line) => line.name === name)?.status;
    byId("confirm").hidden = exit !== 3 || statusOf("block") !== "not checked";
    byId("confirm").dataset.by = statusOf("anchored") === "passed" ? "block-hash" : "rpc";
  }

  function summary(report, word) {
    const count = report.lines.filter(({ status }) => status === "passed").length;
    return report.lines.length ? `${word}. ${count} of ${report.lines.length} lines passed.` : `${word}.`;
  }

  function hideEmpty(report) {
    const empty = {
      lines: !report.lines.length,
      facts: !report.facts.length && !report.bound,
      trust: !report.trust,
      "not-proved": !report.notProved.length,
    };
    for (const [part, isEmpty] of Object.entries(empty))
      document.querySelector(`[data-part="${part}"]`).hidden = isEmpty;
  }

  function fill(id, sentences) {
    byId(id).replaceChildren(...sentences.map((sentence) => make("li", { textContent: sentence })));
  }

  function warning(sentence) {
    return make("p", { className: "box box--warning" }, icon("warning"), make("span", { textContent: sentence }));
  }

  /* The name of a host or an auditor at its beginning stays as it is. */
  function capital(words) {
    return /^\S*\./.test(words) ? words : `${words[0].toUpperCase()}${words.slice(1)}`;
  }

  function lineItem({ number, name, status, words }) {
    const kind = status.replace(" ", "-");
    return make(
      "li",
      { className: `line line--${kind}` },
      make("span", { className: "line__icon" }, icon(status)),
      make(
        "div",
        {},
        make(
          "p",
          { className: "line__title" },
          make("span", { className: "line__name", textContent: `${number} ${name}` }),
          " ",
          make("strong", { className: "line__status", textContent: WORDS[status] }),
        ),
        make("p", { className: "line__question", textContent: QUESTIONS[name] }),
        make("p", { className: "line__words" }, ...prose(`${capital(words)}.`)),
      ),
    );
  }

  function factNotes({ bound, facts }) {
    const isMinor = facts.some((entry) => entry.facts.some(({ name }) => name.endsWith("_minor")));
    const minor =
      "Names and values stand as they were recorded. What ends in _minor is in the smallest unit of its currency, such as cents.";
    return [...(bound ? [bound] : []), ...(isMinor ? [minor] : [])].map((textContent) =>
      make("p", { className: "small quiet", textContent }),
    );
  }

  function factTable({ at, kind, index, facts, withheld }) {
    const isColumn = ({ name }) => name.startsWith("row.");
    const shown = facts.filter((fact) => !isColumn(fact)),
      columns = facts.filter(isColumn);
    const where = index === null ? "not sealed yet" : `number ${index} in the log`;
    const caption = make(
      "caption",
      {},
      make("strong", { textContent: kind }),
      ` · ${at.slice(0, 19).replace("T", " ")} UTC · ${where}`,
    );
    const parts = [table(shown, caption)];
    if (columns.length) {
      const summary = make("summary", {
        textContent:
          columns.length === 1 ? "1 column of the stored record" : `${columns.length} columns of the stored record`,
      });
      parts.push(make("details", {}, summary, table(columns)));
    }
    if (withheld > 0)
      parts.push(
        make("p", {
          className: "small quiet",
          textContent: `${withheld} more recorded ${withheld === 1 ? "fact is" : "facts are"} not shown in this file.`,
        }),
      );
    return make("div", { className: "facts" }, ...parts);
  }

  function table(facts, caption = null) {
    const rows = facts.map(({ name, value }) =>
      make(
        "tr",
        {},
        make("th", { scope: "row", textContent: name }),
        make("td", {}, make("bdi", { textContent: value })),
      ),
    );
    const none = make("tr", {}, make("td", { colSpan: 2, className: "quiet", textContent: "No facts are shown." }));
    return make("table", {}, ...(caption ? [caption] : []), make("tbody", {}, ...(rows.length ? rows : [none])));
  }

  function showTrust(trust) {
    if (!trust) return;
    const whose = `The log calls itself ${trust.origin}. It was checked against version ${trust.version} of its keys.`;
    const worth = trust.isConfirmed
      ? "The fingerprint that you gave is that of these keys or of an earlier version of them."
      : chosen.trust.isOurs
        ? "You took the keys from this site: that they are the right ones is the insurer's own word. Compare the fingerprint with the one on your policy."
        : "You gave no fingerprint: the result is worth as much as the place that you have trust.json from. Compare the fingerprint with the one on your policy.";
    byId("in-whose-name").textContent = `${whose} ${worth}`;
    byId("keys").textContent = trust.fingerprint;
  }

  for (const part of document.querySelectorAll("[data-served]")) part.hidden = !isServed;
  byId("without-script").hidden = true;
  byId("form").hidden = false;
  listen();
})();
