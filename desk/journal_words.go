package desk

import "strings"

// actions words what the journal keeps as codes, in the order of the filter.
var actions = []struct{ Code, Word string }{
	{"session.start", "вход"}, {"session.end", "выход"},
	{"password.change", "пароль изменён"}, {"password.issue", "пароль выдан"},
	{"consent.given", "согласие дано"}, {"consent.refused", "отказ от согласия"}, {"consent.withdrawn", "согласие отозвано"},
	{"name.read", "просмотр имени и места работы"}, {"person.read", "просмотр карточки человека"}, {"result.read", "просмотр результатов"},
	{"deficit.read", "просмотр того, что стоит укрепить"}, {"route.read", "просмотр маршрута"}, {"answer.read", "просмотр ответов"},
	{"export.read", "выгрузка с именами"}, {"bank.export", "выгрузка банка дефицитов"}, {"proposal.export", "выгрузка предложения маршрутов"}, {"routes.export", "выгрузка списка маршрутов"}, {"key.read", "просмотр ключа задания"},
	{"person.add", "человек добавлен"}, {"person.change", "карточка изменена"}, {"person.merge", "записи объединены"}, {"person.unmerge", "записи разъединены"},
	{"person.erase", "данные удалены"}, {"appointment.add", "место работы добавлено"}, {"appointment.end", "место работы закрыто"},
	{"staff.import", "список сотрудников загружен"}, {"role.grant", "роль выдана"}, {"role.revoke", "роль снята"},
	{"territory.add", "муниципалитет добавлен"}, {"organisation.add", "организация добавлена"}, {"organisation.change", "организация изменена"}, {"organisation.close", "организация закрыта"},
	{"codifier.added", "кодификатор добавлен"}, {"scale.added", "шкала добавлена"},
	{"task.begun", "задание начато"}, {"task.submitted", "задание отправлено на рецензию"}, {"task.approved", "задание утверждено"}, {"task.returned", "задание возвращено"},
	{"task.comment", "замечание к заданию"}, {"task.retired", "задание убрано из употребления"}, {"task.restored", "задание возвращено в употребление"},
	{"instrument.imported", "инструмент загружен"}, {"instrument.added", "инструмент добавлен"}, {"specification.added", "спецификация добавлена"}, {"variant.assembled", "вариант собран"},
	{"campaign.created", "диагностика создана"}, {"campaign.invited", "участники приглашены"}, {"campaign.opened", "диагностика открыта"},
	{"campaign.prolonged", "дата закрытия перенесена"}, {"campaign.closed", "диагностика завершена"},
	{"registration.minutes", "дополнительное время"}, {"attempt.annulled", "работа аннулирована"}, {"answer.file", "файл к ответу"},
	{"marking.distributed", "работы розданы экспертам"}, {"marking.marked", "работа проверена"},
	{"results.published", "результаты открыты педагогам"}, {"results.regrade", "баллы пересчитаны"}, {"results.statistics", "статистика заданий рассчитана"},
	{"deficits.fitted", "дефициты рассчитаны"},
	{"programmes.imported", "каталог программ загружен"},
	{"route.drafted", "маршрут составлен"}, {"route.changed", "маршрут изменён"}, {"route.proposed", "маршрут предложен"}, {"route.agreed", "маршрут согласован"},
	{"route.returned", "маршрут возвращён в черновики"}, {"route.declined", "педагог просит изменить маршрут"}, {"route.cancelled", "маршрут отменён"}, {"route.completed", "маршрут завершён"},
	{"route.step_started", "шаг маршрута начат"}, {"route.step_done", "шаг маршрута пройден"}, {"route.step_undone", "отметка шага снята"},
	{"memo.drafted", "справка составлена"}, {"memo.written", "слова справки изменены"}, {"memo.refreshed", "цифры справки обновлены"}, {"memo.approved", "справка утверждена"}, {"memo.export", "справка скачана"},
	{"plan.imported", "план загружен"}, {"plan.adopted", "план принят как копия"}, {"plan.approved", "утверждение плана записано"}, {"plan.reported", "отметки по плану"},
	{"plan.renamed", "пункты плана переименованы"}, {"plan.indicator_attached", "показатель добавлен к пункту"}, {"plan.indicator_detached", "показатель убран с пункта"},
	{"demo.begun", "учебный регион начат"}, {"demo.made", "учебный регион готов"},
}

var objects = map[string]string{
	"person": "человек", "consent": "согласие", "territory": "муниципалитет", "organisation": "организация", "staff_import": "список сотрудников",
	"codifier": "кодификатор", "scale": "шкала", "task": "задание", "task_version": "версия задания", "instrument": "инструмент",
	"specification": "спецификация", "variant": "вариант", "campaign": "диагностика", "registration": "приглашение", "attempt": "работа",
	"marking_work": "проверяемая работа", "catalogue": "каталог", "route": "маршрут", "proposal": "предложение маршрутов", "route_offer": "маршруты, предложенные вместе", "memo": "справка", "roadmap_plan": "план", "region": "регион",
}

// purposes are the consents by their codes, which stand as the number of the object.
var purposes = map[string]string{
	"diagnostics": "на диагностику", "share_methodist": "показать методисту", "research": "на исследования", "lesson_video": "на видеозапись урока", "programmes": "программ", "demo": "учебный",
}

// actionWord is an action as people say it; an action nobody has worded stays a code.
func actionWord(code string) string {
	for _, a := range actions {
		if a.Code == code {
			return a.Word
		}
	}
	return code
}

// objectWord is what an action was done to.
func objectWord(kind, id string) string {
	if w, known := objects[kind]; known {
		kind = w
	}
	if w, known := purposes[id]; known {
		id = w
	}
	return strings.TrimSpace(kind + " " + id)
}
