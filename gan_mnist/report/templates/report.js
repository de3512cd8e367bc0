// What the page does besides being read: tips, sorting, and arms that open. It reads without.
"use strict";
(() => {
  const tip = document.createElement("div");
  tip.id = "tip";
  tip.setAttribute("role", "tooltip");
  tip.hidden = true;
  document.body.append(tip);

  // Our tips come at once, and not twice.
  for (const title of document.querySelectorAll("svg title")) {
    title.parentNode.dataset.tip = title.textContent;
    title.remove();
  }

  const show = (text, x, y) => {
    tip.textContent = text;
    tip.hidden = false;
    const width = document.documentElement.clientWidth;
    const left = Math.max(8, Math.min(x - tip.offsetWidth / 2, width - tip.offsetWidth - 8));
    tip.style.left = `${left + window.scrollX}px`;
    const above = y - tip.offsetHeight - 14;
    tip.style.top = `${(above > 4 ? above : y + 20) + window.scrollY}px`;
  };
  const spot = document.createElementNS("http://www.w3.org/2000/svg", "circle");
  spot.setAttribute("class", "spot");
  spot.setAttribute("r", "4");
  const hide = () => {
    tip.hidden = true;
    spot.remove();
  };

  const numbers = (text, sign) => text.split(sign);
  const nearest = (drawing, x, y) => {
    const box = drawing.getBoundingClientRect();
    let best = { distance: 40 };
    for (const line of drawing.querySelectorAll("polyline[data-y]")) {
      const xs = numbers(line.dataset.x, " "), ys = numbers(line.dataset.y, " ");
      numbers(line.getAttribute("points"), " ").forEach((point, i) => {
        const [across, down] = numbers(point, ",").map((place) => place / 1000);
        const left = box.left + across * box.width, top = box.top + down * box.height;
        const distance = Math.hypot(left - x, top - y);
        if (distance < best.distance) {
          best = { distance, left, top, across, down, name: line.dataset.name, x: xs[i], y: ys[i] };
        }
      });
    }
    return best.name === undefined ? null : best;
  };

  document.addEventListener("pointermove", (event) => {
    const drawing = event.target.closest(".chart > svg");
    const found = drawing && nearest(drawing, event.clientX, event.clientY);
    if (found) {
      spot.setAttribute("cx", `${100 * found.across}%`);
      spot.setAttribute("cy", `${100 * found.down}%`);
      drawing.append(spot);
      const unit = drawing.parentNode.dataset.x;
      return show(`${found.name} · ${found.x} ${unit} · ${found.y}`, found.left, found.top);
    }
    const marked = event.target.closest("[data-tip]");
    if (marked) show(marked.dataset.tip, event.clientX, event.clientY);
    else hide();
  });
  document.addEventListener("pointerleave", hide);
  document.addEventListener("focusin", (event) => {
    const marked = event.target.closest("[data-tip]");
    if (!marked || !marked.matches(":focus-visible")) return hide();
    const box = marked.getBoundingClientRect();
    show(marked.dataset.tip, box.left + box.width / 2, box.top);
  });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });

  const words = new Intl.Collator(undefined, { numeric: true });
  const value = (row, column) => {
    const cell = row.cells[column];
    return cell === undefined ? "" : cell.dataset.sort ?? cell.textContent.trim();
  };
  const compare = (one, other) => {
    const both = [Number(one), Number(other)];
    return both.some(Number.isNaN) ? words.compare(one, other) : both[0] - both[1];
  };
  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const before = head.getAttribute("aria-sort");
        const first = head.classList.contains("num") ? "descending" : "ascending";
        const other = first === "ascending" ? "descending" : "ascending";
        const now = before === first ? other : first;
        for (const one of heads) one.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", now);
        const sign = now === "ascending" ? 1 : -1;
        const rows = [...table.tBodies[0].rows];
        rows.sort((one, two) => {
          const values = [value(one, column), value(two, column)];
          if (values.includes("")) return (values[0] === "") - (values[1] === "");
          return sign * compare(...values);
        });
        table.tBodies[0].append(...rows);
      });
    });
  }

  const open = () => {
    const arm = document.getElementById(location.hash.slice(1));
    if (!arm || !arm.matches("details")) return;
    arm.open = true;
    arm.scrollIntoView();
    arm.querySelector("summary").focus({ preventScroll: true });
  };
  window.addEventListener("hashchange", open);
  for (const link of document.querySelectorAll('a[href^="#arm-"]')) {
    // The second click on the same arm changes no hash.
    link.addEventListener("click", () => { if (location.hash === link.hash) open(); });
  }
  open();
})();
