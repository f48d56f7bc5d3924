package demo

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/content"
	"github.com/lotsiya/lotsiya/diagnostics/assembly"
	"github.com/lotsiya/lotsiya/diagnostics/bank"
	"github.com/lotsiya/lotsiya/diagnostics/campaign"
	"github.com/lotsiya/lotsiya/diagnostics/marking"
	"github.com/lotsiya/lotsiya/diagnostics/sitting"
	"github.com/lotsiya/lotsiya/diagnostics/task"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
)

// held is one campaign of the region.
type held struct {
	title        string
	instrument   assembly.Imported
	opens, close time.Duration // from now
	who          []access.PersonID
	take         float64 // share of the invited who take part
	finish       bool    // closed, marked and published
	share        float64 // of the whole work
}

// diagnose holds two campaigns to their end and opens two more.
func (r *Region) diagnose(ctx context.Context, in instruments) error {
	var mathematicians, educators, again, educatorsAgain []access.PersonID
	for id, m := range r.minds {
		if m.subject == "math" {
			mathematicians = append(mathematicians, id)
			if m.login != "" {
				again = append(again, id)
			}
		} else {
			educators = append(educators, id)
			if m.login != "" {
				educatorsAgain = append(educatorsAgain, id)
			}
		}
	}
	for _, m := range r.minds { // whom a newcomer meets first: strong sides and two themes to strengthen
		switch {
		case m.first && m.subject == "math":
			m.overall, m.element = 0.5, map[string]float64{"math.numbers": 0.8, "math.equations": 0.7, "math.probability": -1.9, "math.m.errors": -2.2}
		case m.first:
			m.overall, m.element = 0.5, map[string]float64{"pre.play": 0.8, "pre.social": 0.7, "pre.cognition": -2.2, "pre.m.observation": -2.2}
		}
	}
	slices.Sort(mathematicians)
	slices.Sort(educators)
	slices.Sort(again)
	slices.Sort(educatorsAgain)
	for i, id := range mathematicians { // the rest of the third campaign's people: they take part at once
		if r.minds[id].login == "" && i%3 > 0 {
			again = append(again, id)
		}
	}
	for i, id := range educators {
		if r.minds[id].login == "" && i%6 == 0 {
			educatorsAgain = append(educatorsAgain, id)
		}
	}
	const day = 24 * time.Hour
	season := func(d time.Duration) string {
		at := r.now.Add(d)
		return [...]string{"зима", "весна", "лето", "осень"}[int(at.Month())%12/3] + fmt.Sprintf(" %d", at.Year())
	}
	for _, h := range []held{
		{"Математика, " + season(-70*day), in[content.MathTeacher], -75 * day, -54 * day, mathematicians, 0.93, true, 0.3},
		{"Дошкольное образование, " + season(-60*day), in[content.PreschoolTeacher], -68 * day, -47 * day, educators, 0.88, true, 0.25},
		{"Дошкольное образование: что изменилось, " + season(0), in[content.PreschoolTeacher], -13 * day, 23 * day, educatorsAgain, 0.6, false, 0.02},
		{"Математика: что изменилось, " + season(0), in[content.MathTeacher], -12 * day, 24 * day, again, 0.6, false, 0.08},
	} {
		if err := r.hold(ctx, h); err != nil {
			return fmt.Errorf("campaign %s: %w", h.title, err)
		}
	}
	return nil
}

func (r *Region) hold(ctx context.Context, h held) error {
	opens, closes := r.now.Add(h.opens).Truncate(time.Hour), r.now.Add(h.close).Truncate(time.Hour)
	r.Clock.set(opens.AddDate(0, 0, -14))
	id, err := r.Campaigns.Create(ctx, r.manager, campaign.NewCampaign{Title: h.title, Purpose: campaign.Real, InstrumentID: h.instrument.InstrumentID,
		SpecificationID: h.instrument.SpecificationID, ScaleID: h.instrument.ScaleID, OpensAt: opens, ClosesAt: closes, Minutes: 150})
	if err != nil {
		return err
	}
	if _, err := r.Campaigns.InvitePeople(ctx, r.manager, id, h.who); err != nil {
		return err
	}
	if err := r.Campaigns.Open(ctx, r.manager, id); err != nil {
		return err
	}
	r.say(0.1*h.share, h.title)
	if err := r.sit(ctx, id, h); err != nil {
		return fmt.Errorf("sittings: %w", err)
	}
	if !h.finish {
		return nil
	}
	r.Clock.set(closes.Add(time.Hour))
	if err := r.Campaigns.Close(ctx, r.manager, id); err != nil {
		return err
	}
	if err := r.drain(ctx); err != nil {
		return err
	}
	r.Clock.set(closes.AddDate(0, 0, 7))
	if err := r.mark(ctx, id, h); err != nil {
		return fmt.Errorf("marking: %w", err)
	}
	r.Clock.set(closes.AddDate(0, 0, 9))
	if _, err := r.Deficits.FitCampaign(ctx, r.manager, id); err != nil {
		return fmt.Errorf("fit: %w", err)
	}
	if err := r.drain(ctx); err != nil {
		return err
	}
	r.Clock.set(closes.AddDate(0, 0, 10))
	if err := r.Results.Publish(ctx, r.manager, id); err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	r.say(0.1*h.share, h.title)
	return r.drain(ctx)
}

