/* A list of thousands of rows of which only those in sight exist. */
class VirtualList {
  static rowHeight = 26;
  constructor(host, draw, choose) {
    this.host = host; this.draw = draw; this.choose = choose; this.items = []; this.selected = -1;
    this.runway = document.createElement("div");
    this.runway.className = "runway";
    host.append(this.runway);
    host.addEventListener("scroll", () => this.refresh(), { passive: true });
    new ResizeObserver(() => this.refresh()).observe(host);
    host.addEventListener("keydown", event => {
      const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 20, PageUp: -20, Home: -Infinity, End: Infinity }[event.key];
      if (step === undefined || this.items.length === 0) return;
      event.preventDefault();
      this.select(Math.max(0, Math.min(this.items.length - 1, this.selected + step)));
    });
  }
  show(items) {
    this.items = items; this.selected = -1; this.host.scrollTop = 0;
    this.runway.style.setProperty("height", `${items.length * VirtualList.rowHeight}px`);
    this.refresh();
  }
  select(index) {
    this.selected = index;
    const top = index * VirtualList.rowHeight;
    if (top < this.host.scrollTop) this.host.scrollTop = top;
    const lowest = top + VirtualList.rowHeight - this.host.clientHeight;
    if (lowest > this.host.scrollTop) this.host.scrollTop = lowest;
    this.refresh();
    this.choose(this.items[index]);
  }
  refresh() {
    const first = Math.max(0, Math.floor(this.host.scrollTop / VirtualList.rowHeight) - 5);
    const last = Math.min(this.items.length, first + Math.ceil(this.host.clientHeight / VirtualList.rowHeight) + 10);
    const rows = [];
    for (let i = first; i < last; i++) {
      const row = document.createElement("div");
      row.className = i === this.selected ? "row selected" : "row";
      row.setAttribute("role", "option");
      row.setAttribute("aria-selected", i === this.selected);
      row.style.setProperty("top", `${i * VirtualList.rowHeight}px`);
      row.append(...this.draw(this.items[i]));
      row.addEventListener("click", () => this.select(i));
      rows.push(row);
    }
    this.runway.replaceChildren(...rows);
  }
}
