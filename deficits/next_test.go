package deficits_test

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/diagnostics/assembly"
	"github.com/lotsiya/lotsiya/diagnostics/bank"
	"github.com/lotsiya/lotsiya/diagnostics/campaign"
	"github.com/lotsiya/lotsiya/diagnostics/sitting"
	"github.com/lotsiya/lotsiya/diagnostics/task"
	"github.com/lotsiya/lotsiya/internal/access"
)

// told is what the API tells of next tasks.
type told struct {
	Elements []struct {
		Element  string
		Status   string
		Interval [2]float64
		Why      *struct {
			Unclear bool
			Width   float64
			Spare   int
			Needed  int
			Next    []struct {
				Code                 *string
				Part, Width, Settled float64
				Typical              bool
			}
		}
	}
}

func (r *region) told(as access.Actor, code string) (got told) {
	r.Helper()
	status, body := r.get(as, "/api/v1/deficits/"+code)
	if status != 200 {
		r.Fatalf("API: %d %s", status, body)
	}
	r.must(json.NewDecoder(strings.NewReader(body)).Decode(&got))
	return got
}

// spare puts the spare tasks of the instrument into the bank.
func (r *region) spare() task.Spare {
	r.Helper()
	file, err := os.ReadFile("../content/math-teacher-spare.json")
	r.must(err)
	parsed, err := task.ParseSpare(file)
	r.must(err)
	author, reviewer := actor(r.manager.ID+1, access.Grant{Role: access.Author}), actor(r.manager.ID+2, access.Grant{Role: access.Reviewer})
	_, err = bank.New(r.pool, r.now).ImportSpare(r.Context(), author, reviewer, file)
	r.must(err)
	return parsed
}

// Of an unclear element the bank's spare tasks are named to those who may see the bank, by
// their worth to others, in words to the teacher; what they ask and their keys to nobody.
// What the person was given once is not proposed again.
func TestNextTasks(t *testing.T) {
	t.Parallel()
	r := finished(t)
	ctx := t.Context()
	teacher := r.teachers[0]
	analyst := actor(r.manager.ID, access.Grant{Role: access.Analyst})
	var code string
	r.must(r.pool.Get(&code, `SELECT participant_code FROM registration WHERE campaign_id = $1 AND person_id = $2`, r.campaign, teacher.ID))
	_, public := r.attempt(r.campaign, teacher)
	r.tick(time.Hour)
	r.must(r.results.Publish(ctx, r.manager, r.campaign))
	person, report := "/deficits/people/"+code, "/results/"+public

	unclear := 0
	for _, e := range r.told(analyst, code).Elements {
		if e.Why.Spare != 0 || len(e.Why.Next) != 0 || e.Why.Unclear != (e.Status == "possible" || e.Status == "insufficient") {
			t.Errorf("before there were any spare tasks: %+v", e)
		}
		if e.Why.Unclear {
			unclear++
		}
	}
	if unclear == 0 {
		t.Fatal("nothing is unclear")
	}
	r.says(r.methodist, person, "Что уточнить", "В банке нет свободных заданий по этому элементу")
	r.says(teacher, report, "Где пока неясно и что покажет точнее", "новых задач по теме пока нет")

	spare := r.spare()
	element, bodies := map[string]string{}, []string{}
	for _, w := range spare.Tasks {
		element[w.ID] = w.Elements[0].Element
		for line := range strings.SplitSeq(w.Body, "\n") {
			if len(line) > 60 && !strings.Contains(line, "$") {
				bodies = append(bodies, strings.ReplaceAll(line, "**", ""))
			}
		}
		bodies = append(bodies, w.Skill)
	}
	proposed := []string{}
	for _, e := range r.told(analyst, code).Elements {
		last, part := e.Why.Width, 0.0
		for _, n := range e.Why.Next {
			if n.Code == nil || element[*n.Code] != e.Element || !n.Typical || n.Part < 0 || n.Settled < 0 || n.Settled > 1 || n.Width <= 0 || n.Width > last+0.05 {
				t.Errorf("%s: next %+v", e.Element, n)
			}
			part += n.Part
			last = n.Width
			if e.Why.Unclear && n.Code != nil {
				proposed = append(proposed, *n.Code)
			}
		}
		if part > 1 {
			t.Errorf("%s: more doubt taken away than there is: %v", e.Element, part)
		}
	}
	if len(proposed) == 0 {
		t.Fatal("no task is proposed")
	}
	for _, e := range r.told(r.methodist, code).Elements {
		for _, n := range e.Why.Next {
			if n.Code != nil {
				t.Errorf("a methodist is told the code %s", *n.Code)
			}
		}
	}

	silent := func(body, who string, codes bool) {
		t.Helper()
		said := text(body)
		for _, b := range bodies {
			if strings.Contains(said, b) {
				t.Errorf("%s reads what a spare task asks: %s", who, b)
			}
		}
		for c := range element {
			if !codes && strings.Contains(body, c) {
				t.Errorf("%s reads the code %s", who, c)
			}
		}
	}
	body := r.says(analyst, person, "Что уточнить", "Этому педагогу их ещё не давали", "Новые задачи ещё никто не решал", "разброс около")
	for _, c := range proposed {
		if !strings.Contains(body, ">"+c+"</a>") {
			t.Errorf("no link to %s for an analyst", c)
		}
	}
	silent(body, "an analyst", true)
	silent(r.says(r.methodist, person, "Что уточнить", "снимет", "Сомнение: насколько вывод ещё может оказаться другим", "разброс около",
		"напишите руководителю ЦНППМ", "Назовите код "+code, "Сами задачи вам не показаны"), "a methodist", false)
	if body := r.says(r.manager, person, "Как уточнить", "уточняющую диагностику"); !strings.Contains(body, `href="/campaigns/new"`) {
		t.Error("who may arrange a diagnostic is not led there")
	}
	silent(r.says(teacher, report, "Где пока неясно и что покажет точнее", "коротк", "скажите методисту"), "a teacher", false)
	silent(r.says(r.methodist, report, "Где пока неясно и что покажет точнее"), "a methodist", false)

	// The spare tasks of one element are given in another diagnostic that is only begun.
	seen := proposed[0]
	rows := []assembly.Row{}
	for _, w := range spare.Tasks {
		if element[w.ID] == element[seen] {
			rows = append(rows, assembly.Row{Part: w.Part, Element: element[seen], Kind: w.Kind, Level: w.Level, Max: float64(w.Max)})
		}
	}
	forms := assembly.New(r.pool, r.now, bank.New(r.pool, r.now))
	author := actor(r.manager.ID+1, access.Grant{Role: access.Author})
	specification, err := forms.Specify(ctx, author, r.instrument.InstrumentID, 20, rows)
	r.must(err)
	_, err = forms.AssembleVariant(ctx, r.manager, specification)
	r.must(err)
	second, err := r.campaigns.Create(ctx, r.manager, campaign.NewCampaign{Title: "Уточнение", InstrumentID: r.instrument.InstrumentID, SpecificationID: specification,
		ScaleID: r.instrument.ScaleID, OpensAt: r.now(), ClosesAt: r.now().Add(14 * 24 * time.Hour)})
	r.must(err)
	_, err = r.campaigns.InvitePeople(ctx, r.manager, second, []access.PersonID{teacher.ID})
	r.must(err)
	r.must(r.campaigns.Open(ctx, r.manager, second))
	_, again := r.attempt(second, teacher)
	r.must(r.sittings.Consent(ctx, teacher, again, 1))
	_, err = r.sittings.Start(ctx, teacher, again)
	r.must(err)
	r.tx(func(tx *sqlx.Tx) error {
		given, err := sitting.GivenTx(ctx, tx, teacher.ID)
		if err != nil {
			return err
		}
		versions, err := bank.VersionsTx(ctx, tx, given)
		codes := []string{}
		for _, v := range versions {
			codes = append(codes, v.Code)
		}
		if len(codes) != 28+9+len(rows) || !slices.Contains(codes, seen) {
			t.Errorf("given: %d tasks, %s among them: %v", len(codes), seen, slices.Contains(codes, seen))
		}
		return err
	})
	for _, e := range r.told(analyst, code).Elements {
		if e.Element == element[seen] && (e.Why.Spare != 0 || len(e.Why.Next) != 0) {
			t.Errorf("after they were given: %+v", e.Why)
		}
	}
}

