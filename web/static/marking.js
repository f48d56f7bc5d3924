// Комната проверки: цифра ставит баллы по очередному критерию, Enter сохраняет.
// Без этого файла всё работает мышью и клавишей Tab.
const form = document.querySelector("#marks");
const criteria = form ? [...form.querySelectorAll("[data-criterion]")] : [];
document.querySelector("[data-keys]")?.removeAttribute("hidden");

const chosen = (criterion) => criterion.querySelector("input:checked");

// Очередной критерий: тот, где стоит фокус, иначе первый без оценки.
function current() {
  const focused = document.activeElement?.closest("[data-criterion]");
  return focused ?? criteria.find((c) => !chosen(c)) ?? criteria[0];
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("textarea, input:not([type=radio]), a, button, summary")) return;
  if (/^[0-9]$/.test(event.key)) {
    const criterion = current();
    const input = criterion?.querySelector(`input[value="${event.key}"]:not(:disabled)`);
    if (!input) return;
    event.preventDefault();
    input.checked = true;
    const next = criteria.find((c) => !chosen(c));
    (next ? next.querySelector("input") : form.querySelector("button"))?.focus();
    if (next) next.scrollIntoView({ block: "nearest" });
  } else if (event.key === "Enter" && criteria.every(chosen)) {
    event.preventDefault();
    form.requestSubmit();
  }
});