// atOnce is how many people sit or mark at the same time: as many as keep both cores busy.
const atOnce = 4

// sit lets the people of a campaign take it, some every day of its window.
func (r *Region) sit(ctx context.Context, id int64, h held) error {
	tasks, err := r.tasks(ctx, h.instrument.VariantID)
	if err != nil {
		return err
	}
	type one struct {
		mind    *able
		answers []sitting.Entry
		attempt string
		lease   string
		leave   bool // goes away without submitting: the deadline closes the attempt
	}
	sitters := []*one{}
	for _, p := range h.who {
		m := r.minds[p]
		// Of the open campaign those with a sign-in keep their attempt to start.
		if takes := r.rand.Float64() < h.take || m.first; !takes || (!h.finish && m.login != "") {
			continue
		}
		o := &one{mind: m, leave: r.rand.Float64() < 0.02 && !m.first}
		last := len(tasks)
		if r.rand.Float64() < 0.04 && !m.first { // time ran out
			last -= 1 + r.rand.IntN(6)
		}
		for i, w := range tasks[:last] {
			if a := m.answer(w, r.rand); a != nil {
				o.answers = append(o.answers, sitting.Entry{Task: fmt.Sprint(i), Revision: 1, Answer: a})
			}
		}
		sitters = append(sitters, o)
	}
	days := int(min(h.close, 0)-h.opens)/int(24*time.Hour) - 1
	perDay := (len(sitters) + days - 1) / days
	at := r.now.Add(h.opens).Truncate(24 * time.Hour).Add(7 * time.Hour)
	for group := range slices.Chunk(sitters, perDay) {
		at = at.AddDate(0, 0, 1)
		r.Clock.set(at)
		err := each(ctx, group, func(o *one) error {
			actor := access.Actor{ID: o.mind.id, Grants: []access.Grant{{Role: access.Teacher}}}
			attempt, err := row[string](ctx, r, `SELECT public_id FROM attempt WHERE person_id = $1 AND campaign_id = $2`, actor.ID, id)
			if err != nil {
				return err
			}
			if err := r.Sittings.Consent(ctx, actor, attempt, r.consent); err != nil {
				return err
			}
			started, err := r.Sittings.Start(ctx, actor, attempt)
			if err != nil {
				return err
			}
			o.attempt, o.lease = attempt, started.Lease
			for i := range o.answers { // now the manifest's own ids are known
				var position int
				fmt.Sscan(o.answers[i].Task, &position)
				o.answers[i].Task = started.Tasks[position].ID
			}
			return nil
		})
		if err != nil {
			return err
		}
		r.Clock.set(at.Add(70 * time.Minute))
		err = each(ctx, group, func(o *one) error {
			actor := access.Actor{ID: o.mind.id, Grants: []access.Grant{{Role: access.Teacher}}}
			if len(o.answers) > 0 {
				if _, err := r.Sittings.Save(ctx, actor, o.attempt, o.lease, o.answers); err != nil {
					return err
				}
			}
			if o.leave {
				return nil
			}
			_, err := r.Sittings.Submit(ctx, actor, o.attempt, o.lease)
			return err
		})
		if err != nil {
			return err
		}
		r.Clock.set(at.Add(4 * time.Hour))
		if err := r.Sittings.CloseOverdue(ctx); err != nil {
			return err
		}
		r.say(0.5*h.share*float64(len(group))/float64(max(1, len(sitters))), h.title)
	}
	if !h.finish { // the demonstration's sign-ins find everything ready to start
		return r.consentAll(ctx, id, h.who)
	}
	return nil
}

