"use strict";
// The list of all records: search, filters, order, pages. Everything is shown with textContent, so
// that no name of a project can become markup. The policy of the page lets nothing be fetched.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const body = document.querySelector("#records tbody");
  if (!body) return;
  const find = document.getElementById("find");
  const kind = document.getElementById("kind");
  const state = document.getElementById("state");
  const what = document.getElementById("what");
  const count = document.getElementById("count");
  const [back, next] = [document.getElementById("back"), document.getElementById("next")];
  const PAGE = 100;
  const TONES = { finished: "good", written: "open", skipped: "", ready: "open", listed: "open", extracted: "open", sending: "open" };

  let rows = [];
  let shown = [];
  let at = 0;
  let order = null; // [column, 1 or -1], or null for the order of the store
  let loading = "none"; // of the files beside the page: none, now, done, failed
  let missing = 0;

  // Numbers in keys are sorted as numbers: ACME-T9 before ACME-T10. Padding each key once is twenty
  // times as fast as comparing with a collator, which matters for 100,000 rows.
  const padded = (text) => text.toLowerCase().replace(/\d+/g, (digits) => digits.padStart(9, "0"));

  function add(chunk) {
    for (const [k, key, title, s, target, source, there, reason, notes, status, held] of chunk.rows) {
      const [from, to] = chunk.starts[k];
      const said = notes.map(([code, text]) => [code, chunk.texts[text]]);
      const why = chunk.texts[reason];
      const found = status && (held && held !== status ? status + " → " + held : status);
      rows.push({
        kind: k, key, title, state: s, target, why, notes: said, result: found,
        source: source === 0 ? "" : from + source,
        there: there === 0 ? "" : to + there,
        text: [key, title, target, why, found, ...said.map(([, text]) => text)].join("\n").toLowerCase(),
        sorted: padded(key),
      });
    }
  }

  // A file that lies beside the page hands its rows to this function.
  window.ztoqRecords = add;

  function loadAll() {
    if (loading !== "none" || !data.files.length) return;
    loading = "now";
    let left = data.files.length;
    for (const path of data.files) {
      const script = document.createElement("script");
      script.src = path;
      const ended = (failed) => () => {
        missing += failed;
        left -= 1;
        if (!left) {
          loading = missing ? "failed" : "done";
          select();
          show();
        } else {
          tell();
        }
      };
      script.addEventListener("load", ended(0));
      script.addEventListener("error", ended(1));
      document.head.append(script);
    }
  }

  function select() {
    const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
    const [ofKind, inState, about] = [kind.value, state.value, what.value];
    if (words.length || ofKind || inState || about || order) loadAll();
    const codes = new Set();
    data.codes.forEach(([group, code], place) => {
      if (about === "group:" + group || about === "code:" + group + ":" + code) codes.add(place);
    });
    shown = rows.filter((row) =>
      (ofKind === "" || row.kind === Number(ofKind)) &&
      (inState === "" || row.state === Number(inState)) &&
      (about === "" || row.notes.some(([code]) => codes.has(code))) &&
      words.every((word) => row.text.includes(word)));
    if (order) {
      const [column, way] = order;
      const value = {
        kind: (row) => row.kind, key: (row) => row.sorted, state: (row) => data.states[row.state],
        title: (row) => row.title.toLowerCase(), target: (row) => padded(row.target),
      }[column];
      const sorted = shown.map((row) => [value(row), row.sorted, row]);
      const less = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
      sorted.sort((a, b) => way * less(a[0], b[0]) || less(a[1], b[1]));
      shown = sorted.map(([, , row]) => row);
    }
  }

  function choose() {
    select();
    at = 0;
    show();
  }

  const number = (value) => value.toLocaleString("en");

  function tell() {
    const end = Math.min(at + PAGE, shown.length);
    let text = shown.length ? `${number(at + 1)} to ${number(end)} of ${number(shown.length)}` : "No record fits";
    const left = data.total - rows.length;
    if (loading === "now") text += ` … loading (${number(rows.length)} of ${number(data.total)})`;
    else if (loading === "failed") text += `. ${number(left)} records are in files beside this page, which were not found: they must be sent along with it`;
    else if (left > 0 && loading === "none" && data.files.length) text += `, of the first ${number(rows.length)} of ${number(data.total)}`;
    else if (left > 0) text += `. This page holds the first ${number(rows.length)} of ${number(data.total)} records`;
    count.textContent = text;
  }

  function element(name, text, attributes = {}) {
    const made = document.createElement(name);
    if (text) made.textContent = text;
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  }

  // Only addresses of web pages become links: a name could be "javascript:…".
  function link(text, url, title) {
    if (!/^https?:\/\//i.test(url)) return document.createTextNode(text);
    return element("a", text, { href: url, rel: "noopener noreferrer", target: "_blank", title });
  }

  function show() {
    const made = shown.slice(at, at + PAGE).map((row) => {
      const line = document.createElement("tr");
      const cell = (label, ...inside) => {
        const one = element("td", "", { "data-label": label });
        one.append(...inside);
        line.append(one);
        return one;
      };
      cell("Kind", data.kinds[row.kind]);
      cell("Source", link(row.key, row.source, "in the source")).className = "key";
      const there = cell("Target", ...(row.target ? [link(row.target, row.there, "in the target")] : []));
      there.className = "key";
      cell("Title", row.title, ...(row.result ? [element("div", row.result, { class: "quiet small" })] : []));
      const name = data.states[row.state];
      const tone = name in TONES ? TONES[name] : "bad";
      cell("State", element("span", name, { class: "badge " + tone }));
      const notes = row.notes.map(([code, text]) => {
        const note = element("li", "", {});
        note.append(element("b", data.codes[code][0] + ": "), text);
        return note;
      });
      const list = element("ul");
      if (row.why) notes.unshift(element("li", row.why));
      list.append(...notes);
      cell("What happened", ...(notes.length ? [list] : []));
      return line;
    });
    body.replaceChildren(...made);
    back.disabled = at === 0;
    next.disabled = at + PAGE >= shown.length;
    tell();
  }

  function option(list, value, text) {
    list.append(element("option", text, { value }));
  }
  const used = (place) => [...new Set(data.first.rows.map((row) => row[place]))];
  const all = data.files.length > 0;
  data.kinds.forEach((text, place) => { if (all || used(0).includes(place)) option(kind, place, text); });
  data.states.forEach((text, place) => { if (all || used(3).includes(place)) option(state, place, text); });
  for (const group of [...new Set(data.codes.map(([name]) => name))]) {
    option(what, "group:" + group, "all " + group);
    for (const [of, code] of data.codes) if (of === group) option(what, `code:${of}:${code}`, `${group}: ${code}`);
  }

  // Searching 100,000 rows takes a twentieth of a second; typing must not wait for each letter.
  let timer;
  find.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(choose, 120); });
  for (const list of [kind, state, what]) list.addEventListener("change", choose);
  back.addEventListener("click", () => { at -= PAGE; show(); });
  next.addEventListener("click", () => {
    at += PAGE;
    if (at + PAGE >= shown.length && rows.length < data.total) loadAll();
    show();
  });
  for (const button of document.querySelectorAll("#records thead button")) {
    button.addEventListener("click", () => {
      const column = button.dataset.column;
      const way = order && order[0] === column && order[1] === 1 ? -1 : 1;
      order = [column, way];
      for (const each of document.querySelectorAll("#records thead th")) each.removeAttribute("aria-sort");
      button.closest("th").setAttribute("aria-sort", way === 1 ? "ascending" : "descending");
      choose();
    });
  }
  for (const button of document.querySelectorAll("button[data-what]")) {
    button.addEventListener("click", () => {
      find.value = kind.value = state.value = "";
      what.value = button.dataset.what;
      choose();
      document.getElementById("records").scrollIntoView();
      what.focus({ preventScroll: true });
    });
  }
  // What is folded would be missing on paper.
  let opened = [];
  window.addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details.print:not([open])")];
    for (const each of opened) each.open = true;
  });
  window.addEventListener("afterprint", () => { for (const each of opened) each.open = false; });

  add(data.first);
  choose();
})();
