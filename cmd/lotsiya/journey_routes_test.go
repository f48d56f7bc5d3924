package main

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// seats is held by a journey from a calculation until its drafts are made: the groups are the region's, and whoever
// comes second is told to calculate anew.
var seats sync.Mutex

// holdSeats keeps other journeys from the seats until it is released, or until the test ends.
func holdSeats(t *testing.T) (release func()) {
	seats.Lock()
	release = sync.OnceFunc(seats.Unlock)
	t.Cleanup(release)
	return release
}

// A methodist has routes calculated for one school, locks a step, excludes another, sees why and at what price, and
// tries what another group would bring.
func TestMethodistPlansASchoolAndAsksWhatIf(t *testing.T) {
	t.Parallel()
	v := as(t, "methodist")
	var href, territory string
	for school := 1; school <= 12 && href == ""; school++ {
		v.open("/routes/propose")
		var organisation string
		v.eval(`document.querySelector("#territory").options[7].value`, &territory)
		v.choose("#territory", territory)
		v.click(`button[value="narrow"]`)
		var schools int
		v.eval(`document.querySelector("#organisation").options.length - 1`, &schools)
		if school > schools {
			break
		}
		v.eval(fmt.Sprintf(`document.querySelector("#organisation").options[%d].value`, school), &organisation)
		v.choose("#organisation", organisation)
		release := holdSeats(t)
		v.click(`form[action="/routes/propose"] button:not([name])`)
		v.until(`/Предложение маршрутов|не удался/.test(document.querySelector("h1").textContent)`)
		v.see("Предложение маршрутов")
		var apply bool
		v.eval(`document.querySelector('form[action$="/apply"]') !== null`, &apply)
		if apply {
			v.see("это доказано")
			v.click(`.page-head form[action$="/apply"] button`)
			v.until(`/Готово|заново/.test(document.body.textContent)`)
		}
		release()
		if !apply { // everybody there has a route
			continue
		}
		v.see("Готово")
		v.open("/routes?state=draft&territory=" + territory + "&organisation=" + organisation)
		v.eval(`(r => r && parseInt(r.cells[2].textContent.split("из")[1]) > 1 ? r.querySelector("a").getAttribute("href") : "")([...document.querySelectorAll("section[aria-labelledby=list] tbody tr")].sort((a, b) => parseInt(b.cells[2].textContent.split("из")[1]) - parseInt(a.cells[2].textContent.split("из")[1]))[0])`, &href)
	}
	if href == "" {
		t.Fatal("no school of the municipality gets a draft of two steps")
	}
	v.open(href)
	v.see("Почему так", "лучший маршрут")
	v.click(`form:has(input[name="do"][value="lock"]) button`)
	v.see("Шаг закреплён")
	v.do(chromedp.Evaluate(`[...document.querySelectorAll("form:has(input[name=do][value=forbid])")].at(-1).id = "last-step"`, nil))
	v.click(`#last-step button`)
	v.see("маршрут пересчитан", "Исключено")
	v.do(chromedp.Evaluate(`document.querySelectorAll(".timeline details").forEach(d => d.open = true)`, nil))
	v.see("Шаг закреплён: расчёт его не трогает")
	if price := v.text("#price"); price == "" {
		t.Error("the price of what is locked and excluded is not shown")
	}
	v.look("route-demands")

	// A wish for the form of the steps, with what it costs; what cannot hold together is named, and one of it given up.
	v.tap(`#wishes summary`)
	v.tap(`#wishes input[name="mode"][value="online"]`)
	v.fill("#load", "40")
	v.fill("#why", "Очно не отпускают")
	v.click(`#wishes form button`)
	v.until(`/Пожелания учтены|Вместе это не складывается/.test(document.body.textContent)`)
	var clash bool
	v.eval(`document.querySelector("#clash") !== null`, &clash)
	if clash { // the locked step is held face to face
		v.see("Откажитесь от чего-то одного", "Открепить")
		v.look("route-clash")
		v.click(`#clash form:has(input[name="drop"][value^="locked:"]) button`)
	}
	v.see("Пожелания учтены", "только дистанционно", "Ваши условия и их цена", "Очно не отпускают")
	v.look("route-wishes")

	v.open("/routes")
	v.click(`.page-head a[href="/routes/demand"]`)
	v.see("Спрос против мест", "Заказ на новые программы и группы")
	v.open("/routes/demand?territory=" + territory) // where no other visitor changes anything meanwhile
	v.look("routes-demand")
	book := workbookOf(t, v.download(`a[href^="/routes/demand.xlsx"]`))
	rows := sheetOf(t, book, "Спрос и места")
	if table := v.table(`section[aria-labelledby="seats"] table`); len(table) != len(rows) {
		t.Errorf("%d rows on the page, %d in the workbook", len(table), len(rows))
	}
	// The programme with most seats missing stands first: one more group of it.
	v.click(`.page-head a[href^="/routes/what-if"]`)
	v.look("routes-what-if")
	var code string
	v.eval(fmt.Sprintf(`[...document.querySelector("#programme").options].find(o => o.value === %q)?.value ?? document.querySelector("#programme").options[1].value`, rows[1][0]), &code)
	v.choose("#programme", code)
	v.fill("#hours", "108")
	from := time.Now()
	v.click(`form[action="/routes/what-if"] button`)
	v.until(`document.querySelector("#result") !== null`)
	if took := time.Since(from); took > 2*time.Second {
		t.Logf("the effect took %s on this machine", took)
		var answered float64
		v.eval(`(n => n.responseEnd - n.requestStart)(performance.getEntriesByType("navigation")[0])`, &answered)
		if answered > 2000 {
			t.Errorf("the effect took the server %.0f ms, expected 2 s at most", answered)
		}
	}
	v.see("Если", "Разница", "Педагогов с шагами")
	v.look("routes-what-if-result")
}

