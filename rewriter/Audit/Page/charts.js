/* Bar charts: rows of [name, numbers ..., note], each bar split by its numbers. */
function barChart(title, rows, parts, choose) {
  const chart = make("div", { className: "chart" }, make("h2", {}, title));
  const most = Math.max(1, ...rows.map(row => total(row, parts)));
  for (const row of rows) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("viewBox", "0 0 100 10");
    svg.setAttribute("preserveAspectRatio", "none");
    let from = 0;
    for (let i = 0; i < parts.length; i++) {
      const rect = document.createElementNS("http://www.w3.org/2000/svg", "rect");
      const width = 100 * row[i + 1] / most;
      for (const [name, value] of [["x", from], ["y", 1], ["width", width], ["height", 8], ["class", parts[i]]]) rect.setAttribute(name, value);
      svg.append(rect);
      from += width;
    }
    const sum = total(row, parts);
    const bar = make(choose ? "button" : "div", { className: "bar", title: parts.map((p, i) => `${p} ${row[i + 1]}`).join(", ") },
      make("span", {}, row[0]), svg, make("span", { className: "number" }, sum.toLocaleString("en")));
    if (choose) bar.addEventListener("click", () => choose(row[0]));
    chart.append(bar);
  }
  return chart;
}
function total(row, parts) {
  let sum = 0;
  for (let i = 0; i < parts.length; i++) sum += row[i + 1];
  return sum;
}
