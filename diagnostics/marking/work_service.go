package marking

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/audit"
	"github.com/lotsiya/lotsiya/diagnostics/bank"
	"github.com/lotsiya/lotsiya/diagnostics/campaign"
	"github.com/lotsiya/lotsiya/diagnostics/sitting"
	"github.com/lotsiya/lotsiya/diagnostics/task"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/people"
)

// Service holds the use cases of this package.
type Service struct {
	pool   *sqlx.DB
	now    func() time.Time
	closed func(ctx context.Context, tx *sqlx.Tx, attempt int64) (sitting.Closed, error)
	done   []func(context.Context, *sqlx.Tx, int64) error
	text   texts
}

// New returns the service; closed reads a closed attempt (sitting.Service.ClosedTx).
func New(pool *sqlx.DB, now func() time.Time, closed func(ctx context.Context, tx *sqlx.Tx, attempt int64) (sitting.Closed, error)) *Service {
	return &Service{pool: pool, now: now, closed: closed, text: newTexts()}
}

// OnDone adds a stage that runs in the transaction in which the last extended
// answer of an attempt is decided.
func (s *Service) OnDone(f func(ctx context.Context, tx *sqlx.Tx, attempt int64) error) {
	s.done = append(s.done, f)
}

// OpenTx opens a work for each extended answer of a closed attempt and gives it to
// two experts. An extended task without an answer opens none. It can be repeated.
func (s *Service) OpenTx(ctx context.Context, tx *sqlx.Tx, attempt int64) error {
	closed, err := s.closed(ctx, tx, attempt)
	if err != nil {
		return fmt.Errorf("open marking of attempt %d: %w", attempt, err)
	}
	var works []Work
	var revisions []int64
	for _, m := range closed.Manifest {
		if m.Kind != string(task.Extended) || !answered(closed, m.ID) {
			continue
		}
		works = append(works, Work{Code: newCode(), CampaignID: closed.Attempt.CampaignID, AttemptID: attempt, Task: m.ID,
			TaskVersionID: m.TaskVersionID, State: Waiting, CreatedAt: s.now()})
		revisions = append(revisions, closed.Answers[m.ID].Revision)
	}
	if len(works) == 0 {
		return nil
	}
	registrations, err := campaign.RegistrationsByIDTx(ctx, tx, []int64{closed.Attempt.RegistrationID})
	if err != nil {
		return err
	}
	r := registrations[closed.Attempt.RegistrationID]
	for i := range works {
		works[i].TerritoryID, works[i].OrganisationID = r.TerritoryID, r.OrganisationID
	}
	if works, err = insertWorksTx(ctx, tx, works, revisions); err != nil || len(works) == 0 {
		return err
	}
	_, err = s.distributeTx(ctx, tx, works)
	return err
}

// answered tells whether there is anything to read: a text or a file.
func answered(c sitting.Closed, id string) bool {
	held, ok := c.Answers[id]
	return ok && !held.Empty() || len(c.Files[id]) > 0
}

// newCode names a work so that nothing can be told from it.
func newCode() string { return "Р-" + rand.Text()[:8] }

// distributeTx gives works the experts they lack; it returns how many turns were given.
func (s *Service) distributeTx(ctx context.Context, tx *sqlx.Tx, works []Work) (int, error) {
	ids := make([]int64, len(works))
	for i, w := range works {
		ids[i] = w.ID
	}
	taken, err := assignmentsTx(ctx, tx, ids)
	if err != nil {
		return 0, err
	}
	holders, err := people.HoldersTx(ctx, tx, access.Expert, s.now())
	if err != nil {
		return 0, fmt.Errorf("experts: %w", err)
	}
	experts := make([]Expert, len(holders))
	for i, h := range holders {
		experts[i] = Expert{h.PersonID, h.Territories, h.Organisations}
	}
	load, err := loadTx(ctx, tx)
	if err != nil {
		return 0, err
	}
	turns := assign(works, taken, experts, load)
	if len(turns) == 0 {
		return 0, nil
	}
	return len(turns), insertTurnsTx(ctx, tx, turns, s.now())
}

// Distribute gives the works of a campaign that lack experts to those who are free
// of conflict now, after experts were added say. It returns how many turns it gave.
func (s *Service) Distribute(ctx context.Context, actor access.Actor, campaignID int64) (given int, err error) {
	if !actor.May(access.MarkingManage) {
		return 0, fault.New(fault.NotFound, "Такой страницы нет")
	}
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		works, err := lackingTx(ctx, tx, campaignID)
		if err != nil || len(works) == 0 {
			return err
		}
		if given, err = s.distributeTx(ctx, tx, works); err != nil {
			return err
		}
		return audit.RecordTx(ctx, tx, actor, audit.Entry{Action: "marking.distributed", ObjectKind: "campaign", ObjectID: fmt.Sprint(campaignID), Details: map[string]any{"turns": given}})
	})
	return given, err
}

// NewMarks is what an expert decided of one assignment.
type NewMarks struct {
	Assignment int64
	Scores     Marks
	Comment    string
}

// Mark keeps the expert's marks of one assignment. They can be corrected until the
// work goes on to its decision or to a third expert.
func (s *Service) Mark(ctx context.Context, actor access.Actor, m NewMarks) error {
	return s.MarkMany(ctx, actor, []NewMarks{m})
}

