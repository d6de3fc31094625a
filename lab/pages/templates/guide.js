"use strict";
// Searches, filters and sorts the guide. The state is in the address, so that it survives a reload and can be sent.
(() => {
  const form = document.getElementById("tools");
  const body = document.querySelector(".overview tbody");
  const rows = [...body.rows];
  const cards = [...document.querySelectorAll(".card")];
  const sections = [...document.querySelectorAll("section.cards")];
  const headers = [...document.querySelectorAll(".overview th[data-sort]")];
  const fields = ["q", "chapter", "found", "with", "data", "sort"];
  const words = new Map(cards.map((card) => [card.dataset.name, card.textContent.toLowerCase()]));
  const places = new Map(rows.map((row, place) => [row.dataset.name, place]));

  // A row has the validation curves of its card once more, small.
  for (const row of rows) {
    const card = cards.find((one) => one.dataset.name === row.dataset.name);
    const curves = card.querySelector(".picture svg svg");
    if (!curves) continue;
    const small = curves.cloneNode(true);
    small.setAttribute("viewBox", `0 0 ${small.getAttribute("width")} ${small.getAttribute("height")}`);
    small.setAttribute("preserveAspectRatio", "none");
    small.setAttribute("style", card.getAttribute("style"));
    small.setAttribute("aria-hidden", "true");
    for (const line of small.querySelectorAll(".train")) line.remove();
    row.querySelector(".small").append(small);
  }
  if (document.querySelector(".overview .small svg")) {
    for (const cell of document.querySelectorAll(".overview .small")) cell.hidden = false;
  }

  const has = (list, value) => !value || list.split(" ").includes(value);
  const shows = (card, state) =>
    state.q.toLowerCase().split(/\s+/).every((word) => words.get(card.dataset.name).includes(word)) &&
    (!state.chapter || card.closest("section").id === state.chapter) &&
    has(card.dataset.found, state.found) && has(card.dataset.with, state.with) &&
    has(card.dataset.data, state.data);

  // A row without a value comes last in either direction.
  function compare(a, b, key, down) {
    const [one, other] = [a.dataset[key] ?? "", b.dataset[key] ?? ""];
    if (!one || !other) return (one ? 0 : 1) - (other ? 0 : 1) || places.get(a.dataset.name) - places.get(b.dataset.name);
    const order = key === "name" ? one.localeCompare(other) : Number(one) - Number(other);
    return (down ? -order : order) || places.get(a.dataset.name) - places.get(b.dataset.name);
  }

  const read = () => Object.fromEntries(fields.map((name) => [name, form.elements[name].value.trim()]));

  function show(state) {
    const seen = new Set();
    for (const card of cards) {
      card.hidden = !shows(card, state);
      if (!card.hidden) seen.add(card.dataset.name);
    }
    for (const section of sections) section.hidden = !section.querySelector(".card:not([hidden])");
    const down = state.sort.startsWith("-");
    const key = state.sort.replace("-", "");
    const order = key ? (a, b) => compare(a, b, key, down) : (a, b) => places.get(a.dataset.name) - places.get(b.dataset.name);
    body.append(...rows.toSorted(order));
    for (const row of rows) row.hidden = !seen.has(row.dataset.name);
    for (const section of sections) {
      section.append(...[...section.querySelectorAll(".card")].sort((a, b) => order(rows[places.get(a.dataset.name)], rows[places.get(b.dataset.name)])));
    }
    for (const header of headers) {
      header.removeAttribute("aria-sort");
      if (header.dataset.sort === key) header.setAttribute("aria-sort", down ? "descending" : "ascending");
    }
    const count = document.getElementById("count");
    count.textContent = count.dataset.says.replace("{shown}", seen.size).replace("{all}", cards.length);
  }

  function changed() {
    const state = read();
    show(state);
    // What others keep in the address stays there.
    const others = [...new URLSearchParams(location.hash.includes("=") ? location.hash.slice(1) : "")]
      .filter(([name]) => !fields.includes(name));
    const kept = new URLSearchParams([...Object.entries(state).filter(([, value]) => value), ...others]).toString();
    history.replaceState(null, "", kept ? `#${kept}` : location.href.split("#")[0]);
  }

  // An address that names a place of the page holds no state; a value that is not offered counts as none.
  function fromAddress() {
    const kept = new URLSearchParams(location.hash.includes("=") ? location.hash.slice(1) : "");
    for (const name of fields) {
      form.elements[name].value = kept.get(name) ?? "";
      if (form.elements[name].selectedIndex === -1) form.elements[name].value = "";
    }
    show(read());
  }

  form.addEventListener("input", changed);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(changed));
  window.addEventListener("hashchange", () => { if (location.hash.includes("=") || !location.hash) fromAddress(); });
  for (const header of headers) {
    header.querySelector("button").addEventListener("click", () => {
      const key = header.dataset.sort;
      form.elements.sort.value = form.elements.sort.value === key ? `-${key}` : key;
      changed();
    });
  }
  // The contents move the reader without a change of the address, which holds the state.
  for (const link of document.querySelectorAll(".contents a")) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      const section = document.getElementById(link.hash.slice(1));
      if (section.hidden) { form.reset(); show(read()); }
      const heading = section.querySelector("h2");
      heading.tabIndex = -1;
      heading.focus();
      section.scrollIntoView();
    });
  }
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "/" && !event.target.closest("input:not([type=checkbox]), select, textarea")) {
      event.preventDefault();
      form.elements.q.focus();
    } else if (event.key === "Escape" && event.target === form.elements.q) {
      form.elements.q.value = "";
      changed();
    }
  });
  form.hidden = false;
  fromAddress();
})();