// consentAll gives the consent of those who have a sign-in and have not begun.
func (r *Region) consentAll(ctx context.Context, id int64, who []access.PersonID) error {
	r.Clock.set(r.now.Add(-24 * time.Hour))
	waiting := []access.PersonID{}
	for _, p := range who {
		if r.minds[p].login != "" {
			waiting = append(waiting, p)
		}
	}
	return each(ctx, waiting, func(p access.PersonID) error {
		attempt, err := row[string](ctx, r, `SELECT public_id FROM attempt WHERE person_id = $1 AND campaign_id = $2`, p, id)
		if err != nil {
			return err
		}
		return r.Sittings.Consent(ctx, access.Actor{ID: p, Grants: []access.Grant{{Role: access.Teacher}}}, attempt, r.consent)
	})
}

// tasks are the tasks of a variant with their keys, in order.
func (r *Region) tasks(ctx context.Context, variant int64) ([]task.Written, error) {
	list := []task.Written{}
	err := db.InTx(ctx, r.Pool, access.System, func(tx *sqlx.Tx) error {
		rows, err := assembly.VariantTx(ctx, tx, variant)
		if err != nil {
			return err
		}
		ids := []int64{}
		for _, v := range rows {
			ids = append(ids, v.TaskVersionID)
		}
		keyed, err := bank.KeyedTx(ctx, tx, ids)
		for _, id := range ids {
			list = append(list, keyed[id])
		}
		return err
	})
	return list, err
}

// mark lets the experts mark everything, third marks included.
func (r *Region) mark(ctx context.Context, id int64, h held) error {
	criteria := map[int64]task.Written{}
	for round := 0; ; round++ {
		if _, err := r.Marking.Distribute(ctx, r.manager, id); err != nil {
			return err
		}
		turns, err := rows[struct {
			Assignment int64           `db:"id"`
			Expert     access.PersonID `db:"expert_id"`
			Version    int64           `db:"task_version_id"`
			Person     access.PersonID `db:"person_id"`
			Ordinal    int             `db:"ordinal"`
		}](ctx, r, `
			SELECT m.id, m.expert_id, w.task_version_id, a.person_id, m.ordinal
			FROM marking_assignment m JOIN marking_work w ON w.id = m.work_id JOIN attempt a ON a.id = w.attempt_id
			WHERE w.campaign_id = $1 AND m.marked_at IS NULL ORDER BY m.expert_id, w.attempt_id, m.id`, id)
		if err != nil || len(turns) == 0 {
			return err
		}
		if round > 5 {
			return fmt.Errorf("%d works still wait after %d rounds", len(turns), round)
		}
		ids := []int64{}
		for _, t := range turns {
			ids = append(ids, t.Version)
		}
		slices.Sort(ids)
		err = db.InTx(ctx, r.Pool, access.System, func(tx *sqlx.Tx) (err error) {
			criteria, err = bank.KeyedTx(ctx, tx, slices.Compact(ids))
			return err
		})
		if err != nil {
			return err
		}
		type sheaf struct {
			expert access.Actor
			marks  []marking.NewMarks
		}
		sheaves := []sheaf{}
		for _, t := range turns {
			i := slices.IndexFunc(r.experts, func(a access.Actor) bool { return a.ID == t.Expert })
			if i < 0 {
				return fmt.Errorf("expert %d is not of the region", t.Expert)
			}
			w := criteria[t.Version]
			// Works are closed several at once, so which expert gets which one is chance: the marks
			// are drawn for the work itself, that every region of a day is the same.
			own := rand.New(rand.NewPCG(uint64(t.Person), uint64(t.Version)<<2|uint64(t.Ordinal)))
			severity := 0.08 * float64((int(t.Person)+t.Ordinal)%4-1) // some are a little stricter
			n := marking.NewMarks{Assignment: t.Assignment, Scores: marks(w.Criteria, r.minds[t.Person].chance(w.Task, own), severity, own)}
			if k := len(sheaves) - 1; k < 0 || sheaves[k].expert.ID != t.Expert || len(sheaves[k].marks) >= 10 {
				sheaves = append(sheaves, sheaf{expert: r.experts[i]})
			}
			last := &sheaves[len(sheaves)-1]
			last.marks = append(last.marks, n)
		}
		err = each(ctx, sheaves, func(s sheaf) error { return r.Marking.MarkMany(ctx, s.expert, s.marks) })
		if err != nil {
			return err
		}
		if round == 0 {
			r.say(0.3*h.share, h.title)
		}
	}
}