// MarkMany keeps marks of many assignments of one expert, all or none.
func (s *Service) MarkMany(ctx context.Context, actor access.Actor, marks []NewMarks) error {
	return db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		keys := map[int64]task.Written{}
		for _, m := range marks {
			if err := s.markTx(ctx, tx, actor, m, keys); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *Service) markTx(ctx context.Context, tx *sqlx.Tx, actor access.Actor, m NewMarks, keys map[int64]task.Written) error {
	w, a, err := ownTx(ctx, tx, actor.ID, m.Assignment, true)
	if err != nil {
		return err
	}
	if w.State == Done || w.State == Third && a.Ordinal < 3 {
		return fault.New(fault.Conflict, "Эта работа уже ушла дальше: второй эксперт тоже закончил. Изменить оценку нельзя")
	}
	if _, known := keys[w.TaskVersionID]; !known {
		keyed, err := bank.KeyedTx(ctx, tx, []int64{w.TaskVersionID})
		if err != nil {
			return err
		}
		keys[w.TaskVersionID] = keyed[w.TaskVersionID]
	}
	k := keys[w.TaskVersionID].Key
	if a.Scores, err = check(k, m.Scores); err != nil {
		return err
	}
	if a.Comment = strings.TrimSpace(m.Comment); len([]rune(a.Comment)) > 2000 {
		return fault.Field("comment", "Комментарий длиннее 2000 знаков")
	}
	if err := putMarksTx(ctx, tx, a, s.now()); err != nil {
		return err
	}
	if err := audit.RecordTx(ctx, tx, actor, audit.Entry{Action: "marking.marked", ObjectKind: "marking_work", ObjectID: w.Code, Details: map[string]any{"ordinal": a.Ordinal}}); err != nil {
		return err
	}
	// What follows is the program's: it counts the works of other experts and scores the attempt.
	return db.Everybody(ctx, tx, func() error { return s.decideTx(ctx, tx, w, k) })
}

// decideTx moves a work on once the marks it waits for are there.
func (s *Service) decideTx(ctx context.Context, tx *sqlx.Tx, w Work, k task.Key) error {
	by, err := assignmentsTx(ctx, tx, []int64{w.ID})
	if err != nil {
		return err
	}
	var given [4]Marks
	for _, a := range by[w.ID] {
		given[a.Ordinal] = a.Scores
	}
	var final Marks
	switch {
	case given[3] != nil:
		final = given[3]
	case w.State == Third || given[1] == nil || given[2] == nil:
		return nil
	case disagree(k, given[1], given[2]):
		w.State = Third
		if err := putStateTx(ctx, tx, w.ID, Third, nil, s.now()); err != nil {
			return err
		}
		_, err := s.distributeTx(ctx, tx, []Work{w})
		return err
	default:
		final = settle(k, given[1], given[2])
	}
	if err := putStateTx(ctx, tx, w.ID, Done, final, s.now()); err != nil {
		return err
	}
	// Two works of one attempt may be decided at the same moment: the second sees the first, so the last one tells.
	if _, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock(hashtextextended('marking', $1))`, w.AttemptID); err != nil {
		return fmt.Errorf("lock the works of attempt %d: %w", w.AttemptID, err)
	}
	open, err := openTx(ctx, tx, w.AttemptID)
	if err != nil || open > 0 {
		return err
	}
	for _, next := range s.done {
		if err := next(ctx, tx, w.AttemptID); err != nil {
			return err
		}
	}
	return nil
}

// WithdrawTx takes an annulled sitting out of the experts' queues. Register it with
// campaign.OnAnnulled.
func (s *Service) WithdrawTx(ctx context.Context, tx *sqlx.Tx, r campaign.Registration) error {
	a, err := sitting.OfRegistrationTx(ctx, tx, r.ID)
	if err != nil {
		return err
	}
	return withdrawTx(ctx, tx, a.ID, s.now())
}

// A Turn is one line of an expert's queue.
type Turn struct {
	ID       int64
	Code     string
	Campaign string
	Task     string // code of the task
	Third    bool
	Marked   bool
	Fixed    bool // decided: the marks stay
	At       time.Time
}

// Queue lists the expert's turns, those to be marked first.
func (s *Service) Queue(ctx context.Context, actor access.Actor) (turns []Turn, err error) {
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		rows, err := queueTx(ctx, tx, actor.ID)
		if err != nil {
			return err
		}
		names, err := s.namesTx(ctx, tx)
		if err != nil {
			return err
		}
		ids := []int64{}
		for _, r := range rows {
			ids = append(ids, r.TaskVersionID)
		}
		versions, err := bank.VersionsTx(ctx, tx, ids)
		if err != nil {
			return err
		}
		for _, r := range rows {
			t := Turn{ID: r.ID, Code: r.Code, Campaign: names[r.CampaignID], Task: versions[r.TaskVersionID].Code, Third: r.Ordinal == 3,
				Marked: r.MarkedAt != nil, Fixed: r.State == Done || r.State == Third && r.Ordinal < 3, At: r.AssignedAt}
			if r.MarkedAt != nil {
				t.At = *r.MarkedAt
			}
			turns = append(turns, t)
		}
		return nil
	})
	return turns, err
}

func (s *Service) namesTx(ctx context.Context, tx *sqlx.Tx) (map[int64]string, error) {
	list, err := campaign.ListTx(ctx, tx)
	if err != nil {
		return nil, err
	}
	names := make(map[int64]string, len(list))
	for _, c := range list {
		names[c.ID] = c.Title
	}
	return names, nil
}

// answerText is what the participant wrote; an erased text is empty.
func answerText(h sitting.Held) string {
	var text string
	if json.Unmarshal(h.Body, &text) != nil {
		return ""
	}
	return text
}
