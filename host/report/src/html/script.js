"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const number = new Intl.NumberFormat("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });

  // Sorting: numbers descend first, names ascend; rows without a value stay last.
  const table = document.getElementById("main");
  const headers = [...table.tHead.rows[0].cells];
  const key = (row, column) =>
    column === 0 ? row.cells[0].textContent : row.cells[column].dataset.key;
  headers.forEach((header, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = header.textContent;
    header.replaceChildren(button);
    button.addEventListener("click", () => {
      const first = column === 0 ? "ascending" : "descending";
      const second = column === 0 ? "descending" : "ascending";
      const direction = header.getAttribute("aria-sort") === first ? second : first;
      headers.forEach((other) => other.setAttribute("aria-sort", "none"));
      header.setAttribute("aria-sort", direction);
      const sign = direction === "ascending" ? 1 : -1;
      const rows = [...table.tBodies[0].rows];
      rows.sort((a, b) => {
        const [x, y] = [key(a, column), key(b, column)];
        if (x === "" || y === "") return (x === "") - (y === "");
        return sign * (column === 0 ? x.localeCompare(y) : Number(x) - Number(y));
      });
      table.tBodies[0].append(...rows);
    });
  });

  // The lottery panel.
  const panel = document.getElementById("panel");
  const sets = document.getElementById("panel-sets");
  data.data_sets.forEach((name, index) => {
    const label = document.createElement("label");
    const box = document.createElement("input");
    box.type = "checkbox";
    box.checked = true;
    box.value = index;
    label.append(box, " " + name);
    sets.append(label);
  });
  const rank = (values, value) => {
    const better = values.filter((other) => other > value).length;
    const same = values.filter((other) => other === value).length;
    return better + (same + 1) / 2;
  };
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const rules = {
    arithmetic: (row, chosen) => mean(chosen.map((set) => row[set])),
    weighted: (row, chosen) =>
      chosen.reduce((sum, set) => sum + data.n[set] * row[set], 0) /
      chosen.reduce((sum, set) => sum + data.n[set], 0),
    geometric: (row, chosen) => Math.exp(mean(chosen.map((set) => Math.log(row[set])))),
    mean_rank: (row, chosen, rows) =>
      mean(chosen.map((set) => rank(rows.map((other) => other[set]), row[set]))),
  };
  const update = () => {
    const chosen = [...sets.querySelectorAll("input:checked")].map((box) => Number(box.value));
    const rule = panel.elements.rule.value;
    const order = document.getElementById("panel-order");
    const winner = document.getElementById("panel-winner");
    if (chosen.length === 0) {
      winner.textContent = "Choose at least one data set.";
      order.replaceChildren();
      return;
    }
    const names = [];
    const rows = [];
    data.accuracy.forEach((row, index) => {
      if (chosen.every((set) => row[set] !== null)) {
        names.push(data.frameworks[index]);
        rows.push(row);
      }
    });
    const sign = rule === "mean_rank" ? 1 : -1;
    const scored = rows.map((row, index) => ({ name: names[index], value: rules[rule](row, chosen, rows) }));
    scored.sort((a, b) => sign * (a.value - b.value));
    if (scored.length === 0) {
      winner.textContent = "No framework has all of these.";
      order.replaceChildren();
      return;
    }
    const best = scored[0].value;
    // Equal decimals may differ in the last bits of a float.
    const tied = scored.filter(({ value }) => Math.abs(value - best) <= 1e-9 * Math.max(1, Math.abs(best)));
    const who = tied.map(({ name }) => name).join(" and ");
    winner.textContent = who + (tied.length > 1 ? " share the win" : " wins");
    order.replaceChildren(
      ...scored.map(({ name, value }) => {
        const item = document.createElement("li");
        item.textContent = name + " " + number.format(value);
        return item;
      }),
    );
  };
  panel.addEventListener("change", update);
  panel.addEventListener("submit", (event) => event.preventDefault());
  panel.hidden = false;
  update();
})();
