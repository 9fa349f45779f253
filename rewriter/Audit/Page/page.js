/* The page: search and filters over functions, the detail of one. Text from the image is only ever made a text node. */
function make(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}
const data = JSON.parse(document.getElementById("data").textContent);
const text = index => index === -1 || index === undefined ? "" : data.strings[index];
const [ADDRESS, SECTION, SYMBOL, BYTES, TEXT, MNEMONIC, CLASS, CONFIDENCE, TACTIC, SHIM, REASON, PATCH, METHOD, RISKS] = Array(14).keys();
const isAudit = data.kind === "audit";
const count = number => number.toLocaleString("en");
const some = (number, noun) => `${count(number)} ${noun}${number === 1 ? "" : "s"}`;

/* ---- summary ---- */
function summary() {
  const facts = [...data.image.slice(1), ...(data.facts ?? [])];
  const tiles = [[count(data.sites.length), "sensitive sites"]];
  if (isAudit) {
    tiles.push([count(data.proven), "proven to be code"], [count(data.patches.length), "patches"],
      [data.silentHandled.toFixed(2) + " %", "of silent sites handled"], [data.byJump.toFixed(2) + " %", "taken over by a jump"]);
  } else {
    for (const [name, high, medium, low] of data.classes) tiles.push([count(high + medium + low), name]);
  }
  document.getElementById("summary").append(
    make("h1", {}, `${data.kind} of ${data.image[0][1]}`),
    make("div", { className: "facts" }, ...facts.flatMap(([name, value], i) => [i ? " · " : "", make("b", {}, name), " " + value])),
    make("div", { className: "tiles" }, ...tiles.map(([value, name]) => make("div", { className: "tile" }, make("b", {}, value), make("span", {}, name)))));
}

/* ---- tabs ---- */
const tabs = [["sites", "Sites"], ["overview", "Totals"]];
if (isAudit) tabs.push(["risks", "Residual risks"], ["source", "Policy, shim packs"]);
function openTab(id) {
  for (const [name] of tabs) {
    document.getElementById("view-" + name).hidden = name !== id;
    document.getElementById("tab-" + name).setAttribute("aria-selected", name === id);
  }
}
function drawTabs() {
  for (const [id, title] of tabs) {
    const button = make("button", { id: "tab-" + id }, title);
    button.setAttribute("role", "tab");
    button.addEventListener("click", () => openTab(id));
    document.getElementById("tabs").append(button);
  }
  openTab("sites");
}

/* ---- search and filter ---- */
const filters = { class: [CLASS], instruction: [MNEMONIC], confidence: [CONFIDENCE], ...(isAudit ? { tactic: [TACTIC] } : {}) };
const haystack = data.sites.map(site =>
  [site[ADDRESS], ...[SYMBOL, SECTION, BYTES, TEXT, TACTIC, SHIM, REASON, METHOD].map(column => text(site[column]))].join("\n").toLowerCase());
const list = new VirtualList(document.getElementById("functions"),
  ({ index, matches }) => [
    make("span", { title: nameOf(data.functions[index]) }, nameOf(data.functions[index])),
    make("span", { className: "number" }, matches.length === data.functions[index][3] ? String(matches.length) : `${matches.length}/${data.functions[index][3]}`)],
  entry => drawFunction(entry));