// The page of what the bank lacks counts persons in groups alone and puts first what is wanted most.
func TestSparePage(t *testing.T) {
	t.Parallel()
	r := finished(t)
	author := actor(r.manager.ID+1, access.Grant{Role: access.Author})
	r.refuses(r.teachers[0], "/tasks/spare")
	r.refuses(r.methodist, "/tasks/spare")
	r.says(author, "/tasks/spare", "Где не хватает заданий", "нужны", "Новое задание")
	r.spare()
	p, err := r.deficits.Spare(t.Context(), author)
	r.must(err)
	if len(p.Codifiers) != 1 || len(p.Codifiers[0].Elements) != 9 || !p.MayWrite {
		t.Fatalf("%+v", p)
	}
	has := map[string]int{"math.functions": 2, "math.geometry": 2, "math.word": 2, "math.probability": 3, "math.m.assessment": 2, "math.m.errors": 3}
	unclear, last := 0, 3
	for _, e := range p.Codifiers[0].Elements {
		var n int
		r.must(r.pool.Get(&n, `SELECT count(DISTINCT person_id) FROM deficit WHERE element_id = $1 AND replaced_at IS NULL AND status IN ('possible', 'insufficient')`, e.ID))
		if e.Spare != has[e.ID] || e.Unclear != n || e.Lack() > last {
			t.Errorf("%s: %d spare, %d unclear (%d by the rows), lack %d after %d", e.ID, e.Spare, e.Unclear, n, e.Lack(), last)
		}
		if e.Lack() > 0 && n < 5 {
			t.Errorf("%s: the order tells of a group of %d", e.ID, n)
		}
		unclear, last = unclear+n, e.Lack()
		if row := fmt.Sprintf(`Неясно у" class="r">%d<`, n); n > 0 && n < 5 {
			if _, body := r.get(author, "/tasks/spare"); strings.Contains(body, row) {
				t.Errorf("%s: a group of %d is shown", e.ID, n)
			}
		}
	}
	if unclear == 0 {
		t.Error("nothing is unclear")
	}
}
