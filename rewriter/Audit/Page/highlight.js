"use strict";
/* C# as coloured text. Only text nodes and spans with fixed class names are made. */
const CSharp = (() => {
  const keywords = new Set(("abstract as base bool break byte case checked class const continue default do else enum false for " +
    "foreach if in int internal is long namespace new null out private public readonly ref return sbyte short static switch this " +
    "true uint ulong unchecked ushort using var void while").split(" "));
  const token = /(\/\/[^\n]*|\/\*[^]*?\*\/)|(\b(?:0[xX][0-9a-fA-F_]+|\d[\d_]*)[uUlL]*\b)|([A-Za-z_]\w*)|([^A-Za-z_0-9/]+|[^])/g;
  function kindOf(match) {
    if (match[1]) return "comment";
    if (match[2]) return "number-literal";
    if (!match[3]) return null;
    return keywords.has(match[3]) ? "keyword" : /^[A-Z]/.test(match[3]) ? "type" : null;
  }
  function render(text) {
    const pre = document.createElement("pre");
    for (const match of text.matchAll(token)) {
      const kind = kindOf(match);
      if (kind === null) { pre.append(match[0]); continue; }
      const span = document.createElement("span");
      span.className = kind;
      span.textContent = match[0];
      pre.append(span);
    }
    return pre;
  }
  return { render };
})();