function nameOf(f) { return text(f[0]) || text(f[1]); }
function drawFilters() {
  for (const [name, filter] of Object.entries(filters)) {
    const values = [...new Set(data.sites.map(site => text(site[filter[0]])))].sort();
    const select = make("select", { id: "filter-" + name }, make("option", { value: "" }, "any " + name), ...values.map(v => make("option", { value: v }, v)));
    select.setAttribute("aria-label", name);
    select.addEventListener("change", search);
    document.getElementById("selects").append(select);
  }
  let timer = 0;
  const query = document.getElementById("query");
  query.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(search, 80); });
  query.addEventListener("keydown", event => {
    if (event.key === "ArrowDown" || event.key === "Enter") { event.preventDefault(); document.getElementById("functions").focus(); }
  });
  addEventListener("keydown", event => {
    if (event.key !== "/" || event.target.matches("input, select")) return;
    event.preventDefault();
    openTab("sites");
    query.focus();
    query.select();
  });
}
function choose(name, value) {
  document.getElementById("filter-" + name).value = value;
  openTab("sites");
  search();
}
function search() {
  const words = document.getElementById("query").value.toLowerCase().replaceAll("0x", "").split(/\s+/).filter(Boolean);
  const wanted = Object.entries(filters).map(([name, [column]]) => [column, document.getElementById("filter-" + name).value]).filter(([, value]) => value !== "");
  const found = [];
  let sites = 0;
  data.functions.forEach(([, , first, length], index) => {
    const matches = [];
    for (let i = first; i < first + length; i++) {
      if (wanted.every(([column, value]) => text(data.sites[i][column]) === value) && words.every(word => haystack[i].includes(word))) matches.push(i);
    }
    if (matches.length) { found.push({ index, matches }); sites += matches.length; }
  });
  document.getElementById("count").textContent = `${some(sites, "site")} in ${some(found.length, "function")}`;
  list.show(found);
  if (found.length) list.select(0); else document.getElementById("detail").replaceChildren(make("p", { className: "why" }, "nothing matches"));
}

/* ---- one function ---- */
const batch = 40;
function drawFunction({ index, matches }) {
  const [name, section, first, length] = data.functions[index];
  const detail = document.getElementById("detail");
  detail.replaceChildren(make("h2", {}, text(name) || "(no symbol)", make("span", { className: "why" },
    `  ${text(section)}, ${some(length, "site")}, from 0x${data.sites[first][ADDRESS]}`)));
  detail.scrollTop = 0;
  let shown = 0;
  const drawn = new Set();
  const more = make("button", { className: "more" });
  const next = () => {
    const part = matches.slice(shown, shown + batch);
    shown += part.length;
    more.remove();
    detail.append(...part.map(i => drawSite(data.sites[i], drawn)));
    if (shown < matches.length) { more.textContent = `show more (${matches.length - shown} left)`; detail.append(more); }
  };
  more.addEventListener("click", next);
  next();
}
function drawSite(site, drawn) {
  const head = make("div", { className: "head" }, make("span", {}, "0x" + site[ADDRESS]), make("span", {}, text(site[SYMBOL]) || text(site[SECTION])),
    make("span", {}, text(site[BYTES])), make("b", {}, text(site[TEXT])), badge(text(site[CLASS]), text(site[CLASS])), badge(text(site[CONFIDENCE]) + " confidence", ""));
  if (!isAudit) return make("div", { className: "site" }, head);
  head.append(badge(text(site[TACTIC]), text(site[TACTIC]) === "leave" ? "warning" : "good"));
  const body = make("div", { className: "body" });
  const shim = text(site[SHIM]), reason = text(site[REASON]);
  body.append(make("p", { className: "why" }, `tactic ${text(site[TACTIC])}` + (shim ? `, shim ${shim}` : "") + (reason ? `: ${reason}` : "")));
  if (site[PATCH] >= 0 && !drawn.has(site[PATCH])) { drawn.add(site[PATCH]); body.append(...drawPatch(data.patches[site[PATCH]], site)); }
  else if (site[PATCH] >= 0) body.append(make("p", { className: "why" }, `served by the patch at 0x${data.patches[site[PATCH]][0]}, above`));
  if (site[METHOD] !== -1) body.append(make("h3", {}, "host-side shim (generated C#)"), CSharp.render(text(site[METHOD])));
  if (site[RISKS].length) body.append(make("h3", {}, "residual risks"), make("ul", { className: "risks" }, ...site[RISKS].map(r => make("li", {}, text(r)))));
  return make("div", { className: "site" }, head, body);
}
function badge(label, kind) { return make("span", { className: "badge " + kind }, label); }
function drawPatch([address, , trampoline, original, patched, shim], site) {
  const parts = [make("div", { className: "scroll" }, sideBySide(linesOf(address, original), linesOf(address, patched), site[ADDRESS]))];
  if (shim.length) {
    parts.push(make("h3", {}, `guest-side shim, at 0x${trampoline}`));
    parts.push(make("div", { className: "scroll" }, table("listing", linesOf(trampoline, shim).map(line => row("", ["0x" + line.at, line.bytes, line.text])))));
  }
  return parts;
}
function linesOf(address, cells) {
  const lines = [];
  let at = parseInt(address, 16);
  for (let i = 0; i < cells.length; i += 2) {
    const bytes = text(cells[i]);
    lines.push({ at: at.toString(16).padStart(8, "0"), bytes, text: text(cells[i + 1]) });
    at += bytes.length / 2;
  }
  return lines;
}
/* One row for each address where an original or a new instruction starts; filling HLTs of one original instruction share theirs. */
function sideBySide(original, patched, marked) {
  const rows = new Map(original.map(line => [line.at, { original: line }]));
  let filler = null;
  for (const line of patched) {
    if (filler && line.text === "hlt" && !rows.has(line.at)) { filler.bytes += line.bytes; filler.text = `hlt × ${filler.bytes.length / 2}`; continue; }
    filler = line.text === "hlt" ? line : null;
    rows.set(line.at, { ...rows.get(line.at), patched: line });
  }
  const body = [...rows.keys()].sort().map(at => {
    const { original: o, patched: n } = rows.get(at);
    return row(at === marked ? "mark" : "", ["0x" + at, o?.bytes ?? "", o?.text ?? "", n?.bytes ?? "", n?.text ?? ""]);
  });
  return table("listing pair", [make("tr", {}, ...["", "original", "", "patched", ""].map(h => make("th", {}, h))), ...body]);
}
function row(kind, cells) { return make("tr", { className: kind }, ...cells.map(cell => make("td", {}, cell))); }
function table(kind, rows) { return make("table", { className: kind }, ...rows); }

