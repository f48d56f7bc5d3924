package deficits_test

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/lotsiya/lotsiya/internal/access"
)

// The check of a model is for analysts; the API tells the same as the page, with what stands behind.
func TestModelPageAndAPI(t *testing.T) {
	t.Parallel()
	r := finished(t)
	ctx := t.Context()
	analyst := actor(r.manager.ID, access.Grant{Role: access.Analyst})
	path := fmt.Sprintf("/campaigns/%d/model", r.campaign)
	r.says(analyst, path, "Проверка модели: Математика, осень 2026", "two-tier/1 v1", "12 участников", "Сбываются ли предсказания", "Чем это лучше доли баллов",
		"Задания", "Предметная", "Методическая", "Согласие", "Как мы делаем вывод")
	r.refuses(r.methodist, path)
	r.refuses(r.teachers[0], path)
	r.refuses(analyst, "/campaigns/999999/model")

	p, err := r.deficits.ModelCheck(ctx, analyst, r.campaign)
	r.must(err)
	if p.Check.Persons != 12 || p.Check.Predictions != 12*28 || len(p.Tasks) != 28 || !p.Settled {
		t.Errorf("%d persons, %d predictions, %d tasks, settled %v", p.Check.Persons, p.Check.Predictions, len(p.Tasks), p.Settled)
	}

	var code string
	r.must(r.pool.Get(&code, `SELECT participant_code FROM registration WHERE campaign_id = $1 AND person_id = $2`, r.campaign, r.teachers[0].ID))
	status, body := r.get(analyst, "/api/v1/deficits/"+code)
	if status != 200 {
		t.Fatalf("API: %d %s", status, body)
	}
	var got struct {
		Code     string
		Cut      float64
		Elements []struct {
			Element string
			P       float64 `json:"p_deficit"`
			Why     *struct {
				Before, Others float64
				Tasks          []struct{ Pull, Points, Max float64 }
				Next           []struct{ Code string }
			}
		}
	}
	if err := json.NewDecoder(strings.NewReader(body)).Decode(&got); err != nil {
		t.Fatalf("API: %v: %s", err, body)
	}
	if got.Code != code || got.Cut != 0.6 || len(got.Elements) != 9 {
		t.Errorf("API: %+v", got)
	}
	held := map[string]float64{}
	for _, d := range r.held(r.campaign, r.teachers[0]) {
		held[d.Element] = d.P
	}
	for _, e := range got.Elements {
		if e.Why == nil || len(e.Why.Tasks) < 3 || math.Abs(e.P-held[e.Element]) > 1e-12 {
			t.Fatalf("%s: %+v, held %v", e.Element, e, held[e.Element])
		}
		for _, task := range e.Why.Tasks {
			if task.Points == task.Max && task.Pull > 1e-9 {
				t.Errorf("%s: full points speak for a deficit: %+v", e.Element, task)
			}
		}
	}
	var looks int
	r.must(r.pool.Get(&looks, `SELECT count(*) FROM journal WHERE action = 'deficit.read' AND person_id = $1`, r.teachers[0].ID))
	if looks != 1 {
		t.Errorf("%d looks in the journal", looks)
	}
	if status, _ := r.get(r.teachers[1], "/api/v1/deficits/"+code); status != 404 {
		t.Errorf("a colleague reads the API: %d", status)
	}
}
