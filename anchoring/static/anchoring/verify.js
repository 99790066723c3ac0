"use strict";

/* verify.js: checks a proof of record or a receipt in the reader's browser, offline, from docs/protocol.md alone.

   One file, no library, no build step; it shares no code with the portal or with verify.py. `check(request)` always
   answers with a report and never throws. Every other function here throws one exception, Refused, and no other: it
   says in a sentence what is wrong, and carries the exit code of docs/protocol.md §8 (1: the file; 2: what the reader
   gave beside it). Section numbers (§) are those of docs/protocol.md.

   Without `rpc` in the request nothing here touches the network. */

(() => {
  const PASSED = "passed",
    FAILED = "failed",
    PENDING = "pending",
    NOT_CHECKED = "not checked";
  const NAMES = ["record", "sealed", "anchored", "block", "registry", "history", "recomputed"];

  const MIB = 1 << 20;
  const BOUNDS = {
    proof: 64 * MIB,
    trust: MIB,
    list: 1000,
    disclosure: MIB,
    path: 64,
    header: 4096,
    nodes: 16,
    nodeBytes: 65536,
    note: 100000,
    signatures: 100,
    entry: 65535,
    entries: 10000,
    data: 64,
    steps: 256,
    depth: 8,
    answer: 4 * MIB,
    code: 256 * 1024,
  };
  /* A question to a node is given up after so many milliseconds, and with it the node. */
  const PATIENCE = 15000;

  /* What a chain is worth is the verifier's own knowledge, never the file's: id → [name, kind]. */
  const CHAINS = {
    1: ["Ethereum", "main"],
    3: ["Ropsten", "test"],
    4: ["Rinkeby", "test"],
    5: ["Goerli", "test"],
    1337: ["local development chain", "local"],
    17000: ["Holesky", "test"],
    31337: ["local development chain", "local"],
    80001: ["Polygon Mumbai", "test"],
    80002: ["Polygon Amoy", "test"],
    84532: ["Base Sepolia", "test"],
    421614: ["Arbitrum Sepolia", "test"],
    560048: ["Hoodi", "test"],
    11155111: ["Sepolia", "test"],
    11155420: ["OP Sepolia", "test"],
    131277322940537: ["local development chain", "local"],
  };

  class Refused extends Error {
    constructor(sentence, exit = 1) {
      super(sentence);
      this.name = "Refused";
      this.exit = exit;
    }
  }

  function need(holds, sentence, exit = 1) {
    if (!holds) throw new Refused(sentence, exit);
  }

  // --- Bytes ---------------------------------------------------------------------------------------------------------

  const encoder = new TextEncoder();

  function utf8(text) {
    return encoder.encode(text);
  }

  function textOf(bytes, what) {
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      throw new Refused(`${what} is not text in UTF-8`);
    }
  }

  function join(...parts) {
    const joined = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
    let at = 0;
    for (const part of parts) {
      joined.set(part, at);
      at += part.length;
    }
    return joined;
  }

  function same(one, other) {
    if (one.length !== other.length) return false;
    for (let i = 0; i < one.length; i++) if (one[i] !== other[i]) return false;
    return true;
  }

  function hex(bytes) {
    let text = "";
    for (const byte of bytes) text += byte.toString(16).padStart(2, "0");
    return text;
  }

  function unhex(text) {
    return Uint8Array.from({ length: text.length / 2 }, (_, i) => parseInt(text.slice(2 * i, 2 * i + 2), 16));
  }

  /* A number of 0 or more as so many big-endian bytes. */
  function bigEndian(number, length) {
    return unhex(
      BigInt(number)
        .toString(16)
        .padStart(2 * length, "0"),
    );
  }

  function numberOf(bytes) {
    return bytes.length === 0 ? 0n : BigInt(`0x${hex(bytes)}`);
  }

  // --- SHA-256 and SHA-512 (FIPS 180-4), Keccak-256 ------------------------------------------------------------------

  function firstPrimes(count) {
    const primes = [];
    for (let n = 2; primes.length < count; n++) if (primes.every((p) => n % p)) primes.push(n);
    return primes;
  }

  /* The first 64 bits of the fractional part of a prime's square (2) or cube (3) root, exactly. */
  function fraction(prime, degree) {
    const target = BigInt(prime) << BigInt(64 * degree);
    let low = 0n,
      high = 1n << 70n;
    while (high - low > 1n) {
      const middle = (low + high) >> 1n;
      if (middle ** BigInt(degree) <= target) low = middle;
      else high = middle;
    }
    return low & MASK_64;
  }

  const MASK_64 = (1n << 64n) - 1n;
  const K_512 = firstPrimes(80).map((prime) => fraction(prime, 3));
  const START_512 = firstPrimes(8).map((prime) => fraction(prime, 2));
  const K_256 = Int32Array.from(K_512.slice(0, 64), (k) => Number(k >> 32n) | 0);
  const START_256 = Int32Array.from(START_512, (h) => Number(h >> 32n) | 0);

  /* The message with the padding of SHA-2: 80, zeros, its length in bits. */
  function padded(message, block, lengthBytes) {
    const total = Math.ceil((message.length + 1 + lengthBytes) / block) * block;
    const all = new Uint8Array(total);
    all.set(message);
    all[message.length] = 0x80;
    all.set(bigEndian(message.length * 8, 8), total - 8);
    return all;
  }

  function sha256(...parts) {
    const message = padded(parts.length === 1 ? parts[0] : join(...parts), 64, 8);
    const view = new DataView(message.buffer);
    const state = Int32Array.from(START_256),
      w = new Int32Array(64);
    for (let at = 0; at < message.length; at += 64) block256(view, at, state, w);
    const digest = new DataView(new ArrayBuffer(32));
    state.forEach((word, i) => digest.setInt32(4 * i, word));
    return new Uint8Array(digest.buffer);
  }

  function block256(view, at, state, w) {
    for (let i = 0; i < 16; i++) w[i] = view.getInt32(at + 4 * i);
    for (let i = 16; i < 64; i++) {
      const x = w[i - 15],
        y = w[i - 2];
      const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
      const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
      w[i] = (w[i - 16] + s0 + w[i - 7] + s1) | 0;
    }
    let a = state[0],
      b = state[1],
      c = state[2],
      d = state[3],
      e = state[4],
      f = state[5],
      g = state[6],
      h = state[7];
    for (let i = 0; i < 64; i++) {
      const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
      const t1 = (h + s1 + ((e & f) ^ (~e & g)) + K_256[i] + w[i]) | 0;
      const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
      const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g;
      g = f;
      f = e;
      e = (d + t1) | 0;
      d = c;
      c = b;
      b = a;
      a = (t1 + t2) | 0;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
    state[5] += f;
    state[6] += g;
    state[7] += h;
  }

  function sha512(...parts) {
    const message = padded(join(...parts), 128, 16);
    const view = new DataView(message.buffer);
    const state = [...START_512];
    for (let at = 0; at < message.length; at += 128) block512(view, at, state);
    return join(...state.map((word) => bigEndian(word, 8)));
  }

  function turned(x, n) {
    return (x >> n) | ((x << (64n - n)) & MASK_64);
  }

  function block512(view, at, state) {
    const w = [];
    for (let i = 0; i < 16; i++) w.push(view.getBigUint64(at + 8 * i));
    for (let i = 16; i < 80; i++) {
      const s0 = turned(w[i - 15], 1n) ^ turned(w[i - 15], 8n) ^ (w[i - 15] >> 7n);
      const s1 = turned(w[i - 2], 19n) ^ turned(w[i - 2], 61n) ^ (w[i - 2] >> 6n);
      w.push((w[i - 16] + s0 + w[i - 7] + s1) & MASK_64);
    }
    let [a, b, c, d, e, f, g, h] = state;
    for (let i = 0; i < 80; i++) {
      const t1 =
        h + (turned(e, 14n) ^ turned(e, 18n) ^ turned(e, 41n)) + ((e & f) ^ (~e & MASK_64 & g)) + K_512[i] + w[i];
      const t2 = (turned(a, 28n) ^ turned(a, 34n) ^ turned(a, 39n)) + ((a & b) ^ (a & c) ^ (b & c));
      h = g;
      g = f;
      f = e;
      e = (d + t1) & MASK_64;
      d = c;
      c = b;
      b = a;
      a = (t1 + t2) & MASK_64;
    }
    [a, b, c, d, e, f, g, h].forEach((word, i) => {
      state[i] = (state[i] + word) & MASK_64;
    });
  }

  /* Where each lane goes in ρ and π, and by how many bits; and the constants of ι: Keccak reference, §1.2. */
  const LANES = keccakLanes();
  const IOTA = keccakConstants();

  function keccakLanes() {
    const lanes = [{ from: 0, to: 0, turn: 0 }];
    for (let t = 0, x = 1, y = 0; t < 24; t++) {
      const [toX, toY] = [y, (2 * x + 3 * y) % 5];
      lanes.push({ from: x + 5 * y, to: toX + 5 * toY, turn: (((t + 1) * (t + 2)) / 2) % 64 });
      [x, y] = [toX, toY];
    }
    return lanes;
  }

  function keccakConstants() {
    const constants = new Int32Array(48);
    for (let round = 0, register = 1; round < 24; round++) {
      for (let j = 0; j < 7; j++) {
        const bit = 2 ** j - 1;
        if (register & 1) constants[2 * round + (bit >> 5)] ^= 1 << (bit & 31);
        register = register & 0x80 ? ((register << 1) ^ 0x171) & 0xff : register << 1;
      }
    }
    return constants;
  }

  /* keccak256 as Ethereum has it: rate 136 bytes, padding 01 … 80. Lane i is state[2i] (low) and state[2i + 1] (high). */
  function keccak256(message) {
    const all = new Uint8Array((Math.floor(message.length / 136) + 1) * 136);
    all.set(message);
    all[message.length] ^= 0x01;
    all[all.length - 1] ^= 0x80;
    const view = new DataView(all.buffer),
      state = new Int32Array(50),
      moved = new Int32Array(50);
    for (let at = 0; at < all.length; at += 136) {
      for (let i = 0; i < 34; i++) state[i] ^= view.getInt32(at + 4 * i, true);
      for (let round = 0; round < 24; round++) keccakRound(state, moved, round);
    }
    const digest = new DataView(new ArrayBuffer(32));
    for (let i = 0; i < 8; i++) digest.setInt32(4 * i, state[i], true);
    return new Uint8Array(digest.buffer);
  }

  const COLUMN = new Int32Array(10);

  function keccakRound(state, moved, round) {
    for (let x = 0; x < 10; x++) {
      COLUMN[x] = state[x] ^ state[x + 10] ^ state[x + 20] ^ state[x + 30] ^ state[x + 40];
    }
    for (let x = 0; x < 5; x++) {
      const left = 2 * ((x + 4) % 5),
        right = 2 * ((x + 1) % 5);
      const low = COLUMN[left] ^ ((COLUMN[right] << 1) | (COLUMN[right + 1] >>> 31));
      const high = COLUMN[left + 1] ^ ((COLUMN[right + 1] << 1) | (COLUMN[right] >>> 31));
      for (let y = 0; y < 50; y += 10) {
        state[2 * x + y] ^= low;
        state[2 * x + y + 1] ^= high;
      }
    }
    for (const { from, to, turn } of LANES) {
      const swap = turn >> 5,
        n = turn & 31;
      const low = state[2 * from + swap],
        high = state[2 * from + 1 - swap];
      moved[2 * to] = n ? (low << n) | (high >>> (32 - n)) : low;
      moved[2 * to + 1] = n ? (high << n) | (low >>> (32 - n)) : high;
    }
    for (let y = 0; y < 50; y += 10) {
      for (let x = 0; x < 10; x++)
        state[y + x] = moved[y + x] ^ (~moved[y + ((x + 2) % 10)] & moved[y + ((x + 4) % 10)]);
    }
    state[0] ^= IOTA[2 * round];
    state[1] ^= IOTA[2 * round + 1];
  }

  // --- Ed25519 (RFC 8032 §5.1.7), without the cofactor; points are [X, Y, Z, T] --------------------------------------

  const P = (1n << 255n) - 19n;
  const ORDER = (1n << 252n) + 27742317777372353535851937790883648493n;
  const D = mod(-121665n * power(121666n, P - 2n));
  const ROOT_OF_MINUS_1 = power(2n, (P - 1n) / 4n);
  const NEUTRAL = [0n, 1n, 1n, 0n];
  const BASE = pointOf(littleEndianBytes(mod(4n * power(5n, P - 2n))));

  function mod(x) {
    const rest = x % P;
    return rest < 0n ? rest + P : rest;
  }

  function power(base, exponent) {
    let result = 1n;
    for (let square = mod(base); exponent > 0n; exponent >>= 1n) {
      if (exponent & 1n) result = (result * square) % P;
      square = (square * square) % P;
    }
    return result;
  }

  function littleEndian(bytes) {
    return numberOf(Uint8Array.from(bytes).reverse());
  }

  function littleEndianBytes(number) {
    return bigEndian(number, 32).reverse();
  }

  /* The point that 32 bytes stand for; null for what is no point, or is not written in its one way. */
  function pointOf(bytes) {
    if (bytes.length !== 32) return null;
    const all = littleEndian(bytes),
      sign = all >> 255n,
      y = all & ((1n << 255n) - 1n);
    if (y >= P) return null;
    const u = mod(y * y - 1n),
      v = mod(D * y * y + 1n);
    const v3 = (v * v * v) % P;
    let x = mod(u * v3 * power(u * v3 * v3 * v, (P - 5n) / 8n));
    if (mod(v * x * x) !== u) x = mod(x * ROOT_OF_MINUS_1);
    if (mod(v * x * x) !== u || (x === 0n && sign === 1n)) return null;
    if ((x & 1n) !== sign) x = P - x;
    return [x, y, 1n, mod(x * y)];
  }

  function bytesOfPoint([x, y, z]) {
    const inverse = power(z, P - 2n);
    return littleEndianBytes(mod(y * inverse) | ((mod(x * inverse) & 1n) << 255n));
  }

  function sum([x1, y1, z1, t1], [x2, y2, z2, t2]) {
    const a = ((y1 - x1) * (y2 - x2)) % P,
      b = ((y1 + x1) * (y2 + x2)) % P;
    const c = (2n * D * ((t1 * t2) % P)) % P,
      d = (2n * z1 * z2) % P;
    const e = b - a,
      f = d - c,
      g = d + c,
      h = b + a;
    return [(e * f) % P, (g * h) % P, (f * g) % P, (e * h) % P];
  }

  function twice([x, y, z]) {
    const a = (x * x) % P,
      b = (y * y) % P,
      c = (2n * z * z) % P,
      h = a + b;
    const e = h - (((x + y) * (x + y)) % P),
      g = a - b,
      f = c + g;
    return [(e * f) % P, (g * h) % P, (f * g) % P, (e * h) % P];
  }

  function isNeutral([x, y, z]) {
    return mod(x) === 0n && mod(y - z) === 0n;
  }

  /* The point of a key that a signature can be believed under: canonical, not of small order; else null. */
  function keyPoint(bytes) {
    const point = pointOf(bytes);
    return point === null || isNeutral(twice(twice(twice(point)))) ? null : point;
  }

  function ed25519(publicKey, message, signature) {
    const point = keyPoint(publicKey);
    if (signature.length !== 64 || point === null) return false;
    const r = signature.slice(0, 32),
      s = littleEndian(signature.slice(32));
    if (s >= ORDER) return false;
    const k = littleEndian(sha512(r, publicKey, message)) % ORDER;
    const [x, y, z, t] = point,
      minus = [P - x, y, z, P - t],
      both = sum(BASE, minus);
    let result = NEUTRAL;
    for (let bit = 252n; bit >= 0n; bit--) {
      result = twice(result);
      const ofS = (s >> bit) & 1n,
        ofK = (k >> bit) & 1n;
      if (ofS && ofK) result = sum(result, both);
      else if (ofS) result = sum(result, BASE);
      else if (ofK) result = sum(result, minus);
    }
    return same(bytesOfPoint(result), r);
  }

  // --- Encodings (§1): one for each value ----------------------------------------------------------------------------

  const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  const STANDARD = digitTable(`${DIGITS}+/`),
    URL_SAFE = digitTable(`${DIGITS}-_`);

  function digitTable(digits) {
    const table = new Int16Array(128).fill(-1);
    for (let i = 0; i < 64; i++) table[digits.charCodeAt(i)] = i;
    return table;
  }

  /* null for what is not the one encoding of some bytes. */
  function decode64(text, table) {
    if (text.length % 4 === 1) return null;
    const bytes = new Uint8Array(Math.floor((text.length * 3) / 4));
    let held = 0,
      bits = 0,
      at = 0;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i),
        digit = code < 128 ? table[code] : -1;
      if (digit < 0) return null;
      held = ((held << 6) | digit) & 0xfff;
      bits += 6;
      if (bits >= 8) {
        bits -= 8;
        bytes[at++] = (held >> bits) & 0xff;
      }
    }
    return held & ((1 << bits) - 1) ? null : bytes;
  }

  function base64(text, what, length = null) {
    need(typeof text === "string", `${what} is not a text`);
    const end = text.endsWith("==") ? text.length - 2 : text.endsWith("=") ? text.length - 1 : text.length;
    const bytes = text.length % 4 ? null : decode64(text.slice(0, end), STANDARD);
    need(bytes !== null && (length === null || bytes.length === length), `${what} is not base64 as it must be`);
    return bytes;
  }

  function base64url(text, what, length = null) {
    const bytes = typeof text === "string" ? decode64(text, URL_SAFE) : null;
    need(bytes !== null && (length === null || bytes.length === length), `${what} is not base64url as it must be`);
    return bytes;
  }

  function hexText(text, what, length) {
    need(
      typeof text === "string" && text.length === 2 * length && /^[0-9a-f]*$/.test(text),
      `${what} is not ${length} bytes in hexadecimal digits`,
    );
    return unhex(text);
  }

  function prefixedHex(text, what, length) {
    need(typeof text === "string" && text.startsWith("0x"), `${what} does not begin with 0x`);
    return hexText(text.slice(2), what, length);
  }

  function integer(value, what, least = 0) {
    need(typeof value === "number" && value >= least, `${what} is not an integer of ${least} or more`);
    return value;
  }

  function isUuid(text) {
    return typeof text === "string" && /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text);
  }

  /* A name of a key or of a log: no white space, no plus, nothing that a note could not hold. */
  function isName(text) {
    return typeof text === "string" && text !== "" && !/[\s\u0000-\u001f\u007f\u0085+]/.test(text);
  }

  /* A time of §1 as microseconds since 1970. */
  function time(text, what) {
    const parts =
      typeof text === "string"
        ? /^([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})\.([0-9]{6})Z$/.exec(text)
        : null;
    need(
      parts !== null && parts[0].length === text.length,
      `${what} is not a time such as 2026-11-23T16:34:30.271253Z`,
    );
    const [year, month, day, hour, minute, second, micros] = parts.slice(1).map(Number);
    const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
    const days = [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1];
    need(
      year >= 1 && days !== undefined && day >= 1 && day <= days && hour < 24 && minute < 60 && second < 60,
      `${what} is a time that no calendar has`,
    );
    const date = new Date(0);
    date.setUTCFullYear(year, month - 1, day);
    date.setUTCHours(hour, minute, second, 0);
    return BigInt(date.getTime()) * 1000n + BigInt(micros);
  }

  // --- Canonical JSON (§1) -------------------------------------------------------------------------------------------

  const SHORT = { '"': '"', "\\": "\\", b: "\b", t: "\t", n: "\n", f: "\f", r: "\r" };

  /* Reads only what is written in the one canonical way, so that nothing has two readings. */
  class Reader {
    constructor(text, what) {
      this.text = text;
      this.what = what;
      this.at = 0;
    }

    wrong(why) {
      return new Refused(`${this.what} is not canonical JSON: ${why}, at character ${this.at}`);
    }

    take(character) {
      if (this.text[this.at] !== character) throw this.wrong(`${JSON.stringify(character)} is missing`);
      this.at++;
    }

    has(character) {
      if (this.text[this.at] !== character) return false;
      this.at++;
      return true;
    }

    document() {
      const value = this.value(1);
      if (this.at !== this.text.length) throw this.wrong("something follows its end");
      return value;
    }

    value(depth) {
      const first = this.text[this.at];
      if (first === "{" || first === "[") {
        if (depth > BOUNDS.depth) throw this.wrong(`it is nested more than ${BOUNDS.depth} deep`);
        this.at++;
        return first === "{" ? this.object(depth) : this.array(depth);
      }
      if (first === '"') return this.string();
      for (const [word, value] of [
        ["true", true],
        ["false", false],
        ["null", null],
      ]) {
        if (this.text.startsWith(word, this.at)) {
          this.at += word.length;
          return value;
        }
      }
      return this.integer();
    }

    object(depth) {
      const members = Object.create(null);
      if (this.has("}")) return members;
      let before = null;
      do {
        const key = this.string();
        // eslint-disable-next-line no-control-regex
        if (!/^[\u0000-\u007f]*$/.test(key)) throw this.wrong("a key is not ASCII");
        if (before !== null && !(key > before)) throw this.wrong("keys are not sorted, or stand twice");
        this.take(":");
        members[key] = this.value(depth + 1);
        before = key;
      } while (this.has(","));
      this.take("}");
      return members;
    }

    array(depth) {
      const items = [];
      if (this.has("]")) return items;
      do items.push(this.value(depth + 1));
      while (this.has(","));
      this.take("]");
      return items;
    }

    string() {
      this.take('"');
      let from = this.at,
        read = "";
      for (;;) {
        const code = this.text.charCodeAt(this.at);
        if (Number.isNaN(code)) throw this.wrong("a text does not end");
        if (code < 0x20) throw this.wrong("a text holds a control character");
        if (code === 0x22) break;
        if (code !== 0x5c) {
          this.at++;
          continue;
        }
        read += this.text.slice(from, this.at) + this.escape();
        from = this.at;
      }
      read += this.text.slice(from, this.at++);
      return read;
    }

    escape() {
      const letter = this.text[this.at + 1];
      if (letter !== undefined && Object.hasOwn(SHORT, letter)) {
        this.at += 2;
        return SHORT[letter];
      }
      const digits = this.text.slice(this.at + 1, this.at + 6);
      const character = String.fromCharCode(parseInt(digits.slice(1), 16));
      if (!/^u00[01][0-9a-f]$/.test(digits) || "\b\t\n\f\r".includes(character)) {
        throw this.wrong("an escape is none of the permitted ones");
      }
      this.at += 6;
      return character;
    }

    integer() {
      const pattern = /(?:0|-?[1-9][0-9]{0,15})(?![0-9.eE])/y;
      pattern.lastIndex = this.at;
      const found = pattern.exec(this.text);
      const number = found ? Number(found[0]) : NaN;
      if (!Number.isSafeInteger(number)) throw this.wrong("there is something that is no permitted value");
      this.at = pattern.lastIndex;
      return number;
    }
  }

  function canonical(value) {
    if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
    if (value === null || typeof value !== "object") return JSON.stringify(value);
    const members = Object.keys(value)
      .sort()
      .map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`);
    return `{${members.join(",")}}`;
  }

  function parse(text, what) {
    const value = new Reader(text, what).document();
    need(canonical(value) === text, `${what} is not canonical JSON: it would be written otherwise`);
    return value;
  }

  function isObject(value) {
    return value !== null && typeof value === "object" && !Array.isArray(value);
  }

  /* The object, if it has exactly the members that it must and may have. */
  function members(value, what, required, optional = []) {
    need(isObject(value), `${what} is not an object`);
    for (const name of required) need(name in value, `${what} lacks "${name}"`);
    for (const name of Object.keys(value)) {
      need(required.includes(name) || optional.includes(name), `${what} has the unknown member ${quoted(name)}`);
    }
    return value;
  }

  function list(value, what, most, least = 0) {
    const size = most === Infinity ? "" : ` of ${least} to ${most} items`;
    need(Array.isArray(value) && value.length >= least && value.length <= most, `${what} is not a list${size}`);
    return value;
  }

  // --- Signed notes, keys, checkpoints (§3) --------------------------------------------------------------------------

  const SIGNED = 1,
    COSIGNED = 4;

  function keyId(name, type, publicKey) {
    return hex(sha256(utf8(name), Uint8Array.of(0x0a, type), publicKey).slice(0, 4));
  }

  /* <name>+<key id>+<base64(type ‖ public key)> */
  function readKey(text, type, what) {
    need(typeof text === "string", `${what} is not a text`);
    const [name, id] = text.split("+", 2),
      blob = text.slice(`${name}+${id}+`.length);
    need(isName(name) && id !== undefined, `${what} is not a verifier key`);
    const bytes = base64(blob, what, 33),
      publicKey = bytes.slice(1);
    need(bytes[0] === type, `${what} is of another type than ${type}`);
    need(id === keyId(name, type, publicKey), `${what} has another key id than its bytes`);
    need(keyPoint(publicKey) !== null, `${what} is a key under which no signature can be believed`);
    return { name, id, publicKey, label: `${name}+${id}` };
  }

  function readNote(text, what) {
    // eslint-disable-next-line no-control-regex
    need(!/[\u0000-\u0009\u000b-\u001f]/.test(text), `${what} holds a control character`);
    need(utf8(text).length <= BOUNDS.note, `${what} is longer than ${BOUNDS.note} bytes`);
    const cut = text.lastIndexOf("\n\n");
    need(cut >= 0 && text.endsWith("\n") && cut + 2 < text.length, `${what} is not a signed note`);
    const lines = text.slice(cut + 2, -1).split("\n");
    need(lines.length <= BOUNDS.signatures, `${what} has more than ${BOUNDS.signatures} signatures`);
    return { text: text.slice(0, cut + 1), signatures: lines.map((line) => readSignature(line, what)) };
  }

  function readSignature(line, what) {
    const parts = line.split(" ");
    need(parts.length === 3 && parts[0] === "\u2014" && isName(parts[1]), `${what} has a malformed signature line`);
    const blob = base64(parts[2], `a signature line of ${what}`);
    need(blob.length > 4, `${what} has a signature line without a signature`);
    return { name: parts[1], id: hex(blob.slice(0, 4)), blob: blob.slice(4) };
  }

  /* Which of the keys signed well and which wrongly; lines of other keys are nobody's. */
  function judge(note, keys, isGood) {
    const good = [],
      wrong = [];
    for (const signature of note.signatures) {
      const key = keys.find(({ name, id }) => name === signature.name && id === signature.id);
      if (key) (isGood(key, note.text, signature.blob) ? good : wrong).push({ key, blob: signature.blob });
    }
    return { good, wrong };
  }

  function isSignature(key, text, blob) {
    return ed25519(key.publicKey, utf8(text), blob);
  }

  /* cosignature/v1: u64(time) ‖ signature over the time and the checkpoint's text. */
  function isCosignature(key, text, blob) {
    if (blob.length !== 72) return false;
    const message = `cosignature/v1\ntime ${numberOf(blob.slice(0, 8))}\n${text}`;
    return ed25519(key.publicKey, utf8(message), blob.slice(8));
  }

  function readCheckpoint(text) {
    need(typeof text === "string", "the checkpoint is not a text");
    const note = readNote(text, "the checkpoint");
    const [origin, size, root, ...rest] = note.text.split("\n");
    need(rest.length === 1 && rest[0] === "" && origin !== "", "the checkpoint does not have three lines");
    need(/^(?:0|[1-9][0-9]{0,18})$/.test(size) && BigInt(size) < 1n << 63n, "the checkpoint's size is not a number");
    return { ...note, origin, size: BigInt(size), root: base64(root, "the checkpoint's root", 32) };
  }

  // --- Trust file (§5) -----------------------------------------------------------------------------------------------

  function readTrust(bytes) {
    try {
      return trustOf(bytes);
    } catch (error) {
      if (error instanceof Refused) throw new Refused(`trust.json cannot be used: ${error.message}.`, 2);
      throw error;
    }
  }

  function trustOf(bytes) {
    need(bytes.length <= BOUNDS.trust, "it is larger than 1 MiB");
    const document = members(parse(textOf(bytes, "it"), "it"), "it", ["format", "versions"]);
    need(document.format === "trust/v1", "it is not of the format trust/v1");
    let before = null;
    const fingerprints = [];
    for (const version of list(document.versions, "versions", BOUNDS.list, 1)) {
      before = readVersion(version, before);
      fingerprints.push(before.fingerprint);
    }
    return { ...before, fingerprints };
  }

  function readVersion(value, before) {
    const { signature, statement } = members(value, "a version", ["signature", "statement"]);
    const number = before ? before.version + 1 : 1,
      what = `version ${number}`;
    const read = readStatement(statement, what);
    need(read.version === number, `the version that should be number ${number} is not`);
    need(read.previous === (before ? before.fingerprint : ""), `${what} does not follow from the one before`);
    need(!before || read.origin === before.origin, `${what} has another origin`);
    const message = canonical(statement),
      signer = (before || read).logKeys[0];
    need(
      ed25519(signer.publicKey, utf8(`trust/v1\n${message}`), base64(signature, "a signature", 64)),
      `the signature of ${what} is not by the first log key of ${before ? "the version before" : "that version"}`,
    );
    return { ...read, fingerprint: hex(sha256(utf8(message))) };
  }

  function readStatement(value, what) {
    const names = ["auditors", "log_keys", "origin", "previous", "receipt_keys", "registrations", "version"];
    const statement = members(value, what, names);
    const origin = statement.origin;
    need(isName(origin), `the origin of ${what} is not a name`);
    const logKeys = list(statement.log_keys, "log_keys", BOUNDS.list, 1).map((item) => readLogKey(item, origin));
    const receiptKeys = list(statement.receipt_keys, "receipt_keys", BOUNDS.list).map((text) => {
      const key = readKey(text, SIGNED, "a receipt key");
      need(key.name === `${origin}/receipt`, "a receipt key has another name");
      return key;
    });
    const others = [...logKeys, ...receiptKeys];
    const auditors = list(statement.auditors, "auditors", BOUNDS.list).map((text) => {
      const key = readKey(text, COSIGNED, "an auditor's key");
      need(!others.some(({ publicKey }) => same(publicKey, key.publicKey)), "an auditor has a key of the log itself");
      return key;
    });
    const registrations = list(statement.registrations, "registrations", BOUNDS.list).map(readRegistration);
    const { version, previous } = statement;
    return {
      version: integer(version, "a version's number", 1),
      previous,
      origin,
      logKeys,
      receiptKeys,
      auditors,
      registrations,
    };
  }

  function readLogKey(value, origin) {
    const item = members(value, "a log key", ["from", "key"], ["until"]);
    const key = readKey(item.key, SIGNED, "a log key");
    need(key.name === origin, "a log key has another name than the origin");
    const from = integer(item.from, "the start of a log key");
    const until = "until" in item ? integer(item.until, "the end of a log key", from + 1) : Infinity;
    return { ...key, from, until };
  }

  function readRegistration(value) {
    const item = members(value, "a registration", ["chain_id", "code_hash", "contract", "genesis", "log_id"]);
    integer(item.chain_id, "a registration's chain_id", 1);
    prefixedHex(item.contract, "a registration's contract", 20);
    for (const name of ["code_hash", "genesis", "log_id"]) prefixedHex(item[name], `a registration's ${name}`, 32);
    return item;
  }

  /* The reader's own fingerprint, in any spacing and case; it must be that of a version in the file. */
  function needFingerprint(trust, given) {
    const text = String(given).replace(/\s/g, "").toLowerCase();
    need(
      /^[0-9a-f]{64}$/.test(text),
      "The fingerprint is not complete: it has 64 characters from 0 to 9 and a to f.",
      2,
    );
    need(
      trust.fingerprints.includes(text),
      "This trust.json does not hold the version whose fingerprint you gave: do not use it.",
      2,
    );
  }

  // --- Entries and disclosures (§2) ----------------------------------------------------------------------------------

  const FIELD = /^[a-z][a-z0-9_.-]{0,199}$/;

  function subjectOf(type, id) {
    return sha256(utf8(`subject/v1\u0000${type}\u0000${id}`));
  }

  function leafHash(bytes) {
    return sha256(Uint8Array.of(0), bytes);
  }

  function readEntry(text) {
    need(typeof text === "string", "an entry is not a text");
    const bytes = utf8(text);
    need(bytes.length <= BOUNDS.entry, `an entry is longer than ${BOUNDS.entry} bytes`);
    const value = parse(text, "an entry"),
      isLog = isObject(value) && String(value.kind).startsWith("log.");
    members(value, "an entry", ["at", "id", "kind", "subject", "v", isLog ? "data" : "fields"]);
    need(value.v === 1, "an entry is not of version 1");
    need(isUuid(value.id), "an entry's id is not a uuid");
    need(typeof value.kind === "string" && /^[a-z]+(?:\.[a-z_]+)+$/.test(value.kind), "an entry's kind is malformed");
    const shared = {
      ...value,
      isLog,
      leaf: leafHash(bytes),
      micros: time(value.at, "an entry's time"),
      subject: hexText(value.subject, "an entry's subject", 32),
    };
    return isLog
      ? { ...shared, data: readData(value.data), fields: {} }
      : { ...shared, fields: readFields(value.fields) };
  }

  function readFields(value) {
    need(isObject(value) && Object.keys(value).length > 0, "an entry has no fields");
    const digests = Object.create(null);
    for (const [name, digest] of Object.entries(value)) {
      need(FIELD.test(name), `${quoted(name)} is not the name of a field`);
      digests[name] = base64url(digest, "a field's digest", 32);
    }
    return digests;
  }

  function readData(value) {
    need(
      isObject(value) && Object.keys(value).length <= BOUNDS.data,
      "an entry's data is not an object of 64 members at most",
    );
    for (const item of Object.values(value)) {
      need(typeof item === "string" || typeof item === "number", "an entry's data holds more than texts and integers");
    }
    return value;
  }

  function readDisclosure(text) {
    need(typeof text === "string" && text.length <= BOUNDS.disclosure, "a disclosure is not a text of 1 MiB at most");
    const value = parse(textOf(base64url(text, "a disclosure"), "a disclosure"), "a disclosure");
    need(Array.isArray(value) && value.length === 3, "a disclosure is not a list of salt, name and value");
    const [salt, name, shown] = value;
    base64url(salt, "a disclosure's salt", 16);
    need(typeof name === "string" && FIELD.test(name), "a disclosure's name is not the name of a field");
    need(shown === null || typeof shown !== "object", "a disclosure's value is a list or an object");
    return { name, value: shown, digest: sha256(utf8(text)) };
  }

  // --- Proof of record (§7) ------------------------------------------------------------------------------------------

  function readProof(bytes) {
    const text = textOf(bytes, "the file");
    const document = members(
      parse(text, "the file"),
      "the file",
      ["format", "checksum", "entries"],
      ["checkpoint", "anchor", "history", "not_before"],
    );
    need(document.format === "proof-of-record/v1", "the file is not of the format proof-of-record/v1");
    const { checksum, ...rest } = document;
    need(
      same(sha256(utf8(canonical(rest))), hexText(checksum, "the checksum", 32)),
      "the file was changed or damaged on its way: its checksum is another",
    );
    const entries = list(document.entries, "entries", BOUNDS.entries, "history" in document ? 0 : 1).map(readItem);
    needOrder(entries);
    const proof = { entries, checkpoint: null, anchor: null, history: null, notBefore: null };
    need(
      "checkpoint" in document === ("history" in document || entries.some(({ index }) => index !== null)),
      "the checkpoint is there without anything under it, or is missing",
    );
    if ("checkpoint" in document) proof.checkpoint = readCheckpoint(document.checkpoint);
    if ("anchor" in document) {
      need(proof.checkpoint, "the anchor is there without a checkpoint");
      proof.anchor = readAnchor(document.anchor);
    }
    if ("history" in document) proof.history = readHistory(document.history, entries);
    if ("not_before" in document) proof.notBefore = readNotBefore(document.not_before, entries);
    return proof;
  }

  function readItem(value) {
    const item = members(value, "an item of entries", ["disclosures", "entry"], ["index", "path"]);
    need("index" in item === "path" in item, "an entry has an index without a path, or a path without an index");
    const disclosures = list(item.disclosures, "disclosures", Infinity).map(readDisclosure);
    for (let i = 1; i < disclosures.length; i++) {
      need(disclosures[i].name > disclosures[i - 1].name, "disclosures are not sorted by field name, or stand twice");
    }
    const place = "index" in item ? readPlace(item) : { index: null, path: null };
    return { entry: readEntry(item.entry), disclosures, ...place };
  }

  function readPlace(item) {
    const path = list(item.path, "a path", BOUNDS.path).map((hash) => base64(hash, "a hash of a path", 32));
    return { index: integer(item.index, "an index"), path };
  }

  function needOrder(items) {
    for (let i = 1; i < items.length; i++) {
      const before = items[i - 1].entry,
        entry = items[i].entry;
      need(
        before.at < entry.at || (before.at === entry.at && before.id < entry.id),
        "the entries are not in their order, or one stands twice",
      );
    }
  }

  function readAnchor(value) {
    need(isObject(value) && typeof value.format === "string", "the anchor does not say its format");
    if (value.format === "eth-locator/v1") return readLocator(value);
    if (value.format === "eth-receipt-mpt/v1") return readEvent(value);
    need(/^[a-z0-9-]{1,40}\/v[1-9][0-9]{0,3}$/.test(value.format), "the anchor's format is not written as formats are");
    return { kind: "unknown", format: value.format };
  }

  function readLocator(value) {
    const anchor = members(value, "the anchor", [
      "block_hash",
      "block_number",
      "chain_id",
      "contract",
      "format",
      "log_id",
      "transaction",
    ]);
    integer(anchor.chain_id, "the anchor's chain_id", 1);
    integer(anchor.block_number, "the anchor's block_number");
    prefixedHex(anchor.contract, "the anchor's contract", 20);
    for (const name of ["block_hash", "log_id", "transaction"]) prefixedHex(anchor[name], `the anchor's ${name}`, 32);
    return { ...anchor, kind: "locator" };
  }

  function readEvent(value) {
    const anchor = members(value, "the anchor", [
      "chain_id",
      "contract",
      "format",
      "header_rlp",
      "log_id",
      "log_index",
      "receipt_nodes",
      "transaction_index",
    ]);
    integer(anchor.chain_id, "the anchor's chain_id", 1);
    prefixedHex(anchor.contract, "the anchor's contract", 20);
    prefixedHex(anchor.log_id, "the anchor's log_id", 32);
    integer(anchor.log_index, "the anchor's log_index");
    integer(anchor.transaction_index, "the anchor's transaction_index");
    const header = base64(anchor.header_rlp, "the block's header");
    need(header.length >= 1 && header.length <= BOUNDS.header, "the block's header is not of 1 to 4,096 bytes");
    const nodes = list(anchor.receipt_nodes, "receipt_nodes", BOUNDS.nodes, 1).map((node) => base64(node, "a node"));
    need(
      nodes.every((node) => node.length > 0),
      "a node is empty",
    );
    need(
      nodes.reduce((total, node) => total + node.length, 0) <= BOUNDS.nodeBytes,
      "the nodes are more than 65,536 bytes",
    );
    return { ...anchor, kind: "event", header, nodes };
  }

  // --- History and lower bound (§10, §11) ----------------------------------------------------------------------------

  function readState(value, what) {
    const state = members(value, what, ["entry", "index", "path"]);
    const entry = readEntry(state.entry);
    need(entry.kind === "log.state", `${what} is not a state entry`);
    const blockNames = ["block_hash", "block_number", "chain_id"];
    const hasBlock = blockNames.some((name) => name in entry.data);
    const data = members(entry.data, what, ["map_root", "size", "subjects", ...(hasBlock ? blockNames : [])]);
    const read = {
      entry,
      ...readPlace(state),
      size: integer(data.size, `the size in ${what}`),
      block: null,
      subjects: integer(data.subjects, `subjects in ${what}`),
      mapRoot: hexText(data.map_root, `map_root in ${what}`, 32),
    };
    if (hasBlock) read.block = readStateBlock(data, what);
    return read;
  }

  function readStateBlock(data, what) {
    prefixedHex(data.block_hash, `block_hash in ${what}`, 32);
    return {
      hash: data.block_hash,
      number: integer(data.block_number, `block_number in ${what}`),
      chainId: integer(data.chain_id, `chain_id in ${what}`, 1),
    };
  }

  function readHistory(value, entries) {
    const history = members(value, "history", ["path", "state"], ["leaf"]);
    const indices = new Set(entries.map(({ index }) => index));
    need(!indices.has(null), "an entry of a history has no index");
    need(indices.size === entries.length, "two entries of a history have the same index");
    const path = list(history.path, "the path of the history", BOUNDS.steps).map(readStep);
    for (let i = 1; i < path.length; i++) {
      need(path[i].position < path[i - 1].position, "the positions of the history's path do not fall");
    }
    const leaf = "leaf" in history ? readMapLeaf(history.leaf) : null;
    need(leaf || path.length === 0, "the history has a path without a leaf");
    return { state: readState(history.state, "the state of the history"), leaf, path };
  }

  function readStep(value) {
    const step = members(value, "a step of the history's path", ["position", "sibling"]);
    need(integer(step.position, "a position") <= 255, "a position is above 255");
    return { position: step.position, sibling: base64(step.sibling, "a sibling", 32) };
  }

  function readMapLeaf(value) {
    const leaf = members(value, "the leaf of the history", ["count", "last", "mini_root", "subject"]);
    return {
      count: integer(leaf.count, "the leaf's count", 1),
      last: integer(leaf.last, "the leaf's last"),
      miniRoot: hexText(leaf.mini_root, "the leaf's mini_root", 32),
      subject: hexText(leaf.subject, "the leaf's subject", 32),
    };
  }

  function readNotBefore(value, entries) {
    const bound = readState(value, "not_before"),
      sealed = entries.filter(({ index }) => index !== null);
    need(bound.block, "not_before names no block");
    need(
      sealed.length > 0 && sealed.every(({ index }) => index > bound.index),
      "not_before is not before every entry of the file",
    );
    return bound;
  }

  // --- Merkle trees (§3) and the map (§10) ---------------------------------------------------------------------------

  function node(left, right) {
    return sha256(Uint8Array.of(1), left, right);
  }

  /* RFC 9162 §2.1.3.2: whether exactly these hashes lead from the leaf at the index to the root. */
  function isIncluded(leaf, index, path, size, root) {
    let first = BigInt(index),
      last = size - 1n,
      hash = leaf;
    if (first > last) return false;
    for (const step of path) {
      if (last === 0n) return false;
      if (first & 1n || first === last) {
        hash = node(step, hash);
        while (!(first & 1n) && first !== 0n) {
          first >>= 1n;
          last >>= 1n;
        }
      } else hash = node(hash, step);
      first >>= 1n;
      last >>= 1n;
    }
    return last === 0n && same(hash, root);
  }

  function isUnder(place, checkpoint) {
    return isIncluded(place.entry.leaf, place.index, place.path, checkpoint.size, checkpoint.root);
  }

  /* RFC 9162 §2.1.1 over hashes of leaves, of which there is at least one. */
  function treeRoot(hashes) {
    if (hashes.length === 1) return hashes[0];
    let cut = 1;
    while (2 * cut < hashes.length) cut *= 2;
    return node(treeRoot(hashes.slice(0, cut)), treeRoot(hashes.slice(cut)));
  }

  function miniRoot(items) {
    const sorted = [...items].sort((one, other) => one.index - other.index);
    return treeRoot(sorted.map(({ index, entry }) => leafHash(join(bigEndian(index, 8), entry.leaf))));
  }

  function bitOf(subject, position) {
    return (subject[position >> 3] >> (7 - (position & 7))) & 1;
  }

  function mapRoot(leaf, path) {
    let hash = sha256(Uint8Array.of(0), leaf.subject, bigEndian(leaf.count, 8), bigEndian(leaf.last, 8), leaf.miniRoot);
    for (const { position, sibling } of path) {
      const pair = bitOf(leaf.subject, position) ? [sibling, hash] : [hash, sibling];
      hash = sha256(Uint8Array.of(1), bigEndian(position, 2), ...pair);
    }
    return hash;
  }

  // --- RLP, receipts trie, event (§7) --------------------------------------------------------------------------------

  /* One strict decoding of all the bytes: {bytes} for a string, {items, raw} for a list. */
  function rlp(bytes) {
    const [item, end] = rlpItem(bytes, 0, bytes.length, 1);
    need(end === bytes.length, "its RLP goes on after its end");
    return item;
  }

  function rlpItem(bytes, at, end, depth) {
    need(at < end, "its RLP ends too early");
    const first = bytes[at];
    if (first < 0x80) return [{ bytes: bytes.subarray(at, at + 1) }, at + 1];
    const isList = first >= 0xc0,
      [from, length] = rlpLength(bytes, at, end, first - (isList ? 0xc0 : 0x80));
    need(length <= end - from, "an item of its RLP is longer than what holds it");
    const to = from + length;
    if (!isList) {
      need(length !== 1 || bytes[from] >= 0x80, "its RLP writes one byte in two");
      return [{ bytes: bytes.subarray(from, to) }, to];
    }
    need(depth <= BOUNDS.depth, "its RLP is nested more than 8 deep");
    const items = [];
    for (let place = from, item; place < to;) {
      [item, place] = rlpItem(bytes, place, to, depth + 1);
      items.push(item);
    }
    return [{ items, raw: bytes.subarray(at, to) }, to];
  }

  /* Where an item's content begins and how long it is; `code` is its first byte less 0x80 or 0xc0. */
  function rlpLength(bytes, at, end, code) {
    if (code <= 55) return [at + 1, code];
    const from = at + 1 + code - 55;
    need(from <= end && bytes[at + 1] !== 0, "a length in its RLP is cut off or begins with zero");
    const length = Number(numberOf(bytes.subarray(at + 1, from)));
    need(length >= 56, "a length in its RLP is written longer than it must be");
    return [from, length];
  }

  function rlpInteger(item, what) {
    need(item.bytes && item.bytes.length <= 8 && item.bytes[0] !== 0, `${what} is not an integer`);
    return numberOf(item.bytes);
  }

  function isBytes(item, length) {
    return item.bytes !== undefined && item.bytes.length === length;
  }

  function readHeader(bytes) {
    const { items } = rlp(bytes);
    need(items && items.length >= 15, "it has fewer items than a block's header");
    need(isBytes(items[5], 32), "its receipts root is not a hash");
    return {
      hash: `0x${hex(keccak256(bytes))}`,
      receiptsRoot: items[5].bytes,
      number: rlpInteger(items[8], "its number"),
      time: rlpInteger(items[11], "its time"),
    };
  }

  function nibbles(bytes) {
    return [...bytes].flatMap((byte) => [byte >> 4, byte & 15]);
  }

  /* The key under which a transaction's receipt lies: the RLP of its index. */
  function trieKey(index) {
    if (index === 0) return nibbles([0x80]);
    const digits = index.toString(16),
      bytes = unhex(digits.padStart(digits.length + (digits.length % 2), "0"));
    return nibbles(bytes.length === 1 && bytes[0] < 0x80 ? bytes : [0x80 + bytes.length, ...bytes]);
  }

  /* The bytes of the receipt to which the nodes lead, each of them used. */
  function walk(receiptsRoot, nodes, index) {
    let key = trieKey(index),
      used = 0;
    const next = (hash) => {
      need(used < nodes.length, "a node is missing on the way to the receipt");
      need(same(keccak256(nodes[used]), hash), "a node is not the one that the hash above it names");
      return rlp(nodes[used++]);
    };
    for (let current = next(receiptsRoot); ;) {
      const step = walkStep(current, key);
      if (step.receipt) {
        need(used === nodes.length, "there are more nodes than the way to the receipt has");
        return step.receipt;
      }
      key = step.key;
      current = step.child.items ? shortNode(step.child) : next(wholeHash(step.child));
    }
  }

  function shortNode(child) {
    need(child.raw.length < 32, "a node stands inside another though it is long enough for a hash");
    return child;
  }

  function wholeHash(child) {
    need(isBytes(child, 32), "a node names no child where the way goes on");
    return child.bytes;
  }

  function walkStep(current, key) {
    const { items } = current;
    need(items && (items.length === 17 || items.length === 2), "a node is neither a branch nor a leaf");
    if (items.length === 17) {
      need(key.length > 0, "the way ends in a branch");
      return { child: items[key[0]], key: key.slice(1) };
    }
    need(items[0].bytes && items[0].bytes.length > 0, "a node has no path");
    const [flag, second, ...rest] = nibbles(items[0].bytes);
    need(flag <= 3 && (flag & 1 || second === 0), "a node's path is not written as paths are");
    const path = flag & 1 ? [second, ...rest] : rest;
    need(
      path.length <= key.length && path.every((nibble, i) => nibble === key[i]),
      "the way leads to another transaction",
    );
    const left = key.slice(path.length);
    if (flag < 2) {
      need(path.length > 0, "an extension has an empty path");
      return { child: items[1], key: left };
    }
    need(left.length === 0 && items[1].bytes, "the way does not end at a receipt");
    return { receipt: items[1].bytes };
  }

  /* The receipt's logs; null for a type of transaction that is not known here. */
  function logsOf(receipt) {
    const first = receipt[0];
    need(first !== undefined && (first < 0x80 || first >= 0xc0), "the receipt is no receipt");
    if (first === 0 || (first > 4 && first < 0x80)) return null;
    const { items } = rlp(first < 0x80 ? receipt.subarray(1) : receipt);
    need(items && items.length >= 4, "the receipt has fewer items than a receipt");
    need(isBytes(items[0], 1) && items[0].bytes[0] === 1, "the transaction did not succeed");
    need(items[3].items, "the receipt holds no list of logs");
    return items[3].items;
  }

  const ANCHORED = keccak256(utf8("Anchored(bytes32,uint256,bytes32,uint256,bytes32)"));

  function needAnchored(log, anchor, checkpoint) {
    need(log && log.items && log.items.length === 3, "there is no event at that place of the receipt");
    const [address, topics, data] = log.items;
    need(
      isBytes(address, 20) && same(address.bytes, unhex(anchor.contract.slice(2))),
      "the event is of another contract",
    );
    need(
      topics.items && topics.items.length === 3 && topics.items.every((topic) => isBytes(topic, 32)),
      "the event does not have three topics",
    );
    const [event, logId, size] = topics.items.map((topic) => topic.bytes);
    need(same(event, ANCHORED), "it is another event than the registry's");
    need(same(logId, unhex(anchor.log_id.slice(2))), "the event is of another log");
    need(isBytes(data, 96), "the event's data is not of 96 bytes");
    need(
      numberOf(size) === checkpoint.size && same(data.bytes.subarray(0, 32), checkpoint.root),
      "the event is of another size or root than the checkpoint",
    );
  }

  // --- A node of the reader's choice (JSON-RPC) ----------------------------------------------------------------------

  /* Answers are undefined where the node refuses, is silent or talks nonsense: that speaks for nothing. */
  class Node {
    constructor(address) {
      this.url = nodeAddress(address);
      this.host = this.url.host;
      this.silent = false;
      this.answers = new Map();
    }

    async ask(method, ...params) {
      const question = JSON.stringify([method, params]);
      if (!this.answers.has(question)) this.answers.set(question, await this.fetch(method, params));
      return this.answers.get(question);
    }

    async fetch(method, params) {
      if (this.silent) return undefined;
      const patience = new AbortController(),
        timer = setTimeout(() => patience.abort(), PATIENCE);
      try {
        const answer = JSON.parse(await this.body(JSON.stringify({ id: 1, jsonrpc: "2.0", method, params }), patience));
        return isObject(answer) && answer.id === 1 && !("error" in answer) ? answer.result : undefined;
      } catch (error) {
        // JSON.parse alone says SyntaxError: the node is there and talks nonsense
        this.silent = !(error instanceof SyntaxError);
        return undefined;
      } finally {
        clearTimeout(timer);
      }
    }

    async body(question, patience) {
      const response = await fetch(this.url.href, {
        method: "POST",
        body: question,
        headers: { "Content-Type": "application/json" },
        signal: patience.signal,
        redirect: "error",
        credentials: "omit",
        referrerPolicy: "no-referrer",
        cache: "no-store",
      });
      if (!response.ok || !response.body) throw new Refused("the node answers with an error");
      const reader = response.body.getReader(),
        parts = [];
      for (let length = 0; ;) {
        const { done, value } = await reader.read();
        if (done) return textOf(join(...parts), "the answer");
        length += value.length;
        if (length > BOUNDS.answer) {
          patience.abort();
          throw new Refused("the node's answer does not end");
        }
        parts.push(value);
      }
    }

    async block(name) {
      const value = await this.ask("eth_getBlockByNumber", name, false);
      if (value === null) return null;
      if (!isObject(value) || !isHash(value.hash)) return undefined;
      const number = quantity(value.number),
        seconds = quantity(value.timestamp);
      return number === null || seconds === null
        ? undefined
        : { hash: value.hash.toLowerCase(), number, time: seconds };
    }
  }

  function nodeAddress(address) {
    let url = null;
    try {
      url = new URL(address);
    } catch {
      // said below
    }
    need(
      url && ["http:", "https:"].includes(url.protocol) && !url.username && !url.password,
      "The address of the node is not one that begins with https:// or http://, without a name and password in it.",
      2,
    );
    return url;
  }

  function isHash(value) {
    return typeof value === "string" && /^0x[0-9a-fA-F]{64}$/.test(value);
  }

  /* A number as a node writes it, of 256 bits at most; null for anything else. */
  function quantity(value) {
    return typeof value === "string" && /^0x[0-9a-fA-F]{1,64}$/.test(value) ? BigInt(value) : null;
  }

  /* RFC 1918, RFC 6598, loopback, link-local. */
  const NEAR_NUMBERS =
    /^(?:0|10|127|192\.168|169\.254|172\.(?:1[6-9]|2[0-9]|3[01])|100\.(?:6[4-9]|[7-9][0-9]|1[01][0-9]|12[0-7]))\./;

  function isNear(host) {
    const name = host.replace(/^\[|\]$/g, "").toLowerCase();
    if (/^[0-9.]+$/.test(name)) return NEAR_NUMBERS.test(name);
    if (name.includes(":")) return /^(?:::|f[cd]|fe[89ab])/.test(name);
    return !name.includes(".") || /\.(?:local|localhost|internal|lan|home\.arpa)$/.test(name);
  }

  function isInsurers(host, origin) {
    const theirs = origin.split("/")[0].split(":")[0].toLowerCase(),
      name = host.toLowerCase();
    return name === theirs || name.endsWith(`.${theirs}`) || theirs.endsWith(`.${name}`);
  }

  // --- The lines (§8, §11) -------------------------------------------------------------------------------------------

  const passed = (words) => ({ status: PASSED, words });
  const failed = (words) => ({ status: FAILED, words });
  const pending = (words) => ({ status: PENDING, words });
  const notChecked = (words) => ({ status: NOT_CHECKED, words });

  /* "failed" for what is Refused with the sentence; anything else is a fault of this program and goes on. */
  function failedFor(error, before = "") {
    if (error instanceof Refused) return failed(before + error.message);
    throw error;
  }

  function record(proof) {
    const { entries } = proof;
    const shown = entries.flatMap(({ disclosures, entry }) => disclosures.map((disclosure) => ({ disclosure, entry })));
    for (const { disclosure, entry } of shown) {
      const recorded = entry.fields[disclosure.name];
      if (recorded === undefined)
        return failed(`the field ${disclosure.name} is shown, and nothing of that name was recorded`);
      if (!same(recorded, disclosure.digest))
        return failed(`the field ${disclosure.name} was recorded with another value than the one shown`);
    }
    if (entries.some(({ entry }) => !same(entry.subject, entries[0].entry.subject))) {
      return failed("the entries are about more than one record");
    }
    const numbers = new Set(
      shown.filter(({ disclosure }) => disclosure.name === "number").map(({ disclosure }) => disclosure.value),
    );
    if (numbers.size > 1) return failed("the entries show more than one number of the record");
    const [number] = numbers;
    if (number !== undefined && typeof number !== "string") return failed("the number of the record is not a text");
    if (entries.length === 0) return passed("the file shows no entries");
    const called = number === undefined ? "number not shown" : quoted(number);
    return passed(
      `${called}: ${count(shown.length, "fact")} shown, as recorded in ${count(entries.length, "entry", "entries")}`,
    );
  }

  function signatures(checkpoint, trust) {
    const keys = trust.logKeys.filter(
      ({ from, until }) => checkpoint.size >= from && (until === Infinity || checkpoint.size < until),
    );
    return {
      log: judge(checkpoint, keys, isSignature),
      auditors: judge(checkpoint, trust.auditors, isCosignature),
    };
  }

  function sealed(proof, trust, signed) {
    const { checkpoint, entries, notBefore } = proof;
    if (!checkpoint) return pending("recorded, not sealed in the log yet");
    if (checkpoint.origin !== trust.origin) return failed(`the checkpoint is of another log than ${trust.origin}`);
    if (signed.log.wrong.length || signed.auditors.wrong.length)
      return failed("a signature under the checkpoint is wrong");
    if (!signed.log.good.length)
      return failed("the checkpoint is not signed by a log key of trust.json that is valid at its size");
    const ofLog = subjectOf("log", trust.origin),
      under = entries.filter(({ index }) => index !== null);
    const astray = under.find((item) => !isUnder(item, checkpoint));
    if (astray) return failed(`the path of entry ${entries.indexOf(astray) + 1} does not lead to the sealed root`);
    if (entries.some(({ entry }) => entry.isLog && !same(entry.subject, ofLog)))
      return failed("an entry is about another log");
    if (notBefore && !isUnder(notBefore, checkpoint))
      return failed("the path of the lower bound does not lead to the sealed root");
    if (notBefore && !same(notBefore.entry.subject, ofLog)) return failed("the lower bound is of another log");
    const tree = `the log of ${count(checkpoint.size, "entry", "entries")}, signed by ${signed.log.good[0].key.label}`;
    if (under.length < entries.length) {
      return pending(
        `${under.length} of ${count(entries.length, "entry", "entries")} in ${tree}; the rest is recorded, not sealed under it yet`,
      );
    }
    return passed(
      entries.length ? `${count(entries.length, "entry", "entries")} in ${tree}` : `the file speaks of ${tree}`,
    );
  }

  function recomputed(proof, signed) {
    if (!proof.checkpoint) return notChecked("nothing is sealed yet that could be recomputed");
    const { good, wrong } = signed.auditors;
    if (wrong.length) return failed(`the cosignature of ${wrong[0].key.name} is wrong`);
    if (!good.length)
      return notChecked("not independently recomputed: no auditor of trust.json has cosigned this checkpoint");
    const names = [...new Set(good.map(({ key }) => key.name))];
    return passed(
      `${names.join(" and ")} recomputed the map and cosigned this checkpoint at ${when(numberOf(good[0].blob.slice(0, 8)))}`,
    );
  }

  /* Lines 3 to 5 with what was learnt of the block: {lines, block: {hash, number, time} or null, registration}. */
  async function anchored(proof, trust, blockHash, rpcNode) {
    const { anchor } = proof;
    if (!anchor) return { lines: Array(3).fill(pending("not anchored on a chain yet")), block: null };
    if (anchor.kind === "unknown") {
      return {
        lines: Array(3).fill(
          notChecked(`this page does not know the anchor's format ${quoted(anchor.format)}: use a newer verifier`),
        ),
        block: null,
      };
    }
    const registered = trust.registrations.filter((registration) =>
      ["chain_id", "contract", "log_id"].every((name) => registration[name] === anchor[name]),
    );
    if (!registered.length) {
      return {
        lines: Array(3).fill(notChecked("trust.json holds no registration of this chain, contract and log")),
        block: null,
      };
    }
    const view = rpcNode ? await look(rpcNode, anchor, registered) : null;
    const found = anchor.kind === "event" ? ofEvent(proof, view) : ofLocator(proof, view);
    const line4 = await settleBlock(found, view, blockHash, anchor.kind === "event");
    const line5 = await registry(view, trust, anchor);
    const { header } = found,
      registration = view && view.registration;
    return { lines: [found.line, line4.line, line5], header, block: line4.block, registration };
  }

  /* What the node is: of which registration's chain, or why its word does not count. */
  async function look(rpcNode, anchor, registered) {
    const chain = quantity(await rpcNode.ask("eth_chainId")),
      genesis = chain === null ? undefined : await rpcNode.block("0x0");
    const { host } = rpcNode;
    if (chain === null || !genesis) {
      const reason = rpcNode.silent
        ? `${host} does not answer, or does not let web pages ask it`
        : `${host} does not say which chain it is of`;
      return { rpcNode, registration: null, reason };
    }
    const registration = registered.find((item) => item.genesis === genesis.hash);
    if (chain !== BigInt(anchor.chain_id) || !registration) {
      return {
        rpcNode,
        registration: null,
        reason: `${host} is a node of another chain than the one that trust.json registers`,
      };
    }
    const view = { rpcNode, registration, reason: "" };
    if (anchor.kind === "locator") view.receipt = await receiptFrom(rpcNode, anchor.transaction);
    return view;
  }

  /* The transaction's receipt as the node tells it; null: there is none; undefined: unclear. */
  async function receiptFrom(rpcNode, transaction) {
    const value = await rpcNode.ask("eth_getTransactionReceipt", transaction);
    if (value === null) return null;
    const isClear =
      isObject(value) &&
      isHash(value.transactionHash) &&
      value.transactionHash.toLowerCase() === transaction &&
      isHash(value.blockHash) &&
      quantity(value.status) !== null &&
      Array.isArray(value.logs);
    return isClear
      ? { blockHash: value.blockHash.toLowerCase(), status: quantity(value.status), logs: value.logs }
      : undefined;
  }

  function ofEvent({ anchor, checkpoint }, view) {
    let header = null;
    try {
      header = readHeader(anchor.header);
      const logs = logsOf(walk(header.receiptsRoot, anchor.nodes, anchor.transaction_index));
      if (logs === null)
        return { header, line: notChecked("the receipt is of a type of transaction that this page does not know") };
      needAnchored(logs[anchor.log_index], anchor, checkpoint);
    } catch (error) {
      return { header, line: failedFor(error, header ? "" : "the block's header cannot be read: ") };
    }
    const place = `under block ${header.number}, in its transaction ${anchor.transaction_index}`;
    return { header, view, line: passed(`the registry ${anchor.contract} recorded this tree ${place}`) };
  }

  function ofLocator({ anchor, checkpoint }, view) {
    const header = { hash: anchor.block_hash, number: BigInt(anchor.block_number) };
    if (!view) return { header, line: notChecked("the file says where to look: name a node that is asked") };
    if (!view.registration) return { header, line: notChecked(view.reason) };
    const { receipt } = view,
      { host } = view.rpcNode;
    if (receipt === undefined)
      return { header, line: notChecked(`${host} gives no clear answer about the transaction`) };
    if (receipt === null) return { header, line: failed(`${host} knows no transaction ${anchor.transaction}`) };
    if (receipt.status !== 1n) return { header, line: failed("the transaction did not succeed") };
    const events = receipt.logs.filter((log) => isAnchoredLog(log, anchor));
    const word = bigEndian(checkpoint.size, 32);
    if (
      events.some(
        (log) => same(unhex(log.topics[2].slice(2)), word) && same(unhex(log.data.slice(2, 66)), checkpoint.root),
      )
    ) {
      return {
        header,
        line: passed(`the registry ${anchor.contract} recorded this tree in transaction ${anchor.transaction}`),
      };
    }
    return {
      header,
      line: failed(
        events.length
          ? "the transaction anchored another size or root than the checkpoint"
          : "the transaction holds no event of the registry for this log",
      ),
    };
  }

  function isAnchoredLog(log, anchor) {
    return (
      isObject(log) &&
      log.removed !== true &&
      typeof log.address === "string" &&
      log.address.toLowerCase() === anchor.contract &&
      Array.isArray(log.topics) &&
      log.topics.length === 3 &&
      log.topics.every(isHash) &&
      log.topics[0].toLowerCase() === `0x${hex(ANCHORED)}` &&
      log.topics[1].toLowerCase() === anchor.log_id &&
      typeof log.data === "string" &&
      /^0x[0-9a-fA-F]{192}$/.test(log.data)
    );
  }

  async function settleBlock({ header }, view, blockHash, isCarried) {
    if (!header) return { line: notChecked("the block's header cannot be read"), block: null };
    if (blockHash !== null && blockHash !== header.hash) {
      return {
        line: failed(`the hash that you give is not that of block ${header.number}: ${header.hash}`),
        block: null,
      };
    }
    if (view) return view.registration ? blockFrom(view, header) : { line: notChecked(view.reason), block: null };
    const asked = `compare hash ${header.hash} of block ${header.number} in an explorer, or name a node`;
    if (!isCarried) return { line: notChecked("the file says where to look: name a node that is asked"), block: null };
    if (blockHash === null) return { line: notChecked(`you have not confirmed the block: ${asked}`), block: null };
    const words = `block ${header.number}, of ${when(header.time)}, is canonical and final on your word`;
    return { line: passed(words), block: header };
  }

  async function blockFrom({ rpcNode, receipt }, header) {
    const { host } = rpcNode,
      found = await rpcNode.block(`0x${header.number.toString(16)}`);
    const unclear = { line: notChecked(`${host} gives no clear answer about block ${header.number}`), block: null };
    if (receipt === null) return { line: notChecked(`${host} knows no such transaction`), block: null };
    if ("time" in header === false && receipt === undefined) return unclear;
    if (found === undefined) return unclear;
    if (found === null) return { line: failed(`${host} knows no block ${header.number}`), block: null };
    if (found.hash !== header.hash || found.number !== header.number) {
      return { line: failed(`block ${header.number} of the chain is another one, as told by ${host}`), block: null };
    }
    if (receipt && receipt.blockHash !== header.hash) {
      return { line: failed(`the transaction is in another block, as told by ${host}`), block: null };
    }
    const final = await rpcNode.block("finalized");
    if (!final) return { line: notChecked(`${host} does not say which block is final`), block: null };
    if (found.number > final.number) {
      return { line: pending(`block ${header.number} is not final yet, as told by ${host}`), block: null };
    }
    return {
      line: passed(`block ${header.number}, of ${when(found.time)}, is final, as told by ${host}`),
      block: { ...header, time: found.time },
    };
  }

  async function registry(view, trust, anchor) {
    if (!view) return notChecked("name a node that is asked for the registry's code");
    if (!view.registration) return notChecked(view.reason);
    const code = await view.rpcNode.ask("eth_getCode", anchor.contract, "latest");
    const isCode =
      typeof code === "string" && /^0x(?:[0-9a-fA-F]{2})*$/.test(code) && code.length <= 2 + 2 * BOUNDS.code;
    if (!isCode) return notChecked(`${view.rpcNode.host} gives no clear answer about the registry's code`);
    if (`0x${hex(keccak256(unhex(code.slice(2))))}` !== view.registration.code_hash) {
      return failed("other code than the published one stands at the registry's address");
    }
    const others = trust.registrations.filter((item) => item !== view.registration).map((item) => item.contract);
    const current = view.registration === trust.registrations.at(-1);
    const which = current ? "the current registration" : "an earlier registration";
    return passed(`the published code stands at ${which}${others.length ? `; not covered: ${others.join(", ")}` : ""}`);
  }

  /* Line 6. `named` is {subject, receipt or null} or null; `block` is that of line 4 once it has passed, else null. */
  function history(proof, trust, named, block) {
    if (!proof.history) return notChecked("the file holds no history: it speaks of the entries shown and of no others");
    if (!named) return notChecked("name the record that you ask about: who is asked about never comes from the file");
    const wrong = stateFault(proof, trust) || mapFault(proof, named.subject) || entriesFault(proof, named.subject);
    if (wrong) return failed(wrong);
    const { checkpoint, entries } = proof,
      { receipt } = named;
    const isMissing = receipt && !entries.some(({ entry }) => same(entry.leaf, receipt.leaf));
    const anchoredAt = block ? `, anchored at ${when(block.time)}` : "";
    if (isMissing && block && block.time * 1000000n > receipt.sealBy) {
      return failed(
        `the entry of your receipt was promised by ${when(receipt.sealBy / 1000000n)}, and the history anchored at ${when(block.time)} lacks it: keep both files`,
      );
    }
    const all = entries.length
      ? `all ${count(entries.length, "entry", "entries")} that the log's own map lists`
      : "the log's own map lists nothing of this record";
    const waiting = isMissing ? "; the entry of your receipt is not among them" : "";
    return passed(
      `${all}, up to size ${checkpoint.size} of the log${anchoredAt}; what was sealed later is not covered${waiting}`,
    );
  }

  function stateFault({ checkpoint, history: { state } }, trust) {
    if (!same(state.entry.subject, subjectOf("log", trust.origin))) return "the state entry is of another log";
    if (BigInt(state.index) !== checkpoint.size - 1n) {
      return `the state entry is number ${state.index} of a log of ${checkpoint.size}, not its last`;
    }
    if (BigInt(state.size) !== checkpoint.size - 1n) return "the state entry does not cover the entries before it";
    return isUnder(state, checkpoint) ? "" : "the path of the state entry does not lead to the sealed root";
  }

  function mapFault({ history: { state, leaf, path } }, subject) {
    if (!leaf) {
      return same(state.mapRoot, sha256(new Uint8Array(0))) && state.subjects === 0
        ? ""
        : "the file calls the log's map empty, and it is not";
    }
    if (!same(mapRoot(leaf, path), state.mapRoot)) return "the path does not lead to the map's root";
    const isOnTheWay = path.every(({ position }) => bitOf(subject, position) === bitOf(leaf.subject, position));
    return isOnTheWay ? "" : "this is the history of another record than the one that you named";
  }

  function entriesFault({ entries, history: { leaf } }, subject) {
    if (!leaf || !same(leaf.subject, subject)) {
      return entries.length ? "the file holds entries, and the log's map lists none of this record" : "";
    }
    if (leaf.count !== entries.length) {
      return `the log's map lists ${count(leaf.count, "entry", "entries")} of this record, the file holds ${entries.length}`;
    }
    if (entries.some(({ entry }) => !same(entry.subject, subject)))
      return "an entry is of another record than the one that you named";
    const isListed =
      Math.max(...entries.map(({ index }) => index)) === leaf.last && same(miniRoot(entries), leaf.miniRoot);
    return isListed ? "" : "the entries in the file are not the ones that the log's map lists";
  }

  /* Whether the registry has moved on since; "" where that cannot be asked. */
  async function newerAnchor({ anchor, checkpoint }, rpcNode) {
    const sent = await transactionOf(anchor, rpcNode),
      receipt = sent && (await rpcNode.ask("eth_getTransactionReceipt", sent));
    const data = `0x${hex(keccak256(utf8("head(bytes32)")).slice(0, 4))}${anchor.log_id.slice(2)}`;
    const head = await rpcNode.ask("eth_call", { data, to: anchor.contract }, "latest");
    const isClear = isObject(receipt) && /^0x[0-9a-fA-F]{40}$/.test(String(receipt.from)) && isHash(head);
    if (!isClear) return "";
    const sender = unhex(receipt.from.slice(2).toLowerCase());
    const word = keccak256(join(new Uint8Array(12), sender, bigEndian(checkpoint.size, 32), checkpoint.root));
    return head.toLowerCase() === `0x${hex(word)}`
      ? "; it is the newest anchor"
      : "; a newer anchor exists: ask for a newer file";
  }

  /* Its hash: the locator's word, or what the node has at the receipt's place in the block; null: it does not tell. */
  async function transactionOf(anchor, rpcNode) {
    if (anchor.kind === "locator") return anchor.transaction;
    const number = `0x${readHeader(anchor.header).number.toString(16)}`,
      block = await rpcNode.ask("eth_getBlockByNumber", number, false),
      hashes = isObject(block) && Array.isArray(block.transactions) ? block.transactions : [];
    const hash = hashes[anchor.transaction_index];
    return isHash(hash) ? hash.toLowerCase() : null;
  }

  /* The time after which the entries were sealed: {after, words}; words say why there is none. */
  async function lowerBound({ notBefore }, trust, rpcNode) {
    if (!notBefore) return null;
    const { number, hash, chainId } = notBefore.block,
      named = `block ${number} of chain ${chainId}`;
    const none = (why) => ({
      after: null,
      words: `The file names a time before which nothing of it was sealed (${named}): ${why}.`,
    });
    if (!rpcNode) return none("not confirmed, because no node was asked");
    const chain = quantity(await rpcNode.ask("eth_chainId")),
      genesis = await rpcNode.block("0x0");
    const isOurs =
      chain === BigInt(chainId) &&
      genesis &&
      trust.registrations.some((item) => item.chain_id === chainId && item.genesis === genesis.hash);
    if (!isOurs) return none(`not confirmed, because ${rpcNode.host} is no node of that chain`);
    const found = await rpcNode.block(`0x${number.toString(16)}`),
      final = await rpcNode.block("finalized");
    const isThere =
      found && found.hash === hash && found.number === BigInt(number) && final && found.number <= final.number;
    if (!isThere) return none(`not confirmed, because ${rpcNode.host} does not show it as a final block`);
    return {
      after: found.time,
      words: `Sealed after ${when(found.time)}, the time of ${named}, as told by ${rpcNode.host}.`,
    };
  }

  // --- Receipt (§4) --------------------------------------------------------------------------------------------------

  function readReceipt(bytes, what = "it") {
    need(bytes.length <= BOUNDS.note, `${what} is longer than ${BOUNDS.note} bytes`);
    const note = readNote(textOf(bytes, what), what),
      lines = note.text.split("\n");
    need(lines.length === 7 && lines[6] === "", "the receipt does not have six lines");
    const [name, entry, about, leaf, at, sealBy] = lines;
    need(name.endsWith("/receipt") && isName(name), "the receipt's first line is not the name of a log's receipts");
    need(isUuid(entry), "the receipt's second line is not the id of an entry");
    const [type, id, ...more] = about.split(" ");
    need(/^[a-z]+$/.test(type) && isUuid(id) && more.length === 0, "the receipt's third line does not name a record");
    need(sealBy.startsWith("seal-by "), "the receipt's last line is not its promise");
    time(at, "the receipt's time");
    return {
      ...note,
      name,
      entry,
      type,
      id,
      at,
      leaf: base64(leaf, "the receipt's leaf hash", 32),
      sealBy: time(sealBy.slice(8), "the receipt's promise"),
    };
  }

  function receiptLine(receipt, trust) {
    if (receipt.name !== `${trust.origin}/receipt`) return failed(`the receipt is of another log than ${trust.origin}`);
    const { good, wrong } = judge(receipt, trust.receiptKeys, isSignature);
    if (wrong.length) return failed("the signature under the receipt is wrong");
    if (!good.length) return failed("the receipt is not signed by a receipt key of trust.json");
    return passed(
      `the receipt for entry ${receipt.entry} of ${receipt.type} ${receipt.id}, signed by ${good[0].key.label}`,
    );
  }

  // --- What the reader gives beside the file -------------------------------------------------------------------------

  function namedRecord(request, trust) {
    const { subject = null, receipt = null } = request;
    need(subject === null || receipt === null, "Name the record once: by a receipt, or by its kind and id.", 2);
    if (receipt !== null) return namedByReceipt(receipt, trust);
    if (subject === null) return null;
    const [type, ...rest] = String(subject).split(":"),
      id = rest.join(":");
    const isUsable = /^[a-z]+$/.test(type) && (type === "log" ? id === trust.origin : isUuid(id));
    need(isUsable, "The record is not named as it must be: its kind, a colon, and its id of 36 characters.", 2);
    return { subject: subjectOf(type, id), receipt: null };
  }

  function namedByReceipt(bytes, trust) {
    let receipt = null;
    try {
      receipt = readReceipt(bytes);
    } catch (error) {
      if (error instanceof Refused) throw new Refused(`The receipt cannot be used: ${error.message}.`, 2);
      throw error;
    }
    const line = receiptLine(receipt, trust);
    need(line.status === PASSED, `The receipt cannot be used: ${line.words}.`, 2);
    return { subject: subjectOf(receipt.type, receipt.id), receipt };
  }

  /* As copied from anywhere: without white space and what nobody sees. */
  function givenHash(value) {
    if (value === null) return null;
    const text = String(value)
      .replace(/[\s\u00ad\u200b-\u200d\u2060\ufeff]/g, "")
      .toLowerCase();
    need(
      /^0x[0-9a-f]{64}$/.test(text),
      "The block's hash is not complete: it is 0x and 64 characters from 0 to 9 and a to f.",
      2,
    );
    return text;
  }

  function requiredLines(request, proof) {
    if (request.require) return request.require;
    const isNamed = request.subject != null || request.receipt != null;
    return isNamed || !proof.entries.length ? [1, 2, 3, 4, 6, 7] : [1, 2, 3, 4];
  }

  // --- Words ---------------------------------------------------------------------------------------------------------

  function count(number, one, many = `${one}s`) {
    return `${number} ${BigInt(number) === 1n ? one : many}`;
  }

  /* Seconds since 1970 (BigInt) as people read them. */
  function when(seconds) {
    if (seconds > 253402300799n) return `second ${seconds} since 1970`;
    return `${new Date(Number(seconds) * 1000).toISOString().slice(0, 19).replace("T", " ")} UTC`;
  }

  /* A value from the file as it can safely be shown: controls and marks that reverse the reading order are spelled out. */
  function quoted(value) {
    const text = JSON.stringify(value);
    const shown = text.length > 2000 ? `${text.slice(0, 2000)}… (${text.length} characters)` : text;
    return shown.replace(
      /[\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g,
      (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
    );
  }

  function grouped(fingerprint) {
    return fingerprint.match(/.{4}/g).join(" ");
  }

  function chainOf(id) {
    return Object.hasOwn(CHAINS, id)
      ? { name: CHAINS[id][0], kind: CHAINS[id][1] }
      : { name: `chain ${id}`, kind: "unknown" };
  }

  const TESTNET = "TESTNET: no economic security; this chain may end; keep this file";

  function warnings(request, trust, proof, rpcNode) {
    const found = [],
      id =
        proof && proof.anchor && proof.anchor.kind !== "unknown"
          ? proof.anchor.chain_id
          : trust.registrations.length
            ? trust.registrations.at(-1).chain_id
            : null;
    if (id !== null) {
      const chain = chainOf(id);
      if (chain.kind === "test" || chain.kind === "local") found.push(`${TESTNET} (${chain.name}).`);
      if (chain.kind === "unknown")
        found.push(`This page does not know ${chain.name}, and cannot say what it is worth.`);
    }
    if (rpcNode) {
      const { hostname } = rpcNode.url;
      const worth = "What that node says of lines 3 to 5 is worth what it is worth.";
      if (isNear(hostname))
        found.push(
          `${rpcNode.host} is on this computer or network: this page cannot know that it is independent of the insurer. ${worth}`,
        );
      if (isInsurers(hostname, trust.origin)) found.push(`${rpcNode.host} may be the insurer's own node. ${worth}`);
    }
    return found;
  }

  function notProved(proof, isComplete) {
    return [
      ...(isComplete
        ? ["that nothing was recorded after this: it covers the log up to that size only"]
        : proof.history
          ? ["that nothing else was recorded about this, unless lines 6 and 7 both passed"]
          : ["that nothing else was recorded about this: it speaks of these entries only"]),
      "that an event which nobody recorded did not happen",
      "when an entry was written: an anchor bounds the time of sealing, not of writing",
    ];
  }

  function factsOf(proof) {
    return proof.entries.map(({ entry, disclosures, index }) => ({
      at: entry.at,
      kind: entry.kind,
      index,
      withheld: Object.keys(entry.fields).length - disclosures.length,
      facts: entry.isLog
        ? Object.entries(entry.data).map(([name, value]) => ({ name, value: quoted(value) }))
        : disclosures.map(({ name, value }) => ({ name, value: quoted(value) })),
    }));
  }

  function numbered(lines) {
    return lines.map((line, i) => ({ number: i + 1, name: NAMES[i], ...line }));
  }

  function exitOf(lines, required) {
    if (lines.some(({ status }) => status === FAILED)) return 1;
    return required.every((number) => lines[number - 1].status === PASSED) ? 0 : 3;
  }

  /* The one sentence on top, and what to do next. */
  function verdictOf(proof, lines, exit, required, { header, block }, bound) {
    const [, line2, line3, line4, , line6, line7] = lines;
    if (exit === 1) {
      const wrong = lines.filter(({ status }) => status === FAILED);
      return {
        verdict: `Do not rely on this file: ${wrong.map(({ number, name, words }) => `line ${number} (${name}) failed: ${words}`).join("; ")}.`,
        next: [
          "Keep the file as it is, and ask the insurer for a new one.",
          "If a new one fails too, keep both: they show that something is wrong.",
        ],
      };
    }
    if (!proof.checkpoint || line2.status === PENDING) {
      return {
        verdict: "Nothing is wrong, but it is too early to say more: part of this is recorded and waits for its seal.",
        next: ["Download the proof again later, and check that file."],
      };
    }
    if (exit === 0 && line3.status === PASSED && line4.status === PASSED) {
      const after = bound && bound.after !== null ? `after ${when(bound.after)} and ` : "";
      const isComplete = line6.status === PASSED && line7.status === PASSED;
      const whole = isComplete ? " This is the complete history of the record in the log up to then." : "";
      return {
        verdict: proof.entries.length
          ? `The facts shown were sealed in the log ${after}before ${when(block.time)} and have not been altered since.${whole}`
          : `The log, as it was sealed before ${when(block.time)}, holds ${line6.status === PASSED ? "nothing of the record that you named" : "this checkpoint; the file shows no entries"}.`,
        next: ["Keep this file and trust.json: they can be checked again at any time, also without the insurer."],
      };
    }
    return { verdict: halfVerdict(proof, lines, header, block), next: nextSteps(proof, lines, required) };
  }

  function halfVerdict(proof, lines, header, block) {
    const [, , line3, line4, , line6] = lines;
    if (line3.status === PENDING)
      return "Sealed in the log under the insurer's signature, and not anchored on a chain yet: until then it rests on the insurer's word.";
    if (line3.status === PASSED && line4.status === PASSED) {
      const part =
        line6.status === PASSED
          ? "but nobody independent has recomputed the list"
          : "but whether that is everything was not checked";
      return `The facts shown were sealed in the log before ${when(block.time)} and have not been altered since, ${part}.`;
    }
    if (line3.status === PASSED) {
      return line4.status === PENDING
        ? `Anchored in block ${header.number}, which is not final yet: check again in a quarter of an hour.`
        : `Anchored in a block that you have not confirmed: compare hash ${header.hash} of block ${header.number}.`;
    }
    return "Sealed in the log under the insurer's signature. Whether it stands on a chain was not checked.";
  }

  function nextSteps(proof, lines, required) {
    const steps = [],
      [, , line3, line4, , line6, line7] = lines;
    if (line3.status === PENDING) steps.push("Download the proof again later: it will then say where it is anchored.");
    else if (line3.status === PASSED && line4.status === NOT_CHECKED) {
      steps.push(
        "Look the block up in an explorer that is not the insurer's, and give the hash that stands there; or name a node.",
      );
    } else if (line3.status === NOT_CHECKED)
      steps.push("Name a node that is not the insurer's, or ask the insurer for a newer file.");
    if (required.includes(6) && line6.status === NOT_CHECKED) {
      steps.push(
        proof.history
          ? "Name the record that you ask about, by your receipt or by its kind and id."
          : "Ask the insurer for a file with the history of this record.",
      );
    }
    if (required.includes(7) && line7.status === NOT_CHECKED)
      steps.push("Ask the insurer for a file that an auditor has cosigned.");
    return steps.length ? steps : ["Keep this file and trust.json."];
  }

  // --- The report ----------------------------------------------------------------------------------------------------

  /* request: {file, trust: Uint8Array, receipt?: Uint8Array, subject?: "TYPE:ID", fingerprint?, blockHash?, rpc?: text,
     require?: [numbers]}; what is left out or null is not given. Answers with
     {exit, kind: "proof" | "receipt" | "refused", verdict, lines: [{number, name, status, words}], …}. */
  async function check(request) {
    try {
      return await judged(request);
    } catch (error) {
      if (error instanceof Refused) return refusal(error);
      return refusal(
        new Refused(`This page could not finish: ${String(error && error.message)}. Use verify.py instead.`, 2),
      );
    }
  }

  function refusal(error) {
    const verdict = error.exit === 1 ? `Do not rely on this file: it is malformed, ${error.message}.` : error.message;
    const next =
      error.exit === 1
        ? ["Download the file again; if it is refused again, ask the insurer for a new one."]
        : ["Mend what is named above, and check again."];
    return {
      exit: error.exit,
      kind: "refused",
      verdict,
      lines: [],
      next,
      warnings: [],
      facts: [],
      notProved: [],
      trust: null,
    };
  }

  const PDF =
    "This is a PDF. The proof is the .proof.json file attached inside it: open the PDF on a computer, save the attachment, and check that.";
  const NO_PROOF = "it begins like no proof, and as a receipt it";

  function isPdf(bytes) {
    return same(bytes.subarray(0, 4), utf8("%PDF"));
  }

  async function judged(request) {
    for (const name of ["file", "trust"]) need(request[name] instanceof Uint8Array, `Give the ${name} to check.`, 2);
    need(!isPdf(request.file), PDF, 2);
    const { fingerprint = null, blockHash = null, rpc = null } = request;
    const hash = givenHash(blockHash),
      rpcNode = rpc === null ? null : new Node(rpc);
    const trust = readTrust(request.trust);
    if (fingerprint !== null) needFingerprint(trust, fingerprint);
    const named = namedRecord(request, trust);
    need(request.file.length <= BOUNDS.proof, "it is larger than 64 MiB");
    if (request.file[0] !== 0x7b) return receiptReport(readReceipt(request.file, NO_PROOF), trust, fingerprint);
    const proof = readProof(request.file);
    return proofReport({ request, trust, fingerprint, proof, named, hash, rpcNode });
  }

  function trustWords(trust, fingerprint) {
    return {
      version: trust.version,
      origin: trust.origin,
      fingerprint: grouped(trust.fingerprint),
      isConfirmed: fingerprint !== null,
    };
  }

  function receiptReport(receipt, trust, fingerprint) {
    const line = { number: 1, name: "receipt", ...receiptLine(receipt, trust) };
    const promise = `${trust.origin} promised at ${receipt.at} that the entry ${receipt.entry} of ${receipt.type} ${receipt.id} is sealed by ${when(receipt.sealBy / 1000000n)}.`;
    const isGood = line.status === PASSED;
    return {
      exit: isGood ? 0 : 1,
      kind: "receipt",
      lines: [line],
      trust: trustWords(trust, fingerprint),
      facts: [],
      verdict: isGood ? promise : `Do not rely on this receipt: ${line.words}.`,
      warnings: [],
      bound: null,
      next: [
        isGood
          ? "Keep it. After that time, ask for a proof: an entry that is not in it then was promised and not sealed."
          : "Ask the insurer for a new one, and keep this one.",
      ],
      notProved: ["that the entry is sealed: it is a promise", "that what was reported is true"],
    };
  }

  async function proofReport({ request, trust, fingerprint, proof, named, hash, rpcNode }) {
    const signed = proof.checkpoint ? signatures(proof.checkpoint, trust) : null;
    const chain = await anchored(proof, trust, hash, rpcNode);
    const line6 = history(proof, trust, named, chain.block);
    if (line6.status === PASSED && chain.block && chain.registration) line6.words += await newerAnchor(proof, rpcNode);
    const lines = numbered([
      record(proof),
      sealed(proof, trust, signed),
      ...chain.lines,
      line6,
      recomputed(proof, signed),
    ]);
    const required = requiredLines(request, proof),
      exit = exitOf(lines, required);
    const isComplete = lines[5].status === PASSED && lines[6].status === PASSED;
    const bound = lines[1].status !== PASSED ? null : await lowerBound(proof, trust, rpcNode);
    return {
      exit,
      kind: "proof",
      lines,
      required,
      trust: trustWords(trust, fingerprint),
      facts: factsOf(proof),
      ...verdictOf(proof, lines, exit, required, chain, bound),
      bound: bound && bound.words,
      warnings: warnings(request, trust, proof, rpcNode),
      notProved: notProved(proof, isComplete),
    };
  }

  const api = {
    check,
    Refused,
    CHAINS,
    BOUNDS,
    parse,
    canonical,
    sha256,
    sha512,
    keccak256,
    ed25519,
    readTrust,
    readProof,
    readReceipt,
    readCheckpoint,
    signatures,
    needFingerprint,
    readHeader,
    rlp,
    walk,
    ofEvent,
    isIncluded,
    isNear,
    isInsurers,
    isPdf,
    PDF,
    quoted,
    grouped,
    hex,
    unhex,
    utf8,
  };
  if (typeof module === "object" && module.exports) module.exports = api;
  else globalThis.verifier = api;
})();
