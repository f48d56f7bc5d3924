package sitting

import (
	"bytes"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"testing/quick"
	"time"

	"github.com/xuri/excelize/v2"

	"github.com/lotsiya/lotsiya/diagnostics/campaign"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/calendar"
	"github.com/lotsiya/lotsiya/internal/fault"
)

func TestParticipation(t *testing.T) {
	t.Parallel()
	s := newScene(t, 7) // 4 in school 1, 3 in school 2
	path, lease := s.begin(0)
	s.json(200, "POST", path+"/submit", `{"lease":"`+lease+`"}`)
	s.begin(1)
	s.as(s.teachers[2])
	s.json(200, "POST", "/api/v1/attempts/"+s.attempts[2]+"/consent", `{"version":1}`)
	s.must(s.Refuse(t.Context(), s.teachers[3], s.attempts[3]))

	b := &browser{scene: s}
	coordinator := access.Actor{ID: s.manager.ID, Grants: []access.Grant{{Role: access.Coordinator, Territory: s.territory}}}
	s.as(coordinator)
	b.want(b.get("/participation"), 200, "<b>7</b><span>приглашено", "из них отказались: 1", "<b>3</b><span>согласились", "<b>2</b><span>начали", "<b>1</b><span>завершили",
		"Кто ещё не начал: 4", "Школа № 1", "Школа № 2", "Сейчас работают: 1")
	b.want(b.get(fmt.Sprintf("/participation?campaign=%d&organisation=%d", s.campaign, s.schools[0])), 200, "Сейчас работают: 0")
	link := fmt.Sprintf("/participation/waiting?campaign=%d", s.campaign)
	b.want(b.get(link), 200, "4 человека", "согласие есть, не начал", "не дал согласия", "ЛО-")
	if looks := s.id(`SELECT count(*) FROM journal WHERE action = 'name.read'`); looks != 4 {
		t.Errorf("%d looks at names in the journal, want 4", looks)
	}
	b.want(b.get(strings.Replace(link, "waiting", "cards", 1)), 200, "4 карточки", "директор не увидит")

	book := b.get(fmt.Sprintf("/participation.xlsx?campaign=%d", s.campaign))
	b.want(book, 200)
	f, err := excelize.OpenReader(bytes.NewReader([]byte(book.body)))
	s.must(err)
	defer f.Close()
	rows, err := f.GetRows("Участие")
	s.must(err)
	if last := rows[len(rows)-1]; len(rows) != 4 || last[0] != "Всего" || last[2] != "7" || last[6] != "1" || last[7] != "4" {
		t.Errorf("workbook: %v", rows)
	}
	if filters := f.GetDefinedName(); len(filters) != 2 || filters[0].RefersTo != "'Участие'!$A$1:$I$3" {
		t.Errorf("filters: %+v", filters)
	}
	if people, err := f.GetRows("Кто не начал"); err != nil || len(people) != 5 {
		t.Errorf("workbook: %v %v", people, err)
	}

	// A head sees the own school only, another territory nothing, a teacher no page.
	s.as(access.Actor{ID: s.manager.ID, Grants: []access.Grant{{Role: access.Head, Organisation: s.schools[1]}}})
	page := b.get("/participation")
	b.want(page, 200, "<b>3</b><span>приглашено", "Школа № 2", "Сейчас работают: 1")
	if strings.Contains(page.body, "Школа № 1") {
		t.Error("a head sees another school")
	}
	s.as(access.Actor{ID: s.manager.ID, Grants: []access.Grant{{Role: access.Head, Organisation: s.schools[0]}}})
	b.want(b.get("/participation"), 200, "<b>4</b><span>приглашено", "Сейчас работают: 0") // the one at work is of the other school
	stranger := access.Actor{ID: s.manager.ID, Grants: []access.Grant{{Role: access.Coordinator, Territory: s.territory + 1}}}
	s.as(stranger)
	b.want(b.get("/participation"), 200, "Пока никто не приглашён")
	b.want(b.get(fmt.Sprintf("/participation?campaign=%d", s.campaign)), 404)
	b.want(b.get(fmt.Sprintf("/campaigns/%d", s.campaign)), 404)
	b.want(b.get("/campaigns"), 200, "Диагностик пока нет")
	s.as(s.teachers[0])
	for _, path := range []string{"/participation", "/participation/waiting", "/participation/cards", "/participation.xlsx", "/campaigns", "/campaigns/new"} {
		b.want(b.get(path), 404)
	}
}

