package sitting

import (
	"bytes"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"testing/quick"

	"github.com/xuri/excelize/v2"

	"github.com/lotsiya/lotsiya/diagnostics/campaign"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/calendar"
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
	b.want(b.post("/campaigns", form), 422, "Проверьте 2", "Назовите диагностику", "позже, чем открыться")
	form.Set("title", "Математика, повторно")
	form.Set("closes_at", when(9))
	form.Set("minutes", "")
	made := b.post("/campaigns", form)
	b.want(made, 303, "/campaigns/")
	one := made.header.Get("Location")
	b.want(b.get(one), 200, "готовится", "Всех в регионе: 2", "disabled")
	b.want(b.post(one+"/invite", nil), 422, "Отметьте хотя бы один")
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
