"use strict";
// Tables marked data-sortable: a click on a column's head sorts by it, a second click turns the order round.
for (const table of document.querySelectorAll("table[data-sortable]")) {
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  const key = (row, column) => row.cells[column].dataset.v ?? "";
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const numeric = head.classList.contains("num");
      const before = head.getAttribute("aria-sort");
      const sign = before === (numeric ? "descending" : "ascending") ? !numeric : numeric;
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", sign ? "descending" : "ascending");
      const rows = [...body.rows].sort((a, b) => {
        const [u, v] = [key(a, column), key(b, column)];
        if (u === "" || v === "") return (u === "") - (v === "");  // what is not known stays last
        const order = numeric ? Number(u) - Number(v) : u.localeCompare(v, "en", { numeric: true });
        return sign ? -order : order;
      });
      body.append(...rows);
    });
  });
}