func TestCampaignPages(t *testing.T) {
	t.Parallel()
	s := newScene(t, 2)
	b := &browser{scene: s}
	s.as(s.manager)
	b.want(b.get("/campaigns"), 200, "Математика, осень", "идёт")
	b.want(b.get("/campaigns/new"), 200, "Учитель математики · 9")
	instrument, scale := s.id(`SELECT id FROM instrument`), s.id(`SELECT id FROM scale WHERE code = 'share-test'`)
	when := func(days int) string {
		return s.time().AddDate(0, 0, days).In(calendar.Zone).Format("2006-01-02T15:04")
	}
	form := url.Values{"title": {""}, "purpose": {"real"}, "instrument": {fmt.Sprint(instrument)}, "scale": {fmt.Sprint(scale)}, "opens_at": {when(3)}, "closes_at": {when(2)}, "minutes": {"0x"}}
	b.want(b.post("/campaigns", form), 422, "Проверьте 3", "Назовите диагностику", "позже, чем открыться", "целое число минут")
	for _, odd := range []struct{ field, value, want string }{
		{"title", strings.Repeat("я", 201), "длиннее 200"}, {"closes_at", when(-2), "позже, чем открыться"}, {"minutes", "0", "целое число минут"}, {"minutes", "601", "целое число минут"},
		{"scale", "999999", "Такой шкалы нет"}, {"purpose", "joke", "для чего диагностика"},
	} {
		bad := url.Values{"title": {"Т"}, "purpose": {"real"}, "instrument": {fmt.Sprint(instrument)}, "scale": {fmt.Sprint(scale)}, "opens_at": {when(3)}, "closes_at": {when(9)}, "minutes": {"60"}}
		bad.Set(odd.field, odd.value)
		b.want(b.post("/campaigns", bad), 422, odd.want)
	}
	past := url.Values{"title": {"Прошлая"}, "purpose": {"real"}, "instrument": {fmt.Sprint(instrument)}, "scale": {fmt.Sprint(scale)}, "opens_at": {when(-9)}, "closes_at": {when(-2)}}
	b.want(b.post("/campaigns", past), 422, "уже прошло", "Прошлая")
	short := url.Values{"title": {"Т"}, "purpose": {"real"}, "instrument": {fmt.Sprint(instrument)}, "scale": {fmt.Sprint(scale)}, "opens_at": {when(3)}, "closes_at": {s.time().AddDate(0, 0, 3).Add(10 * time.Minute).In(calendar.Zone).Format("2006-01-02T15:04")}, "minutes": {"60"}}
	b.want(b.post("/campaigns", short), 422, "Окно короче")
	form.Set("title", "Математика, повторно")
	form.Set("closes_at", when(9))
	form.Set("minutes", "")
	made := b.post("/campaigns", form)
	b.want(made, 303, "/campaigns/")
	one := made.header.Get("Location")
	b.want(b.get(one), 200, "готовится", "Всех в регионе: 2", "disabled")
	b.want(b.post(one+"/open", nil), 409, "не для кого")
	b.want(b.post(one+"/invite", nil), 422, "Отметьте хотя бы один")
	b.want(b.post(one+"/invite", url.Values{"territory": {"999999"}}), 422, "Такого муниципалитета нет")
	b.want(b.post(one+"/invite", url.Values{"territory": {fmt.Sprint(s.territory)}}), 303)
	b.want(b.post(one+"/invite", url.Values{"all": {"true"}}), 303)
	if n := s.id(`SELECT count(*) FROM attempt`); n != 4 {
		t.Fatalf("%d attempts, want 4: inviting again must add nobody", n)
	}
	if n := s.id(`SELECT count(DISTINCT participant_code) FROM registration`); n != 4 {
		t.Errorf("%d codes, want 4", n)
	}
	b.want(b.post(one+"/close", nil), 409, "ещё не открывалась")
	s.as(s.teachers[0])
	if list := s.call("GET", "/api/v1/attempts", ""); strings.Contains(list.body, "повторно") {
		t.Error("a draft is shown to a teacher")
	}
	s.as(s.manager)
	b.want(b.post(one+"/open", nil), 303)
	b.want(b.post(one+"/prolong", url.Values{"closes_at": {when(-1)}}), 422, "в будущем")
	b.want(b.post(one+"/prolong", url.Values{"closes_at": {when(20)}}), 303)

	current := fmt.Sprintf("/campaigns/%d", s.campaign)
	var code string
	s.must(s.pool.Get(&code, `SELECT participant_code FROM registration WHERE campaign_id = $1 AND person_id = $2`, s.campaign, s.teachers[0].ID))
	wrongDigit := code[:len(code)-1] + string('0'+(code[len(code)-1]-'0'+1)%10)
	b.want(b.post(current+"/participant", url.Values{"code": {wrongDigit}, "do": {"minutes"}, "minutes": {"20"}, "why": {"так"}}), 422, "опечатка")
	b.want(b.post(one+"/participant", url.Values{"code": {code}, "do": {"minutes"}, "minutes": {"20"}, "why": {"так"}}), 422, "такого кода нет")
	b.want(b.post(current+"/participant", url.Values{"code": {code}, "do": {"minutes"}, "minutes": {"20"}}), 422, "Напишите, почему")
	b.want(b.post(current+"/participant", url.Values{"code": {strings.ToLower(code)}, "do": {"minutes"}, "minutes": {"20"}, "why": {"Слабое зрение"}}), 303)
	if n := s.id(`SELECT extra_minutes FROM registration WHERE participant_code = $1`, code); n != 20 {
		t.Errorf("%d extra minutes", n)
	}
	b.want(b.post(current+"/participant", url.Values{"code": {code}, "do": {"annul"}, "why": {"так"}}), 422, "только начатую")
	b.want(b.post(current+"/close", nil), 303)
	b.want(b.get(current), 200, "завершена")

	analyst := access.Actor{ID: s.manager.ID, Grants: []access.Grant{{Role: access.Analyst}}}
	s.as(analyst)
	b.want(b.get(current), 200, "Приглашено")
	b.want(b.post(current+"/open", nil), 404)
	b.want(b.get("/campaigns/new"), 404)
}