/* ---- totals, risks, sources ---- */
function plainTable(headings, rows) {
  const cell = (tag, value) => make(tag, { className: typeof value === "number" ? "n" : "" }, typeof value === "number" ? count(value) : value);
  return table("plain", [make("tr", {}, ...headings.map(h => make("th", {}, h))),
    ...rows.map(values => make("tr", {}, ...values.map(value => cell("td", value))))]);
}
function drawTotals() {
  const confidences = ["high", "medium", "low"];
  const charts = make("div", { className: "charts" }, barChart("by class", data.classes, confidences, v => choose("class", v)));
  if (isAudit) charts.append(barChart("by tactic", data.tactics, ["sites"], v => choose("tactic", v)));
  charts.append(barChart("by instruction", data.mnemonics, confidences, v => choose("instruction", v)));
  document.getElementById("view-overview").append(charts);
  if (isAudit) document.getElementById("view-overview").append(make("h2", {}, "reasons"), plainTable(["tactic", "sites", "reason"], data.reasons));
}
function drawRisks() {
  const rows = data.risks.map(([level, number, risk]) => [badge(level, level), number, risk]);
  document.getElementById("view-risks").append(make("h2", {}, "what remains to be known"), rows.length ? plainTable(["", "sites", "risk"], rows) : "nothing",
    make("p", { className: "why" }, "Code that the kernel unpacks, generates or loads at run time is not in the image: it is scanned and patched when it is first executed."));
}
function drawSources() {
  const section = document.getElementById("view-source");
  const files = data.files ?? [];
  for (const [name, content] of files) section.append(make("h2", {}, name), name.endsWith(".cs") ? CSharp.render(content) : make("pre", {}, content));
  if (!files.length) section.append(make("p", { className: "why" }, "The image was rewritten without a policy and without shim packs."));
}

/* #overview opens a tab, #?words searches: for links into a page. */
function follow(hash) {
  if (hash.startsWith("#?")) { document.getElementById("query").value = decodeURIComponent(hash.slice(2)); openTab("sites"); search(); }
  else if (tabs.some(([id]) => "#" + id === hash)) openTab(hash.slice(1));
}

summary();
drawTabs();
drawFilters();
search();
drawTotals();
if (isAudit) { drawRisks(); drawSources(); }
follow(location.hash);
addEventListener("hashchange", () => follow(location.hash));