// A group is cancelled: the route that holds it is called out of date, planned anew with as few changes as can be, and
// the difference is seen before it is taken.
func TestMethodistPlansARouteAnew(t *testing.T) {
	t.Parallel()
	v := as(t, "methodist")
	v.open("/routes?risk=1")
	v.see("Маршрут устарел")
	v.click(`.page-head a[href="/routes/outdated"]`)
	v.see("Устаревшие маршруты", "без замены осталось бы", "Принять отмеченные")
	v.look("routes-outdated")
	v.open("/routes?risk=1")
	v.click(`section[aria-labelledby="list"] a[href$="/replan"]`)
	v.see("Почему маршрут устарел", "Что изменится", "Новый вариант закроет", "пройден")
	v.look("route-replan")
	var steps int
	v.eval(`document.querySelectorAll("section[aria-labelledby=changes] tbody tr").length`, &steps)
	v.click(`nav.views a[href*="pace=free"]`)
	v.see("Перемены здесь ничего не стоят")
	v.click(`nav.views a[href*="pace=little"]`)
	v.fill("#note", "Группу отменили: посмотрите, что нашлось взамен")
	release := holdSeats(t)
	v.click(`form:has(#note) button`)
	v.until(`/Маршрут пересчитан/.test(document.body.textContent)`)
	release()
	v.see("Маршрут пересчитан", "черновик")
	var same int
	v.eval(`document.querySelectorAll(".timeline .step-acts").length`, &same)
	if same == 0 || same > steps {
		t.Errorf("%d steps after planning anew, the difference named %d", same, steps)
	}
	v.click(`form[action$="/propose"] button`)
	v.see("Маршрут предложен педагогу")
}

// Routes for the whole region, evened out between municipalities: the work is seen going on, and its price at the end.
func TestMethodistEvensOutARegion(t *testing.T) {
	t.Parallel()
	v := as(t, "methodist")
	v.open("/routes/propose")
	v.choose("#fairness", "0.9")
	v.click(`form[action="/routes/propose"] button:not([name])`)
	v.until(`/Предложение маршрутов|не удался/.test(document.querySelector("h1").textContent)`)
	v.see("Поровну между муниципалитетами", "цена:", "С ним")
	v.look("routes-proposal-even")
}

// A methodist finds one teacher, has a route proposed in one step, sends it and takes it back.
func TestMethodistProposesToOneAndTakesBack(t *testing.T) {
	t.Parallel()
	v := as(t, "methodist")
	v.open("/routes/propose")
	v.fill("#q", "учитель")
	v.click(`form[role="search"] button`)
	v.see("Стоит укрепить")
	v.look("routes-propose-one")
	release := holdSeats(t)
	v.click(`form[action="/routes/propose/one"] button`)
	v.see("Черновик готов", "Почему так")
	release()
	var id string
	v.eval(`location.pathname.split("/").at(-1)`, &id)
	v.open("/routes/offer?route=" + id + ".1")
	v.see("Будет предложено")
	v.look("routes-offer")
	v.click(`form[action="/routes/offers"] button`)
	v.see("Предложено вместе", "ждёт ответа педагога")
	v.tap(`details.more > summary`)
	v.fill("#why", "Перенесли группу")
	v.click(`form[action$="/back"] button`)
	v.see("Возвращено в черновики", "черновик")
	v.open("/routes/" + id)
	v.tap(`#history summary`)
	v.see("Перенесли группу")
}
