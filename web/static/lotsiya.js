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