// Schools and people by themselves may be invited: counted first, with what is ticked kept;
// the list of the invited is filtered and sorted.
func TestInviteBySchoolsAndPeople(t *testing.T) {
	t.Parallel()
	s := newScene(t, 5) // 3 in school 1, 2 in school 2; families Учительа…Учительааааа
	b := &browser{scene: s}
	s.as(s.manager)
	instrument, scale := s.id(`SELECT id FROM instrument`), s.id(`SELECT id FROM scale WHERE code = 'share-test'`)
	id, err := s.campaigns.Create(t.Context(), s.manager, campaign.NewCampaign{Title: "По школам", InstrumentID: instrument, ScaleID: scale,
		OpensAt: s.time(), ClosesAt: s.time().AddDate(0, 0, 9), Minutes: 60})
	s.must(err)
	one := fmt.Sprintf("/campaigns/%d", id)
	invited := func() int64 { return s.id(`SELECT count(*) FROM registration WHERE campaign_id = $1`, id) }
	b.want(b.get(one+"/invite"), 200, "Всех в регионе: 5", "Показать организации")
	page := b.post(one+"/invite", url.Values{"do": {"schools"}, "place": {fmt.Sprint(s.territory)}})
	b.want(page, 200, "Школа № 1: ещё 3", "Школа № 2: ещё 2")
	page = b.post(one+"/invite", url.Values{"do": {"find"}, "q": {"УЧИТЕЛЬАААА"}, "organisation": {fmt.Sprint(s.schools[1])}})
	b.want(page, 200, "Учительаааа Мария", fmt.Sprintf(`value="%d" checked`, s.schools[1]))
	if strings.Contains(page.body, "Учительааа Мария") {
		t.Error("the search finds another name")
	}
	b.want(b.post(one+"/invite", url.Values{"do": {"find"}, "q": {"Никто"}}), 200, "Никто не нашёлся")
	person := fmt.Sprint(s.teachers[0].ID) // of school 1
	choice := url.Values{"do": {"check"}, "organisation": {fmt.Sprint(s.schools[1])}, "person": {person, fmt.Sprint(s.manager.ID)}}
	b.want(b.post(one+"/invite", choice), 200, "Будет приглашено: 3 человека", "Не подойдут: 1", "Школа № 2", fmt.Sprintf(`value="%s" checked`, person))
	if invited() != 0 {
		t.Fatal("counting invites")
	}
	choice.Set("do", "invite")
	b.want(b.post(one+"/invite", choice), 303, one)
	if n := invited(); n != 3 {
		t.Fatalf("%d invited, want 3", n)
	}
	var code string
	s.must(s.pool.Get(&code, `SELECT participant_code FROM registration WHERE campaign_id = $1 AND person_id = $2`, s.campaign, s.teachers[2].ID))
	swapped := code[:len(code)-1] + string('0'+(code[len(code)-1]-'0'+1)%10)
	b.want(b.post(one+"/invite", url.Values{"do": {"check"}, "codes": {code + ", " + swapped}}), 422, "опечатка", swapped)
	b.want(b.post(one+"/invite", url.Values{"do": {"check"}, "codes": {campaign.Code(2020, "Математика", 9)}}), 422, "Таких кодов нет")
	b.want(b.post(one+"/invite", url.Values{"do": {"check"}, "codes": {strings.ToLower(code)}, "person": {person}}), 200, "Будет приглашено: 1 человек", "Уже приглашены раньше: 1")
	b.want(b.post(one+"/invite", url.Values{"do": {"invite"}, "codes": {code}}), 303)
	if n := invited(); n != 4 {
		t.Fatalf("%d invited, want 4", n)
	}
	b.want(b.post(one+"/invite", url.Values{"do": {"check"}}), 422, "школу или человека")
	b.want(b.post(one+"/invite", url.Values{"do": {"check"}, "organisation": {"999999"}}), 422, "Такой организации нет")

	looks := s.id(`SELECT count(*) FROM journal WHERE action = 'name.read'`)
	page = b.get(one + "/invited?sort=-name")
	b.want(page, 200, "4 человека", "Показаны 1–4")
	if more := s.id(`SELECT count(*) FROM journal WHERE action = 'name.read'`) - looks; more != 4 {
		t.Errorf("%d looks at names in the journal, want 4", more)
	}
	order := func(page response, first, second string) {
		t.Helper()
		if a, b := strings.Index(page.body, ">"+first+"<"), strings.Index(page.body, ">"+second+"<"); a < 0 || b < 0 || a > b {
			t.Errorf("%s stands at %d, %s at %d", first, a, second, b)
		}
	}
	order(page, "Учительаааа Мария", "Учительаа Мария")
	order(b.get(one+"/invited"), "Учительаа Мария", "Учительаааа Мария")
	b.want(b.get(fmt.Sprintf("%s/invited?organisation=%d", one, s.schools[0])), 200, "2 человека из 4")
	b.want(b.get(one+"/invited?q="+url.QueryEscape("учительааа ")), 200, "2 человека из 4") // …ааа and …аааа
	s.must(s.pool.Get(&code, `SELECT participant_code FROM registration WHERE campaign_id = $1 AND person_id = $2`, id, s.teachers[0].ID))
	b.want(b.get(one+"/invited?q="+url.QueryEscape(code)), 200, "1 человек из 4", code)
	b.want(b.get(one+"/invited?state=refused"), 200, "Никто не нашёлся")
	s.as(access.Actor{ID: s.manager.ID, Grants: []access.Grant{{Role: access.Coordinator, Territory: s.territory}}})
	for _, path := range []string{"/invite", "/invited"} {
		b.want(b.get(one+path), 404)
	}
	if _, err := s.campaigns.Draw(t.Context(), s.teachers[0], id, campaign.Choice{All: true}); fault.KindOf(err) != fault.NotFound {
		t.Errorf("a teacher counts: %v", err)
	}
}

// A code with one wrong digit, or two neighbours swapped, is not a code.
func TestCodesCheckThemselves(t *testing.T) {
	for _, good := range []string{"ЛО-26-МА-0001-3"} {
		if !campaign.ValidCode(good) {
			t.Errorf("%s is refused", good)
		}
	}
	err := quick.Check(func(number uint16, at, by uint8) bool {
		code := campaign.Code(2026, "Математика", int(number)%10000)
		if !campaign.ValidCode(code) {
			return false
		}
		digits := []int{}
		for i, c := range []byte(code) {
			if c >= '0' && c <= '9' {
				digits = append(digits, i)
			}
		}
		b := []byte(code)
		i := digits[int(at)%len(digits)]
		b[i] = '0' + (b[i]-'0'+1+by%9)%10
		if campaign.ValidCode(string(b)) {
			return false
		}
		b = []byte(code)
		j := digits[2+int(at)%3]
		b[j], b[j+1] = b[j+1], b[j]
		return string(b) == code || !campaign.ValidCode(string(b))
	}, nil)
	if err != nil {
		t.Error(err)
	}
}
