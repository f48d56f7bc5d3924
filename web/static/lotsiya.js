// Всё на странице работает и без этого файла: он лишь добавляет удобство.

// Esc закрывает открытую шторку и возвращает фокус на её кнопку.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const open of document.querySelectorAll("details.drawer[open], details.view[open], details.nav-more[open]")) {
    open.open = false;
    open.querySelector("summary").focus();
  }
});

// На телефоне отбор свёрнут, чтобы первым было то, ради чего пришли.
if (matchMedia("(max-width: 47.99rem)").matches) {
  for (const box of document.querySelectorAll(".filters > details")) box.open = false;
}

for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => print());
}

// После отказа формы фокус встаёт на список того, что поправить.
document.querySelector(".error-summary a")?.focus();

// Ход долгой работы: обновляется только то, что меняется; когда работа кончилась, страница открывается заново.
const live = document.querySelector("[data-live]");
if (live) {
  const again = async () => {
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-live]");
      if (!fresh) return location.reload();
      for (const part of live.querySelectorAll("[data-live-part]")) {
        const next = fresh.querySelector(`[data-live-part="${part.dataset.livePart}"]`);
        if (next && next.innerHTML !== part.innerHTML) part.innerHTML = next.innerHTML;
      }
    } catch { /* нет сети: попробуем ещё раз */ }
    setTimeout(again, 1500);
  };
  setTimeout(again, 1500);
}
