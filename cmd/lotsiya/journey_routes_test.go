package main

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
)

// A methodist proposes routes for a part of the region, edits one and hands it over; the teacher agrees.
func TestMethodistPlansEditsAndAssigns(t *testing.T) {
	m := as(t, "methodist")
	m.open("/programmes")
	m.see("Программы", "Ближайшая группа")
	m.look("programmes")
	m.open("/routes/propose?territory=6")
	m.look("propose")
	var campaign string
	m.eval(`[...document.querySelectorAll("#campaign option")].find(o => o.text.startsWith("Математика"))?.value ?? ""`, &campaign)
	m.do(chromedp.Evaluate(fmt.Sprintf(`document.querySelector("#campaign").value = %q`, campaign), nil))
	m.click(`form.sheet > .row .btn`)
	m.do(chromedp.WaitVisible(`form[action$="/apply"] button`, chromedp.ByQuery))
	m.see("Кому что", "Места")
	m.look("proposal")
	m.click(`form[action$="/apply"] button`)
	m.see("Маршруты", "черновик")
	m.look("routes")

	m.click(`table tbody tr:last-child th a`)
	m.see("Что укрепить", "Почему так", "Что можно добавить")
	route := m.path()
	m.look("route-editor")
	first := m.text(`.timeline .step h3`)
	m.click(`.timeline .step button.lock`) // lock the first step
	m.see("Шаг закреплён", "Открепить")
	if n := m.text(`.timeline .step-locked h3`); n != first {
		t.Errorf("locked %q, pressed at %q", n, first)
	}
	var forbid string
	m.eval(`[...document.querySelectorAll('.timeline form')].some(f => f.elements.do?.value === "forbid") ? "yes" : ""`, &forbid)
	if forbid != "" {
		m.do(chromedp.Evaluate(`[...document.querySelectorAll('.timeline form')].find(f => f.elements.do?.value === "forbid").id = "forbid"`, nil))
		m.click(`#forbid button`)
		m.see("маршрут пересчитан", "Исключено")
		m.look("route-edited")
		m.click(`.page-head form[action$="/edit"] button`) // undo
		m.see("Последнее изменение отменено")
	}
	m.open(route + "/print")
	m.see("Индивидуальный образовательный маршрут", "Рефлексия", "Подписи")
	m.look("route-form")
	m.open(route)
	m.click(`form[action$="/propose"] button`)
	m.see("ждёт ответа учителя")
}

// The demonstration teacher reads the route offered, agrees, and sees what comes next.
func TestTeacherAgreesToARoute(t *testing.T) {
	v := as(t, "teacher")
	v.open("/route")
	v.see("Мой маршрут", "Согласиться", "Почему этот шаг", "Ради чего это")
	v.look("route-offered")
	v.click(`form[action="/route/agree"] button`)
	v.see("Вы согласились")
	v.look("route-agreed")
	v.open("/route/print")
	v.see("Индивидуальный образовательный маршрут")
}

// A step is ticked by its teacher, with the document, once it has begun.
func TestTeacherCompletesAStep(t *testing.T) {
	m := as(t, "methodist")
	m.open("/routes?state=in_progress")
	m.look("routes-in-progress")
	m.click(`table tbody tr:first-child th a`)
	m.see("идёт")
	m.look("route-in-progress")
	var steps int
	m.eval(`document.querySelectorAll('input[name="document"]').length`, &steps)
	if steps == 0 {
		return // every step that has begun is done: the page above shows it
	}
	m.eval(fmt.Sprintf(`document.querySelector('input[name="document"]').closest("details").open = true`), new(bool))
	m.fill(`input[name="document"]`, "удостоверение № 1")
	m.click(`input[name="document"] ~ * , details[open] form[action$="/steps"] button`)
	m.see("Отметка сохранена")
}
